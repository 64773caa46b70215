"""Ablations: factors × seeds, planned as one value, queued as one experiment, compared in one table.

Needs no torch. Factors are pure functions of an architecture; the runs are ordinary runs of ``explorer.runs``.
"""

from ._chart import chart_rows
from ._comparable import (
    ComparableRuns,
    RunAccuracy,
    collect_accuracies,
    find_runs,
    group_comparable_runs,
    parse_structure,
)
from ._experiment import BASE, MAX_SEEDS, MAX_VARIANTS, Design, Experiment, Variant, check_seeds, parse_seeds, plan
from ._factors import Factor, NotApplicable, changed_nodes, get_factor, list_factors
from ._manage import StoredExperiment, add_seeds, delete, get_experiment, list_experiments, pause, resume, start, stop
from ._presets import PRESETS, Preset
from ._results import CONVENTIONS, TrialResult, VariantResult, collect_results, remaining_seconds
from ._statistics import SampleStatistics, t_quantile
from ._text import (
    COLUMNS,
    ONE_SEED,
    format_difference,
    format_epochs,
    format_interval,
    format_mean_duration,
    format_percent,
    rests_on_one_seed,
    table_cells,
    to_csv,
    to_markdown,
)

__all__ = [
    "BASE",
    "COLUMNS",
    "CONVENTIONS",
    "MAX_SEEDS",
    "MAX_VARIANTS",
    "ONE_SEED",
    "PRESETS",
    "ComparableRuns",
    "Design",
    "Experiment",
    "Factor",
    "NotApplicable",
    "Preset",
    "RunAccuracy",
    "SampleStatistics",
    "StoredExperiment",
    "TrialResult",
    "Variant",
    "VariantResult",
    "add_seeds",
    "changed_nodes",
    "chart_rows",
    "check_seeds",
    "collect_accuracies",
    "collect_results",
    "delete",
    "find_runs",
    "format_difference",
    "format_epochs",
    "format_interval",
    "format_mean_duration",
    "format_percent",
    "get_experiment",
    "get_factor",
    "group_comparable_runs",
    "list_experiments",
    "list_factors",
    "parse_seeds",
    "parse_structure",
    "pause",
    "plan",
    "remaining_seconds",
    "rests_on_one_seed",
    "resume",
    "start",
    "stop",
    "t_quantile",
    "table_cells",
    "to_csv",
    "to_markdown",
]
