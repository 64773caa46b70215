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
)
from ._conclusions import (
    ONE_SEED,
    Comparison,
    Conclusions,
    SeedsNeeded,
    Spread,
    describe_conclusions,
    draw_conclusions,
)
from ._experiment import BASE, MAX_SEEDS, MAX_VARIANTS, Design, Experiment, Variant, check_seeds, parse_seeds, plan
from ._factors import Factor, NotApplicable, changed_nodes, get_factor, list_factors
from ._gradients import GradientProfile, collect_gradients, describe_gradients
from ._manage import StoredExperiment, add_seeds, delete, get_experiment, list_experiments, pause, resume, start, stop
from ._presets import PRESETS, Preset
from ._results import CONVENTIONS, TrialResult, VariantResult, collect_results, remaining_seconds
from ._statistics import SampleStatistics, correct_for_many, deviation_interval, seeds_needed, t_quantile
from ._text import (
    COLUMNS,
    INTERACTION_COLUMNS,
    format_difference,
    format_epochs,
    format_interval,
    format_mean_duration,
    format_percent,
    format_seeds_needed,
    format_verdict,
    interaction_cells,
    table_cells,
    to_csv,
    to_markdown,
)

__all__ = [
    "BASE",
    "COLUMNS",
    "CONVENTIONS",
    "INTERACTION_COLUMNS",
    "MAX_SEEDS",
    "MAX_VARIANTS",
    "ONE_SEED",
    "PRESETS",
    "ComparableRuns",
    "Comparison",
    "Conclusions",
    "Design",
    "Experiment",
    "Factor",
    "GradientProfile",
    "NotApplicable",
    "Preset",
    "RunAccuracy",
    "SampleStatistics",
    "SeedsNeeded",
    "Spread",
    "StoredExperiment",
    "TrialResult",
    "Variant",
    "VariantResult",
    "add_seeds",
    "changed_nodes",
    "chart_rows",
    "check_seeds",
    "collect_accuracies",
    "collect_gradients",
    "collect_results",
    "correct_for_many",
    "delete",
    "describe_conclusions",
    "describe_gradients",
    "deviation_interval",
    "draw_conclusions",
    "find_runs",
    "format_difference",
    "format_epochs",
    "format_interval",
    "format_mean_duration",
    "format_percent",
    "format_seeds_needed",
    "format_verdict",
    "get_experiment",
    "get_factor",
    "group_comparable_runs",
    "interaction_cells",
    "list_experiments",
    "list_factors",
    "parse_seeds",
    "pause",
    "plan",
    "remaining_seconds",
    "resume",
    "seeds_needed",
    "start",
    "stop",
    "t_quantile",
    "table_cells",
    "to_csv",
    "to_markdown",
]
