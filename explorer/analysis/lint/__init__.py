"""What a network's designer may not want, found exactly, with edits that mend it and are proved to lose nothing."""

from ._findings import RULES, Finding, Fix, Rule
from ._hdc import Chain, judge_chains, measure_hdc
from ._lint import apply_fixes, find_fixes, lint

__all__ = [
    "RULES",
    "Chain",
    "Finding",
    "Fix",
    "Rule",
    "apply_fixes",
    "find_fixes",
    "judge_chains",
    "lint",
    "measure_hdc",
]
