"""The networks under every convention in which people quote their cost, each total reached from ours step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from explorer.architecture import to_json
from explorer.comparison import LETTERS
from explorer.profiling import CONVENTIONS, CountItem, count_by_convention
from explorer.text import format_signed
from pages.ui import other_tools
from pages.ui.text import literal

from . import networks
from .entries import Entry


class _Account(NamedTuple):
    """One number of one network, from ours to a tool's."""

    ours: int
    items: list[tuple[str, str, int]]
    """(what, the tool's rule, what it adds)."""
    theirs: int


def show(entries: tuple[Entry, ...]) -> None:
    """MACs by every convention from the architecture alone; then what the tools themselves print, on request."""
    analyses = networks.compare_entries(entries).analyses
    found = [count_by_convention(entry.architecture, now) for entry, now in zip(entries, analyses, strict=True)]
    names = [f"{letter} {entry.label}" for letter, entry in zip(LETTERS, entries, strict=False)]
    st.caption(
        "Tools that count the same network disagree by convention. First all totals; unfold a tool to get from our "
        "number to its, one rule a row: the sum is exactly what that tool prints, for one image in inference."
    )
    rows = [[f"{each.tool}: {each.their_name}", *(f"{mine[at].total:,}" for mine in found)]
            for at, each in enumerate(found[0])]  # fmt: skip
    _table(["tool and its number", *names], rows)
    for at, (key, convention) in enumerate(CONVENTIONS.items()):
        accounts = [_Account(mine[at].ours, _items(mine[at].items), mine[at].total) for mine in found]
        if key != "ours":
            with st.expander(f"**{literal(convention.their_name)}** of {literal(convention.tool)}, rule by rule"):
                _steps(names, accounts)
    _run(entries, names)


def _run(entries: tuple[Entry, ...], names: list[str]) -> None:
    box = st.expander(
        "Run torchinfo and FlopCounterMode: parameters, MACs and memory as they print them",
        icon=":material/play_circle:", key="compare_tools", on_change="rerun",
    )  # fmt: skip
    if not box.open:
        return
    with box:
        with st.spinner(other_tools.WAIT):
            found = [other_tools.reconcile_counts(to_json(entry.architecture, indent=None)) for entry in entries]
        for same in zip(*(each["comparisons"] for each in found), strict=True):
            first = same[0]
            st.markdown(f"**{literal(first['their_name'])}** of {literal(first['tool'])}, {first['unit']}")
            _steps(names, [_Account(each["ours"], _items(each["items"]), each["theirs"]) for each in same])
            if not all(each["exact"] for each in same):
                st.warning("The rows do not add up to the tool's number for every network. Please report this design.")


def _items(found: Iterable[Any]) -> list[tuple[str, str, int]]:
    return [
        (each.label, each.convention, each.value) if isinstance(each, CountItem) else
        (each["label"], each["convention"], each["value"])
        for each in found
    ]  # fmt: skip


def _steps(names: list[str], accounts: list[_Account]) -> None:
    """Ours, every rule that makes a difference in any of the networks, and the tool's number."""
    rules: dict[str, str] = {label: rule for account in accounts for label, rule, _ in account.items}
    rows = [["ours", *(f"{account.ours:,}" for account in accounts), ""]]
    for label, rule in rules.items():
        values = [sum(value for name, _, value in account.items if name == label) for account in accounts]
        rows.append([label, *(format_signed(value) if value else "–" for value in values), rule])
    rows.append(["theirs", *(f"{account.theirs:,}" for account in accounts), ""])
    _table(["count", *names, "rule"], rows)


def _table(header: list[str], rows: list[list[str]]) -> None:
    frame = pd.DataFrame(rows, columns=header).map(literal)
    frame.columns = [literal(name) for name in header]
    st.table(frame.set_index(frame.columns[0]), border="horizontal")
