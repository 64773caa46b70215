"""A picture for print as a short list of shapes, laid out once: every written form draws just these.

Lengths are PostScript points (1/72 inch), y grows downwards. Colours are names, so that a page can be light or dark:
a key of ``KINDS`` or ``LINES``, or one of ``INKS``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from ._colours import KINDS, Kind
from ._curves import LINES

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

INKS: dict[str, Kind] = {
    "ink": Kind("text and lines", "#1c232d", "#e8ecf1"),
    "soft": Kind("remarks and frames", "#566070", "#a5afbc"),
    "rule": Kind("rules of a chart", "#d5dae1", "#3a4450"),
    "page": Kind("the ground", "#ffffff", "#12161c"),
}
"""Colours that stand for no kind of operation."""


def find_color(name: str) -> Kind:
    """Find a colour of a drawing by its name.

    Args:
        name: A key of ``KINDS`` or ``INKS``, or the label of one of ``LINES``.

    Returns:
        The colour, on light and on dark ground.
    """
    return KINDS.get(name) or INKS.get(name) or next(line for line in LINES if line.label == name)


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """A rectangle, whose corners may be round: with half its side as radius it is a disc."""

    x: float
    """Left edge in pt."""
    y: float
    """Upper edge in pt."""
    width: float
    """In pt."""
    height: float
    """In pt."""
    fill: str = ""
    """Colour inside; '' for none."""
    tint_percent: int = 100
    """How much of the colour is in the fill, the rest being the ground."""
    stroke: str = ""
    """Colour of the border; '' for none."""
    stroke_width: float = 0.8
    """In pt."""
    radius: float = 0.0
    """Of the corners in pt."""
    is_dashed: bool = False
    """Whether the border is."""


@dataclass(frozen=True, kw_only=True)
class Polyline:
    """Straight lines from point to point."""

    points: tuple[Point, ...]
    """(x, y) of each in pt."""
    stroke: str = "ink"
    """Colour of the line; of the area for one that is closed."""
    stroke_width: float = 0.7
    """In pt."""
    is_closed: bool = False
    """Whether the area between the points is filled, without a border, instead."""
    tint_percent: int = 100
    """How much of the colour is in the area."""
    is_dashed: bool = False
    """Whether the line is."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text in Helvetica or a face as wide."""

    x: float
    """Of the anchor in pt."""
    y: float
    """Of the baseline in pt."""
    text: str
    """What it says, as it is: a writer escapes it."""
    size: float = 7.0
    """In pt."""
    anchor: Anchor = "start"
    """Which part of the text stands at x."""
    is_bold: bool = False
    """Whether it is."""
    colour: str = "ink"
    """Of the letters."""
    turned: bool = False
    """Whether it reads upwards, as beside a vertical axis."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, upper, right and lower edge in pt, of letters with the greatest ascent and descent."""
        wide = measure_text(self.text, self.size, is_bold=self.is_bold)
        before = {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        up, down = ASCENT * self.size, DESCENT * self.size
        if self.turned:
            return self.x - up, self.y + before - wide, self.x + down, self.y + before
        return self.x - before, self.y - up, self.x - before + wide, self.y + down


Shape = Rectangle | Polyline | Text


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A picture: its size, its shapes from the back to the front, and what it shows in words."""

    width: float
    """In pt."""
    height: float
    """In pt."""
    shapes: tuple[Shape, ...]
    """All of them lie within the size."""
    title: str
    """The name of what it shows; it is not drawn."""
    caption: str
    """What its signs and numbers mean: sentences to stand under it."""


ASCENT, DESCENT = 0.74, 0.22
"""Of Helvetica's letters, in shares of the size."""
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584",
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 "
    "584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 "
    "333 611 556 778 556 556 500 389 280 389 584",
)
"""Of Helvetica and Helvetica-Bold, from the space to the tilde, in thousandths of the size (Adobe's font metrics)."""
_OTHER = {"×": 584, "·": 333, "−": 584, "–": 556, "…": 1000, "’": 278}
_METRICS = tuple(
    {**{chr(32 + place): int(width) for place, width in enumerate(widths.split())}, **_OTHER} for widths in _WIDTHS
)


def measure_text(text: str, size: float, *, is_bold: bool = False) -> float:
    """Measure how wide a text is in Helvetica.

    Args:
        text: One line.
        size: In pt.
        is_bold: Whether it is bold.

    Returns:
        The width in pt. An accented letter is as wide as without; what Helvetica has not counts as a square.
    """
    widths = _METRICS[is_bold]
    plain = (each if each in widths else unicodedata.normalize("NFD", each)[0] for each in text)
    return size / 1000 * sum(widths.get(each, 1000) for each in plain)


def shift(shape: Shape, right: float, down: float) -> Shape:
    """Move a shape, in pt."""
    if isinstance(shape, Polyline):
        return replace(shape, points=tuple((x + right, y + down) for x, y in shape.points))
    return replace(shape, x=shape.x + right, y=shape.y + down)


def draw_arrow(*points: Point, stroke: str = "ink", is_dashed: bool = False) -> list[Shape]:
    """A line through points with a head at the end of its last, vertical or horizontal piece; in pt."""
    (x0, y0), (x, y) = points[-2:]
    along, across = 3.6, 1.5
    if x == x0:
        back = y - along if y > y0 else y + along
        head = ((x, y), (x - across, back), (x + across, back))
        end = (x, back)
    else:
        back = x - along if x > x0 else x + along
        head = ((x, y), (back, y - across), (back, y + across))
        end = (back, y)
    line = Polyline(points=(*points[:-1], end), stroke=stroke, is_dashed=is_dashed)
    return [line, Polyline(points=head, stroke=stroke, is_closed=True)]
