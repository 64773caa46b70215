"""Architecture search: what may vary in a network and its training, within limits that are judged before any training.

Needs neither torch nor a browser. Every sampled point is a network whose layers fit together, or is refused with the
reason.
"""

from ._building import Builder, Rejected, Sample
from ._derive import derive_space, find_groups
from ._limits import ACCURACY, COVERAGE, Limit, Objective, find_objectives, measure, parse_limit
from ._space import GROUPS, Dimension, Group, Point, Space, Value

__all__ = [
    "ACCURACY",
    "COVERAGE",
    "GROUPS",
    "Builder",
    "Dimension",
    "Group",
    "Limit",
    "Objective",
    "Point",
    "Rejected",
    "Sample",
    "Space",
    "Value",
    "derive_space",
    "find_groups",
    "find_objectives",
    "measure",
    "parse_limit",
]
