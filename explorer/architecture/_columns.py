"""What stands one after another in a network, as people read it, and which of it are blocks of branches."""

from __future__ import annotations

from typing import Any

from ._architecture import Architecture
from ._nodes import Parallel, Residual, Sequence

_FEW_STAGES = 3


def columns(architecture: Architecture) -> dict[str, Any]:
    """Find what the network is one after another, as people read it: the nodes of the trunk.

    Libraries often put the whole body into one sequence (``features``). Where a single sequence of the trunk holds more
    than three nodes that hold others, what it holds stands in its place.

    Args:
        architecture: The network.

    Returns:
        The nodes by their paths, in order.
    """
    trunk = architecture.trunk.nodes
    bodies = [node for node in trunk if isinstance(node, Sequence) and _count_stages(node) > _FEW_STAGES]
    found: dict[str, Any] = {}
    for node in trunk:
        if len(bodies) == 1 and node is bodies[0]:
            found |= {f"{node.name}/{child.name}": child for child in node.nodes}
        else:
            found[node.name] = node
    return found


def _count_stages(sequence: Sequence) -> int:
    return sum(bool(child.nodes) for child in sequence.nodes)


def column_of(architecture: Architecture, path: str) -> str:
    """Find the column that a node belongs to.

    Args:
        architecture: The network.
        path: Path of a node, or ''.

    Returns:
        Path of its column, or of the node of the trunk that holds several columns; '' for ''.
    """
    names = path.split("/")
    two = "/".join(names[:2])
    return two if two in columns(architecture) else names[0]


def blocks(architecture: Architecture) -> list[str]:
    """Find the blocks of a network: the columns that hold parallel branches.

    Args:
        architecture: The network.

    Returns:
        Their paths, in order.
    """
    return [
        path
        for path, node in columns(architecture).items()
        if not is_gate(node) and block_parallel(node, path) is not None
    ]


def is_gate(node: Any) -> bool:
    """Tell whether a node weighs its input as attention does, by a branch that pools the whole map.

    Args:
        node: Any node.

    Returns:
        Whether it is a ``Parallel`` that has ``gates``.
    """
    return bool(node.gates)


def block_parallel(node: Any, path: str) -> str | None:
    """Find the first Parallel at or below a node, looking through residuals and sequences but not auxiliary heads.

    One within the node that only weighs what goes through it, as squeeze-and-excitation does, is passed over.

    Args:
        node: Any node.
        path: Its path.

    Returns:
        Path of the Parallel; None where there is none.
    """
    if isinstance(node, Parallel):
        return path
    if isinstance(node, Residual | Sequence):
        for child in node.nodes:
            found = None if is_gate(child) else block_parallel(child, f"{path}/{child.name}")
            if found is not None:
                return found
    return None
