"""What is exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..architecture import Architecture
from ..datasets import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from ..modules import Network
    from ..training import TrainConfig


class TrainedModel(Protocol):
    """What is read of a model that was opened; ``inspection.models.Model`` has it."""

    @property
    def architecture(self) -> Architecture: ...
    @property
    def network(self) -> Network: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def has_class_names(self) -> bool: ...
    @property
    def preprocessing(self) -> Preprocessing: ...
    @property
    def provenance(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is exported: a design, and what is known beside it."""

    architecture: Architecture
    weights: Mapping[str, Tensor] | None = field(default=None, repr=False)
    """The state dict of ``modules.build(architecture)``; None for a design without weights."""
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    config: TrainConfig | None = None
    """How the run trained."""
    path: str = ""
    """The block that a picture or table is of; '' for the whole network."""
    provenance: str = ""
    """Where the weights come from, one phrase."""

    @classmethod
    def of_model(cls, model: TrainedModel, config: TrainConfig | None = None) -> Subject:
        """Read what there is to export from a model.

        Args:
            model: With its weights, wherever they are.
            config: How it was trained, where that is known.

        Returns:
            Its design, weights, classes that have names, preprocessing and origin.
        """
        return cls(
            architecture=model.architecture, weights=model.network.state_dict(), preprocessing=model.preprocessing,
            classes=model.classes if model.has_class_names else (), provenance=model.provenance, config=config,
        )  # fmt: skip
