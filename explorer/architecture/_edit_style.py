"""Norm and activation of many convolutions at once, or of a new one that is to be like its neighbour."""

from __future__ import annotations

from math import gcd
from typing import Any

from ._architecture import Architecture
from ._edit_tree import find, put, transform, validate, with_fields
from ._nodes import Conv


def style_of(conv: Conv) -> dict[str, Any]:
    """Find what another convolution takes over that is to be like this one.

    Args:
        conv: The model.

    Returns:
        Its norm and activation, as fields of ``Conv``.
    """
    return {name: getattr(conv, name) for name in ("norm", "norm_eps", "norm_groups", "activation")}


def set_style(architecture: Architecture, path: str, **style: Any) -> Architecture:
    """Set the norm or activation of every convolution at or below a node.

    Convolutions without an activation keep none: they end a residual body or a depthwise step on purpose.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the node; '' for the whole network.
        style: Fields of ``Conv``: ``norm``, ``activation``.

    Returns:
        The new architecture.

    Raises:
        ArchitectureError: The path or a value is not valid.
    """

    def change(_: str, node: Any) -> Any:
        if not isinstance(node, Conv):
            return node
        fields = {k: v for k, v in style.items() if k != "activation" or node.activation != "none"}
        if fields.get("norm") == "group" and isinstance(node.out_channels, int):
            fields["norm_groups"] = gcd(node.norm_groups, node.out_channels)
        return with_fields(node, **fields)

    node = find(architecture, path)
    return (
        transform(architecture, change, path)
        if path == "" or node.child_field
        else put(architecture, path, validate(lambda: change(path, node), None, path))
    )
