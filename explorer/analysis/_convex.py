"""Curves over channels from a few of their points, exactly: what is convex is asked only where it bends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..architecture import Architecture, walk


def convex_in_channels(architecture: Architecture) -> bool:
    """Check whether each of the totals is a convex function of the channels (or features) of any one layer.

    Totals are made of channel counts by sums, products and maxima with factors that are not negative, which keeps a
    growing convex function convex. A division does not: attention's ``channels // reduction``, and groups, which
    moreover leave some channel counts out.

    Args:
        architecture: The network.

    Returns:
        True where no layer divides by channels (no attention, shuffle or norm but batch norm, and only groups of 1 or a
        depthwise layer that keeps its channels) and no branches are added or multiplied.
    """
    return all(map(_is_convex, (node for _, node in walk(architecture))))


def _is_convex(node: Any) -> bool:
    if node.op == "conv" and node.groups != 1 and (node.groups, node.out_channels) != ("depthwise", "same"):
        return False
    if node.op == "parallel":  # one channel is repeated, as many as the others have fit, what lies between does not
        return node.fuse == "concat" or len(node.branches) == 1
    return node.op not in ("attention", "channel_shuffle") and node.norm_kind in ("none", "batch")


def convex_samples(ask: Callable[[int], int | None], values: Sequence[int], start: int) -> list[int | None]:
    """Evaluate a convex function of whole numbers at many places, calling it only where it bends.

    Where a value lies on the line between two others, so do all values between these.

    Args:
        ask: The function; None where it is not defined. It is defined on one interval.
        values: The places, increasing.
        start: Index of a place at which the function is defined.

    Returns:
        ``ask`` of each of the values, exactly.
    """
    found: list[int | None] = [None] * len(values)

    def fill(low: int, middle: int, high: int) -> None:
        """What lies between two values that are known, or that are not defined."""
        left, right = found[low], found[high]
        if high - low < 2 or (left is None and right is None):
            return
        here = found[middle] = ask(values[middle])
        if left is not None and here is not None and right is not None:
            width, rise = values[high] - values[low], right - left
            if (here - left) * width == rise * (values[middle] - values[low]):
                for index in range(low + 1, high):
                    found[index] = left + rise * (values[index] - values[low]) // width
                return
        fill(low, (low + middle) // 2, middle)
        fill(middle, (middle + high) // 2, high)

    last = len(values) - 1
    for end in {0, start, last}:
        found[end] = ask(values[end])
    if 0 < start < last and found[0] is not None and found[last] is not None:
        fill(0, start, last)
    else:
        fill(0, start // 2, start)
        fill(start, (start + last) // 2, last)
    return found
