"""The space of a search: what may vary in a network and in its training, and between which values."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

from ..architecture import Architecture, from_data, to_data
from ..training import TrainConfig, parse

Group = Literal[
    "widths", "kernels", "dilations", "branches", "residual", "attention", "depth", "rate", "batch", "augmentation"
]
"""What can be varied together, by the word for it."""
GROUPS: tuple[Group, ...] = get_args(Group)
OF_TRAINING = frozenset({"rate", "batch", "augmentation"})
"""The groups that change how a network is trained, and not the network."""
Value = int | float | bool | str
Point = tuple[int, ...]
"""One choice: for each dimension of a space, the place of its value."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MAX_DIMENSIONS = 400
"""A point is stored as one letter for each."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One thing that varies, and the values between which it does."""

    group: Group
    """What it belongs to."""
    path: str
    """Of the node that changes; the name of the setting in a group of the training."""
    values: tuple[Value, ...]
    """At least two, numbers rising."""
    given: int
    """Place of the value that the network, or its training, has."""

    def __post_init__(self) -> None:
        if not 2 <= len(self.values) <= len(_DIGITS) or not 0 <= self.given < len(self.values):
            raise ValueError(f"{self.key}: {len(self.values)} values; there must be 2 to {len(_DIGITS)}")

    @property
    def key(self) -> str:
        """Its name: 'widths:stem', or the setting's alone."""
        return self.path if self.group in OF_TRAINING else f"{self.group}:{self.path}"

    def describe(self, value: Value) -> str:
        """Say what a value of this dimension means.

        Args:
            value: One of ``values``.

        Returns:
            A few words, such as 'stem × 0.5 as wide' or 'without inception1/branch_5x5'.
        """
        switch = "with" if value else "without"
        words = {
            "widths": f"{self.path} × {value:g} as wide" if not isinstance(value, str) else "",
            "kernels": f"{self.path} kernel {value}",
            "dilations": f"{self.path} dilation {value}",
            "branches": f"{switch} {self.path}",
            "residual": f"{self.path} {switch} a shortcut",
            "attention": f"{self.path} attention: {value}",
            "depth": f"{self.path} × {value} in a row",
        }
        return words.get(self.group, f"{self.path} {value}")

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers, so that neighbours are alike."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Space:
    """A network and its training, with the dimensions along which they may vary.

    Dimensions are stored with it: a search stays the same even if a later version of the product offers others.
    """

    network: Architecture
    """The network that is varied."""
    config: TrainConfig
    """How it is trained."""
    dimensions: tuple[Dimension, ...]
    """What varies."""

    @property
    def given(self) -> Point:
        """The point at which the network and its training are as they were given."""
        return tuple(dimension.given for dimension in self.dimensions)

    @cached_property
    def size(self) -> int:
        """How many points there are; some of them may be no networks, and some the same one."""
        return math.prod(len(dimension.values) for dimension in self.dimensions)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that vary."""
        return tuple(dict.fromkeys(dimension.group for dimension in self.dimensions))

    def with_config(self, config: TrainConfig) -> Space:
        """Copy the space with another configuration; what varies stays.

        Args:
            config: Of every run.

        Returns:
            The copy.
        """
        return replace(self, config=config)

    def draw(self, random_numbers: random.Random) -> Point:
        """Draw a point, every one of them equally likely.

        Args:
            random_numbers: Where random numbers come from.

        Returns:
            The point.
        """
        return tuple(random_numbers.randrange(len(dimension.values)) for dimension in self.dimensions)

    def values(self, point: Point) -> dict[str, Value]:
        """Look up the values of a point.

        Args:
            point: One of this space.

        Returns:
            The value of each dimension by its key.
        """
        return {each.key: each.values[place] for each, place in zip(self.dimensions, point, strict=True)}

    def changes(self, point: Point) -> dict[str, Value]:
        """Look up in what a point differs from the given network and training.

        Args:
            point: One of this space.

        Returns:
            The values that are not the given ones, by the keys of their dimensions.
        """
        chosen = zip(self.dimensions, point, strict=True)
        return {each.key: each.values[place] for each, place in chosen if place != each.given}

    def describe_changes(self, point: Point) -> str:
        """Say in what a point differs from the given network and training.

        Args:
            point: One of this space.

        Returns:
            Words separated by commas; 'as given' where nothing differs.
        """
        chosen = zip(self.dimensions, point, strict=True)
        return ", ".join(each.describe(each.values[i]) for each, i in chosen if i != each.given) or "as given"

    def encode(self, point: Point) -> str:
        """Write a point as a short text, one letter for each dimension.

        Args:
            point: One of this space.

        Returns:
            The text, which ``decode`` reads.
        """
        return "".join(_DIGITS[place] for place in point)

    def decode(self, text: str) -> Point:
        """Read what ``encode`` wrote.

        Args:
            text: A letter for each dimension.

        Returns:
            The point.

        Raises:
            ValueError: It is no point of this space.
        """
        point = tuple(map(_DIGITS.find, text))
        fits = len(point) == len(self.dimensions) and all(
            0 <= place < len(each.values) for each, place in zip(self.dimensions, point, strict=True)
        )
        if not fits:
            raise ValueError(f"{text[:60]!r} is no point of this search's space of {len(self.dimensions)} dimensions")
        return point

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {
            "network": to_data(self.network),
            "config": self.config.model_dump(),
            "dimensions": [
                {"group": each.group, "path": each.path, "values": list(each.values), "given": each.given}
                for each in self.dimensions
            ],
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Space:
        """Read what ``to_data`` wrote.

        Args:
            data: Plain data.

        Returns:
            The space.

        Raises:
            ValueError: It is not a space that this version can read.
        """
        dimensions: Sequence[dict[str, Any]] = data["dimensions"]
        return cls(
            network=from_data(data["network"]),
            config=parse(data["config"]),
            dimensions=tuple(Dimension(**{**each, "values": tuple(each["values"])}) for each in dimensions),
        )
