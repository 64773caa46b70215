"""Ablations: factors × seeds, planned as one value, queued as one experiment, judged in one table.

Needs no torch. Factors are pure functions of an architecture; the runs are ordinary runs of ``explorer.runs``.
"""

from ._experiment import BASE, MAX_SEEDS, MAX_VARIANTS, Design, Experiment, Variant, check_seeds, plan
from ._factors import Factor, NotApplicable, changed_parts, factor, factors
from ._manage import Stored, add_seeds, delete, experiments, find, pause, resume, start, stop
from ._presets import PRESETS, Preset
from ._results import CONVENTIONS, Row, TrialResult, results, seconds_to_go
from ._statistics import Sample, t_quantile
from ._text import COLUMNS, cells, duration, epochs, interval, percent, to_csv, to_markdown
from ._trained import Learnt, Trained, learnt, runs_of, structure, trained

__all__ = [
    "BASE",
    "COLUMNS",
    "CONVENTIONS",
    "MAX_SEEDS",
    "MAX_VARIANTS",
    "PRESETS",
    "Design",
    "Experiment",
    "Factor",
    "Learnt",
    "NotApplicable",
    "Preset",
    "Row",
    "Sample",
    "Stored",
    "Trained",
    "TrialResult",
    "Variant",
    "add_seeds",
    "cells",
    "changed_parts",
    "check_seeds",
    "delete",
    "duration",
    "epochs",
    "experiments",
    "factor",
    "factors",
    "find",
    "interval",
    "learnt",
    "pause",
    "percent",
    "plan",
    "results",
    "resume",
    "runs_of",
    "seconds_to_go",
    "start",
    "stop",
    "structure",
    "t_quantile",
    "to_csv",
    "to_markdown",
    "trained",
]
