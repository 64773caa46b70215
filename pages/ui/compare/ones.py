"""Lessons on 1×1 convolutions: a layer's operations counted, a 1×1 by hand, and a 1×1 in place of a linear head."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import streamlit as st

from explorer.comparison import LETTERS, compare_heads, count_layer, list_counted, mix_channels
from explorer.text import format_count, format_decimal, format_number
from pages.ui.components import mount
from pages.ui.text import cell, literal

from . import options
from .entries import Entry

TAB = "lesson"

# ---- the operations of a layer --------------------------------------------------------------------------------------


def show_count(entries: tuple[Entry, ...]) -> None:
    """The notes' formula with the numbers of a chosen layer."""
    st.markdown(
        "**Operations of a convolution** = input channels · output channels · numbers of the kernel · places of the "
        "output. One operation is one multiply-add (MAC); biases are not counted. A 1×1 before it makes the first "
        "factor small."
    )
    with st.container(horizontal=True):
        names = {LETTERS[place]: f"{LETTERS[place]} · {entry.label}" for place, entry in enumerate(entries)}
        letter = options.choice(TAB, "of", "Network", list(names), names, width=420)
        network = entries[LETTERS.index(letter)].architecture
        layers = list_counted(network)
        if not layers:
            st.caption("This network has neither a convolution nor a linear layer.")
            return
        usual = next((each for each in layers if each.endswith("branch_3x3/conv")), layers[0])
        path = options.choice(TAB, "layer", "Layer", list(layers), {}, usual, width=420)
    found = count_layer(network, path)
    with st.container(border=True):
        st.markdown(f"**{literal(path)}**")
        st.code(f"{found.weights_equation}\n{found.macs_equation}", language=None, wrap_lines=True)
        if found.note:
            st.caption(literal(f"{found.note[:1].upper()}{found.note[1:]}."))


# ---- a 1×1 by hand --------------------------------------------------------------------------------------------------

_SIDE = 3
_MAPS = (1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0), (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0)
_WEIGHTS = (0.5, -0.5)
_LIMIT = 1e4
_NUMBER = re.compile(r"-?\d{1,5}(\.\d{1,4})?", re.ASCII)


def show_mixing() -> None:
    """The notes' example, every number of which can be changed."""
    maps = [_read(f"map{letter}", usual) for letter, usual in zip("ab", _MAPS, strict=True)]
    weights, (bias,) = _read("weights", _WEIGHTS), _read("bias", (0.0,))
    text = options.get(TAB, "place", "0")
    at = int(text) if text in map(str, range(_SIDE * _SIDE)) else 0
    found = mix_channels(maps, weights, bias)
    st.markdown(
        "A 1×1 convolution mixes the channels **place by place**: one number from each channel, times its weight, "
        "added up, then a ReLU. The notes' example: 0.5 · 1 + (−0.5) · 2 = −0.5, and ReLU gives 0."
    )

    def change(value: object) -> None:
        if not isinstance(value, dict):
            return
        what, number, place, typed = (value.get(name) for name in ("what", "map", "place", "value"))
        if isinstance(typed, bool) or not isinstance(typed, int | float) or abs(typed) > _LIMIT:
            return
        typed = round(float(typed), 4)
        if what == "bias":
            _write("bias", [typed], (0.0,))
        elif what == "weight" and number in (0, 1):
            _write("weights", _put(weights, number, typed), _WEIGHTS)
        elif what == "map" and number in (0, 1) and place in range(_SIDE * _SIDE):
            _write(f"map{'ab'[number]}", _put(maps[number], place, typed), _MAPS[number])

    def choose(place: object) -> None:
        if place in range(_SIDE * _SIDE):
            options.put(TAB, "place", str(place), "0")

    with st.container(border=True):
        mount(
            "mixing", "lesson_mixing",
            {
                "maps": maps, "side": _SIDE, "weights": weights, "bias": bias, "at": at,
                "sums": [format_number(each) for each in found.sums],
                "outputs": [format_number(each) for each in found.outputs], "equations": list(found.equations),
            },
            set=change, at=choose,
        )  # fmt: skip
    st.button("The notes' numbers", key="lesson_mixing_reset", on_click=_reset, icon=":material/restart_alt:")
    st.caption(
        "It is the same small linear layer at every place, so it also works on maps of any size (Lin et al. 2014, "
        "Network In Network, section 3). In the notes' example every sum is −0.5, so the ReLU leaves nothing: with "
        "weights 0.5 and 0.5, or a bias of 1, something passes."
    )


