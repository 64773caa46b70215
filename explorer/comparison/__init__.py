"""Networks beside one another: what differs, what each difference costs, and what the trade-off is. No torch."""

from ._axes import TradeOffAxis, list_axes
from ._budget import EqualBudget, scale_to_budget
from ._cells import Difference, TableCell, format_cell, format_difference, is_best
from ._chains import Chain, make_chain, read_chain
from ._changes import AttributedStep, Delta, Differences, StepGroup, find_differences, group_steps
from ._cloud import Cloud, CloudPoint, Ranges, sample_cloud
from ._compare import MAX_NETWORKS, AlignedStage, Comparison, MetricCell, MetricRow, compare
from ._family import lay_out_family
from ._html import render_html
from ._lessons import Reduction, Saving, Stack, compute_saving, find_reductions, list_stacks, with_reduction
from ._ones import Head, LayerCount, Mixing, compare_heads, count_layer, list_counted, mix_channels
from ._paper import draw_growths, render_latex
from ._pareto import pareto_front
from ._published import FAMILIES, PublishedPoint, list_published, render_published_csv
from ._stages import HEAD, Block, Part, Stage, find_stages
from ._steps import StepRow, measure_step
from ._tables import LETTERS, Report, Table, describe_misfits, make_report, metrics_table, stages_table
from ._text import render_csv, render_markdown
from ._trade_off import TradeOffPoint, lay_out_trade_off

__all__ = [
    "FAMILIES",
    "HEAD",
    "LETTERS",
    "MAX_NETWORKS",
    "AlignedStage",
    "AttributedStep",
    "Block",
    "Chain",
    "Cloud",
    "CloudPoint",
    "Comparison",
    "Delta",
    "Difference",
    "Differences",
    "EqualBudget",
    "Head",
    "LayerCount",
    "MetricCell",
    "MetricRow",
    "Mixing",
    "Part",
    "PublishedPoint",
    "Ranges",
    "Reduction",
    "Report",
    "Saving",
    "Stack",
    "Stage",
    "StepGroup",
    "StepRow",
    "Table",
    "TableCell",
    "TradeOffAxis",
    "TradeOffPoint",
    "compare",
    "compare_heads",
    "compute_saving",
    "count_layer",
    "describe_misfits",
    "draw_growths",
    "find_differences",
    "find_reductions",
    "find_stages",
    "format_cell",
    "format_difference",
    "group_steps",
    "is_best",
    "lay_out_family",
    "lay_out_trade_off",
    "list_axes",
    "list_counted",
    "list_published",
    "list_stacks",
    "make_chain",
    "make_report",
    "measure_step",
    "metrics_table",
    "mix_channels",
    "pareto_front",
    "read_chain",
    "render_csv",
    "render_html",
    "render_latex",
    "render_markdown",
    "render_published_csv",
    "sample_cloud",
    "scale_to_budget",
    "stages_table",
    "with_reduction",
]
