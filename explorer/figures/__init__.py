"""Data of the charts and diagrams, from analyses and results: pure functions, no torch, no Streamlit."""

from ._charts import costs, growth, treemap
from ._colours import KINDS, Kind, kind_of, kind_of_branch, palette
from ._curves import LINES, Line, curves, thin
from ._diagram import block, column, kind_of_node, layer_title, strip
from ._kinds import LOOKS, Look, short_name
from ._maps import filters, heat, photo, sheet, single, span
from ._scatter import Axis, Dots, Mark, Path, scatter, staircase
from ._table import layer_table

__all__ = [
    "KINDS",
    "LINES",
    "LOOKS",
    "Axis",
    "Dots",
    "Kind",
    "Line",
    "Look",
    "Mark",
    "Path",
    "block",
    "column",
    "costs",
    "curves",
    "filters",
    "growth",
    "heat",
    "kind_of",
    "kind_of_branch",
    "kind_of_node",
    "layer_table",
    "layer_title",
    "palette",
    "photo",
    "scatter",
    "sheet",
    "short_name",
    "single",
    "span",
    "staircase",
    "strip",
    "thin",
    "treemap",
]
