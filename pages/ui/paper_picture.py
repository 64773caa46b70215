"""A chart to take away for a paper: SVG, PDF or TikZ, and the words to stand under it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.export import write_pdf, write_svg, write_tikz
from explorer.figures import Drawing

from .downloads import download_button
from .text import literal


def show(key: str, draw: Callable[[], Drawing]) -> None:
    """A menu below a chart; the picture is made when it is opened.

    Args:
        key: Of the menu, and the name of the files.
        draw: Makes the picture.
    """
    unfolded = st.popover(
        "Picture for a paper", icon=":material/download:", key=f"{key}_picture", on_change="rerun", type="tertiary"
    )
    if not unfolded.open:
        return
    with unfolded:
        drawing = draw()
        forms = (
            ("SVG", write_svg, "svg", "image/svg+xml"), ("PDF", write_pdf, "pdf", "application/pdf"),
            ("TikZ", write_tikz, "tex", "text/x-tex"),
        )  # fmt: skip
        told = [drawing.caption]
        with st.container(horizontal=True, gap="small"):
            for label, write, ending, kind in forms:
                data, notes = write(drawing)
                told += [note for note in notes if note not in told]
                download_button(
                    label, data, f"{key.replace('_', '-')}.{ending}", kind,
                    key=f"{key}_picture_{ending}",
                )  # fmt: skip
        st.caption(literal(" ".join(told)))
