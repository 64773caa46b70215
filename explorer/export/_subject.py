"""What is exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..architecture import Architecture
from ..datasets import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from ..training import TrainConfig


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
