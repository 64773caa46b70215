"""A drawing as a PDF of one page of its size, in Helvetica, which every reader has."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ..figures import Drawing, Polyline, Rectangle, Text, find_color, measure_text
from ._letters import name_unknown, spell_out

if TYPE_CHECKING:
    from fpdf import FPDF

_SIGNS = str.maketrans({"−": "–"})
"""Signs that the encoding of Helvetica has not, as signs that look the same."""


def write_pdf(drawing: Drawing) -> tuple[bytes, tuple[str, ...]]:
    """Write a drawing as a PDF document.

    Args:
        drawing: What is drawn.

    Returns:
        The document, and notes, one sentence each.
    """
    from fpdf import FPDF

    page = FPDF(unit="pt", format=(drawing.width, drawing.height))
    page.core_fonts_encoding = "windows-1252"
    page.set_creation_date(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))  # the same drawing gives the same file
    page.set_title(drawing.title)
    page.set_subject(drawing.caption)
    page.set_margin(0)
    page.set_auto_page_break(False)
    page.add_page()
    for shape in drawing.shapes:
        if isinstance(shape, Text):
            _write_text(page, shape)
        elif isinstance(shape, Rectangle):
            _draw_rectangle(page, shape)
        else:
            _draw_line(page, shape)
    texts = [shape.text.translate(_SIGNS) for shape in drawing.shapes if isinstance(shape, Text)]
    return bytes(page.output()), name_unknown(texts, _is_known, "Helvetica")


def _is_known(letter: str) -> bool:
    """Whether the encoding of Helvetica in a PDF has it."""
    return letter.isprintable() and letter.encode("windows-1252", "ignore") != b""


def _rgb(name: str, tint_percent: int = 100) -> tuple[int, int, int]:
    hexadecimal = find_color(name).light
    red, green, blue = (
        round(255 - (255 - int(hexadecimal[at : at + 2], 16)) * tint_percent / 100) for at in (1, 3, 5)
    )
    return red, green, blue


def _draw_rectangle(page: FPDF, shape: Rectangle) -> None:
    style = "F" * bool(shape.fill) + "D" * bool(shape.stroke)
    if shape.fill:
        page.set_fill_color(*_rgb(shape.fill, shape.tint_percent))
    if shape.stroke:
        page.set_draw_color(*_rgb(shape.stroke))
        page.set_line_width(shape.stroke_width)
    _dash(page, shape.is_dashed)
    if 2 * shape.radius >= max(shape.width, shape.height):
        page.ellipse(shape.x, shape.y, shape.width, shape.height, style=style)
        return
    page.rect(
        shape.x, shape.y, shape.width, shape.height, style=style, round_corners=bool(shape.radius),
        corner_radius=shape.radius,
    )  # fmt: skip


def _draw_line(page: FPDF, shape: Polyline) -> None:
    if shape.is_closed:
        page.set_fill_color(*_rgb(shape.stroke, shape.tint_percent))
        page.polygon(list(shape.points), style="F")
        return
    page.set_draw_color(*_rgb(shape.stroke))
    page.set_line_width(shape.stroke_width)
    _dash(page, shape.is_dashed)
    page.polyline(list(shape.points))


def _dash(page: FPDF, is_dashed: bool) -> None:
    if is_dashed:
        page.set_dash_pattern(dash=2.5, gap=2)
    else:
        page.set_dash_pattern()


def _write_text(page: FPDF, shape: Text) -> None:
    text = spell_out(shape.text.translate(_SIGNS), _is_known)
    wide = measure_text(text, shape.size, is_bold=shape.is_bold)
    before = {"start": 0.0, "middle": wide / 2, "end": wide}[shape.anchor]
    page.set_font("Helvetica", style="B" if shape.is_bold else "", size=shape.size)
    page.set_text_color(*_rgb(shape.colour))
    if shape.turned:
        with page.rotation(90, shape.x, shape.y):
            page.text(shape.x - before, shape.y, text)
    else:
        page.text(shape.x - before, shape.y, text)
