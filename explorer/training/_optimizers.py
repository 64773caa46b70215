"""The optimizers by name: what torch.optim calls them, and their own settings; without torch.

A setting of ``TrainConfig`` that an optimizer does not have is refused there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OptimizerName = Literal["sgd", "adam", "adamw", "nadam", "radam", "adamax", "rmsprop", "adagrad", "adadelta"]
"""What an optimizer is called in settings."""


@dataclass(frozen=True, kw_only=True)
class OptimizerFacts:
    """What is said of an optimizer before one is made; the numbers are torch's own defaults."""

    torch_name: str
    """Class of torch.optim."""
    source: str
    """The paper."""
    lr: float
    """Learning rate."""
    momentum: float | None
    """Momentum of sgd and rmsprop, beta1 of the Adam family; None where there is no such thing."""
    beta2: float | None
    """Share kept of the squared gradients; None where there is no such setting."""
    beta2_name: str = "beta2"
    """What torch calls it."""
    eps: float | None = None
    """What keeps the divisor above zero; None where nothing is divided."""
    weight_decay: float = 0.0
    """Decay of the weights."""
    decoupled: bool = False
    """Whether the decay shrinks the weights themselves (Loshchilov & Hutter 2019) and is no part of the gradient."""
    tensors: int = 0
    """Tensors that it keeps beside each weight, one for a momentum that may be 0 left out."""
    optional_momentum: bool = False
    """Whether it keeps one tensor more where its momentum is above 0."""

    def describe(self) -> str:
        """Its own settings in one line, as torch names them."""
        said = [f"lr {self.lr:g}"]
        if self.momentum is not None:
            said.append(f"{'momentum' if self.optional_momentum else 'beta1'} {self.momentum:g}")
        if self.beta2 is not None:
            said.append(f"{self.beta2_name} {self.beta2:g}")
        if self.eps is not None:
            said.append(f"eps {self.eps:g}")
        how = ", of the weights themselves" if self.decoupled else ""
        said.append(f"weight decay {self.weight_decay:g}{how}")
        return f"torch.optim.{self.torch_name} ({self.source}): {', '.join(said)}"


def _relative_of_adam(torch_name: str, source: str, lr: float, *, decay: float = 0.0) -> OptimizerFacts:
    return OptimizerFacts(
        torch_name=torch_name, source=source, lr=lr, momentum=0.9, beta2=0.999, eps=1e-8, weight_decay=decay,
        decoupled=decay > 0, tensors=2,
    )  # fmt: skip


OPTIMIZERS: dict[OptimizerName, OptimizerFacts] = {
    "sgd": OptimizerFacts(
        torch_name="SGD", source="Robbins & Monro 1951; momentum: Sutskever et al. 2013", lr=1e-3, momentum=0.0,
        beta2=None, optional_momentum=True,
    ),
    "adam": _relative_of_adam("Adam", "Kingma & Ba 2015", 1e-3),
    "adamw": _relative_of_adam("AdamW", "Loshchilov & Hutter 2019", 1e-3, decay=1e-2),
    "nadam": _relative_of_adam("NAdam", "Dozat 2016", 2e-3),
    "radam": _relative_of_adam("RAdam", "Liu et al. 2020", 1e-3),
    "adamax": _relative_of_adam("Adamax", "Kingma & Ba 2015, section 7.1", 2e-3),
    "rmsprop": OptimizerFacts(
        torch_name="RMSprop", source="Hinton 2012, lecture 6e", lr=1e-2, momentum=0.0, beta2=0.99, beta2_name="alpha",
        eps=1e-8, tensors=1, optional_momentum=True,
    ),
    "adagrad": OptimizerFacts(
        torch_name="Adagrad", source="Duchi et al. 2011", lr=1e-2, momentum=None, beta2=None, eps=1e-10, tensors=1
    ),
    "adadelta": OptimizerFacts(
        torch_name="Adadelta", source="Zeiler 2012", lr=1.0, momentum=None, beta2=0.9, beta2_name="rho", eps=1e-6,
        tensors=2,
    ),
}  # fmt: skip
"""By name; the defaults are those of torch.optim."""


def count_tensors(name: OptimizerName, momentum: float) -> int:
    """Count the tensors that an optimizer keeps beside each weight."""
    facts = OPTIMIZERS[name]
    return facts.tensors + (facts.optional_momentum and momentum > 0)


def own_settings(name: OptimizerName) -> dict[str, str | float | bool | None]:
    """Fields of ``TrainConfig`` by which an optimizer is what torch.optim makes of its name alone.

    Args:
        name: A key of ``OPTIMIZERS``.

    Returns:
        Values by the name of the field. The decay of torch acts on biases and norms, too; here that is a setting of its
        own, ``decay_all``, which is left as it is.
    """
    facts = OPTIMIZERS[name]
    return {
        "optimizer": name,
        "lr": facts.lr,
        "momentum": 0.9 if facts.momentum is None else facts.momentum,
        "beta2": None,
        "eps": None,
        "nesterov": False,
        "weight_decay": facts.weight_decay,
    }
