"""Catalogue: every named network with its provenance, what was repaired, and published facts beside our own counts."""

from __future__ import annotations

from pages.ui import router

router.enter()

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from explorer import catalog  # noqa: E402
from explorer.analysis import analyze  # noqa: E402
from explorer.text import format_count, format_extent, format_shape  # noqa: E402
from pages.ui import session  # noqa: E402
from pages.ui.compare import entries, networks  # noqa: E402
from pages.ui.text import literal  # noqa: E402

st.title("Catalogue")
query = st.text_input("Search", key="search", placeholder="name, tag or source: residual, MNIST, 2014 ...")
words = query.lower().split()

shown = 0
for entry in catalog.entries():
    haystack = " ".join((entry.name, entry.title, entry.summary, entry.source, *entry.tags)).lower()
    if not all(word in haystack for word in words):
        continue
    shown += 1
    analysis = analyze(entry.architecture)
    totals = analysis.totals
    with st.container(border=True, key=f"entry_{entry.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(entry.title, anchor=False, width="stretch")
            st.page_link(
                "pages/design.py", label="Open in Design", icon=":material/schema:", query_params={"net": entry.name}
            )
            compared = st.button(
                "Compare", icon=":material/compare_arrows:", key=f"compare_{entry.name}", type="tertiary"
            )
        if compared:
            session.begin()
            networks.bring(entries.from_catalogue(entry.name))
            networks.go()
        st.write(literal(entry.summary))
        st.caption(
            f"{format_count(totals.params)} parameters · {format_count(totals.macs)} MACs at "
            f"{format_shape(analysis.input_shape)} · "
            f"receptive field {format_extent(totals.receptive_field.size)} px, "
            f"stride {format_extent(totals.receptive_field.stride)}  \n"
            f"{literal(entry.source)}  \nName for links and the command line: `{entry.name}`"
        )
        for slip in entry.repairs:
            st.markdown(f":material/build: **Repaired:** {literal(slip)}")
        if entry.facts:
            rows = [
                {
                    "published": literal(fact.metric.replace("_", " ")),
                    "value": f"{fact.value:,.10g}",
                    "computed here": f"{getattr(totals, fact.metric):,}" if hasattr(totals, fact.metric) else "–",
                    "source": literal(fact.source + (f" ({fact.note})" if fact.note else "")),
                }
                for fact in entry.facts
            ]
            st.table(pd.DataFrame(rows).set_index("published"), border="horizontal")
if not shown:
    st.info("Nothing in the catalogue matches. Try one word, such as GoogLeNet, MNIST or dilation.")
