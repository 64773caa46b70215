"""The effective field over the exact one: a layer of its drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.ui.field import Place
from pages.ui.inspect import downloads

from . import effective, measuring, state
from .view import View


def is_on() -> bool:
    """Whether it is asked for."""
    return "effective" in state.state()["layers"] and state.state()["pixel"] is None


def ask(views: Sequence[View], places: Sequence[Place]) -> list[measuring.Question]:
    """What is to be measured: one state of each network. None where the field does not lie on the image."""
    if views[0].source:
        return []
    return [each for view, at in zip(views, places, strict=True) for each in measuring.ask(view, at, beside=False)]


def show_work(view: View, questions: list[measuring.Question]) -> None:
    """How it is measured, and how far that is."""
    if not questions:
        st.caption("The effective field is measured from the image on: choose **the image** under *Seen on*.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="field_effective"):
        how = st.popover("How it is measured", icon=":material/tune:", key="field_how", on_change="rerun")
        if how.open:
            with how:
                measuring.choose(view.architecture, view.path)
        measuring.run(questions)


def lay_over(frame: dict[str, Any], question: measuring.Question) -> dict[str, Any]:
    """A frame of the exact field with the effective one, where that is known."""
    field = question.find()
    if field is None:
        return frame
    title = question.state.title
    return {
        **frame, "over": effective.lay_out(field, clear=True),
        "facts": [
            *frame["facts"],
            ["effective", f"{title} · {measuring.describe(question)}", "The weights, channels and images of it"],
            *effective.describe(field)[:4],
        ],
        "said": f"{frame['said']}. {effective.say(title, field)}",
    }  # fmt: skip


def offer_file(question: measuring.Question, name: str, key: str) -> None:
    """Its numbers, where they are known."""
    field = question.find()
    if field is not None:
        downloads.offer_map(field.values, f"effective field {question.state.title} {name}", key)
