"""Networks beside one another: what differs, what each difference costs, and what the trade-off is. No torch."""

from ._align import Change
from ._budget import EqualBudget, equal_budget
from ._cells import Difference, TableCell, format_cell, format_difference, format_signed, is_best
from ._changes import Delta, Differences, Step, differences
from ._cloud import Cloud, Point, Ranges, cloud
from ._compare import MOST, AlignedStage, Comparison, MetricCell, Row, compare
from ._front import front
from ._html import html
from ._lessons import Reduction, Saving, Stack, reductions, saving, stacks, with_reduction
from ._stages import HEAD, Block, Part, Stage, stages
from ._tables import LETTERS, Report, Table, metrics_table, report, stages_table
from ._text import comma_separated, markdown

__all__ = [
    "HEAD",
    "LETTERS",
    "MOST",
    "AlignedStage",
    "Block",
    "Change",
    "Cloud",
    "Comparison",
    "Delta",
    "Difference",
    "Differences",
    "EqualBudget",
    "MetricCell",
    "Part",
    "Point",
    "Ranges",
    "Reduction",
    "Report",
    "Row",
    "Saving",
    "Stack",
    "Stage",
    "Step",
    "Table",
    "TableCell",
    "cloud",
    "comma_separated",
    "compare",
    "differences",
    "equal_budget",
    "format_cell",
    "format_difference",
    "format_signed",
    "front",
    "html",
    "is_best",
    "markdown",
    "metrics_table",
    "reductions",
    "report",
    "saving",
    "stacks",
    "stages",
    "stages_table",
    "with_reduction",
]
