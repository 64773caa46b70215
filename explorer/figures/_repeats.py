"""What repeats in a network: nodes one after another that a picture draws once and counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..analysis import Analysis
from ..architecture import settings_of

Twins = tuple[tuple[str, Any], ...]
"""(path, node) of nodes that are drawn as one."""
_LONGEST = 4
"""Nodes of a unit that repeats, at most."""
_SPARED = 3
"""Boxes that a frame must spare."""
_UNSEEN = ("drop_path", "norm_eps")
"""Settings in which blocks that are drawn as one may differ; the first usually grows from block to block."""
_CHANNELS = ("out_channels", "out_features")


def find_repeats(steps: Sequence[Twins], analysis: Analysis, *, is_alike: bool) -> list[tuple[list[Twins], int]]:
    """Find what repeats among nodes that come one after another.

    Args:
        steps: The nodes; each may itself stand for several.
        analysis: The network's analysis, from ``analyze``: what repeats has maps of one size.
        is_alike: Whether nodes that differ in their channels alone count as equal.

    Returns:
        (unit, count) in order, as ``steps`` if all were 1: the nodes of a unit stand for those of all its repetitions.
    """
    marks = [_mark(*twins[0], analysis, is_alike) for twins in steps]
    sizes = [_count_boxes(twins[0][1]) for twins in steps]
    found: list[tuple[list[Twins], int]] = []
    at = 0
    while at < len(steps):
        length, count = 1, 1
        for unit in range(1, min(_LONGEST, (len(steps) - at) // 2) + 1):
            times = 1
            while marks[at : at + unit] == marks[at + times * unit : at + (times + 1) * unit]:
                times += 1
            boxes = sum(sizes[at : at + unit])
            if times > 1 and boxes * (times - 1) >= _SPARED and times * unit > count * length:
                length, count = unit, times
        unit_steps = [
            tuple(each for turn in range(count) for each in steps[at + turn * length + place])
            for place in range(length)
        ]
        found.append((unit_steps, count))
        at += length * count
    return found


def _mark(path: str, node: Any, analysis: Analysis, is_alike: bool) -> tuple[Any, ...]:
    """All of a node that a picture of it shows, without names."""
    layer = analysis.by_path.get(path)
    left_out = (*_UNSEEN, *(_CHANNELS if is_alike else ()))
    settings = {key: value for key, value in settings_of(node).items() if key not in left_out}
    size = layer.output_shape[1:] if layer else ()
    children = tuple(_mark(f"{path}/{child.name}", child, analysis, is_alike) for child in node.nodes)
    return tuple(map(str, settings.items())), size, children


def _count_boxes(node: Any) -> int:
    return sum(map(_count_boxes, node.nodes)) + 1 if node.child_field else 1
