"""Random choices that are the same on every machine and in every version of every library.

NumPy and torch do not guarantee their streams across versions. A test split that changed with an upgrade would leak
test images into the training set. So SplitMix64 is written out here; it is a few integer operations.

Source: Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def bits(count: int, seed: int) -> NDArray[np.uint64]:
    """``count`` words of 64 random bits; the same seed gives the same words everywhere. Any integer is a seed."""
    return _mix(np.array([seed % 2**64], dtype=np.uint64) + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN)


def permutation(count: int, seed: int) -> NDArray[np.int64]:
    """The numbers 0 .. count-1 in a random order that the seed fixes."""
    return np.argsort(bits(count, seed), kind="stable").astype(np.int64)


def split_stratified(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices in two parts, (rest, part): of every class, ``share`` goes to the part, rounded, at least one.

    A class of a single member stays in the rest. Both parts are ascending. Raises ValueError unless 0 < share < 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share (={share}) must lie between 0 and 1")
    order = permutation(len(labels), seed)
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        count = min(max(1, round(share * len(members))), len(members) - 1)
        chosen[members[:count]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ (words >> np.uint64(30))) * _MULTIPLY[0]
    words = (words ^ (words >> np.uint64(27))) * _MULTIPLY[1]
    return words ^ (words >> np.uint64(31))
