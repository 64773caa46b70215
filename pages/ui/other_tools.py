"""What other tools say of the design: torchinfo's summary, and every difference of counts itemised.

torch is imported here, when somebody asks, and never for the first paint.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer.architecture import Architecture, from_json, to_json
from explorer.text import format_shape, format_signed

from .components import mount
from .text import literal, number_column

WAIT = "Building the network on the meta device; the first time torch has to be loaded"


@st.cache_data(max_entries=64, show_spinner=False)
def _summary(text: str) -> tuple[str, list[dict[str, Any]], tuple[str, ...]]:
    from explorer import profiling

    found = profiling.summarize(from_json(text))
    return found.text, [row._asdict() for row in found.rows], found.notes


def show_summary(architecture: Architecture) -> None:
    """torchinfo's summary as its own text or as a table."""
    show_summary_as(architecture, choose_summary_form("summary_form"), "summary_table")


def choose_summary_form(key: str) -> str:
    """The choice between text and table."""
    return st.segmented_control(
        "torchinfo's summary as", ["text", "table"], default="text", key=key, required=True,
        label_visibility="collapsed", format_func=str.capitalize,
    )  # fmt: skip


def show_summary_as(architecture: Architecture, form: str, key: str, height: int = 560) -> None:
    """torchinfo's summary in one of its forms; its text takes at most so many pixels, and scrolls."""
    with st.spinner(WAIT):
        text, rows, notes = _summary(to_json(architecture, indent=None))
    if form == "text":
        title = f"torchinfo's summary of {architecture.name}"
        mount("listing", f"{key}_text", {"title": title, "text": text, "height": height})
    else:
        shown = [
            {
                "path": row["path"] or literal(architecture.name),
                "module": row["kind"],
                "input": format_shape(row["input_size"]),
                "output": format_shape(row["output_size"]),
                "kernel": format_shape(row["kernel_size"]),
                "params": row["params"],
                "mult-adds": row["mult_adds"],
            }
            for row in rows
        ]
        number = number_column()
        st.dataframe(
            pd.DataFrame(shown), key=key, hide_index=True, height=420, alt="torchinfo's table",
            column_config={"params": number, "mult-adds": number},
        )  # fmt: skip
    for note in notes:
        st.caption(literal(note))


@st.cache_data(max_entries=64, show_spinner=False)
def reconcile_counts(text: str) -> dict[str, Any]:
    """The ledger of the architecture in a JSON text, as plain data. Imports torch."""
    from explorer import profiling

    return profiling.reconcile_counts(from_json(text)).to_data()


def show_reconciliation(architecture: Architecture) -> None:
    """Each number of ours, what another tool adds or leaves out, and that tool's number."""
    with st.spinner(WAIT):
        found = reconcile_counts(to_json(architecture, indent=None))
    st.caption(
        "Tools that count the same network disagree by convention. Each table goes from our number to the other "
        "tool's, one rule a row; the sum is exactly what that tool reports."
    )
    for comparison in found["comparisons"]:
        rows = [("ours", f"{comparison['ours']:,}", comparison["our_convention"])]
        rows += [(item["label"], format_signed(item['value']), item["convention"]) for item in comparison["items"]]
        rows.append((comparison["tool"], f"{comparison['theirs']:,}", comparison["their_name"]))
        st.markdown(f"**{literal(comparison['their_name'])}** of {literal(comparison['tool'])}, {comparison['unit']}")
        table = pd.DataFrame(rows, columns=["count", comparison["unit"], "rule"]).map(literal)
        st.table(table.set_index("count"), border="horizontal")  # a table wraps its text, and the rules are the point
        if not comparison["exact"]:
            st.warning("The rows do not add up to the tool's number for this network. Please report this design.")
