"""Checks of node paths."""

from __future__ import annotations

import difflib

from ..architecture import Architecture, Parallel, walk


def check_path(architecture: Architecture, path: str) -> None:
    """Check that a path names a node that runs in inference.

    Args:
        architecture: The network.
        path: Path of the node.

    Raises:
        ValueError: There is no such node (the message has the nearest paths), or it belongs to an auxiliary head.
    """
    nodes = dict(walk(architecture))
    if path not in nodes:
        near = difflib.get_close_matches(path[:500], nodes, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join([*nodes][:3])} …"
        raise ValueError(f"the network has no {path[:120]!r}; {hint}")
    above, _, _ = path.rpartition("/")
    while above:
        if nodes[above].op == "auxiliary":
            raise ValueError(f"{path} belongs to the auxiliary head {above}, which runs in training only")
        above, _, _ = above.rpartition("/")


def branch_paths(architecture: Architecture, block: str) -> tuple[str, ...]:
    """List the paths of a block's branches.

    Args:
        architecture: The network.
        block: Path of the block.

    Returns:
        The paths, in order.

    Raises:
        ValueError: There is no such node, or it has no branches; the message names blocks that have.
    """
    check_path(architecture, block)
    node = dict(walk(architecture))[block]
    if not isinstance(node, Parallel):
        blocks = [path for path, each in walk(architecture) if isinstance(each, Parallel)]
        raise ValueError(f"{block} has no branches; blocks that have: {', '.join(blocks[:5]) or 'none'}")
    return tuple(f"{block}/{branch.name}" for branch in node.branches)
