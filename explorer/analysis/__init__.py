"""Cost and geometry of an architecture in pure Python: no torch, no arrays, a fraction of a millisecond a network."""

from ._analyze import Sweep, analyze, problems, repair
from ._convex import along, convex_in_channels
from ._metrics import METRICS, Direction, Metric, depth, headline_metrics
from ._readings import BYTES, CONVENTIONS, Analysis, Layer, ReceptiveField, Totals

__all__ = [
    "BYTES",
    "CONVENTIONS",
    "METRICS",
    "Analysis",
    "Direction",
    "Layer",
    "Metric",
    "ReceptiveField",
    "Sweep",
    "Totals",
    "along",
    "analyze",
    "convex_in_channels",
    "depth",
    "headline_metrics",
    "problems",
    "repair",
]
