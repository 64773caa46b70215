"""Cost and geometry of an architecture in pure Python: no torch, no arrays, a fraction of a millisecond a network."""

from ._analyze import VISITS, Sweep, analyze, problems, repair
from ._containers import projection_stride
from ._convex import convex_in_channels, convex_samples
from ._growth import AxisField, GrowthStep, explain_growth, format_growth
from ._metrics import METRICS, Direction, Metric, depth, headline_metrics
from ._readings import BYTES, CONVENTIONS, Analysis, AuxiliaryHead, Layer, ReceptiveField, Totals
from ._roles import ROLES, Role, find_roles
from ._walk import widen_field

__all__ = [
    "BYTES",
    "CONVENTIONS",
    "METRICS",
    "ROLES",
    "VISITS",
    "Analysis",
    "AuxiliaryHead",
    "AxisField",
    "Direction",
    "GrowthStep",
    "Layer",
    "Metric",
    "ReceptiveField",
    "Role",
    "Sweep",
    "Totals",
    "analyze",
    "convex_in_channels",
    "convex_samples",
    "depth",
    "explain_growth",
    "find_roles",
    "format_growth",
    "headline_metrics",
    "problems",
    "projection_stride",
    "repair",
    "widen_field",
]
