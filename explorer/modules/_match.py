"""One reading of a file as a network's weights, and the shapes that it is compared with."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..architecture import Architecture
from ..text import shorten
from ._build import build
from ._stored import Opaque, StoredTensor

COUNTER = ".num_batches_tracked"
"""Batches that a norm has seen; nothing of ours reads that number."""
_AVERAGE = re.compile(r"(?:^|[._])(?:ema|average|averaged|swa)(?:[._]|$)")
"""Words in the name of a part by which it is a running average of the weights."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(kw_only=True)
class Match:
    """One reading of a file as a network's weights; it fits if nothing is missing, unexpected or of another shape."""

    architecture: Architecture
    """The network, with the file's classes and without heads that the file does not have."""
    path: tuple[str, ...]
    """Keys of the dicts around the weights."""
    prefix: str
    """What stands before every name."""
    naming: str
    """A key of ``NAMINGS``."""
    found: dict[str, StoredTensor | Opaque] = field(default_factory=dict, repr=False)
    """By our names."""
    missing: list[str] = field(default_factory=list)
    """Our names that the file lacks."""
    unexpected: list[str] = field(default_factory=list)
    """Names of the file that the network lacks."""
    beside: list[str] = field(default_factory=list)
    """Names of the file without the prefix."""
    wrong: list[str] = field(default_factory=list)
    """Our names whose tensors have another shape, or are not stored as plain numbers."""
    hits: int = 0
    """Names that the file shares with the network as it was asked for."""
    without_counters: bool = False
    conversions: list[str] = field(default_factory=list)
    """What was done, one phrase each."""
    notes: list[str] = field(default_factory=list)
    """What had to be assumed, one sentence each."""
    reason: str = ""
    """Why a classifier of the file cannot be the network's; the end of a sentence."""

    @property
    def fits(self) -> bool:
        return bool(self.found) and not (self.missing or self.unexpected or self.wrong)

    @property
    def part(self) -> str:
        """What the part of the file is called, '' for all of it."""
        return ".".join([*self.path, *([self.prefix.rstrip(".")] if self.prefix else [])])

    @property
    def is_average(self) -> bool:
        """Whether it is by its name a running average."""
        return _AVERAGE.search(self.part) is not None


@lru_cache(maxsize=64)
def network_shapes(architecture: Architecture) -> Shapes:
    """The shape of each weight of a network, by name."""
    return {name: tuple(tensor.shape) for name, tensor in build(architecture, "meta").state_dict().items()}


def fits_shape(name: str, given: Any, shape: tuple[int, ...]) -> bool:
    """Whether a tensor of a file has the shape of a weight.

    Ones at the end do not count: a 1×1 convolution may be written as a linear layer, the factors of channels as maps;
    and a linear layer behind flattened maps as the convolution over all of them.
    """
    if not isinstance(given, StoredTensor):
        return False
    return has_the_same_numbers(given.shape, shape) or (name.endswith(COUNTER) and given.shape == (1,))


def has_the_same_numbers(given: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether two shapes are of one weight, in the same order, written in two ways."""
    if len(given) == 4 and len(wanted) == 2:
        return (given[0], math.prod(given[1:])) == tuple(wanted)
    return without_ones(given) == without_ones(wanted)


def without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without the ones at its end."""
    kept = len(shape)
    while kept and shape[kept - 1] == 1:
        kept -= 1
    return tuple(shape[:kept])


def quote_names(names: list[str], limit: int = 2) -> str:
    """Some names in quotes, and how many more there are."""
    more = len(names) - limit
    return ", ".join(repr(shorten(each, 120)) for each in names[:limit]) + (f" and {more:,} more" if more > 0 else "")
