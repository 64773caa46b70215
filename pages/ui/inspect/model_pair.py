"""Two models on the same pictures: where do they disagree?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer.inspection import AvailableModel, load_model_cards
from explorer.text import format_share
from pages.ui.components import mount
from pages.ui.text import cell, literal

from . import ink, models, predictions, queries, state


def show(found: dict[str, AvailableModel], model: Any) -> None:
    """The second model is chosen here; pictures on which the predictions differ come first."""
    name = models.choose_second(found)
    if not name:
        st.caption("Choose a second model to see where the two disagree.")
        _offer(model)
        return
    with st.spinner("Opening the second model"):
        other = models.open_by_name(name, found)
    if other is None:
        return
    if other.digest == model.digest:
        st.info("Both are the same model: they cannot differ. Choose another one as the second model.")
    st.caption(literal(f"A: {model.provenance}. B: {other.provenance}."))
    if set(model.classes) != set(other.classes):
        st.warning("The two do not know the same classes: predictions are compared by their names.")
    pictures = state.state()["pictures"]
    if not pictures:
        st.caption("Pictures are needed for this; **Test set** compares the two on a whole one.")
        return
    with st.spinner("Predicting with both"):
        shown = [
            predictions.make_tile(
                each,
                [
                    (by, one, queries.predict_picture(one, ink.seen_by(one, each)))
                    for by, one in (("A", model), ("B", other))
                ],
            )
            for each in pictures
        ]
    shown.sort(key=lambda tile: not tile["differs"])
    count = sum(tile["differs"] for tile in shown)
    st.markdown(f"The predictions differ on **{count}** of {len(shown)} pictures.")
    mount(
        "tiles", "inspect_two_tiles",
        {"tiles": shown, "chosen": state.state()["show"], "choosable": True}, choose=state.choose_picture,
    )  # fmt: skip
    rows = [_row(tile) for tile in shown]
    st.dataframe(pd.DataFrame(rows), key="inspect_two_table", hide_index=True, alt="Predictions of both models")
    st.caption("Best class of each with its probability (softmax), each model with its own preprocessing.")


def _offer(model: Any) -> None:
    """Models that come with the program and know the same classes; where there are none, two that do."""
    cards = load_model_cards()
    pairs = [(a, b) for a in cards for b in cards if a != b and cards[a].classes == cards[b].classes]
    own = [pair for pair in pairs if pair[0] == model.name]
    for first, second in own or pairs[:1]:
        what = f"Compare with {cards[second].title}"
        if not own:
            what = f"Compare {cards[first].title} with {cards[second].title}"
        st.button(
            what, key=f"inspect_pair_{first}_{second}", icon=":material/compare:",
            on_click=models.choose_pair, args=(first, second),
        )  # fmt: skip


def _row(tile: dict[str, Any]) -> dict[str, Any]:
    given = {prediction["by"]: prediction for prediction in tile["predictions"]}
    row = {"picture": cell(tile["title"]), "shows": cell(tile["shows"] or "")}
    for by in ("A", "B"):
        prediction = given.get(by)
        row[by] = cell(prediction["name"]) if prediction else "–"
        row[f"{by} probability"] = format_share(prediction['share'], 1) if prediction else "–"
    return {**row, "": "differ" if tile["differs"] else ""}
