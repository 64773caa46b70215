"""The exact support of units: which pixels they can depend on, holes, crosses and borders included; without torch.

Forward for all layers at once (``find_layer_supports``), backward for one unit of the real image, whole or by branches,
the reverse question, and the number of paths. The convention everywhere: a unit is a place of a node's map, and its
support is the union over all channels; where all weights are positive and every other step is linear, it is where the
gradient is not 0.
"""

from ._graph import READINGS, Pooling, Reading, WholePlane
from ._layers import find_layer_support, find_layer_supports
from ._paths import count_paths
from ._supports import EXACT, WHOLE_INPUT, Box, LayerSupport, UnitSupport
from ._units import (
    find_branch_supports,
    find_default_node,
    find_inner_units,
    find_output_shape,
    find_projective_field,
    find_unit_support,
)

__all__ = [
    "EXACT",
    "READINGS",
    "WHOLE_INPUT",
    "Box",
    "LayerSupport",
    "Pooling",
    "Reading",
    "UnitSupport",
    "WholePlane",
    "count_paths",
    "find_branch_supports",
    "find_default_node",
    "find_inner_units",
    "find_layer_support",
    "find_layer_supports",
    "find_output_shape",
    "find_projective_field",
    "find_unit_support",
]
