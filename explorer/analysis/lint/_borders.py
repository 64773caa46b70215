"""Padding at the border: how many taps of a layer's units fall on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ...architecture import Geometry, write_padding
from ...text import compact_shape, format_extent, format_percent
from ._findings import Finding, Fix
from ._lines import Element, Network, windows
from ._proof import Changes, change, describe, one_or_two, prove

Shape = tuple[int, ...]

THRESHOLD = 0.5
"""Share of a layer's taps on padding from which it is told."""


def find_mostly_padding(network: Network) -> Iterator[Finding]:
    """Find layers of which at least half of all taps fall on padding that they count; equal ones are told together."""
    groups: dict[tuple[Geometry, Shape, Shape], list[str]] = {}
    for path, node in _padded(network):
        layer = network.analysis.by_path[path]
        window = node.geometry_on(layer.input_shape[1:])
        groups.setdefault((window, layer.input_shape[1:], layer.output_shape[1:]), []).append(path)
    for (geometry, given, made), paths in groups.items():
        hits = [_count_hits(geometry, axis, given[axis], made[axis]) for axis in (0, 1)]
        height, width = geometry.kernel
        every = 1 - sum(hits[0]) * sum(hits[1]) / (made[0] * height * made[1] * width)
        if every < THRESHOLD:
            continue
        corner = 1 - min(hits[0][0], hits[0][-1]) * min(hits[1][0], hits[1][-1]) / (height * width)
        live = [_live_taps(geometry, axis, given[axis], made[axis]) for axis in (0, 1)]
        dead = height * width - (live[0][1] - live[0][0]) * (live[1][1] - live[1][0])
        says = f"; {dead} of its {height * width} taps meet the map at no unit" if dead else ""
        others = f" Likewise {', '.join(paths[1:])}." if len(paths) > 1 else ""
        yield Finding(
            rule="padding",
            severity="note",
            path=paths[0],
            layers=tuple(paths),
            summary=f"{format_percent(every, 1)} of the taps fall on padding, on maps of {compact_shape(given)}",
            message=(
                f"{format_percent(every, 1)} of all taps of {paths[0]}, {compact_shape((height, width))} on a map of "
                f"{compact_shape(given)}, fall on padding, {format_percent(corner, 1)} of a corner unit's{says}. "
                f"Told from {format_percent(THRESHOLD, 1)}.{others}"
            ),
            numbers={
                "share": every,
                "corner_share": corner,
                "threshold": THRESHOLD,
                "dead_taps": dead,
                "map": list(given),
                "kernel": [height, width],
            },
        )


def _padded(network: Network) -> Iterator[Element]:
    for line in network.lines[:1]:
        for leaf in windows(line.elements):
            counted = leaf.node.op == "conv" or (leaf.node.kind == "avg" and leaf.node.count_include_pad)
            if counted and leaf.path in network.analysis.by_path:
                yield leaf


@lru_cache(maxsize=1024)  # a network has hundreds of layers and a handful of windows
def _count_hits(geometry: Geometry, axis: int, given: int, made: int) -> list[int]:
    """For each unit along an axis how many of its taps meet the map."""
    kernel, stride, dilation, pad, _ = (side[axis] for side in geometry)
    return [
        sum(0 <= unit * stride + tap * dilation - pad < given for tap in range(kernel)) for unit in range(made)
    ]


@lru_cache(maxsize=1024)
def _live_taps(geometry: Geometry, axis: int, given: int, made: int) -> tuple[int, int]:
    """(first, behind the last) of the taps of an axis that meet the map at any unit."""
    kernel, stride, dilation, pad, _ = (side[axis] for side in geometry)
    live = [
        tap for tap in range(kernel) if any(0 <= unit * stride + tap * dilation - pad < given for unit in range(made))
    ]
    return (live[0], live[-1] + 1) if live else (0, kernel)


def find_padding_fixes(network: Network, finding: Finding) -> tuple[tuple[Fix, ...], str]:
    """Cut away taps that never meet the map: the answers stay what they are."""
    searched = "a smaller kernel, without taps that only ever meet padding: no answer changes by it"
    changes: Changes = {}
    for path, node in _padded(network):
        if path not in finding.layers or node.op != "conv":
            continue
        layer = network.analysis.by_path[path]
        geometry = node.geometry_on(layer.input_shape[1:])
        kernel, pad, pad_end = [], [], []
        for axis in (0, 1):
            first, end = _live_taps(geometry, axis, layer.input_shape[1 + axis], layer.output_shape[1 + axis])
            cut = min(first, geometry.kernel[axis] - end)
            kernel.append(geometry.kernel[axis] - 2 * cut)
            pad.append(geometry.pad[axis] - cut * geometry.dilation[axis])
            pad_end.append(geometry.pad_end[axis] - cut * geometry.dilation[axis])
        changes[path] = {"kernel_size": one_or_two(kernel)}
        if node.padding not in ("same", "tf_same"):
            new = geometry._replace(pad=tuple(pad), pad_end=tuple(pad_end))
            changes[path]["padding"] = write_padding(new)
    if not changes:
        return (), searched
    old, new = (format_extent(tuple(sizes)) for sizes in (finding.numbers["kernel"], kernel))
    many = f" in {len(changes)} layers" if len(changes) > 1 else ""
    words = describe(network.architecture, changes)
    fix = prove(
        network, change(network.architecture, changes), finding.path, label=f"kernel {old} → {new}{many}, same answers",
        changes=words, mends=_always, fields=(),
    )  # fmt: skip
    return ((fix,) if fix else ()), searched


def _always(_: Any) -> bool:
    return True
