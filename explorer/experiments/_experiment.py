"""An experiment as a value: variants of one network, each to be trained from the same seeds."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from ..architecture import MAX_TITLE, Architecture, edit, from_data, to_data
from ..text import shorten
from ..training import StartFrom, TrainConfig, parse
from ._factors import FROM_WEIGHTS, Factor, NotApplicable, application_order, get_factor, start_factor

Design = Literal["one at a time", "all combinations"]
"""How factors are varied: each alone against the base, or every combination of them."""
MAX_VARIANTS, MAX_SEEDS = 64, 100
"""Variants, and seeds, of one experiment."""
BASE = "base"
"""Label of the variant without any factor."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One network of an experiment."""

    label: str
    """'base', or the titles of its factors joined by +."""
    factors: tuple[str, ...]
    """Names of its factors, in the order of application."""
    architecture: Architecture
    """The network."""
    start: StartFrom | None = None
    """Weights that its runs start from, and how; None: random weights of each seed."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Variants × seeds under one configuration.

    The variants are stored as networks, the base first: an experiment stays the same even if a later version of the
    product changes a factor.
    """

    name: str
    """Title for people."""
    design: Design
    """How the factors are varied."""
    variants: tuple[Variant, ...]
    """The networks, the base first."""
    seeds: tuple[int, ...]
    """Each variant is trained once from each. Runs of one seed are paired: order and crops of images are the same."""
    config: TrainConfig
    """Of all runs; the seed is replaced, and the start is that of the variant."""

    @property
    def base(self) -> Architecture:
        """The network without any factor."""
        return self.variants[0].architecture

    @property
    def trials(self) -> list[tuple[Variant, int]]:
        """Every (variant, seed), seed by seed, so that the first complete comparison is available early."""
        return [(variant, seed) for seed in self.seeds for variant in self.variants]

    def config_of(self, variant: Variant, seed: int) -> TrainConfig:
        """Make the configuration of one run.

        Args:
            variant: What is trained.
            seed: The seed.

        Returns:
            The experiment's configuration with this seed and the variant's start.
        """
        return self.config.changed(seed=seed, start=None if variant.start is None else variant.start.model_dump())

    def with_seeds(self, seeds: Sequence[int]) -> Experiment:
        """Copy the experiment with further seeds; those that it has are ignored.

        Args:
            seeds: Whole numbers from 0 to 2³² - 1.

        Returns:
            The larger experiment.

        Raises:
            ValueError: There would be too many seeds, a new one is given twice, or one is outside its range.
        """
        return replace(self, seeds=check_seeds((*self.seeds, *(s for s in seeds if s not in self.seeds))))

    def to_json(self) -> str:
        """Write the experiment for the run store, without its name.

        Returns:
            JSON text.
        """
        variants = [
            {"label": v.label, "factors": list(v.factors), "architecture": to_data(v.architecture)}
            | ({} if v.start is None else {"start": v.start.model_dump()})
            for v in self.variants
        ]
        fields = {"design": self.design, "variants": variants, "seeds": list(self.seeds)}
        return json.dumps({**fields, "config": self.config.model_dump()})

    @classmethod
    def from_json(cls, name: str, text: str) -> Experiment:
        """Read an experiment of the run store; the last 64 results are cached.

        Args:
            name: Its name, which is stored apart.
            text: What ``to_json`` wrote.

        Returns:
            The experiment.

        Raises:
            ValueError: The text is not an experiment that this version can read.
        """
        return _read(name, text)


@lru_cache(maxsize=64)
def _read(name: str, text: str) -> Experiment:
    data: dict[str, Any] = json.loads(text)
    variants = tuple(
        Variant(
            label=v["label"], factors=tuple(v["factors"]), architecture=from_data(v["architecture"]),
            start=StartFrom.model_validate_json(json.dumps(v["start"])) if "start" in v else None,
        )
        for v in data["variants"]
    )  # fmt: skip
    config, seeds = parse(data["config"]), tuple(data["seeds"])
    return Experiment(name=name, design=data["design"], variants=variants, seeds=seeds, config=config)


