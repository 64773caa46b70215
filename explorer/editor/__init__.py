"""What can be edited at a node, and the edit itself: ``panel`` describes controls, ``apply`` carries a command out."""

from ._commands import BLOCKS, Command, apply, apply_with_repairs
from ._controls import CONTROLS, channel_values, format_metric, ribbon_metric
from ._panel import panel
from .history import History

__all__ = [
    "BLOCKS",
    "CONTROLS",
    "Command",
    "History",
    "apply",
    "apply_with_repairs",
    "channel_values",
    "format_metric",
    "panel",
    "ribbon_metric",
]
