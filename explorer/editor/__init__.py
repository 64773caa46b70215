"""What can be edited at a node, and the edit itself: ``panel`` describes controls, ``apply`` carries a command out."""

from ._commands import BLOCKS, Command, apply, carry_out
from ._controls import CONTROLS, channel_values, metric_text, ribbon_metric
from ._panel import panel
from .history import History

__all__ = [
    "BLOCKS",
    "CONTROLS",
    "Command",
    "History",
    "apply",
    "carry_out",
    "channel_values",
    "metric_text",
    "panel",
    "ribbon_metric",
]
