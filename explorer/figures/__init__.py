"""Data of the charts and diagrams, from analyses and results: pure functions, no torch, no Streamlit."""

from ._architecture_drawing import draw_block, draw_network
from ._chart_drawing import GrowthLine, draw_growth, draw_growth_of, draw_scatter
from ._charts import draw_treemap, split_costs, trace_growth
from ._colours import KINDS, Kind, kind_of, kind_of_branch, list_colors
from ._curves import LINES, Line, lay_out_curves, thin_line
from ._diagram import kind_of_node, lay_out_block, lay_out_column, lay_out_overview, layer_title
from ._drawing import INKS, Drawing, Polyline, Rectangle, Shape, Text, find_color, measure_text
from ._effective import FieldPanel, draw_field_panels
from ._fields import Lattice, draw_field, draw_projection, find_joint, find_lattice, lay_out_mask, tabulate_field
from ._kinds import LOOKS, Look, short_name
from ._maps import draw_filters, draw_heatmap, draw_map, draw_map_grid, encode_photo, find_color_range
from ._scatter import Axis, Dots, Mark, Path, lay_out_scatter, trace_front
from ._table import layer_table
from ._taps import lay_out_chain, lay_out_window
from ._thumbnail import draw_thumbnail, lay_out_thumbnail, list_thumbnail_nodes

__all__ = [
    "INKS",
    "KINDS",
    "LINES",
    "LOOKS",
    "Axis",
    "Dots",
    "Drawing",
    "FieldPanel",
    "GrowthLine",
    "Kind",
    "Lattice",
    "Line",
    "Look",
    "Mark",
    "Path",
    "Polyline",
    "Rectangle",
    "Shape",
    "Text",
    "draw_block",
    "draw_field",
    "draw_field_panels",
    "draw_filters",
    "draw_growth",
    "draw_growth_of",
    "draw_heatmap",
    "draw_map",
    "draw_map_grid",
    "draw_network",
    "draw_projection",
    "draw_scatter",
    "draw_thumbnail",
    "draw_treemap",
    "encode_photo",
    "find_color",
    "find_color_range",
    "find_joint",
    "find_lattice",
    "kind_of",
    "kind_of_branch",
    "kind_of_node",
    "lay_out_block",
    "lay_out_chain",
    "lay_out_column",
    "lay_out_curves",
    "lay_out_mask",
    "lay_out_overview",
    "lay_out_scatter",
    "lay_out_thumbnail",
    "lay_out_window",
    "layer_table",
    "layer_title",
    "list_colors",
    "list_thumbnail_nodes",
    "measure_text",
    "short_name",
    "split_costs",
    "tabulate_field",
    "thin_line",
    "trace_front",
    "trace_growth",
]
