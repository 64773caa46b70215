"""How much gradient reaches each block of each variant: one line a variant, from the image to the scores."""

from __future__ import annotations

import streamlit as st

from explorer.experiments import GradientProfile, describe_gradients
from explorer.figures import LINES, Axis, Mark, Path, lay_out_scatter
from explorer.text import format_count, format_number
from pages.ui.components import mount
from pages.ui.text import literal


def show(profiles: tuple[GradientProfile, ...]) -> None:
    """The picture of the first variants, as many as there are colours, and every variant in words."""
    drawn = profiles[: len(LINES)]
    least = min((norm for each in drawn for norm in each.norms if norm > 0), default=1e-12)
    marks = [
        Mark(
            key=f"{place}/{block}", label=f"{each.label}, {block}", x=layer, y=max(norm, least), line=place,
            named=False,
            facts=(("layers so far", format_count(layer)), ("gradient norm", format_number(norm))),
        )
        for place, each in enumerate(drawn)
        for block, layer, norm in zip(each.blocks, each.layers, each.norms, strict=True)
    ]  # fmt: skip
    paths = [
        Path(
            label="", line=place,
            points=tuple((layer, max(norm, least)) for layer, norm in zip(each.layers, each.norms, strict=True)),
        )
        for place, each in enumerate(drawn)
    ]  # fmt: skip
    data = lay_out_scatter(Axis(label="layers from the image"), Axis(label="gradient norm", log=True), marks, paths)
    mount(
        "scatter", "ablation_gradients",
        {
            **data, "title": "Gradient by block", "note": "as recorded last, of the first seed", "chosen": "",
            "choosable": False,
            "alt": f"Gradient norm by layers from the image. {'. '.join(describe_gradients(drawn))}. Arrow keys move.",
            "legend": [
                {"label": each.label, "colour": LINES[place]._asdict(), "shape": place}
                for place, each in enumerate(drawn)
            ],
        },
    )  # fmt: skip
    st.caption(
        literal(
            "Euclidean length of the gradient over each block's parameters, at the last recorded step: a product of "
            "one factor a layer, so without shortcuts it shrinks from the scores (right) to the image (left), and with "
            "them it does not. "
        )
        + "  \n".join(literal(f"{each}.") for each in describe_gradients(profiles))
    )
