"""The second lesson: windows in a row, step by step from one unit down to the image."""

from __future__ import annotations

import streamlit as st

from explorer import figures
from explorer.comparison import Chain, read_chain
from explorer.text import format_change, format_count, format_share
from pages.ui.components import mount

from . import parts
from .numbers import CHANNELS, DILATIONS, KERNELS, LESSONS, MAX_LAYERS, Numbers, layers_of

NAME = "chain"
_PRESETS: dict[str, Numbers] = {
    "Two 3×3, as in the notes": (64, 3, 1, 3, 1),
    "One 5×5": (64, 5, 1),
    "Three 3×3": (64, 3, 1, 3, 1, 3, 1),
    "3×3, then 3×3 dilated by 2": (64, 3, 1, 3, 2),
    "Two 3×3 dilated by 2": (64, 3, 2, 3, 2),
}


def show() -> None:
    """The chain with its sliders, its picture, and what it costs."""
    numbers = parts.current(NAME)
    chain = read_chain(layers_of(numbers), numbers[0])
    parts.introduce(
        "Two 3×3 see what one 5×5 sees", _notice(chain), chain.architecture.name, parts.link_to(chain.architecture)
    )
    parts.show_presets(NAME, {title: (numbers[0], *preset[1:]) for title, preset in _PRESETS.items()})
    left, right = st.columns([0.3, 0.7], gap="medium")
    with left, st.container(border=True):
        _sliders(numbers)
        _cost(chain)
    with right, st.container(border=True):
        draw(chain, "lesson_chain")
    st.caption(
        "**Beyond the notes:** 3 + 3 − 1 = 5 holds only while every stride is 1. In general r grows by (k − 1)·d·j, "
        "where j is the product of the strides before: the last lesson works it out for any network."
    )


def _notice(chain: Chain) -> str:
    """What to notice: of the notes' two 3×3 in their words, of another chain with its own numbers."""
    if chain.layers == ((3, 1), (3, 1)):
        return (
            "The second layer's nine pixels each stand for a 3×3 of the image; these overlap, and together they fill "
            "5 × 5: 3 + 3 − 1 = 5, and not 3 + 3. That costs 18·C² weights, not 25·C², and has one more nonlinearity."
        )
    side = " + ".join(["1", *(str(dilation * (kernel - 1)) for kernel, dilation in chain.layers)])
    share = format_share(chain.coverage, 1)
    seen = "all is read" if chain.coverage == 1 else f"{share} is read, the rest is holes"
    box = f"{chain.side} × {chain.side}"
    return f"Each layer adds d·(k − 1) to the side of the box: {side} = {chain.side}; of {box} {seen}."


def draw(chain: Chain, key: str) -> None:
    """The picture of a chain."""
    name = chain.architecture.name
    share = f"{format_count(chain.touched)} of {chain.side} × {chain.side} pixels are read"
    mount(
        "taps", key,
        {
            "view": "chain", "title": name, "note": "from one unit of the output down to the image",
            "alt": f"What one unit behind {name} reads, map by map",
            "share": {"part": chain.coverage, "text": f"{share}: {format_share(chain.coverage, 1)}"},
            **figures.lay_out_chain(chain.architecture),
        },
    )  # fmt: skip


def _sliders(numbers: Numbers) -> None:
    layers, first = layers_of(numbers), LESSONS[NAME].usual
    usual = (*layers_of(first), *[(3, 1)] * MAX_LAYERS)
    rows = [parts.describe_slider("Channels C", CHANNELS, numbers[0], first[0], "In and out of each layer.")]
    for place, (kernel, dilation) in enumerate(layers):
        taps, apart = usual[place]
        name = f"Layer {place + 1}"
        rows += [
            parts.describe_slider(f"{name}, k", KERNELS, kernel, taps, "Taps along each axis.", step=2),
            parts.describe_slider(f"{name}, d", DILATIONS, dilation, apart, "Distance between taps."),
        ]
    parts.show_sliders(NAME, rows)
    with st.container(horizontal=True):
        st.button(
            "Add a layer", key="lesson_chain_add", icon=":material/add:", disabled=len(layers) == MAX_LAYERS,
            on_click=parts.put, args=(NAME, (*numbers, 3, 1)),
        )  # fmt: skip
        st.button(
            "Remove the last", key="lesson_chain_remove", icon=":material/remove:", disabled=len(layers) == 1,
            on_click=parts.put, args=(NAME, numbers[:-2]),
        )  # fmt: skip


def _cost(chain: Chain) -> None:
    """Weights of the chain beside those of one kernel that sees as much."""
    st.markdown(f"Weights: {chain.weights}")
    if chain.single is not None:
        change = format_change(chain.totals.params, chain.single.params)
        st.markdown(f"One {chain.side}×{chain.side}: {chain.single_weights}. From it to the chain: **{change}**")
