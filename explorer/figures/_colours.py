"""One colour per kind of operation, the same on every page; always with a label, never by colour alone.

Hues after Okabe & Ito (2008), which stay apart for colour-blind eyes, in a darker set for light and a lighter one for
dark backgrounds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ._kinds import look_of


class Kind(NamedTuple):
    """A kind of operation and its colour."""

    label: str
    """Caption."""
    light: str
    """Colour on a light background, '#rrggbb'."""
    dark: str
    """Colour on a dark background."""


KINDS: dict[str, Kind] = {
    "1x1": Kind("1×1", "#8a94a6", "#9aa5b8"),
    "3x3": Kind("3×3", "#0072b2", "#56b4e9"),
    "5x5": Kind("5×5", "#d55e00", "#f58b3c"),
    "larger": Kind("larger", "#b04a87", "#dd8bb9"),
    "factorised": Kind("factorised", "#009e73", "#3cd19a"),
    "pooling": Kind("pooling", "#dda000", "#f0c040"),
    "shortcut": Kind("shortcut", "#5b6b7f", "#8fa0b5"),
    "attention": Kind("attention", "#7656b5", "#b9a1ee"),
    "fuse": Kind("fusion", "#3d4757", "#a9b1bc"),
    "linear": Kind("linear", "#7a6248", "#c4a988"),
    "other": Kind("other", "#b4bac3", "#77818e"),
}
"""Every kind of operation by its key."""


def kind_of(node: Any) -> str:
    """Find the kind that gives a layer its colour.

    Args:
        node: A node of an architecture.

    Returns:
        A key of ``KINDS``.
    """
    return look_of(node.op).colour(node)


_RANK = {"larger": 5, "factorised": 4, "5x5": 3, "3x3": 2, "pooling": 1, "1x1": 0}


def _leaves(node: Any) -> list[Any]:
    """The layers at or below a node, those of gates left aside."""
    if not node.nodes:
        return [] if node.child_field else [node]
    return [leaf for child in node.nodes if child.name not in node.gates for leaf in _leaves(child)]


def kind_of_branch(node: Any) -> str:
    """Find the kind that stands for a whole branch: its widest window; one that begins with a pool is pooling.

    Args:
        node: A branch, or any other node.

    Returns:
        A key of ``KINDS``.
    """
    leaves = _leaves(node)
    if not leaves:
        return "shortcut"
    if leaves[0].op in ("pool", "global_pool"):
        return "pooling"
    kinds = [kind_of(leaf) for leaf in leaves]
    return max(kinds, key=lambda kind: _RANK.get(kind, -1))


def list_colors() -> dict[str, dict[str, str]]:
    """List the colours as plain data for the components.

    Returns:
        For each key of ``KINDS``: ``label``, and ``light`` and ``dark`` as ``#rrggbb``.
    """
    return {name: kind._asdict() for name, kind in KINDS.items()}
