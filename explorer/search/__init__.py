"""Architecture search: what may vary in a network and its training, within limits that are judged before any training.

Needs neither torch nor a browser. Every sampled point is a network whose layers fit together, or is refused with the
reason.
"""

from ._building import Builder, Rejected, Sample
from ._chart import OWN, RANDOM, lay_out_dimensions, lay_out_front
from ._derive import derive_space, find_groups
from ._driving import Driver
from ._limits import ACCURACY, COVERAGE, Limit, Objective, find_objectives, measure, parse_limit
from ._manage import (
    Standing,
    StoredSearch,
    advance,
    delete,
    get_search,
    list_searches,
    pause,
    read_standing,
    repeat,
    resume,
    start,
    stop,
)
from ._pruning import reason_to_prune
from ._report import (
    Findings,
    collect_findings,
    describe_hypervolume,
    find_front,
    measure_choice,
    rank_correlation,
    to_data,
)
from ._search import PRUNERS, SAMPLERS, Budget, Pruner, Sampler, Search, plan
from ._space import GROUPS, Dimension, Group, Point, Space, Value
from ._study import Exhausted, Proposal, describe_refused, propose
from ._trials import VALIDATION_ACCURACY, SearchTrial, collect_trials
from ._volume import Box, find_box, measure_hypervolume, measure_losses

__all__ = [
    "ACCURACY",
    "COVERAGE",
    "GROUPS",
    "OWN",
    "PRUNERS",
    "RANDOM",
    "SAMPLERS",
    "VALIDATION_ACCURACY",
    "Box",
    "Budget",
    "Builder",
    "Dimension",
    "Driver",
    "Exhausted",
    "Findings",
    "Group",
    "Limit",
    "Objective",
    "Point",
    "Proposal",
    "Pruner",
    "Rejected",
    "Sample",
    "Sampler",
    "Search",
    "SearchTrial",
    "Space",
    "Standing",
    "StoredSearch",
    "Value",
    "advance",
    "collect_findings",
    "collect_trials",
    "delete",
    "derive_space",
    "describe_hypervolume",
    "describe_refused",
    "find_box",
    "find_front",
    "find_groups",
    "find_objectives",
    "get_search",
    "lay_out_dimensions",
    "lay_out_front",
    "list_searches",
    "measure",
    "measure_choice",
    "measure_hypervolume",
    "measure_losses",
    "parse_limit",
    "pause",
    "plan",
    "propose",
    "rank_correlation",
    "read_standing",
    "reason_to_prune",
    "repeat",
    "resume",
    "start",
    "stop",
    "to_data",
]
