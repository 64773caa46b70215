"""Options that write a picture into a file, whose ending says in which form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..export import write_pdf, write_svg, write_tikz
from ..figures import Drawing
from ..text import quote
from ._text import escape, wrap, write_bytes

FILE_HELP = "as SVG, PDF or TikZ by its ending: .svg, .pdf, .tex"


def write_picture(name: str, drawing: Drawing) -> None:
    """Write a drawing into a file, and print its caption."""
    writers: dict[str, Callable[[Drawing], tuple[str | bytes, tuple[str, ...]]]] = {
        ".svg": write_svg,
        ".pdf": write_pdf,
        ".tex": write_tikz,
    }
    write = writers.get(Path(name).suffix.lower())
    if write is None:
        raise ValueError(f"{quote(name)} must end with .svg, .pdf or .tex, which says how the picture is written")
    data, notes = write(drawing)
    write_bytes(name, data if isinstance(data, bytes) else data.encode())
    print(wrap(escape(" ".join((f"{name}: {drawing.caption}", *notes)))))
