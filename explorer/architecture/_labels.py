"""What people call the fields of nodes: one translation for controls, messages and lists of changes."""

from __future__ import annotations

_LABELS = {
    "out_channels": "channels",
    "kernel_size": "kernel",
    "norm_eps": "norm eps",
    "norm_groups": "groups of the norm",
    "init": "first value",
    "ceil_mode": "round sizes up",
    "count_include_pad": "average counts padding",
    "output_size": "output size",
    "out_features": "outputs",
    "p": "probability",
    "size": "channels in the sum",
    "spatial_kernel": "spatial kernel",
    "channel_kernel": "channel kernel",
    "children": "layers",
    "fuse": "fusion",
    "weight": "weight of its loss",
    "input_shape": "input",
}
_OF_KIND = {
    ("pool", "kind"): "pooling", ("global_pool", "kind"): "pooling", ("attention", "kind"): "attention",
    ("norm", "kind"): "norm",
}  # fmt: skip


def field_label(field: str, op: str = "") -> str:
    """Find what people call a field of a node, or of an architecture.

    >>> field_label("out_channels"), field_label("kind", "pool"), field_label("input_shape")
    ('channels', 'pooling', 'input')

    Args:
        field: Name of the field.
        op: Kind of the node, where fields of one name differ.

    Returns:
        The label; the name itself, in words, where there is no other.
    """
    return _OF_KIND.get((op, field)) or _LABELS.get(field) or field.replace("_", " ")


_NODES = {
    "conv": "convolution",
    "pool": "pooling layer",
    "global_pool": "global pooling layer",
    "norm": "norm",
    "channel_shuffle": "channel shuffle",
    "scale": "learned scale",
    "slice": "slice",
    "parallel": "split",
    "auxiliary": "auxiliary head",
    "local_response_norm": "local response norm",
    "residual": "residual",
    "sequence": "sequence",
}


def node_label(op: str) -> str:
    """What people call a kind of node: 'convolution', 'dropout layer'."""
    return _NODES.get(op) or f"{op.replace('_', ' ')} layer"


def count_nodes(op: str, count: int) -> str:
    """'57 convolutions'."""
    return f"{count:,} {node_label(op)}{'' if count == 1 else 's'}"
