"""Weights that the visitor brings for an architecture; checked before anything is made of them."""

from __future__ import annotations

import streamlit as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, ArchitectureError, from_json
from explorer.inspection import Preprocessing
from explorer.text import format_bytes, format_si
from pages.ui import session
from pages.ui.text import literal

from . import device, state

MAX_PARAMETERS = 100_000_000
MAX_ACTIVATION_BYTES = 1_000_000_000
"""Of activations alive at one time, for one picture."""
_DESIGN, _CATALOGUE, _FILE = "Your design", "Catalogue", "JSON file"


def show() -> None:
    """The form; a model that was opened takes the place of the one before it."""
    box = st.expander("Your own weights", icon=":material/upload_file:", key="inspect_own_box", on_change="rerun")
    if not box.open:
        return
    with box:
        place = state.state()["own_round"]
        architecture = _architecture()
        weights = st.file_uploader(
            "Weights (.safetensors, or a state dict saved by torch)", type=["safetensors", "pt", "pth"],
            key=f"inspect_weights_{place}",
        )  # fmt: skip
        names = st.text_area(
            "Class names, one a line (optional)", key="inspect_classes", max_chars=100_000, height=90,
            persist_state="session",
        )  # fmt: skip
        left, right = st.columns(2)
        mean = left.text_input(
            "Mean", "0.5", key="inspect_mean", persist_state="session",
            help="What was subtracted from pixels of 0 to 1: one number, or one a channel with commas between.",
        )  # fmt: skip
        std = right.text_input("Deviation", "0.5", key="inspect_std", persist_state="session")
        pressed = st.button(
            "Open", key="inspect_open", icon=":material/folder_open:", disabled=weights is None or architecture is None
        )
        if not pressed or weights is None or architecture is None:
            return
        try:
            with st.spinner("Comparing the weights with the network"):
                _open(architecture, weights.getvalue(), weights.name, names, mean, std)
        except ValueError as error:
            st.error(literal(f"{error}."))
            return
    st.rerun()


def _architecture() -> Architecture | None:
    source = st.segmented_control(
        "Network", [_DESIGN, _CATALOGUE, _FILE], default=_DESIGN, key="inspect_source", required=True
    )
    if source == _CATALOGUE:
        name = st.selectbox(
            "From the catalogue", catalog.names(), key="inspect_entry",
            format_func=lambda each: catalog.entry(each).title, label_visibility="collapsed",
        )  # fmt: skip
        return catalog.get(name)
    if source == _DESIGN:
        st.caption(literal(session.architecture().name))
        return session.architecture()
    file = st.file_uploader("Architecture", type=["json"], key="inspect_json", label_visibility="collapsed")
    if file is None:
        return None
    try:
        return from_json(file.getvalue()[: 1 << 20])
    except ArchitectureError as error:
        st.error(literal(f"{file.name}: {error}"))
        return None


def _open(architecture: Architecture, content: bytes, name: str, names: str, mean: str, std: str) -> None:
    """Raises ValueError in one sentence."""
    totals = analyze(architecture).totals
    params = totals.params
    if params > MAX_PARAMETERS:
        raise ValueError(
            f"{architecture.name[:60]!r} has {format_si(params)} parameters; networks of up to "
            f"{format_si(MAX_PARAMETERS)} can be asked here, larger ones with `python -m explorer predict`"
        )
    if totals.inference_bytes > MAX_ACTIVATION_BYTES:
        raise ValueError(
            f"{architecture.name[:60]!r} takes {format_bytes(totals.inference_bytes)} for one picture; up to "
            f"{format_bytes(MAX_ACTIVATION_BYTES)} can be given here"
        )
    classes = tuple(line.strip() for line in names.splitlines() if line.strip())
    preprocessing = Preprocessing(
        shape=architecture.input_shape, mean=_numbers(mean, "mean"), std=_numbers(std, "deviation")
    )
    from explorer.inspection.opening import open_bytes

    model = open_bytes(
        architecture, content, name, classes=classes, preprocessing=preprocessing, device=device.current()
    )
    # A new, empty widget for the next: Streamlit lets go of its copy of the file.
    state.change(own=model, model=state.OWN, own_round=state.state()["own_round"] + 1)


def _numbers(text: str, what: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{what} (={text[:40]!r}) must be numbers such as 0.5 or 0.485, 0.456, 0.406") from None
