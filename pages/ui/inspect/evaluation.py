"""A model, or two, on the test images of a data set: how good, where wrong, how far its confidence can be trusted."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.datasets import Progress
from explorer.inspection import AvailableModel, load_model_cards
from explorer.text import format_decimal, format_share
from pages.ui import class_table
from pages.ui.components import mount
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import data, models, pictures, state
from .queries import CACHE

_WORST = 24
_COUNTS = (200, 1_000, 5_000)
"""Of the test images, that may be evaluated instead of all."""
_MATRIX = 100
"""Classes up to which a confusion matrix is drawn."""


def show(found: dict[str, AvailableModel], model: Any) -> None:
    """Choose a data set, evaluate, read."""
    cards = {card.name: card for card in data.list_cards() if data.matches_model(model, card)}
    if not cards:
        _offer_others(found, model)
        return
    left, middle, right = st.columns([0.4, 0.22, 0.38])
    with left:
        titles = data.list_titles(cards)
        usual = models.find_dataset(state.state()["model"])
        name = st.selectbox(
            "Data set", list(cards), list(cards).index(usual) if usual in cards else 0, key=f"inspect_test_{usual}",
            format_func=titles.__getitem__,
        )  # fmt: skip
    with middle:
        count = _ask_count(cards[name].test_count)
    with right:
        other_name = models.choose_second(found)
    both = [model]
    if other_name:
        other = models.open_by_name(other_name, found)
        if other is not None and not data.matches_model(other, cards[name]):
            st.info("The second model does not know the classes of this data set; it is left out.")
        elif other is not None:
            both.append(other)
    if any(name in card.seen for each in both if (card := load_model_cards().get(each.name))):
        st.warning(literal(f"The test images of {name} were among those that the model was trained on: accuracy on "
                           f"them flatters."))  # fmt: skip
    for warning in _find_ink_warnings(both, name):
        st.warning(literal(f"{warning}."))
    done = [_evaluated(each, name, count) for each in both]
    if not all(done):
        _evaluate(both, name, count)
        return
    _summary(done)
    _details(done[0], name)
    if len(done) == 2:
        _two(done[0], done[1], name)


def _find_ink_warnings(models_asked: list[Any], name: str) -> list[str]:
    asked = [each for each in models_asked if each.reads_light_ink]
    if not asked:  # most; the images need not be read for it
        return []
    from explorer.inspection.evaluation import find_ink_warning

    said = []
    with st.spinner("Reading the data set"):
        for each in asked:
            key = ("ink", each.digest, data.open_test_set(name).fingerprint)
            if CACHE.lookup(key) is None:
                CACHE.store(key, find_ink_warning(each, data.open_test_set(name)))
            said.append(CACHE.lookup(key))
    return [warning for warning in said if warning]


def _offer_others(found: dict[str, AvailableModel], model: Any) -> None:
    """What can be done where no data set that is here has the model's classes."""
    st.info(
        literal(
            f"No data set that is here has this model's classes ({', '.join(model.classes[:10])}"
            f"{', …' if len(model.classes) > 10 else ''}). The Train page fetches and imports data sets."
        )
    )
    with st.container(horizontal=True):
        st.page_link("pages/train.py", label="Fetch or import one", icon=":material/download:")
        for name, card in load_model_cards().items():
            if name in found and any(each.classes == card.classes for each in data.list_cards()):
                st.button(
                    f"Open {card.title}, whose test images are here", key=f"inspect_open_{name}",
                    on_click=models.choose_pair, args=(name, ""),
                )  # fmt: skip
                break


def _ask_count(whole: int) -> int | None:
    """How many of the test images are evaluated; None: all."""
    options = [whole, *(count for count in _COUNTS if count < whole)]
    chosen: int = st.selectbox(
        "Images", options, key=f"inspect_count_{whole}",
        format_func=lambda count: f"all {whole:,}" if count == whole else f"{count:,} of them",
        help="Fewer are quicker, and their accuracy is less certain. They are drawn at random, always the same.",
    )  # fmt: skip
    return None if chosen == whole else chosen


