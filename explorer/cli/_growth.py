"""The option ``--steps``: how a field grows layer by layer, with the arithmetic written out."""

from __future__ import annotations

import argparse
from typing import Any

from ..analysis import AxisField, GrowthStep, explain_growth, format_growth
from ..architecture import Architecture

_AXES: tuple[tuple[str, Any], ...] = (("height", 0), ("width", 1))


def add_option(sub: argparse.ArgumentParser) -> None:
    """Add the option to a verb that takes a node."""
    sub.add_argument(
        "--steps", nargs="?", choices=("longest", "shortest"), const="longest",
        help="how the field grows layer by layer, with this network's numbers; the longest path unless said otherwise",
    )  # fmt: skip


def list_steps(architecture: Architecture, path: str, way: str) -> dict[str, tuple[GrowthStep, ...]]:
    """The steps to a node, for 'height' and 'width'."""
    return {name: explain_growth(architecture, path, axis=axis, shortest=way == "shortest") for name, axis in _AXES}


def describe_steps(steps: dict[str, tuple[GrowthStep, ...]]) -> str:
    """The steps as text; once for both axes where they are alike."""
    height, width = steps["height"], steps["width"]
    if height == width:
        return format_growth(height)
    return "\n\n".join(f"{name}\n\n{format_growth(each)}" for name, each in steps.items())


def steps_data(steps: dict[str, tuple[GrowthStep, ...]]) -> dict[str, list[dict[str, Any]]]:
    """The steps as plain data."""
    return {name: [_data(step) for step in each] for name, each in steps.items()}


def _data(step: GrowthStep) -> dict[str, Any]:
    return {
        "path": step.path,
        "op": step.op,
        "kernel": step.kernel,
        "dilation": step.dilation,
        "stride": step.stride,
        "padding": step.padding,
        "before": _field(step.before),
        "after": _field(step.after),
        "branches": {name: _field(field) for name, field in step.branches},
        "equations": step.equations,
        "note": step.note,
    }


def _field(field: AxisField) -> dict[str, int]:
    return field._asdict()
