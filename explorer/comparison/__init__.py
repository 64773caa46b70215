"""Networks beside one another: what differs, what each difference costs, and what the trade-off is. No torch."""

from ._align import NodeChange
from ._axes import TradeOffAxis, list_axes
from ._budget import EqualBudget, equal_budget
from ._cells import Difference, TableCell, format_cell, format_difference, format_signed, is_best
from ._changes import AttributedStep, Delta, Differences, differences
from ._cloud import Cloud, CloudPoint, Ranges, cloud
from ._compare import MAX_NETWORKS, AlignedStage, Comparison, MetricCell, MetricRow, compare
from ._html import html
from ._lessons import Reduction, Saving, Stack, reductions, saving, stacks, with_reduction
from ._pareto import pareto_front
from ._stages import HEAD, Block, Part, Stage, stages
from ._tables import LETTERS, Report, Table, metrics_table, report, stages_table
from ._text import comma_separated, markdown

__all__ = [
    "HEAD",
    "LETTERS",
    "MAX_NETWORKS",
    "AlignedStage",
    "AttributedStep",
    "Block",
    "Cloud",
    "CloudPoint",
    "Comparison",
    "Delta",
    "Difference",
    "Differences",
    "EqualBudget",
    "MetricCell",
    "MetricRow",
    "NodeChange",
    "Part",
    "Ranges",
    "Reduction",
    "Report",
    "Saving",
    "Stack",
    "Stage",
    "Table",
    "TableCell",
    "TradeOffAxis",
    "cloud",
    "comma_separated",
    "compare",
    "differences",
    "equal_budget",
    "format_cell",
    "format_difference",
    "format_signed",
    "html",
    "is_best",
    "list_axes",
    "markdown",
    "metrics_table",
    "pareto_front",
    "reductions",
    "report",
    "saving",
    "stacks",
    "stages",
    "stages_table",
    "with_reduction",
]
