"""Weights that a run starts from: the copy that it keeps in its folder, and how a network begins with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn

from ..architecture import Architecture, from_data, to_data, walk
from ..datasets import Preprocessing
from ..modules import CarryPlan, carry_over, owner, plan_carry
from ..text import shorten
from ._config import TrainConfig
from ._start import START_FILE, StartFrom, check_start, find_frozen

_FORMAT = 1


class NothingFits(ValueError):
    """Weights of which a network can take nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StartWeights:
    """A trained network as something to start from, whatever it was read from."""

    name: str
    """What it is called."""
    provenance: str
    """Where its weights come from, one phrase."""
    architecture: Architecture
    """The network that the weights are of."""
    tensors: Mapping[str, Tensor] = field(repr=False)
    """Its state dict, on the CPU."""
    classes: tuple[str, ...] = field(default=(), repr=False)
    """Names of its classes in the order of its scores; empty where they are not known."""
    preprocessing: Preprocessing | None = None
    """How images were prepared for it; None where that is not known."""
    notes: tuple[str, ...] = ()
    """What had to be assumed of it, one sentence each; not in the copy."""

    def to_bytes(self) -> bytes:
        """Write it as a safetensors file that has all of it; equal weights give equal bytes."""
        about = {
            "format": _FORMAT,
            "name": self.name,
            "provenance": self.provenance,
            "architecture": to_data(self.architecture),
            "classes": self.classes,
            "preprocessing": None if self.preprocessing is None else asdict(self.preprocessing),
        }
        tensors = {name: tensor.detach().contiguous().clone() for name, tensor in self.tensors.items()}
        return safetensors.torch.save(tensors, {"explorer": json.dumps(about, sort_keys=True)})

    @classmethod
    def from_file(cls, path: Path, sha256: str) -> StartWeights:
        """Read the copy of a run. Raises ValueError where it is gone, or is no longer what the run began with."""
        named = f"{path.name} in the folder of the run, the weights that it starts from,"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{named} cannot be read ({error.strerror or error}); start a new run") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"{named} is damaged: its SHA-256 is not the one that the run noted; start a new run")
        with safetensors.safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["explorer"])
        how = about["preprocessing"]
        return cls(
            name=about["name"],
            provenance=about["provenance"],
            architecture=from_data(about["architecture"]),
            tensors=safetensors.torch.load(data),
            classes=tuple(about["classes"]),
            preprocessing=None if how is None else Preprocessing.from_data(_tuples(how)),
        )

    def plan(self, architecture: Architecture, start: StartFrom, classes: tuple[str, ...]) -> CarryPlan:
        """Find what a network takes of it.

        Args:
            architecture: The network that begins.
            start: How.
            classes: Names of the classes of the data.

        Returns:
            What becomes of each of its tensors.

        Raises:
            ValueError: Nothing fits.
        """
        new = start.head == "new" or (start.head == "auto" and self.classes != classes)
        plan = plan_carry(architecture, self.architecture, new_head=new)
        if not any(tensor.taken for tensor in plan.tensors if not tensor.name.endswith(".num_batches_tracked")):
            first, given = plan.tensors[0], next(iter(self.tensors), "none")
            raise NothingFits(
                f"nothing of {shorten(self.name)} fits {shorten(architecture.name)!r}: its tensors are those of "
                f"{shorten(self.architecture.name)!r} ({given!r} …), the network begins with {first.name!r} "
                f"({first.reason}); train the weights' own network, or start from weights of a network with "
                f"the same paths, or from random weights"
            )
        return plan


