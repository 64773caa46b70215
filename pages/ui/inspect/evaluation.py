"""A model, or two, on the test images of a data set: how good, where wrong, how far its confidence can be trusted."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.datasets import Progress
from explorer.inspection import AvailableModel
from explorer.text import format_decimal, format_share
from pages.ui.components import mount
from pages.ui.progress import run_with_progress
from pages.ui.text import cell, literal, number_column

from . import data, models, pictures, state
from .queries import CACHE

_WORST = 24
_MATRIX = 100
"""Classes up to which a confusion matrix is drawn."""


def show(found: dict[str, AvailableModel], model: Any) -> None:
    """Choose a data set, evaluate, read."""
    cards = {card.name: card for card in data.list_cards() if data.matches_model(model, card)}
    if not cards:
        st.info("No data set that is here has this model's classes. The Train page fetches and imports data sets.")
        return
    left, right = st.columns(2)
    with left:
        usual = models.find_dataset(state.state()["model"])
        name = st.selectbox(
            "Data set", list(cards), list(cards).index(usual) if usual in cards else 0, key=f"inspect_test_{usual}",
            format_func=lambda each: f"{cards[each].title} ({cards[each].test_count:,} test images)",
        )  # fmt: skip
    with right:
        other_name = models.choose_second(found)
    both = [model]
    if other_name:
        other = models.open_by_name(other_name, found)
        if other is not None and not data.matches_model(other, cards[name]):
            st.info("The second model does not know the classes of this data set; it is left out.")
        elif other is not None:
            both.append(other)
    done = [_evaluated(each, name) for each in both]
    if not all(done):
        _evaluate(both, name)
        return
    _summary(done)
    _details(done[0], name)
    if len(done) == 2:
        _two(done[0], done[1], name)


def _key(model: Any, name: str) -> tuple[str, str, str]:
    return "evaluation", model.digest, data.open_test_set(name).fingerprint


def _evaluated(model: Any, name: str) -> Any:
    with st.spinner("Reading the data set"):
        return CACHE.lookup(_key(model, name))


def _evaluate(both: list[Any], name: str) -> None:
    from explorer.inspection.evaluation import evaluate_each

    if not st.button("Evaluate", key="inspect_evaluate", icon=":material/play_arrow:", type="primary"):
        st.caption("The whole test set goes through the network, which takes a while; it can be cancelled.")
        return
    missing = [model for model in both if CACHE.lookup(_key(model, name)) is None]

    def work(progress: Progress) -> bool:
        for model, result in evaluate_each(missing, data.open_test_set(name), progress=progress):
            CACHE.store(_key(model, name), result)
        return True

    if run_with_progress("Evaluating", work):
        state.change()
        st.rerun()


def _summary(done: list[Any]) -> None:
    with st.container(horizontal=True, key="inspect_test_numbers"):
        for by, each in zip(("A", "B") if len(done) == 2 else ("",), done, strict=True):
            low, high = each.accuracy_interval
            label = f" of {by}" if by else ""
            st.metric(
                f"Accuracy{label}", format_share(each.accuracy),
                f"{each.correct_count:,} of {len(each.labels):,} · {format_share(low, 1)} to {format_share(high, 1)}",
                delta_color="off", delta_arrow="off", border=True,
                help="Share of the test images classified correctly; 95 % interval by Wilson, for other such images. "
                "If the model was chosen by these very images, it flatters.",
            )  # fmt: skip
            st.metric(
                f"Calibration error{label}", format_share(each.calibration_error), "ECE, 15 bins",
                delta_color="off", delta_arrow="off", border=True,
                help="Expected calibration error (Guo et al. 2017, equation 3): mean difference between confidence and "
                "share of correct predictions.",
            )  # fmt: skip
            st.metric(
                f"Loss{label}", format_decimal(each.loss, 4), "cross entropy", delta_color="off", delta_arrow="off",
                border=True, help="Mean cross entropy of the test images, natural logarithms.",
            )  # fmt: skip


def _details(found: Any, name: str) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        if len(found.classes) <= _MATRIX:
            mount(
                "board", "inspect_confusion",
                {"classes": list(found.classes), "confusion": [list(row) for row in found.confusion],
                 "samples": None, "predictions": None, "note": name},
            )  # fmt: skip
        else:
            st.caption(f"{len(found.classes):,} classes are too many for a confusion matrix; the table names them all.")
    with right:
        _calibration(found)
        _classes(found)
    st.markdown("**Worst misclassifications**")
    worst = found.worst_mistakes(_WORST)
    _tiles([(each.index, [("", found, each.index)]) for each in worst], name, "inspect_worst")
    st.caption(
        "The misclassified images with the highest cross entropy: their true class got the least probability. The "
        "percentage is the probability of the wrong prediction. A click takes the image into the pictures above."
    )


def _calibration(found: Any) -> None:
    def known(value: float) -> float:
        return 0.0 if math.isnan(value) else value

    bins = [
        {"low": each.low, "high": each.high, "images": each.images, "confidence": known(each.confidence),
         "accuracy": known(each.accuracy)}
        for each in found.calibration
    ]  # fmt: skip
    filled = [each for each in bins if each["images"]]
    alt = "Reliability: " + "; ".join(
        f"of {each['images']} predictions with confidence {format_share(each['confidence'], 0)}, "
        f"{format_share(each['accuracy'], 0)} are correct"
        for each in filled
    )
    mount(
        "bars", "inspect_calibration",
        {"title": "Calibration", "note": f"{len(found.labels):,} predictions in 15 bins", "alt": alt, "bins": bins},
    )  # fmt: skip
    st.caption(
        "Confidence: probability of the predicted class. On the dashed line the share of correct predictions equals it."
    )


def _classes(found: Any) -> None:
    rows = [
        {"class": cell(each.name), "images": each.images, "recall": 100 * each.recall,
         "precision": 100 * each.precision}
        for each in found.per_class
    ]  # fmt: skip
    percent = number_column(digits=1, unit="%")
    st.dataframe(
        pd.DataFrame(rows), key="inspect_classes_table", hide_index=True, alt="Recall and precision of each class",
        height="content" if len(rows) <= 12 else 320,
        column_config={"images": number_column(), "recall": percent, "precision": percent},
    )  # fmt: skip
    st.caption(
        "Recall: share of a class's images that are taken for it. Precision: share of the images taken for it that are "
        "of it; none where no image is."
    )


def _tiles(rows: list[tuple[int, list[tuple[str, Any, int]]]], name: str, key: str) -> None:
    """Test images with the predictions of evaluations, as tiles; a click brings one to the pictures."""
    shown = []
    for row, by in rows:
        pixels, shows = data.pixels(name, row)
        predictions = [
            {"by": who, "name": found.classes[int(found.predictions[row])], "share": float(found.confidences[row]),
             "right": bool(found.predictions[row] == found.labels[row])}
            for who, found, row in by
        ]  # fmt: skip
        shown.append({
            "key": f"{name}:{row}", "title": f"test image {row:,}", "src": figures.encode_photo(pixels, 160),
            "small": max(pixels.shape[:2]) <= 128, "shows": shows, "predictions": predictions, "problem": None,
            "differs": len({prediction["name"] for prediction in predictions}) > 1,
        })  # fmt: skip
    mount("tiles", key, {"tiles": shown, "chosen": state.state()["show"], "choosable": True}, choose=_take)


def _take(key: object) -> None:
    if isinstance(key, str):
        pictures.request(key)


def _two(first: Any, second: Any, name: str) -> None:
    a, b = first.predictions == first.labels, second.predictions == second.labels
    st.markdown("**Two models on the same images**")
    table = pd.DataFrame(
        [
            {"": "A right", "B right": f"{int((a & b).sum()):,}", "B wrong": f"{int((a & ~b).sum()):,}"},
            {"": "A wrong", "B right": f"{int((~a & b).sum()):,}", "B wrong": f"{int((~a & ~b).sum()):,}"},
        ]
    )
    st.table(table.set_index(""), border="horizontal", width="content")
    try:
        rows = first.disagreements(second)
    except ValueError as error:
        st.info(literal(f"{error}."))
        return
    st.caption(f"Images by which model is right. The predictions differ on {len(rows):,}; the first {_WORST} of them:")
    _tiles([(row, [("A", first, row), ("B", second, row)]) for row in rows[:_WORST]], name, "inspect_disagree")
