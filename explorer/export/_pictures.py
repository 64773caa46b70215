"""The picture of a network or of one of its blocks, in each form that a paper takes."""

from __future__ import annotations

from ..figures import Drawing, draw_block, draw_network
from ._pdf import write_pdf
from ._subject import Subject
from ._svg import write_svg
from ._tikz import write_tikz

_MM = 25.4 / 72


def write_svg_of(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Its picture as SVG."""
    drawing = _draw(subject)
    text, notes = write_svg(drawing)
    return text.encode(), (*_describe(drawing), *notes)


def write_pdf_of(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Its picture as PDF."""
    drawing = _draw(subject)
    data, notes = write_pdf(drawing)
    return data, (*_describe(drawing), *notes)


def write_tikz_of(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Its picture as TikZ."""
    drawing = _draw(subject)
    text, notes = write_tikz(drawing)
    return text.encode(), (*_describe(drawing), *notes)


def _draw(subject: Subject) -> Drawing:
    return draw_block(subject.architecture, subject.path) if subject.path else draw_network(subject.architecture)


def _describe(drawing: Drawing) -> tuple[str, ...]:
    wide, high = round(drawing.width * _MM), round(drawing.height * _MM)
    return (drawing.caption, f"{wide} × {high} mm, at which its letters have 6 and 7 pt.")
