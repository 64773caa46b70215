"""What a slim model costs in accuracy, and the same in 8-bit integers; measured in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer import datasets
from explorer.datasets import Cancel, Progress
from explorer.text import format_bytes, format_share
from pages.ui import background
from pages.ui.downloads import download_button
from pages.ui.text import literal

from . import data, downloads, slim_way
from .queries import CACHE
from .slim_way import Way

GATHERED = 1024
"""Training images on which the statistics of norms and the ranges of maps are gathered."""
_WORK, _WORK_INT8 = "inspect_slim_work", "inspect_slim_int8_work"
_COUNTS = (1_000, 5_000)
"""Of the test images, that may be measured on instead of all."""


def show_accuracy(way: Way) -> tuple[str, int]:
    """(the data set on which models are measured, '' for none; how many of its test images)."""
    st.markdown("**Accuracy before and after**")
    cards = slim_way.list_cards(way)
    if not cards:
        st.caption("No data set that is here has this model's classes. The Train page fetches and imports data sets.")
        return "", 0
    left, right = st.columns([0.6, 0.4])
    usual, titles = slim_way.find_dataset(way, "test"), data.list_titles(cards)
    name = left.selectbox(
        "Data set", list(cards), list(cards).index(usual), key=f"inspect_slim_data_{usual}",
        format_func=titles.__getitem__,
    )  # fmt: skip
    whole = cards[name].test_count
    counts = [whole, *(count for count in _COUNTS if count < whole)]
    count = right.selectbox(
        "Images", counts, key=f"inspect_slim_count_{whole}",
        format_func=lambda each: f"all {whole:,}" if each == whole else f"{each:,} of them",
    )  # fmt: skip
    asked = [way.base, *([way.model] if way.done else [])]
    found = [CACHE.lookup(_result_key(each, name, count)) for each in asked]
    working = background.show(_WORK)
    if all(found):
        _show_shares(found)
    elif not working:
        missing = [each for each, result in zip(asked, found, strict=True) if result is None]
        st.button(
            "Measure", key="inspect_slim_measure", icon=":material/play_arrow:",
            on_click=lambda: background.begin(_WORK, f"Measuring on {name}", _measure(missing, name, count)),
        )  # fmt: skip
        st.caption("The test images go through both models in the background; it can be cancelled.")
    return name, count


def _result_key(model: Any, name: str, count: int) -> tuple[Any, ...]:
    return "slim accuracy", model.digest, name, count


def _measure(missing: Sequence[Any], name: str, count: int) -> Any:
    def do(progress: Progress, cancel: Cancel) -> None:
        from explorer.inspection.evaluation import evaluate

        test = data.open_test_set(name)
        for place, model in enumerate(missing):

            def tell(done: int, whole: int, before: int = place) -> None:
                progress(before * whole + done, len(missing) * whole)

            result = evaluate(model, test, count=count, progress=tell, cancel=cancel)
            CACHE.store(_result_key(model, name, count), result)

    return do


def _show_share(word: str, found: Any) -> None:
    low, high = found.accuracy_interval
    st.metric(
        word, format_share(found.accuracy), f"{format_share(low, 1)} to {format_share(high, 1)}",
        delta_color="off", delta_arrow="off", border=True,
        help=f"Share of {len(found.labels):,} test images classified correctly; 95 % interval by Wilson.",
    )  # fmt: skip


def _show_shares(found: list[Any]) -> None:
    with st.container(horizontal=True, key="inspect_slim_accuracy"):
        for word, each in zip(("As it was", "Slim"), found, strict=False):
            _show_share(word, each)
        if len(found) == 2:
            places = found[0].disagreements(found[1])
            st.metric(
                "Other answers", f"{len(places):,}", f"of {len(found[0].labels):,} images", delta_color="off",
                delta_arrow="off", border=True, help="Images to which the slim model gives another answer.",
            )  # fmt: skip


# ---- int8 -----------------------------------------------------------------------------------------------------------


def show_int8(way: Way, name: str, count: int) -> None:
    """The model as it is now in 8-bit integers, for onnxruntime."""
    st.markdown("**8-bit integers**")
    source = slim_way.find_dataset(way, "train")
    if not source:
        st.caption("Ranges of maps are measured on training images, and no data set with these classes is here.")
        return
    key = ("slim int8", way.model.digest, source, name, count)
    found = CACHE.lookup(key)
    if background.show(_WORK_INT8):
        return
    if found is None:
        st.button(
            "Quantise", key="inspect_slim_int8", icon=":material/memory:",
            on_click=background.begin, args=(_WORK_INT8, "Quantising", _quantise(way.model, source, name, count, key)),
        )  # fmt: skip
        st.caption(
            f"An ONNX file for onnxruntime with weights and maps as 8-bit integers. Ranges are measured on training "
            f"images of {literal(source)}; accuracy, size and time are measured in the background."
        )
        return
    result, timed, content, was = found
    with st.container(horizontal=True, key="inspect_slim_int8_numbers"):
        _show_share("Accuracy in int8", result)
        st.metric(
            "ONNX file", format_bytes(len(content)), f"float32: {format_bytes(was)}", delta_color="off",
            delta_arrow="off", border=True,
        )  # fmt: skip
        st.metric(
            "One image", f"{1e3 * timed.after_seconds:.3g} ms", f"float32: {1e3 * timed.before_seconds:.3g} ms",
            delta_color="off", delta_arrow="off", border=True,
            help=f"By onnxruntime on this machine's CPU: {timed.describe()}. Small networks are often slower in "
            "integers.",
        )  # fmt: skip
    download_button(
        "Download the ONNX file", content, f"{downloads.file_name(way.model.architecture.name)}-int8.onnx",
        "application/octet-stream", key="inspect_slim_onnx", icon=":material/download:",
        what=f"model {way.model.name}",
    )  # fmt: skip


def _quantise(model: Any, source: str, name: str, count: int, key: Any) -> Any:
    def do(progress: Progress, cancel: Cancel) -> None:
        from explorer.inspection.evaluation import evaluate
        from explorer.slimming import quantise, read_inputs, time_beside

        images = read_inputs(model, datasets.load(source, size=model.preprocessing.import_size), "train", GATHERED)
        made = quantise(model, images)
        result = evaluate(made, data.open_test_set(name), count=count, progress=progress, cancel=cancel)
        CACHE.store(key, (result, time_beside(made), made.data, made.float_bytes))

    return do
