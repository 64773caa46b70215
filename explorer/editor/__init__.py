"""What can be edited at a node: ``describe_controls`` says it, ``apply`` carries a command out."""

from ._commands import BLOCKS, Command, apply, apply_with_repairs
from ._controls import CONTROLS, channel_values, format_metric, ribbon_metric
from ._panel import describe_controls
from .history import History

__all__ = [
    "BLOCKS",
    "CONTROLS",
    "Command",
    "History",
    "apply",
    "apply_with_repairs",
    "channel_values",
    "describe_controls",
    "format_metric",
    "ribbon_metric",
]