def plan(
    base: Architecture,
    factors: Sequence[str],
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    combine: bool = False,
    name: str = "",
    start: StartFrom | None = None,
) -> Experiment:
    """Plan an experiment that varies a network by factors.

    Args:
        base: The network without any factor.
        factors: Names, as ``list_factors`` gives them.
        config: Of all runs; its seed is replaced.
        seeds: Each variant is trained once from each.
        combine: Whether factors are also combined; otherwise one at a time. Factors of one group, such as two kinds of
            attention, are never combined.
        name: Title of the experiment; default: the base and the factors.
        start: A further factor: that runs start from these weights, in this way, instead of from random weights.

    Returns:
        The experiment; nothing is stored or started.

    Raises:
        NotApplicable: A factor changes nothing in this network, or cannot be applied.
        ValueError: An unknown factor, no factor, or too many variants or seeds.
    """
    chosen = sorted({each: get_factor(each) for each in factors}.values(), key=application_order)
    if start is not None:
        chosen.append(start_factor(start.weights))
    if not chosen:
        raise ValueError("an ablation needs at least one factor")
    levels = Counter(each.group for each in chosen)
    count = math.prod(1 + number for number in levels.values()) if combine else 1 + len(chosen)
    if count > MAX_VARIANTS:
        raise ValueError(
            f"{len(chosen)} factors {'in all combinations' if combine else 'one at a time'} are {count:,} variants; "
            f"at most {MAX_VARIANTS} are allowed: choose fewer factors{', or one at a time' if combine else ''}"
        )
    subsets = _subsets(chosen) if combine else [(), *((each,) for each in chosen)]
    title = name or f"{base.name}: {', '.join(each.title for each in chosen)}"
    return Experiment(
        name=shorten(title, MAX_TITLE),
        design="all combinations" if combine else "one at a time",
        variants=_variants(base, subsets, start),
        seeds=check_seeds(seeds),
        config=config,
    )


def _subsets(chosen: list[Factor]) -> list[tuple[Factor, ...]]:
    """All subsets with at most one factor of each group, small ones first."""
    groups: dict[str, list[Factor | None]] = {}
    for each in chosen:
        groups.setdefault(each.group, [None]).append(each)
    picks = (tuple(each for each in pick if each) for pick in itertools.product(*groups.values()))
    return sorted(picks, key=lambda subset: (len(subset), [chosen.index(each) for each in subset]))


def _variants(
    base: Architecture, subsets: Sequence[tuple[Factor, ...]], start: StartFrom | None
) -> tuple[Variant, ...]:
    made: list[Variant] = []
    for subset in subsets:
        label = " + ".join(each.title for each in subset) or BASE
        network, begins = base, None
        for each in subset:
            if each.name == FROM_WEIGHTS:
                begins = start
                continue
            try:
                network = each.apply(network)
            except NotApplicable as error:
                where = "" if len(subset) == 1 else f" (in {label})"
                raise NotApplicable(f"{error}{where}") from None
        names = tuple(each.name for each in subset)
        made.append(Variant(label=label, factors=names, architecture=network, start=begins))
    return tuple(_name_after_factors(base, variant) for variant in made)


def _name_after_factors(base: Architecture, variant: Variant) -> Variant:
    """The variant with its network named after its factors, which names its runs, too; the base keeps its name."""
    if not variant.factors:
        return variant
    ending = f" + {variant.label}"
    name = base.name[: MAX_TITLE - len(ending)] + ending
    return replace(variant, architecture=edit.replace(variant.architecture, "", name=name[:MAX_TITLE]))


def parse_seeds(text: str, *, most: int = MAX_SEEDS) -> tuple[int, ...]:
    """Read seeds as people type them.

    Args:
        text: Whole numbers with commas or spaces between, such as ``0, 1, 2``.
        most: Seeds that may be given.

    Returns:
        The seeds in the order in which they were typed.

    Raises:
        ValueError: It is none of that, or ``check_seeds`` refuses the seeds.
    """
    parts = re.split(r"[,\s]+", text.strip(", \t\n"))
    if not all(part.isdecimal() and len(part) <= 10 for part in parts):
        raise ValueError(f"seeds (={text[:60]!r}) must be whole numbers from 0 on, such as 0, 1, 2")
    return check_seeds([int(part) for part in parts], most=most)


def check_seeds(seeds: Sequence[int], *, most: int = MAX_SEEDS) -> tuple[int, ...]:
    """Check seeds.

    Args:
        seeds: Whole numbers.
        most: Seeds that may be given.

    Returns:
        The same, in their order.

    Raises:
        ValueError: No seed, more than ``most``, a duplicate, or one outside 0 to 2³² - 1.
    """
    if not 1 <= len(seeds) <= most:
        raise ValueError(f"{len(seeds)} seeds were given; there may be 1 to {most}")
    bad = [seed for seed in seeds if not 0 <= seed < 2**32]
    if bad:
        raise ValueError(f"seed (={bad[0]}) must be from 0 to {2**32 - 1}")
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed is given twice, which would repeat the same run; remove the duplicate")
    return tuple(seeds)
