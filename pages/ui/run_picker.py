"""Lists in which a run is chosen: of thousands the newest are offered, and words find the others."""

from __future__ import annotations

from collections.abc import Container, Iterable

import streamlit as st

FIRST_RUNS = 50
"""As many runs stand in a list; thousands would travel to the browser with every page that has one."""


def narrow(titles: dict[str, str], runs: Container[str], key: str, keep: Iterable[str | None] = ()) -> dict[str, str]:
    """Choose what a list offers where there are more runs than it takes; a field for words then finds the others.

    Args:
        titles: What can be chosen, with what is shown of it; runs with the newest first.
        runs: Which of them are runs; the others are always offered.
        key: Of the field.
        keep: What is offered whatever the words are, such as the one that is chosen.

    Returns:
        What is offered, in the same order.
    """
    found = [name for name in titles if name in runs]
    if len(found) <= FIRST_RUNS:
        return titles
    words = st.text_input(
        "Find a run", key=key, placeholder=f"Find one of {len(found):,} runs: name, id ...", persist_state="session",
        label_visibility="collapsed", help=f"The list has the newest {FIRST_RUNS} runs; words find the others.",
    ).lower().split()  # fmt: skip
    lower = {name: titles[name].lower() for name in found}
    matching = [name for name in found if all(word in lower[name] for word in words)]
    # Whole words before parts of words: "trial 1" is among "trial 10", "trial 11" and all whose id has a 1.
    matching.sort(key=lambda name: sum(word not in lower[name].split() for word in words))
    if words and not matching:
        st.caption("No run has these words.")
    elif words:
        closest = f", of which the closest {FIRST_RUNS} are in the list" if len(matching) > FIRST_RUNS else ""
        st.caption(f"{len(matching):,} of {len(found):,} runs match{closest}.")
    offered = {*matching[:FIRST_RUNS], *keep}
    return {name: title for name, title in titles.items() if name in offered or name not in runs}
