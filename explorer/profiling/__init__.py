"""What a network costs by other tools' counts and by the clock.

Importing this package loads no torch: it has the conventions of counting, the values of a measurement (``timing``) and
the process that takes it (``measurement``). ``summarize`` and ``reconcile_counts`` run torchinfo and FlopCounterMode on
the meta device; they and the module ``latency`` load torch when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .conventions import CONVENTIONS, OUR_CONVENTION, Convention, Count, CountItem, count_by_convention
from .measurement import MeasurementStep, measure_in_subprocess
from .measurement_queue import wait_for_turn
from .side_by_side import SideBySide, time_side_by_side
from .timing import Ceilings, Disagreement, Latency, Setting, computation_digest, find_disagreement

if TYPE_CHECKING:
    from ._count_reconciliation import CountReconciliation, NodeCounts, ToolComparison, reconcile_counts
    from ._summary import Summary, SummaryRow, summarize

__all__ = [
    "CONVENTIONS",
    "OUR_CONVENTION",
    "Ceilings",
    "Convention",
    "Count",
    "CountItem",
    "CountReconciliation",
    "Disagreement",
    "Latency",
    "MeasurementStep",
    "NodeCounts",
    "Setting",
    "SideBySide",
    "Summary",
    "SummaryRow",
    "ToolComparison",
    "computation_digest",
    "count_by_convention",
    "find_disagreement",
    "measure_in_subprocess",
    "reconcile_counts",
    "summarize",
    "time_side_by_side",
    "wait_for_turn",
]

_NEEDS_TORCH = {
    "CountReconciliation": "_count_reconciliation",
    "NodeCounts": "_count_reconciliation",
    "ToolComparison": "_count_reconciliation",
    "reconcile_counts": "_count_reconciliation",
    "Summary": "_summary",
    "SummaryRow": "_summary",
    "summarize": "_summary",
}


def __getattr__(name: str) -> Any:
    """Import the module of a name that needs torch when the name is first used."""
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
