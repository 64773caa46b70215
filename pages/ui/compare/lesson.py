"""The 1×1 lesson, live: what a reduction saves, in numbers of one's own and in the networks of the comparison; and
small kernels in the place of a large one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.comparison import Saving, compute_saving, list_stacks
from explorer.figures import Axis, Mark, Path
from explorer.text import format_change, format_count, format_extent, format_percent, format_share, format_si
from pages.ui.components import mount
from pages.ui.text import cell

from . import ones, options, reduction
from .entries import Entry

TAB = "lesson"
_PRESETS: dict[str, reduction.Numbers] = {
    "192 → 128, the papers' example": (192, 96, 128, "3x3", 28),
    "GoogLeNet 3a, 5×5": (192, 16, 32, "5x5", 28),
    "Inception v3 6b, 1×7": (768, 128, 128, "1x7", 17),
    "a detour that costs": (64, 96, 64, "3x3", 28),
}
_USUAL = next(iter(_PRESETS.values()))
_PARTS = {
    "saving": "What a reduction saves", "count": "Count a layer", "hand": "A 1×1 by hand", "head": "For a linear head",
}  # fmt: skip
_NAMES = ("in", "reduce", "out", "kernel", "map")
_KERNELS = ("1x3", "3x1", "3x3", "1x5", "5x5", "1x7", "7x1", "7x7", "9x9", "11x11")


def show(entries: tuple[Entry, ...]) -> None:
    """One of the lessons on 1×1 convolutions."""
    part = options.choice(
        TAB, "part", "Lesson", list(_PARTS), _PARTS, widget=st.segmented_control, label_visibility="collapsed"
    )
    {
        "saving": lambda: _show_saving(entries), "count": lambda: ones.show_count(entries), "hand": ones.show_mixing,
        "head": ones.show_heads,
    }[part]()  # fmt: skip


def _show_saving(entries: tuple[Entry, ...]) -> None:
    """Sliders and their numbers; the reductions of a network; small kernels for a large one."""
    st.markdown(
        "A 1×1 convolution before a larger one makes its input narrow: fewer weights, fewer multiply-adds, and one "
        "nonlinearity more (Szegedy et al. 2015, section 4)."
    )
    with st.container(horizontal=True, key="lesson_presets"):
        for name, numbers in _PRESETS.items():
            st.button(name, key=f"lesson_{'-'.join(map(str, numbers))}", on_click=take, args=(numbers,))
    cells = st.container(horizontal=True, gap="small", key="lesson_numbers")
    left, right = st.columns([0.4, 0.6], gap="medium")
    with left, st.container(border=True):
        found = _sliders()
    with cells:
        _numbers(found)
    with right, st.container(border=True):
        _picture(found)
    st.divider()
    reduction.show(entries, take)
    st.divider()
    _stacks()


def take(numbers: reduction.Numbers) -> None:
    """Set the sliders."""
    for name, value, usual in zip(_NAMES, numbers, _USUAL, strict=True):
        options.put(TAB, name, str(value), str(usual))


def _sliders() -> Saving:
    def number(name: str, label: str, place: int, most: int = 512) -> int:
        # No wider than needed: a thumb that moves by a pixel should not move by many channels.
        text = options.get(TAB, name, str(_USUAL[place]))
        most = next((each for each in (most, 1024, 2048) if not text.isdecimal() or int(text) <= each), most)
        return options.number(TAB, name, label, 1, most, int(_USUAL[place]), widget=st.slider)

    coming = number("in", "Channels that come in", 0)
    reduced = number("reduce", "Channels behind the 1×1", 1)
    leaving = number("out", "Channels that go out", 2)
    wanted = options.get(TAB, "kernel", _USUAL[3])
    kernels = sorted({*_KERNELS, *([wanted] if _kernel(wanted) else [])}, key=lambda each: (_area(each), each))
    titles = {each: each.replace("x", "×") for each in kernels}
    kernel = options.choice(TAB, "kernel", "Kernel", kernels, titles, _USUAL[3], widget=st.select_slider)
    size = options.number(TAB, "map", "Pixels of the map, a side", 1, 299, int(_USUAL[4]), widget=st.slider)
    return compute_saving(coming, reduced, leaving, _kernel(kernel) or (3, 3), size * size)


def _kernel(text: str) -> tuple[int, int] | None:
    """'1x7' as (1, 7); None for what is no kernel."""
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and len(text) <= 5):
        return None
    return (int(height), int(width)) if 1 <= int(height) <= 31 and 1 <= int(width) <= 31 else None


def _area(text: str) -> int:
    height, width = _kernel(text) or (0, 0)
    return height * width


def _numbers(found: Saving) -> None:
    words = format_change(found.through, found.direct)
    kernel = f"{found.kernel[0]}×{found.kernel[1]}"
    for label, value, note, meaning in (
        (f"{kernel} alone", format_count(found.direct), "weights",
         f"{found.in_channels:,} · {found.out_channels:,} · {kernel}; no biases."),
        ("through a 1×1", format_count(found.through), f"weights, {words}",
         f"{found.in_channels:,} · {found.reduced:,} for the 1×1 and {found.reduced:,} · {found.out_channels:,} · "
         f"{kernel} behind it; no biases."),
        ("MACs alone", format_si(found.direct_macs), format_count(found.direct_macs),
         "Weights times the positions of the map; stride 1, padding that keeps the size."),
        ("MACs through a 1×1", format_si(found.through_macs), format_count(found.through_macs),
         "Weights of both layers times the positions of the map."),
        ("breaks even at", f"{found.break_even:,.1f}", "channels behind the 1×1",
         "With more channels than that the detour costs more than it saves."),
    ):  # fmt: skip
        st.metric(label, value, note, delta_color="off", delta_arrow="off", help=meaning, border=True)


def _picture(found: Saving) -> None:
    """Weights by the channels behind the 1×1: a line from nothing, which meets the direct way at break-even."""
    most = max(found.in_channels, found.reduced, 1.25 * found.break_even)
    each = found.through / found.reduced
    paths = [
        Path(label="through the 1×1", points=((0.0, 0.0), (most, each * most)), line=0),
        Path(label="alone", points=((0.0, found.direct), (most, found.direct)), line=1, dashed=True),
    ]
    marks = [
        Mark(key="now", label=f"{found.reduced:,} channels", x=found.reduced, y=found.through, line=0,
             facts=(("weights", format_count(found.through)),)),
        Mark(key="even", label="break-even", x=found.break_even, y=found.direct, line=1,
             facts=(("channels", f"{found.break_even:,.1f}"), ("weights", format_count(found.direct)))),
    ]  # fmt: skip
    data = figures.lay_out_scatter(Axis(label="channels behind the 1×1"), Axis(label="weights"), marks, paths)
    alt = (
        f"Weights by the channels behind the 1×1: {found.through:,} at {found.reduced}, {found.direct:,} without it, "
        f"break-even at {found.break_even:.1f}"
    )
    mount("scatter", "lesson_picture", {**data, "title": "What the detour costs", "note": "weights, no biases",
                                        "alt": alt, "legend": [], "chosen": "", "choosable": False})  # fmt: skip


# ---- small kernels --------------------------------------------------------------------------------------------------


def _stacks() -> None:
    st.header("Small kernels for a large one", anchor=False)
    one, two, three = st.columns(3)
    sizes = [str(each) for each in range(3, 32, 2)]
    with one:
        kernel = options.choice(
            TAB, "large", "Field to be seen", sizes, {each: f"{each} × {each}" for each in sizes}, "7",
            widget=st.select_slider,
        )  # fmt: skip
    with two:
        channels = options.number(TAB, "wide", "Channels in and out", 1, 1024, 64, widget=st.slider)
    with three:
        size = options.number(TAB, "side", "Pixels of the map, a side", 8, 224, 28, widget=st.slider)
    found = list_stacks(int(kernel), channels, size)
    whole = found[0].totals
    rows = [
        {
            "way": each.label,
            "layers": each.layers,
            "field": format_extent(each.totals.receptive_field.size),
            "of it read": format_share(each.coverage, 0),
            "weights": format_count(each.totals.params),
            "MACs": format_count(each.totals.macs),
            "of the large one": format_percent(each.totals.params, whole.params),
        }
        for each in found
    ]
    st.table(pd.DataFrame(rows).map(str).map(cell).set_index("way"), border="horizontal")
    st.caption(
        "All have the same field, and all but a single dilated 3×3 read every pixel of it; no biases, stride 1, "
        "padding that keeps the size (Szegedy et al. 2016, section 3). Fewer weights and more nonlinearities, at the "
        "price of more layers; what 1×k then k×1 can compute is only what two such factors can. A second 3×3 that is "
        "dilated reads fewer taps again, and the first one fills its holes."
    )
