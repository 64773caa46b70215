"""A network as a small picture: its overview without words, for lists."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..analysis import analyze
from ..architecture import Architecture
from ..text import escape_html
from ._colours import KINDS
from ._diagram import lay_out_column

_WIDTH, _HEIGHT = 320, 64
_STAGES = 3
"""A sequence of so many containers is no block, but holds the stages of a network."""
_MARGIN, _GAP, _LEAST = 4, 2.0, 12.0
"""Around the picture (round corners would cut it), between two columns, and the height of a vector, in its pixels."""


def list_thumbnail_nodes(architecture: Architecture) -> list[tuple[str, Any]]:
    """List what has a column in the small picture: nodes of the trunk, or what they hold one after another.

    Args:
        architecture: Any network.

    Returns:
        (path, node) in order, without auxiliary heads.
    """
    return [each for node in architecture.trunk.nodes for each in _open(node, node.name)]


def _open(node: Any, path: str) -> list[tuple[str, Any]]:
    if node.op == "auxiliary":
        return []
    if node.op == "sequence" and sum(bool(child.child_field) for child in node.nodes) >= _STAGES:
        return [each for child in node.nodes for each in _open(child, f"{path}/{child.name}")]
    return [(path, node)]


@lru_cache(maxsize=128)
def lay_out_thumbnail(architecture: Architecture) -> tuple[tuple[float, float, float, float, str, bool], ...]:
    """Lay out the overview of a network small: a column for each node of the trunk, split by branch.

    A node that only holds the stages or blocks of a network one after another has a column for each of them. Columns
    are as wide as their channels and as high as their maps, both by the square root. Auxiliary heads are left out.

    Args:
        architecture: A network whose layers fit together.

    Returns:
        Rectangles in a frame of 320 by 64: left, top, width, height, the kind of operation (a key of ``KINDS``), and
        whether it is drawn faintly.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    analysis = analyze(architecture)
    columns = []
    shape: tuple[int, ...] = architecture.input_shape
    for path, node in list_thumbnail_nodes(architecture):
        columns.append(lay_out_column(node, path, analysis, shape))
        layers = analysis.below(path)
        shape = layers[-1].output_shape if layers else shape
    weights = [4.0 if each["minor"] else 8 + 1.35 * each["channels"] ** 0.5 for each in columns]
    gap = min(_GAP, _WIDTH / (3 * max(1, len(columns))))
    unit = (_WIDTH - gap * (len(columns) - 1)) / max(1.0, sum(weights))
    unit = min(unit, 3.0)  # a block alone is not as wide as a network
    tallest = max((each["height"] for each in columns), default=1)
    x = (_WIDTH - unit * sum(weights) - gap * (len(columns) - 1)) / 2
    found: list[tuple[float, float, float, float, str, bool]] = []
    for each, weight in zip(columns, weights, strict=True):
        high = _LEAST + (_HEIGHT - _LEAST) * (each["height"] / tallest) ** 0.5
        y = (_HEIGHT - high) / 2
        for part in each["parts"] or [{"kind": each["kind"], "share": 1.0}]:
            room = part["share"] * high
            found.append(
                (round(x, 1), round(y, 1), round(unit * weight, 1), round(max(0.5, room - 0.6), 1), part["kind"],
                 each["minor"])
            )  # fmt: skip
            y += room
        x += unit * weight + gap
    return tuple(found)


@lru_cache(maxsize=128)
def draw_thumbnail(architecture: Architecture, *, dark: bool = False) -> str:
    """Draw the overview of a network small, as ``lay_out_thumbnail`` lays it out; colours are the kinds of operation.

    Args:
        architecture: A network whose layers fit together.
        dark: Whether it stands on a dark background.

    Returns:
        SVG of 320 by 64 pixels, which scales.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    drawn: list[str] = []
    for x, y, wide, high, kind, is_faint in lay_out_thumbnail(architecture):
        colour, faint = KINDS[kind].dark if dark else KINDS[kind].light, ' opacity=".5"' if is_faint else ""
        drawn.append(f'<rect x="{x}" y="{y}" rx="1" width="{wide}" height="{high}" fill="{colour}"{faint}/>')
    frame = f"{-_MARGIN} {-_MARGIN} {_WIDTH + 2 * _MARGIN} {_HEIGHT + 2 * _MARGIN}"
    title = f"<title>{escape_html(architecture.name)}</title>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{frame}" width="{_WIDTH}" height="{_HEIGHT}">'
        f"{title}{''.join(drawn)}</svg>"
    )
