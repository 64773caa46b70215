"""Which nodes can be looked into."""

from __future__ import annotations

import difflib

from ..architecture import Architecture, Parallel, walk


def check_path(architecture: Architecture, path: str) -> None:
    """Raise ValueError, with the nearest paths, unless a node has this path and runs in inference."""
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
    """The paths of a block's branches, in order. Raises ValueError where the node has none."""
    check_path(architecture, block)
    node = dict(walk(architecture))[block]
    if not isinstance(node, Parallel):
        blocks = [path for path, each in walk(architecture) if isinstance(each, Parallel)]
        raise ValueError(f"{block} has no branches; blocks that have: {', '.join(blocks[:5]) or 'none'}")
    return tuple(f"{block}/{branch.name}" for branch in node.branches)
