"""A search as a value: what varies, what is aimed at, how points are proposed, and what it may spend."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal, get_args

from ..architecture import MAX_TITLE, Architecture
from ..text import shorten
from ..training import TrainConfig
from ._derive import derive_space, find_groups
from ._limits import Limit, Objective, find_objectives
from ._space import Space

Sampler = Literal["tpe", "nsga", "random"]
"""How points are proposed: tree-structured Parzen estimators (Bergstra et al. 2011; Ozaki et al. 2022 for several
objectives), the genetic algorithm NSGA-II (Deb et al. 2002), or uniformly at random."""
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
Pruner = Literal["asha", "median", "none"]
"""When a run is ended early: asynchronous successive halving (Li et al. 2020), below the median, or never."""
PRUNERS: tuple[Pruner, ...] = get_args(Pruner)
MAX_TRIALS, MAX_AT_ONCE = 10_000, 64
VALIDATION = 0.1
"""Share of the training images that is held out where the configuration holds out none."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a search may spend: as soon as one of them is used up, no further run begins."""

    trials: int | None = None
    """Runs, failed and pruned ones too."""
    epochs: int | None = None
    """Epochs of all runs together."""
    seconds: float | None = None
    """Seconds of training and evaluation, over all runs."""

    def __post_init__(self) -> None:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if not given:
            raise ValueError("budget: say how many trials, epochs or seconds the search may spend")
        for name, value in given.items():
            if value <= 0 or (name == "trials" and value > MAX_TRIALS):
                raise ValueError(f"budget: {name} (={value:g}) must be above 0, and at most {MAX_TRIALS:,} trials")


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search. Its trials are runs; what it has found is told by them alone."""

    name: str
    """Title for people."""
    space: Space
    """What varies, with the configuration of every run."""
    objectives: tuple[Objective, ...]
    """Accuracy first."""
    limits: tuple[Limit, ...]
    """What every network keeps."""
    budget: Budget
    """What may be spent."""
    sampler: Sampler = "tpe"
    """How points are proposed."""
    pruner: Pruner = "none"
    """When a run is ended early."""
    at_once: int = 1
    """Runs that are queued or running at one time."""
    baseline: str = ""
    """Identifier of the random search of equal budget that this one is compared with; '' without one."""
    stopped: bool = False
    """Whether somebody has stopped it; ``resume`` lets it go on."""

    @property
    def seed(self) -> int:
        """Where the random numbers of samplers and of all runs come from."""
        return self.space.config.seed

    @property
    def epochs(self) -> int:
        """Epochs of a run that is not pruned."""
        return self.space.config.epochs

    def changed(self, **fields: Any) -> Search:
        """Copy the search with other values."""
        return replace(self, **fields)

    def to_json(self) -> str:
        """Write the search for the run store, without its name."""
        return json.dumps({
            "kind": "search",  # first: by this it is told from an ablation
            "space": self.space.to_data(),
            "objectives": [asdict(each) for each in self.objectives],
            "limits": [asdict(each) for each in self.limits],
            "budget": asdict(self.budget),
            "sampler": self.sampler,
            "pruner": self.pruner,
            "at_once": self.at_once,
            "baseline": self.baseline,
            "stopped": self.stopped,
        })  # fmt: skip

    @classmethod
    def from_json(cls, name: str, text: str) -> Search:
        """Read a search of the run store; the last results are cached.

        Args:
            name: Its name, which is stored apart.
            text: What ``to_json`` wrote.

        Returns:
            The search.

        Raises:
            ValueError: The text is not a search that this version can read.
        """
        return _read(name, text)


@lru_cache(maxsize=64)
def _read(name: str, text: str) -> Search:
    data: dict[str, Any] = json.loads(text)
    return Search(
        name=name,
        space=Space.from_data(data["space"]),
        objectives=tuple(Objective(**each) for each in data["objectives"]),
        limits=tuple(Limit(**each) for each in data["limits"]),
        budget=Budget(**data["budget"]),
        **{key: data[key] for key in ("sampler", "pruner", "at_once", "baseline", "stopped")},
    )


def plan(
    network: Architecture,
    config: TrainConfig,
    vary: Iterable[str],
    *,
    budget: Budget,
    objectives: Iterable[str] = ("accuracy",),
    limits: Iterable[Limit] = (),
    sampler: Sampler = "tpe",
    pruner: Pruner = "none",
    at_once: int = 1,
    name: str = "",
) -> Search:
    """Plan a search.

    Args:
        network: The network that is varied.
        config: Of every run; where it holds out no images, a tenth is held out.
        vary: Words of ``GROUPS``.
        budget: What may be spent.
        objectives: ``accuracy`` and keys of metrics.
        limits: What every network has to keep.
        sampler: How points are proposed.
        pruner: When a run is ended early.
        at_once: Runs that are queued or running at one time.
        name: Title; default: the network and what varies.

    Returns:
        The search; nothing is stored or started.

    Raises:
        ValueError: A word is not known, or something cannot vary in this network.
    """
    groups, wanted = find_groups(vary), find_objectives(objectives)
    if sampler not in SAMPLERS or pruner not in PRUNERS:
        raise ValueError(f"sampler (={sampler}) must be of {', '.join(SAMPLERS)}, pruner (={pruner}) of "
                         f"{', '.join(PRUNERS)}")  # fmt: skip
    if not 1 <= at_once <= MAX_AT_ONCE:
        raise ValueError(f"at_once (={at_once}) must be from 1 to {MAX_AT_ONCE}")
    if not config.validation:
        config = config.changed(validation=VALIDATION)
    return Search(
        name=shorten(name or f"{network.name}: {', '.join(groups)}", MAX_TITLE),
        space=derive_space(network, config, groups),
        objectives=wanted,
        limits=tuple(limits),
        budget=budget,
        sampler=sampler,
        pruner=pruner,
        at_once=at_once,
    )
