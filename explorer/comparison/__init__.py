"""Networks beside one another: what differs, what each difference costs, and what the trade-off is. No torch."""

from ._align import Change
from ._budget import EqualBudget, equal_budget
from ._changes import Delta, Differences, Step, differences
from ._cloud import Cloud, Point, Ranges, cloud
from ._compare import MOST, AlignedStage, Cell, Comparison, Row, compare
from ._front import front
from ._html import html
from ._lessons import Reduction, Saving, Stack, reductions, saving, stacks, with_reduction
from ._stages import HEAD, Block, Part, Stage, stages
from ._tables import LETTERS, Report, Table, metrics_table, report, signed, stages_table
from ._text import comma_separated, markdown

__all__ = [
    "HEAD",
    "LETTERS",
    "MOST",
    "AlignedStage",
    "Block",
    "Cell",
    "Change",
    "Cloud",
    "Comparison",
    "Delta",
    "Differences",
    "EqualBudget",
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
    "cloud",
    "comma_separated",
    "compare",
    "differences",
    "equal_budget",
    "front",
    "html",
    "markdown",
    "metrics_table",
    "reductions",
    "report",
    "saving",
    "signed",
    "stacks",
    "stages",
    "stages_table",
    "with_reduction",
]
