"""LeNet-5 (LeCun et al. 1998), the first network of the family, as it is built today."""

from __future__ import annotations

from ..architecture import Architecture, Conv, Flatten, Linear, Pool, Sequence
from ._registry import Fact, Lineage, register

_PAPER = "LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proceedings of the IEEE 1998"


def _pool(name: str) -> Pool:
    return Pool(name=name, kernel_size=2, stride=2, padding=0)


@register(
    "lenet-5",
    title="LeNet-5",
    summary="The first of the family, as it is built today: two convolutions with pooling, three linear layers, ReLU.",
    source=f"{_PAPER}, section II.B, with the changes that are usual today",
    differences=(
        "maximum pooling and ReLU instead of learned averages and a scaled tanh; C3 reads all maps of S2; a linear "
        "layer gives the scores instead of distances to fixed patterns",
        "digits of 28×28 pixels are padded by 2 in C1, where the paper centres them in images of 32×32",
    ),
    facts=(
        Fact(metric="params", value=60_000, source="paper, section II.B (60,000 trainable parameters)", exact=False,
             note="C3 and the output layer have fewer there"),
    ),
    tags=("MNIST", "1998", "below 1 M params"),
    group="before",
    lineage=Lineage(year=1998, paper=_PAPER),
)  # fmt: skip
def lenet_5() -> Architecture:
    """The paper's layers under their names there, with today's activations."""
    return Architecture(
        name="LeNet-5",
        provenance=f"as built today · {_PAPER}",
        input_shape=(1, 28, 28),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="C1", out_channels=6, kernel_size=5),  # 6 × 28 × 28
                _pool("S2"),
                Conv(name="C3", out_channels=16, kernel_size=5, padding=0),  # 16 × 10 × 10
                _pool("S4"),
                Flatten(name="flatten"),  # 400
                Linear(name="C5", out_features=120, activation="relu"),
                Linear(name="F6", out_features=84, activation="relu"),
                Linear(name="output", out_features=10),
            ),
        ),
    )
