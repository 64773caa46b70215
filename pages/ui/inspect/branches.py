"""The branches of a block side by side: what each makes of the picture, and what each contributes to the prediction."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import figures
from explorer.architecture import edit
from explorer.inspection import branch_paths
from explorer.text import format_decimal, format_shape
from pages.ui.components import mount
from pages.ui.text import literal

from . import ink, nodes, queries, state
from .queries import CACHE
from .state import Picture

_EACH = 8
"""Maps of a branch."""


def show(model: Any, picture: Picture, prediction: Any) -> None:
    """The block that the chosen node belongs to."""
    path = nodes.choose(model.architecture)
    block = nodes.block_of(model.architecture, path)
    if not block:
        st.info("This network has no block with branches.")
        nodes.diagram(model.architecture, path)
        return
    paths = branch_paths(model.architecture, block)
    found = queries.features(model, picture, paths)
    kinds = {each: figures.kind_of_branch(edit.find(model.architecture, each)) for each in paths}
    groups = []
    for each in paths:
        values = found[each].values.numpy()
        channels = found[each].channels_by_contrast[:_EACH]
        groups.append({
            "key": each, "title": each.rpartition("/")[2], "kind": kinds[each],
            "note": f"{figures.KINDS[kinds[each]].label} · {format_shape(values.shape)} · "
            f"{len(channels)} most varied",
            "sheet": figures.draw_map_grid(values, channels, shared=False),
        })  # fmt: skip
    left, right = st.columns([0.58, 0.42], gap="medium")
    with left:
        chosen = {"group": path, "channel": state.state()["channel"]} if path in paths else None
        mount(
            "maps", "inspect_branches",
            {"what": "channel", "choosable": True, "size": 64, "groups": groups, "chosen": chosen, "large": None},
            choose=state.choose_map,
        )  # fmt: skip
        st.caption(
            f"The branches of {literal(block)}: of each the {_EACH} channels that vary most over the picture, each in "
            "its own colour scale. A click chooses the channel; *Feature maps* shows it large."
        )
    with right:
        _contributions(model, picture, prediction, block, kinds)
    nodes.diagram(model.architecture, path)


def _contributions(model: Any, picture: Picture, prediction: Any, block: str, kinds: dict[str, str]) -> None:
    import torch

    from explorer.inspection.contributions import branch_contributions

    index = ask_class(model, prediction)
    pictures = [ink.seen_by(model, each) for each in state.state()["pictures"]]
    predicted = [each for each in pictures if not isinstance(queries.predict_picture(model, each), str)]
    among = len(predicted) > 1 and _asked_among(len(predicted))
    digests = tuple(sorted({each["digest"] for each in predicted})) if among else ()

    def work() -> Any:
        inputs = [queries.predict_picture(model, each).input for each in predicted] if among else []
        return branch_contributions(model, prediction.input, block, index, torch.stack(inputs) if inputs else None)

    try:
        found = CACHE.get_or_compute(("contributions", model.digest, picture["digest"], block, index, digests), work)
    except ValueError as error:
        st.info(literal(f"{error}."))
        return
    mount(
        "bars", "inspect_contributions",
        {
            "title": "Contribution of each branch", "note": f"to the logit of {model.classes[index]}",
            "alt": f"Contribution of each branch of {block} to the logit of {model.classes[index]}",
            "bars": [
                {"label": each.path.rpartition("/")[2], "value": each.logit, "kind": kinds[each.path],
                 "text": format_decimal(each.logit, 3, signed=True),
                 "detail": f"{format_decimal(100 * each.probability, 1, signed=True)} points"}
                for each in found
            ],
        },
    )  # fmt: skip
    mean = (
        f"over all positions of the {len(predicted)} pictures, so the branch says nothing about this one"
        if among
        else "over the positions of this picture, so the branch still says what and how much, no longer where"
    )
    st.caption(
        f"The class's score less its score when the branch is silenced: each of its channels is replaced by its mean "
        f"{mean}. Right of the middle: the branch speaks for the class. Points: the same for the probability, in "
        "percent. Contributions do not sum up to the score, because branches work together."
    )


def _asked_among(count: int) -> bool:
    """Whether a silenced branch gives its mean over all pictures, instead of over this one."""
    titles = {"this": "this picture", "all": f"all {count} pictures"}
    chosen = st.segmented_control(
        "A silenced branch gives its mean over", list(titles), default="this", key="inspect_reference", required=True,
        format_func=titles.__getitem__, persist_state="session",
    )  # fmt: skip
    return chosen == "all"


def ask_class(model: Any, prediction: Any) -> int:
    """A widget for the class that is asked about; the predicted one by default."""
    index = queries.class_index(model, prediction, state.state()["class_index"])
    st.session_state["inspect_class"] = index
    best = [each.index for each in prediction.top]
    options = [*best, *(number for number in range(len(model.classes)) if number not in best)]
    st.selectbox(
        "Class", options, key="inspect_class", format_func=model.classes.__getitem__,
        on_change=lambda: state.change(class_index=st.session_state["inspect_class"]),
        help="The most probable classes come first.",
    )  # fmt: skip
    return index


