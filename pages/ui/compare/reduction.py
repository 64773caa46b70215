"""The reductions of a network: what each 1×1 before a larger convolution saves, one of them chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from explorer.architecture import Architecture, edit
from explorer.comparison import LETTERS, Reduction, find_reductions
from explorer.text import format_count, format_share, format_signed
from pages.ui.text import cell, key_of_rows, literal, read_picked

from . import networks, options
from .entries import Entry

TAB = "lesson"
Numbers = tuple[int, int, int, str, int]
"""Input, reduced and output channels, kernel such as '1x7', pixels of the map a side."""


@lru_cache(maxsize=16)
def _reductions(architecture: Architecture) -> tuple[Reduction, ...]:
    return find_reductions(architecture)


def show(entries: tuple[Entry, ...], take: Callable[[Numbers], None]) -> None:
    """A table to choose from; ``take`` gets the numbers of what is chosen."""
    st.header("What does this reduction save?", anchor=False)
    names = {LETTERS[place]: f"{LETTERS[place]} · {entry.label}" for place, entry in enumerate(entries)}
    place = options.choice(TAB, "of", "Network", list(names), names, width=420)
    entry = entries[LETTERS.index(place)]
    found = _reductions(entry.architecture)
    if not found:
        st.caption(literal(f"{entry.label} has no 1×1 before a larger convolution that could be left out."))
        return
    chosen = options.get(TAB, "at")
    paths = [each.reduce for each in found]
    key = key_of_rows("lesson_table", [entry.label, *paths])

    def pick() -> None:
        picked = read_picked(key, len(paths))
        if picked:
            each = found[picked[0]]
            take(_numbers(each))
            options.put(TAB, "at", each.reduce)

    rows = [paths.index(chosen)] if chosen in paths else []
    st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    frame = pd.DataFrame(map(_row, found))
    st.dataframe(
        frame.style.format(_FORMATS), key=key, hide_index=True, on_select=pick,
        selection_mode="single-row", alt="Table of reductions", height="content" if len(found) <= 12 else 420,
        column_config={"1×1": st.column_config.TextColumn(pinned=True)},
    )  # fmt: skip
    st.caption(
        "Saved: share of the two layers' weights, no biases; below 0 the detour costs more than it saves. The last "
        "column is the whole network without the 1×1 less the network with it: biases, norms and all. A chosen row "
        "sets the sliders."
    )
    if rows:
        _without(entry, found[rows[0]])


_FORMATS: dict[Any, Any] = {
    **dict.fromkeys(("weights without", "weights with", "MACs saved"), format_count),
    "network's params without": format_signed, "saved": format_share,
}  # fmt: skip
"""How the columns of numbers are written; they are sorted as numbers."""


def _row(each: Reduction) -> dict[str, object]:
    lesson = each.saving
    return {
        "1×1": cell(each.reduce),
        "channels": f"{lesson.in_channels:,} → {lesson.reduced:,} → {lesson.out_channels:,}",
        "kernel": f"{lesson.kernel[0]}×{lesson.kernel[1]}",
        "weights without": lesson.direct,
        "weights with": lesson.through,
        "saved": lesson.saved,
        "MACs saved": lesson.direct_macs - lesson.through_macs,
        "network's params without": each.delta.params,
    }


def _numbers(each: Reduction) -> Numbers:
    lesson = each.saving
    side = max(1, min(299, round(lesson.positions**0.5)))
    return lesson.in_channels, lesson.reduced, lesson.out_channels, f"{lesson.kernel[0]}x{lesson.kernel[1]}", side


def _without(entry: Entry, each: Reduction) -> None:
    bare = edit.remove(entry.architecture, each.reduce)
    name = f"{entry.architecture.name[:60]} without {each.reduce.rpartition('/')[2][:20]}"
    bare = edit.replace(bare, "", name=name, notes=f"{entry.architecture.name} without {each.reduce}"[:1000])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Leaving out **{literal(each.reduce)}** changes the network by {format_signed(each.delta.params)} "
            f"parameters and {format_signed(each.delta.macs)} MACs."
        )
        if st.button("Open it without in Design", key="lesson_open", icon=":material/schema:"):
            networks.open_in_design(bare)
        st.button(
            "Add it without to the comparison", key="lesson_add", icon=":material/add:",
            on_click=networks.add_architecture, args=(bare, bare.name),
        )  # fmt: skip
