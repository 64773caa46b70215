"""Choices of a tab that the address carries: plain text by name, so that a link or the browser's Back restores them.

``PAGE.state["options"]`` holds for each tab what differs from the defaults: {tab: {name: text}}. What an address says
goes through the widget's own bounds before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from .state import PAGE


def _of(tab: str) -> dict[str, str]:
    return PAGE.state["options"].setdefault(tab, {})


def put(tab: str, name: str, value: str, usual: str = "") -> None:
    """Something that the visitor chose."""
    PAGE.act()
    if value == usual:
        _of(tab).pop(name, None)
    else:
        _of(tab)[name] = value


def get(tab: str, name: str, usual: str = "") -> str:
    """What was chosen, or the usual."""
    return _of(tab).get(name, usual)


def choice(
    tab: str,
    name: str,
    label: str,
    options: Sequence[str],
    titles: Mapping[str, str],
    usual: str = "",
    widget: Callable[..., Any] = st.selectbox,
    **more: Any,
) -> str:
    """A widget for one of ``options``; what an address asks for and is not among them gives way to the usual."""
    usual = usual if usual in options else options[0]
    key = f"{tab}_{name}"
    wanted = get(tab, name, usual)
    st.session_state[key] = wanted if wanted in options else usual
    if widget is st.segmented_control:
        more["required"] = True

    def changed() -> None:
        put(tab, name, st.session_state[key], usual)

    widget(label, list(options), key=key, format_func=lambda each: titles.get(each, each), on_change=changed, **more)
    return str(st.session_state[key])


def number(
    tab: str,
    name: str,
    label: str,
    low: int,
    high: int,
    usual: int,
    widget: Callable[..., Any] = st.number_input,
    step: int = 1,
    **more: Any,
) -> int:
    """A widget for a whole number from ``low`` to ``high``; what an address asks for is brought between them."""
    key = f"{tab}_{name}"
    text = get(tab, name, str(usual))
    wanted = int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else usual
    st.session_state[key] = min(high, max(low, wanted))

    def changed() -> None:
        put(tab, name, str(st.session_state[key]), str(usual))

    widget(label, low, high, key=key, step=step, on_change=changed, **more)
    return int(st.session_state[key])


def multi_choice(
    tab: str,
    name: str,
    label: str,
    options: Sequence[str],
    titles: Mapping[str, str],
    usual: Sequence[str],
    **more: Any,
) -> list[str]:
    """A widget for some of ``options``, in their order; at least the usual ones where none is chosen."""
    key = f"{tab}_{name}"
    wanted = get(tab, name, "-".join(usual)).split("-")
    st.session_state[key] = [each for each in options if each in wanted] or list(usual)

    def changed() -> None:
        put(tab, name, "-".join(each for each in options if each in st.session_state[key]), "-".join(usual))

    st.pills(
        label, list(options), selection_mode="multi", key=key, format_func=lambda each: titles.get(each, each),
        on_change=changed, **more,
    )  # fmt: skip
    return list(st.session_state[key]) or list(usual)