def _key(model: Any, name: str, count: int | None) -> tuple[str, str, str, int | None]:
    return "evaluation", model.digest, data.open_test_set(name).fingerprint, count


def _evaluated(model: Any, name: str, count: int | None) -> Any:
    with st.spinner("Reading the data set"):
        return CACHE.lookup(_key(model, name, count))


def _evaluate(both: list[Any], name: str, count: int | None) -> None:
    from explorer.inspection.evaluation import evaluate_each

    if not st.button("Evaluate", key="inspect_evaluate", icon=":material/play_arrow:", type="primary"):
        st.caption("The test images go through the network, which takes a while; it can be cancelled.")
        return
    missing = [model for model in both if CACHE.lookup(_key(model, name, count)) is None]

    def work(progress: Progress) -> bool:
        for model, result in evaluate_each(missing, data.open_test_set(name), count=count, progress=progress):
            CACHE.store(_key(model, name, count), result)
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
                 "samples": None, "predictions": None, "note": name, "cell": state.state()["cell"],
                 "what": f"{len(found.labels):,} test images"},
                cell=_choose_cell,
            )  # fmt: skip
        else:
            st.caption(f"{len(found.classes):,} classes are too many for a confusion matrix; the table names them all.")
    with right:
        _calibration(found)
        class_table.show(found.per_class, "inspect_classes_table")
    _show_cell(found, name)
    st.markdown("**Worst misclassifications**")
    worst = found.worst_mistakes(_WORST)
    _tiles([(each.index, [("", found, each.place)]) for each in worst], name, "inspect_worst")
    st.caption(
        "The misclassified images with the highest cross entropy: their true class got the least probability. The "
        "percentage is the probability of the wrong prediction. A click takes the image into the pictures above."
    )


def _choose_cell(cell: object) -> None:
    """A cell of the confusion matrix: [class shown, class predicted]; the one that is open is closed."""
    if isinstance(cell, list) and len(cell) == 2 and all(type(each) is int for each in cell):
        state.change(cell=None if cell == state.state()["cell"] else cell)


def _show_cell(found: Any, name: str) -> None:
    """The images of the chosen cell."""
    cell = state.state()["cell"]
    if cell is None or not all(0 <= each < len(found.classes) for each in cell):
        return
    places = found.find_images(*cell)
    shows, taken = (literal(found.classes[each]) for each in cell)
    what = f"{shows} taken for {taken}" if cell[0] != cell[1] else f"{shows}, recognised"
    more = f"; the {_WORST} surest" if len(places) > _WORST else ""
    st.markdown(f"**{what}**: {len(places):,} images{more}")
    _tiles([(int(found.rows[each]), [("", found, each)]) for each in places[:_WORST]], name, "inspect_cell")


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


def _tiles(rows: list[tuple[int, list[tuple[str, Any, int]]]], name: str, key: str) -> None:
    """Test images, by their rows, with the predictions of evaluations, each at a place of it, as tiles; a click brings
    one to the pictures."""
    shown = []
    for row, by in rows:
        pixels, shows = data.pixels(name, row)
        predictions = [
            {"by": who, "name": found.classes[int(found.predictions[place])],
             "share": float(found.confidences[place]),
             "right": bool(found.predictions[place] == found.labels[place])}
            for who, found, place in by
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
        places = first.disagreements(second)
    except ValueError as error:
        st.info(literal(f"{error}."))
        return
    st.caption(
        f"Images by which model is right. The predictions differ on {len(places):,}; the first {_WORST} of them:"
    )
    _tiles(
        [(int(first.rows[each]), [("A", first, each), ("B", second, each)]) for each in places[:_WORST]], name,
        "inspect_disagree",
    )  # fmt: skip
