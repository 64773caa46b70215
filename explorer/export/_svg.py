"""A drawing as SVG: shapes and text only, no script, no style from elsewhere, no link."""

from __future__ import annotations

from ..figures import Drawing, Polyline, Rectangle, Shape, Text, find_color, measure_text
from ..text import escape_html
from ._letters import name_unknown, spell_out

_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def write_svg(drawing: Drawing, *, theme: str = "") -> tuple[str, tuple[str, ...]]:
    """Write a drawing as an SVG document.

    Args:
        drawing: What is drawn.
        theme: Prefix of CSS classes, in which a page can give the colours anew; '' for the colours on white alone.

    Returns:
        The document, and notes, one sentence each.
    """
    ground = "" if theme else f'<rect width="{drawing.width:g}" height="{drawing.height:g}" fill="#ffffff"/>\n'
    body = "\n".join(_draw(shape, theme) for shape in drawing.shapes)
    size = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    size += "" if theme else f' width="{drawing.width:g}pt" height="{drawing.height:g}pt"'
    told = f"<title>{_escape(drawing.title)}</title>\n<desc>{_escape(drawing.caption)}</desc>\n"
    label = f'role="img" aria-label="{_escape(drawing.title)}"'
    document = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {label} font-family="{_FONT}">\n{told}{ground}{body}\n</svg>\n'
    )
    return document, name_unknown([drawing.title, *_texts(drawing)], _is_legal, "XML")


def _texts(drawing: Drawing) -> list[str]:
    return [shape.text for shape in drawing.shapes if isinstance(shape, Text)]


def _is_legal(letter: str) -> bool:
    """Whether XML 1.0 allows it, as a letter that is seen."""
    number = ord(letter)
    return 0x20 <= number < 0x7F or 0xA0 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or number >= 0x10000


def _escape(text: str) -> str:
    return escape_html(spell_out(text, _is_legal))


def _paint(attribute: str, name: str, tint_percent: int = 100) -> str:
    """Fill or stroke in a colour for white ground."""
    if not name:
        return f' {attribute}="none"'
    found = f' {attribute}="{find_color(name).light}"'
    if tint_percent < 100:
        found += f' {attribute}-opacity="{tint_percent / 100:g}"'
    return found


def _classes(theme: str, fill: str, stroke: str) -> str:
    """The classes by which a page can change these colours."""
    names = [*([f"{theme}-fill-{fill}"] if fill else []), *([f"{theme}-stroke-{stroke}"] if stroke else [])]
    return f' class="{" ".join(names)}"' if theme and names else ""


def _draw(shape: Shape, theme: str) -> str:
    if isinstance(shape, Rectangle):
        return (
            f'<rect x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.width:.2f}" height="{shape.height:.2f}"'
            + (f' rx="{shape.radius:g}"' if shape.radius else "")
            + _paint("fill", shape.fill, shape.tint_percent)
            + (f'{_paint("stroke", shape.stroke)} stroke-width="{shape.stroke_width:g}"' if shape.stroke else "")
            + _dashes(shape.is_dashed)
            + _classes(theme, shape.fill, shape.stroke)
            + "/>"
        )
    if isinstance(shape, Polyline):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
        if shape.is_closed:
            paint = _paint("fill", shape.stroke, shape.tint_percent) + _classes(theme, shape.stroke, "")
            return f'<polygon points="{points}"{paint}/>'
        paint = _paint("stroke", shape.stroke) + _classes(theme, "", shape.stroke)
        return (
            f'<polyline points="{points}" fill="none"{paint} stroke-width="{shape.stroke_width:g}"'
            f' stroke-linejoin="round"{_dashes(shape.is_dashed)}/>'
        )
    return _write_text(shape, theme)


def _dashes(is_dashed: bool) -> str:
    return ' stroke-dasharray="2.5 2"' if is_dashed else ""


def _write_text(shape: Text, theme: str) -> str:
    """The length is told, so that a face that is wider than Helvetica is set closer."""
    long = measure_text(shape.text, shape.size, is_bold=shape.is_bold)
    return (
        f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}"'
        + (f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else "")
        + (' font-weight="bold"' if shape.is_bold else "")
        + (f' transform="rotate(-90 {shape.x:.2f} {shape.y:.2f})"' if shape.turned else "")
        + f' textLength="{long:.2f}" lengthAdjust="spacingAndGlyphs"'
        + _paint("fill", shape.colour)
        + _classes(theme, shape.colour, "")
        + f">{_escape(shape.text)}</text>"
    )