def _tuples(value: Any) -> Any:
    """JSON's lists as tuples."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def pin(
    architecture: Architecture, config: TrainConfig, weights: StartWeights, classes: tuple[str, ...]
) -> tuple[TrainConfig, bytes, CarryPlan]:
    """Make the copy that a run keeps of what it starts from.

    Args:
        architecture: The network that is trained.
        config: How; its ``start`` says how it begins.
        weights: What it begins with.
        classes: Names of the classes of the data.

    Returns:
        (the configuration with name, SHA-256 and preprocessing of the weights; the file; what is taken of it).

    Raises:
        ValueError: Nothing of the weights fits, a node that is to be held fixed is not there, or the images do not fit.
    """
    data = weights.to_bytes()
    config = pin_start(architecture, config, weights, hashlib.sha256(data).hexdigest())
    assert config.start is not None
    plan = weights.plan(architecture, config.start, classes)
    check_start(architecture, config.start)
    return config, data, plan


def pin_start(
    architecture: Architecture, config: TrainConfig, weights: StartWeights, sha256: str = ""
) -> TrainConfig:
    """Fill in what the weights say of themselves: name, provenance, preprocessing, and the SHA-256 of the copy.

    Args:
        architecture: The network that is trained.
        config: Of the run; without a ``start`` it gets one by default.
        weights: What it begins with.
        sha256: Of the copy; '' where there is none yet.

    Returns:
        The configuration with its ``start`` complete.
    """
    start, how = config.start or StartFrom(weights=weights.name), weights.preprocessing
    facts: dict[str, Any] = {"weights": weights.name[:1000], "provenance": weights.provenance[:1000], "sha256": sha256}
    facts |= {"mean": (), "std": (), "squash": True, "cover": None, "interpolation": "bilinear"}
    if how is not None:
        mean, std = (tuple(map(float, values)) for values in how.normalisation)
        cover = how.cover if how.shape[1:] == architecture.input_shape[1:] else None
        facts |= {"mean": mean, "std": std, "squash": how.squash, "cover": cover, "interpolation": how.interpolation}
    return config.changed(start={**start.model_dump(), **facts})


@dataclass(frozen=True, kw_only=True, eq=False)
class Beginning:
    """A network's start from weights, as its training needs it."""

    start: StartFrom
    weights: StartWeights = field(repr=False)
    plan: CarryPlan

    @property
    def old(self) -> frozenset[str]:
        """Names of tensors of which anything was carried over."""
        return frozenset(tensor.name for tensor in self.plan.tensors if tensor.taken)

    @classmethod
    def read(
        cls, folder: Path, architecture: Architecture, config: TrainConfig, classes: tuple[str, ...]
    ) -> Beginning | None:
        """What a run in a folder starts from; None for random weights. Raises ValueError where its copy is damaged."""
        if config.start is None:
            return None
        weights = StartWeights.from_file(folder / START_FILE, config.start.sha256)
        return cls(start=config.start, weights=weights, plan=weights.plan(architecture, config.start, classes))

    def fill(self, model: nn.Module) -> None:
        """Carry over what fits into a network that was made by the seed."""
        carry_over(self.plan, model.state_dict(), self.weights.tensors)


def hold_fixed(model: nn.Module, architecture: Architecture, start: StartFrom | None, epoch: int) -> None:
    """Put a network into training mode, but for what is held fixed in an epoch.

    That gets no gradients, so no optimizer moves or decays it; and its modules are in evaluation mode, so that the
    statistics of norms stay and dropout is off.

    Args:
        model: Built from ``architecture``.
        architecture: The network.
        start: What the run starts from.
        epoch: Number of the epoch, from 0.
    """
    model.train()
    if start is None or not start.freeze:
        return
    nodes, frozen = dict(walk(architecture)), find_frozen(architecture, start, epoch)
    for name, module in model.named_modules():
        if owner(name, nodes) in frozen:
            module.training = False
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(owner(name, nodes) not in frozen)


def find_start_warnings(architecture: Architecture, config: TrainConfig, plan: CarryPlan) -> list[str]:
    """Find what is allowed in a start from weights and will most likely spoil a run.

    Args:
        architecture: The network that begins.
        config: How it is trained.
        plan: What is taken of the weights.

    Returns:
        A sentence for each, with what to change.
    """
    start = config.start
    if start is None:
        return []
    found = []
    nodes, frozen = dict(walk(architecture)), find_frozen(architecture, start)
    random = [each for each in plan.tensors if each.fate != "taken" and owner(each.name, nodes) in frozen]
    if random:
        found.append(
            f"{len(random):,} tensors that are held fixed are not the weights' own, so random numbers would stay in "
            f"them ({random[0].name}: {random[0].describe()}); hold less fixed, with freeze at an earlier node"
        )
    if start.unfreeze != "never" and start.unfreeze_epochs >= config.epochs:
        found.append(
            f"nothing is unfrozen: that begins after {start.unfreeze_epochs:,} epochs, and the run has "
            f"{config.epochs:,}; set unfreeze_epochs to less"
        )
    return found
