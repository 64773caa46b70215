"""Weights that the visitor brings for an architecture; checked before anything is made of them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import MAX_TEXT_BYTES, Architecture, ArchitectureError, from_json
from explorer.inspection import GivenFacts, list_presets, parse_numbers
from explorer.text import format_bytes, format_si
from pages.ui import find_networks, session, uploads
from pages.ui.components import release_upload
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
        files = uploads.file_uploader(
            "Weights, as torch or safetensors save them", key=f"inspect_weights_{place}", accept_multiple_files=True,
            help="A state dict or a checkpoint of a training script (.pt, .pth, .ckpt, .bin), .safetensors, or all "
            "shards of one with their index. Objects in a file are never made.",
        )  # fmt: skip
        names = st.text_area(
            "Class names, one a line (optional)", key="inspect_classes", max_chars=100_000, height=90,
            persist_state="session",
        )  # fmt: skip
        given = _given(names)
        part = st.text_input(
            "Part of the file (optional)", key="inspect_part", placeholder="automatic",
            help="Which weights to take where a file has several that fit, such as 'model' beside 'model_ema'. A note "
            "names them when the file is opened.",
        )  # fmt: skip
        ready = bool(files) and architecture is not None and given is not None
        pressed = st.button("Open", key="inspect_open", icon=":material/folder_open:", disabled=not ready)
        if not pressed or not files or architecture is None or given is None:
            return
        try:
            with st.spinner("Comparing the weights with the network"):
                _open(architecture, files, given, part.strip() or None)
        except ValueError as error:
            st.error(literal(f"{error}."))
            return
    for file in files:
        release_upload(file)
    st.rerun()


def _given(names: str) -> GivenFacts | None:
    """What the visitor says of classes and normalisation; None, and the reason shown, where a number is none."""
    presets = list_presets()
    preset = st.selectbox(
        "Normalisation", ["", *presets], key="inspect_preset", persist_state="session",
        format_func=lambda name: presets[name].title if name else "Automatic",
        help="How images were normalised for training. Automatic: as the file or the catalogue says, else pixels from "
        "−1 to 1, which is then told.",
    )  # fmt: skip
    left, right = st.columns(2)
    hint = presets[preset] if preset else None
    mean = left.text_input(
        "Mean", key="inspect_mean", persist_state="session", placeholder=_numbers(hint.mean) if hint else "automatic",
        help="What was subtracted from pixels of 0 to 1: one number, or one a channel with commas between.",
    )  # fmt: skip
    std = right.text_input(
        "Deviation", key="inspect_std", persist_state="session", placeholder=_numbers(hint.std) if hint else "automatic"
    )
    try:
        return GivenFacts(
            classes=tuple(line.strip() for line in names.splitlines() if line.strip()),
            mean=parse_numbers(mean, "mean") if mean.strip() else None,
            std=parse_numbers(std, "deviation") if std.strip() else None,
            preset=preset,
        )
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)  # stands in a field, to be typed over


def _architecture() -> Architecture | None:
    source = st.segmented_control(
        "Network", [_DESIGN, _CATALOGUE, _FILE], default=_DESIGN, key="inspect_source", required=True
    )
    if source == _CATALOGUE:
        name = st.selectbox(
            "From the catalogue", find_networks.search("inspect_entry"), key="inspect_entry", filter_mode=None,
            format_func=lambda each: catalog.entry(each).title, label_visibility="collapsed",
        )  # fmt: skip
        return catalog.get(name)
    if source == _DESIGN:
        st.caption(literal(session.architecture().name))
        return session.architecture()
    file = uploads.file_uploader("Architecture", type=["json"], key="inspect_json", label_visibility="collapsed")
    if file is None:
        return None
    try:
        return from_json(file.getvalue()[: MAX_TEXT_BYTES + 1])
    except ArchitectureError as error:
        st.error(literal(f"{file.name}: {error}"))
        return None


def _open(architecture: Architecture, files: list[Any], given: GivenFacts, part: str | None) -> None:
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
    from explorer.inspection.opening import open_bytes
    from explorer.modules import WeightsFile

    brought = [WeightsFile(name=file.name, data=file.getvalue()) for file in files]
    model = open_bytes(architecture, brought, given, part=part, device=device.current())
    # A new, empty widget for the next: Streamlit lets go of its copy of the file.
    state.change(own=model, model=state.OWN, own_round=state.state()["own_round"] + 1)
