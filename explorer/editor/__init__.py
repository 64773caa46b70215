"""What can be edited at a node: ``describe_controls`` says it, ``apply`` carries a command out."""

from ._commands import Command, apply, apply_with_repairs
from ._controls import CONTROLS
from ._insert import insert_part, list_parts
from ._maker import channel_values, format_metric, ribbon_metric
from ._offers import explain_misfit, find_ways_out
from ._panel import describe_controls, describe_size
from ._selection import describe_selection, find_run_between, follow_selection
from .history import History

__all__ = [
    "CONTROLS",
    "Command",
    "History",
    "apply",
    "apply_with_repairs",
    "channel_values",
    "describe_controls",
    "describe_selection",
    "describe_size",
    "explain_misfit",
    "find_run_between",
    "find_ways_out",
    "follow_selection",
    "format_metric",
    "insert_part",
    "list_parts",
    "ribbon_metric",
]