def _put(values: list[float], place: Any, value: float) -> list[float]:
    return [*values[:place], value, *values[place + 1 :]]


def _read(name: str, usual: tuple[float, ...]) -> list[float]:
    """Numbers of an option, the usual ones where the address has others."""
    parts = options.get(TAB, name).split("_")
    if len(parts) != len(usual) or not all(_NUMBER.fullmatch(part) for part in parts):
        return list(usual)
    found = [float(part) for part in parts]
    return found if all(abs(each) <= _LIMIT for each in found) else list(usual)


def _write(name: str, values: list[float], usual: tuple[float, ...]) -> None:
    options.put(TAB, name, "_".join(f"{each:.4f}".rstrip("0").rstrip(".") for each in values), _text(usual))


def _text(values: tuple[float, ...]) -> str:
    return "_".join(f"{each:g}" for each in values)


def _reset() -> None:
    for name in ("mapa", "mapb", "weights", "bias", "place"):
        options.put(TAB, name, "")


# ---- a 1×1 in place of a linear head --------------------------------------------------------------------------------


def show_heads() -> None:
    """Three ways from maps to scores, on maps of another size than they were made for."""
    st.markdown(
        "A linear layer on flattened maps has a weight for each **place**: it fits one image size. A 1×1 with a map "
        "for each class and global pooling has a weight for each **channel**: any size, and the same scores as pooling "
        "first."
    )
    one, two, three, four = st.columns(4)
    with one:
        channels = options.number(TAB, "channels", "Channels", 1, 32, 16, widget=st.slider)
    with two:
        classes = options.number(TAB, "classes", "Classes", 2, 20, 10, widget=st.slider)
    with three:
        made_for = options.number(TAB, "made", "Maps it was made for, a side", 8, 24, 8, widget=st.slider)
    with four:
        size = options.number(TAB, "given", "Maps it is given, a side", 8, 24, 12, widget=st.slider)
    heads = compare_heads(channels, classes, made_for, size)
    rows = [
        {
            "head": head.label,
            "parameters": format_count(head.params),
            f"MACs on {size} × {size}": "–" if head.macs is None else format_count(head.macs),
            f"maps of {size} × {size}": f"do not fit: {head.problem}" if head.problem else "fit",
        }
        for head in heads
    ]
    st.table(pd.DataFrame(rows).map(cell).set_index("head"), border="horizontal")
    _, pooled, mapped = heads
    st.markdown("**The same scores**, of the same weights on the same random maps:")
    scores = pd.DataFrame(
        [[format_decimal(score, 6) for score in head.scores] for head in (pooled, mapped)],
        index=[pooled.label, mapped.label], columns=[f"class {number}" for number in range(1, classes + 1)],
    )  # fmt: skip
    st.dataframe(scores, key="lesson_scores", alt="Table of scores", height="content")
    apart = max(abs(a - b) for a, b in zip(pooled.scores, mapped.scores, strict=True))
    st.caption(
        f"They differ by at most {format_number(apart)}, which is rounding: the mean of a linear map is the linear map "
        "of the mean. The 1×1 costs as many times the MACs as there are places, and gives a map for each class, which "
        "shows where the network saw it (Lin et al. 2014, section 3.2)."
    )
