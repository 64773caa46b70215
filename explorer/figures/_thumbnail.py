"""A network as a small picture: its overview without words, for lists."""

from __future__ import annotations

from functools import lru_cache

from ..analysis import analyze
from ..architecture import Architecture
from ..text import escape_html
from ._colours import KINDS
from ._diagram import lay_out_overview

_WIDTH, _HEIGHT = 320, 64
_MARGIN, _GAP, _LEAST = 4, 2.0, 12.0
"""Around the picture (round corners would cut it), between two columns, and the height of a vector, in its pixels."""


@lru_cache(maxsize=128)
def draw_thumbnail(architecture: Architecture, *, dark: bool = False) -> str:
    """Draw the overview of a network small: a column for each node of the trunk.

    Columns are as wide as their channels and as high as their maps, both by the square root; colours are the kinds of
    operation, split by branch. Auxiliary heads are left out.

    Args:
        architecture: A network whose layers fit together.
        dark: Whether it stands on a dark background.

    Returns:
        SVG of 320 by 64 pixels, which scales.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    columns = [each for each in lay_out_overview(architecture, analyze(architecture)) if not each["tap"]]
    weights = [4.0 if each["minor"] else 8 + 1.35 * each["channels"] ** 0.5 for each in columns]
    gap = min(_GAP, _WIDTH / (3 * max(1, len(columns))))
    unit = (_WIDTH - gap * (len(columns) - 1)) / max(1.0, sum(weights))
    unit = min(unit, 3.0)  # a block alone is not as wide as a network
    tallest = max((each["height"] for each in columns), default=1)
    x = (_WIDTH - unit * sum(weights) - gap * (len(columns) - 1)) / 2
    drawn: list[str] = []
    for each, weight in zip(columns, weights, strict=True):
        high = _LEAST + (_HEIGHT - _LEAST) * (each["height"] / tallest) ** 0.5
        y = (_HEIGHT - high) / 2
        for part in each["parts"] or [{"kind": each["kind"], "share": 1.0}]:
            kind = KINDS[part["kind"]]
            colour, faint = kind.dark if dark else kind.light, ' opacity=".5"' if each["minor"] else ""
            place = f'x="{x:.1f}" y="{y:.1f}" rx="1"'
            size = f'width="{unit * weight:.1f}" height="{max(0.5, part["share"] * high - 0.6):.1f}"'
            drawn.append(f'<rect {place} {size} fill="{colour}"{faint}/>')
            y += part["share"] * high
        x += unit * weight + gap
    frame = f"{-_MARGIN} {-_MARGIN} {_WIDTH + 2 * _MARGIN} {_HEIGHT + 2 * _MARGIN}"
    title = f"<title>{escape_html(architecture.name)}</title>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{frame}" width="{_WIDTH}" height="{_HEIGHT}">'
        f"{title}{''.join(drawn)}</svg>"
    )
