"""The architecture as a value: node kinds, validation, JSON, edits, differences, share links.

Imports nothing else of the product. Errors are ``ArchitectureError``, a ValueError whose ``problems`` name path, value
and rule.
"""

from . import blocks, branches, edit
from ._align import Alignment
from ._architecture import Architecture, walk
from ._changes import Change, ChangeKind
from ._channel_nodes import ChannelShuffle, LocalResponseNorm, Norm, Scale, Slice
from ._diff import describe_changes, describe_difference, diff, structural
from ._fields import (
    IN_PLACE,
    NAME_PATTERN,
    SAVES_OUTPUT,
    ActivationKind,
    AttentionKind,
    FuseKind,
    NormKind,
    PoolKind,
    Sides,
    Size,
    pair,
)
from ._geometry import POINTWISE, Geometry, tf_same, write_padding
from ._groups import ChangeGroup, group_changes
from ._json import DESIGN_KEY, from_data, from_json, nodes_from_json, nodes_to_json, to_data, to_json
from ._kinds import add_node_kind
from ._labels import field_label
from ._limits import (
    MAX_BRANCHES,
    MAX_CHANNELS,
    MAX_DEPTH,
    MAX_FEATURES,
    MAX_IMAGE,
    MAX_KERNEL,
    MAX_LINK_BYTES,
    MAX_LINK_CHARS,
    MAX_MACS,
    MAX_NODES,
    MAX_PADDING,
    MAX_PARAMS,
    MAX_TEXT_BYTES,
    MAX_TITLE,
    MIN_IMAGE,
)
from ._link import PREFIX as LINK_PREFIX
from ._link import decode as from_link
from ._link import encode as to_link
from ._node_base import NodeBase, settings_of
from ._nodes import (
    NODE_KINDS,
    Activation,
    Attention,
    Auxiliary,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Parallel,
    Pool,
    Residual,
    Sequence,
)
from ._problems import ArchitectureError, Problem, Repair
from ._read_json import VERSION
from ._source_link import NAME as SOURCE_LINK
from ._source_link import find_source_link, write_source_link
from ._windowed import Windowed

__all__ = [
    "DESIGN_KEY",
    "IN_PLACE",
    "LINK_PREFIX",
    "MAX_BRANCHES",
    "MAX_CHANNELS",
    "MAX_DEPTH",
    "MAX_FEATURES",
    "MAX_IMAGE",
    "MAX_KERNEL",
    "MAX_LINK_BYTES",
    "MAX_LINK_CHARS",
    "MAX_MACS",
    "MAX_NODES",
    "MAX_PADDING",
    "MAX_PARAMS",
    "MAX_TEXT_BYTES",
    "MAX_TITLE",
    "MIN_IMAGE",
    "NAME_PATTERN",
    "NODE_KINDS",
    "POINTWISE",
    "SAVES_OUTPUT",
    "SOURCE_LINK",
    "VERSION",
    "Activation",
    "ActivationKind",
    "Alignment",
    "Architecture",
    "ArchitectureError",
    "Attention",
    "AttentionKind",
    "Auxiliary",
    "Change",
    "ChangeGroup",
    "ChangeKind",
    "ChannelShuffle",
    "Conv",
    "Dropout",
    "Flatten",
    "FuseKind",
    "Geometry",
    "GlobalPool",
    "Linear",
    "LocalResponseNorm",
    "Node",
    "NodeBase",
    "Norm",
    "NormKind",
    "Parallel",
    "Pool",
    "PoolKind",
    "Problem",
    "Repair",
    "Residual",
    "Scale",
    "Sequence",
    "Sides",
    "Size",
    "Slice",
    "Windowed",
    "add_node_kind",
    "blocks",
    "branches",
    "describe_changes",
    "describe_difference",
    "diff",
    "edit",
    "field_label",
    "find_source_link",
    "from_data",
    "from_json",
    "from_link",
    "group_changes",
    "nodes_from_json",
    "nodes_to_json",
    "pair",
    "settings_of",
    "structural",
    "tf_same",
    "to_data",
    "to_json",
    "to_link",
    "walk",
    "write_padding",
    "write_source_link",
]
