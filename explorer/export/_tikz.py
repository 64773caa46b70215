"""A drawing as TikZ, in a document that LaTeX compiles as it stands."""

from __future__ import annotations

from ..figures import Drawing, Polyline, Rectangle, Shape, Text, find_color
from ._tex import comment_tex, escape_tex, note_letters

_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}


def write_tikz(drawing: Drawing) -> tuple[str, tuple[str, ...]]:
    """Write a drawing as a LaTeX document of one tikzpicture, which another document can include.

    Args:
        drawing: What is drawn.

    Returns:
        The document in ASCII and western letters, and notes, one sentence each.
    """
    names = sorted({name for shape in drawing.shapes for name in _colours(shape)})
    colours = [rf"\definecolor{{explorer {name}}}{{HTML}}{{{find_color(name).light[1:].upper()}}}" for name in names]
    document = [
        comment_tex(drawing.title),
        comment_tex(drawing.caption),
        "% Needs pdfLaTeX with tikz, helvet and textcomp. To include it in another document, copy packages and colours",
        "% into its preamble and the tikzpicture into a figure.",
        r"\documentclass[tikz]{standalone}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{textcomp}",
        r"\usepackage{helvet}",
        *colours,
        r"\begin{document}",
        r"\begin{tikzpicture}[x=1bp,y=-1bp,line join=round,inner sep=0pt,outer sep=0pt]",
        rf"\useasboundingbox (0,0) rectangle ({drawing.width:g},{drawing.height:g});",
        *(_draw(shape) for shape in drawing.shapes),
        r"\end{tikzpicture}",
        r"\end{document}",
    ]
    texts = [drawing.title, *(shape.text for shape in drawing.shapes if isinstance(shape, Text))]
    return "\n".join(document) + "\n", note_letters(texts)


def _colours(shape: Shape) -> list[str]:
    if isinstance(shape, Rectangle):
        return [name for name in (shape.fill, shape.stroke) if name]
    return [shape.stroke if isinstance(shape, Polyline) else shape.colour]


def _tinted(name: str, tint_percent: int) -> str:
    return f"explorer {name}" + (f"!{tint_percent}" if tint_percent < 100 else "")


def _draw(shape: Shape) -> str:
    if isinstance(shape, Text):
        return _write_text(shape)
    dashes = ["dash pattern=on 2.5bp off 2bp"] if shape.is_dashed else []
    if isinstance(shape, Rectangle):
        options = [f"fill={_tinted(shape.fill, shape.tint_percent)}"] if shape.fill else []
        if shape.stroke:
            options += [f"draw=explorer {shape.stroke}", f"line width={shape.stroke_width:g}bp", *dashes]
        options += [f"rounded corners={shape.radius:g}bp"] if shape.radius else []
        x, y = shape.x + shape.width, shape.y + shape.height
        return rf"\path[{','.join(options)}] ({shape.x:.2f},{shape.y:.2f}) rectangle ({x:.2f},{y:.2f});"
    points = " -- ".join(f"({x:.2f},{y:.2f})" for x, y in shape.points)
    if shape.is_closed:
        return rf"\path[fill={_tinted(shape.stroke, shape.tint_percent)}] {points} -- cycle;"
    options = [f"draw=explorer {shape.stroke}", f"line width={shape.stroke_width:g}bp", *dashes]
    return rf"\path[{','.join(options)}] {points};"


def _write_text(shape: Text) -> str:
    weight = r"\bfseries" if shape.is_bold else ""
    font = rf"\usefont{{T1}}{{phv}}{{m}}{{n}}{weight}\fontsize{{{shape.size:g}bp}}{{{shape.size:g}bp}}\selectfont"
    options = [f"anchor={_ANCHORS[shape.anchor]}", f"text=explorer {shape.colour}", f"font={font}"]
    options += ["rotate=90"] if shape.turned else []
    return rf"\node[{','.join(options)}] at ({shape.x:.2f},{shape.y:.2f}) {{{escape_tex(shape.text)}}};"
