"""What a generation changed, in numbers: the block before and after, counted."""

from __future__ import annotations

from typing import NamedTuple

from ..analysis import analyze
from ..catalog import Step
from ..text import format_bytes, format_change, format_count, format_extent, format_shape


class StepRow(NamedTuple):
    """One number of both blocks."""

    label: str
    """What is counted, with its unit."""
    before: str
    """Of the block before the step."""
    after: str
    """Of the block after it."""
    change: str
    """'−28.0 %'; '' where there is no ratio."""


def measure_step(step: Step) -> tuple[StepRow, ...]:
    """Count the block before and after a step.

    Args:
        step: A step of the catalogue.

    Returns:
        Parameters, MACs, memory for training, receptive field and output, in the conventions of ``analysis``.
    """
    was, now = analyze(step.before), analyze(step.after)
    counts = ("parameters", was.params, now.params), ("MACs", was.macs, now.macs)
    return (
        *(StepRow(label, format_count(a), format_count(b), format_change(b, a)) for label, a, b in counts),
        StepRow(
            "kept for training", format_bytes(was.training_bytes), format_bytes(now.training_bytes),
            format_change(now.training_bytes, was.training_bytes),
        ),
        StepRow(
            "receptive field, px", format_extent(was.receptive_field.size), format_extent(now.receptive_field.size), ""
        ),
        StepRow("output", format_shape(was.output_shape), format_shape(now.output_shape), ""),
    )  # fmt: skip
