"""A trained network with fewer layers, channels or bits, and the proof of what that changes."""

from ._branches import fold_branches
from ._by_latency import LATENCY
from ._int8 import QuantisedModel, quantise, time_beside
from ._model import as_model, read_inputs
from ._norms import fold_norms
from ._pointwise import merge_pointwise
from ._prune import CRITERIA, MINIMUM, Budget, Criterion, prune
from ._recalibrate import recalibrate
from ._slimmed import Proof, Slimmed, StepName, compare_scores
from ._steps import EXACT_STEPS, STEP_TITLES, SlimPlan, slim

__all__ = [
    "CRITERIA",
    "EXACT_STEPS",
    "LATENCY",
    "MINIMUM",
    "STEP_TITLES",
    "Budget",
    "Criterion",
    "Proof",
    "QuantisedModel",
    "SlimPlan",
    "Slimmed",
    "StepName",
    "as_model",
    "compare_scores",
    "fold_branches",
    "fold_norms",
    "merge_pointwise",
    "prune",
    "quantise",
    "read_inputs",
    "recalibrate",
    "slim",
    "time_beside",
]
