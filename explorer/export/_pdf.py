"""A drawing as a PDF of one page of its size. Its letters are in it, as publishers ask: Arimo, as wide as Helvetica."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from ..figures import Drawing, Polyline, Rectangle, Text, find_color, measure_text
from ._letters import name_unknown, spell_out

if TYPE_CHECKING:
    from fpdf import FPDF

_FONTS = Path(__file__).parents[2] / "assets" / "fonts"
_STYLES = {"": "Regular", "B": "Bold"}


def write_pdf(drawing: Drawing) -> tuple[bytes, tuple[str, ...]]:
    """Write a drawing as a PDF document.

    Args:
        drawing: What is drawn.

    Returns:
        The document, and notes, one sentence each.
    """
    from fpdf import FPDF

    page = FPDF(unit="pt", format=(drawing.width, drawing.height))
    for style, name in _STYLES.items():
        page.add_font("Arimo", style, _FONTS / f"Arimo-{name}.ttf")
    page.set_creation_date(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))  # the same drawing gives the same file
    page.set_title(drawing.title)
    page.set_subject(drawing.caption)
    page.set_margin(0)
    page.set_auto_page_break(False)
    page.add_page()
    letters: Container[int] = getattr(page.fonts["arimo"], "cmap")  # noqa: B009  (a core font has none)
    for shape in drawing.shapes:
        if isinstance(shape, Text):
            _write_text(page, shape, lambda letter: ord(letter) in letters)
        elif isinstance(shape, Rectangle):
            _draw_rectangle(page, shape)
        else:
            _draw_line(page, shape)
    texts = [shape.text for shape in drawing.shapes if isinstance(shape, Text)]
    return bytes(page.output()), name_unknown(texts, lambda letter: ord(letter) in letters, "Arimo")


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


def _write_text(page: FPDF, shape: Text, is_known: Callable[[str], bool]) -> None:
    text = spell_out(shape.text, is_known)
    wide = measure_text(text, shape.size, is_bold=shape.is_bold)
    before = {"start": 0.0, "middle": wide / 2, "end": wide}[shape.anchor]
    page.set_font("Arimo", style="B" if shape.is_bold else "", size=shape.size)
    page.set_text_color(*_rgb(shape.colour))
    if shape.turned:
        with page.rotation(90, shape.x, shape.y):
            page.text(shape.x - before, shape.y, text)
    else:
        page.text(shape.x - before, shape.y, text)
