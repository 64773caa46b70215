"""Networks side by side as data for the component that draws them: aligned diagrams, grouped bars, growth."""

from __future__ import annotations

from typing import Any, Literal

from ..architecture import Architecture, edit
from ..figures import (
    LINES,
    kind_of_branch,
    kind_of_node,
    lay_out_column,
    layer_title,
    short_name,
)
from ..text import format_bytes, format_extent, format_shape, format_si
from ._compare import Comparison
from ._stages import HEAD, Block, Part
from ._tables import LETTERS

BarMetric = Literal["macs", "params", "training_bytes", "receptive_field"]


def networks(comparison: Comparison) -> list[dict[str, Any]]:
    """Letter, label and colour of each network, the same in all of its pictures."""
    return [
        {"letter": letter, "label": label, "colour": line._asdict()}
        for letter, label, line in zip(LETTERS, comparison.labels, LINES, strict=False)
    ]


def aligned(comparison: Comparison) -> dict[str, Any]:
    """Lay the networks out as columns of blocks, what works at one stride in one row.

    Args:
        comparison: The networks, analysed and aligned.

    Returns:
        {networks, stages: [{label, cells}]}. A cell is None where a network has nothing at that stride, else the
        resolution and the columns of the overview.
    """
    pairs = list(zip(comparison.architectures, comparison.analyses, strict=True))
    shapes: list[tuple[int, ...]] = [analysis.input_shape for _, analysis in pairs]
    rows = []
    for row in comparison.stages:
        cells: list[dict[str, Any] | None] = []
        for place, (stage, (architecture, analysis)) in enumerate(zip(row.stages, pairs, strict=True)):
            if stage is None:
                cells.append(None)
                continue
            blocks = []
            for block in stage.blocks:
                node = edit.find(architecture, block.path)
                found = lay_out_column(node, block.path, analysis, shapes[place])
                if not found["tap"]:
                    found["label"] = short_name(node.name) if node.child_field else " ".join(layer_title(node)).strip()
                blocks.append(found)
                shapes[place] = block.output_shape
            resolution = format_shape(stage.output_shape[1:]) if len(stage.output_shape) == 3 else ""
            cells.append({"resolution": resolution, "blocks": blocks})
        rows.append({"label": row.label, "cells": cells})
    return {"networks": networks(comparison), "stages": rows}


def stage_bars(comparison: Comparison, metric: BarMetric) -> list[dict[str, Any]]:
    """Lay out for each stage one bar a network, split by kind.

    Args:
        comparison: The networks, analysed and aligned.
        metric: What the bars show. Fields do not add up: theirs is one part, and ``shortest`` says where the shortest
            path's field ends.

    Returns:
        [{label, bars: [{network, label, value, text, parts}]}].
    """
    groups = []
    for row in comparison.stages:
        bars = []
        for place, stage in enumerate(row.stages):
            if stage is None:
                continue
            kinds: dict[str, int] = {}
            for block in stage.blocks:
                for kind, _, value in _shares(comparison.architectures[place], block, metric):
                    kinds[kind] = kinds.get(kind, 0) + value
            bars.append({"network": place, "label": "", **_bar(stage, metric, kinds)})
        groups.append({"label": row.label, "bars": bars})
    return groups


def branch_bars(comparison: Comparison, metric: BarMetric, label: str) -> list[dict[str, Any]]:
    """Lay out one stage: a group for each block of each network, in it a bar for each branch.

    Args:
        comparison: The networks, analysed and aligned.
        metric: What the bars show, as for ``stage_bars``.
        label: Of the stage.

    Returns:
        As ``stage_bars``; [] where no stage has the label.
    """
    groups = []
    for place, stage in enumerate(next((row.stages for row in comparison.stages if row.label == label), ())):
        for block in stage.blocks if stage else ():
            bars = []
            parts = {part.path: part for part in block.branches} or {block.path: block}
            for kind, path, value in _shares(comparison.architectures[place], block, metric):
                if path in parts:
                    bar = _bar(parts[path], metric, {kind: value})
                else:  # what the block has beside its branches: a projection, attention, a linear layer behind them
                    bar = {"value": value, "text": _text(value, metric), "parts": [{"kind": kind, "value": value}]}
                name = path[len(block.path) + 1 :] or ("rest" if block.branches else "")
                bars.append({"network": place, "label": name, **bar})
            if bars:
                groups.append({"label": block.path, "bars": bars})
    return groups


def growths(comparison: Comparison) -> dict[str, Any]:
    """Lay out the growth of each network's field over the stages, so that equal places are equal strides.

    Only what changes the field takes a place: a norm or a 1×1 convolution more shifts no line.

    Args:
        comparison: The networks, analysed and aligned.

    Returns:
        {networks, stages, lines: [[point]]}. ``stages`` are the labels before the head. A point says where it stands,
        ``at``, in stages from the image on, what it comes after, and both fields in pixels along the larger axis.
    """
    rows = [row for row in comparison.stages if row.key != HEAD]
    lines = []
    for place in range(len(comparison.architectures)):
        points = [{"path": "", "at": 0.0, "longest": 1, "shortest": 1}]
        for index, row in enumerate(rows):
            stage = row.stages[place]
            last, changed = points[-1], []
            for block in stage.blocks if stage else ():
                fields = {"longest": max(block.receptive_field), "shortest": max(block.shortest)}
                if last | fields != last:
                    last = {"path": block.path, **fields}
                    changed.append(last)
            points += [{**point, "at": index + (rank + 1) / len(changed)} for rank, point in enumerate(changed)]
        lines.append(points)
    return {"networks": networks(comparison), "stages": [row.label for row in rows], "lines": lines}


def _shares(architecture: Architecture, block: Block, metric: BarMetric) -> list[tuple[str, str, int]]:
    """(kind, path, value) of a block's branches, and of the rest under its own path; without what costs nothing."""
    node = edit.find(architecture, block.path)
    found = [(kind_of_branch(edit.find(architecture, part.path)), part.path, _value(part, metric))
             for part in block.branches]  # fmt: skip
    if metric != "receptive_field" or not found:
        rest = _value(block, metric) - sum(value for _, _, value in found)
        found.append((kind_of_node(node), block.path, rest))
    return [each for each in found if each[2]]


def _value(part: Part, metric: BarMetric) -> int:
    return max(part.receptive_field) if metric == "receptive_field" else int(getattr(part, metric))


def _text(value: int, metric: BarMetric) -> str:
    return format_bytes(value) if metric == "training_bytes" else format_si(value)


def _bar(part: Part, metric: BarMetric, kinds: dict[str, int]) -> dict[str, Any]:
    value = _value(part, metric)
    if metric != "receptive_field":
        parts = [{"kind": kind, "value": share} for kind, share in kinds.items()]
        return {"value": value, "text": _text(value, metric), "parts": parts}
    text = f"{format_extent(part.receptive_field)} px"
    if part.shortest != part.receptive_field:
        text += f" (shortest {format_extent(part.shortest)})"
    # No kind: a field is the network's, not an operation's.
    return {"value": value, "text": text, "shortest": max(part.shortest), "parts": [{"kind": "", "value": value}]}
