"""The model made slim: steps with what each would gain, undo, accuracy before and after, and where to take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd
import streamlit as st

from explorer import datasets
from explorer.analysis import METRICS, analyze
from explorer.architecture import to_json
from explorer.datasets import Cancel, Progress
from explorer.inspection import AvailableModel
from explorer.text import format_change, format_count, format_share
from pages.ui import background, session
from pages.ui.compare import networks as compare
from pages.ui.compare.entries import from_architecture
from pages.ui.text import cell, literal
from pages.ui.train import choices, settings, start_from

from . import data, downloads, models, state
from .queries import CACHE

_KEY, _WORK = "inspect_slim", "inspect_slim_work"
_MOST = 3
"""Models whose steps are kept for when one comes back to them."""
_GATHERED = 1024
"""Training images on which the statistics of norms are gathered anew."""
_COUNTS = (1_000, 5_000)
_WORDS = {
    "fold_branches": "Each block that adds convolutions, norms or its own input becomes one convolution.",
    "fold_norms": "Norms and scales become part of the convolutions beside them.",
    "merge": "1×1 convolutions that read the same input, or follow one another, become one.",
}
_BUDGETS = {"macs": "MACs", "params": "parameters"}
_BY = {"bn": "factors of batch norms |γ|", "l1": "filters, sum of |w|", "l2": "filters, length of w"}


class Stage(NamedTuple):
    """A step that was taken, and the model that it left."""

    step: Any
    """A ``Slimmed``."""
    model: Any


class Way(NamedTuple):
    """The steps of one model."""

    base: Any
    done: tuple[Stage, ...] = ()
    undone: tuple[Stage, ...] = ()

    @property
    def model(self) -> Any:
        """As the steps left it."""
        return self.done[-1].model if self.done else self.base

    def take(self, stages: Sequence[Stage]) -> Way:
        """One step further, or several."""
        return Way(self.base, (*self.done, *stages))

    def undo(self) -> Way:
        """One step back."""
        return Way(self.base, self.done[:-1], (*self.undone, self.done[-1])) if self.done else self

    def redo(self) -> Way:
        """One step forward again."""
        return Way(self.base, (*self.done, self.undone[-1]), self.undone[:-1]) if self.undone else self


def show(_: dict[str, AvailableModel], model: Any) -> None:
    """The tab."""
    way = _find_way(model)
    _numbers(way)
    _history(way)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _exact(way)
    with right, st.container(border=True):
        _prune(way)
    with st.container(border=True):
        _accuracy(way)
    if way.done:
        _take_away(way)


# ---- the steps ------------------------------------------------------------------------------------------------------


def _ways() -> dict[str, Way]:
    found: dict[str, Way] = st.session_state.setdefault(_KEY, {})
    return found


def _find_way(model: Any) -> Way:
    return _ways().get(model.digest, Way(model))


def _keep(way: Way) -> None:
    ways = _ways()
    ways.pop(way.base.digest, None)
    ways[way.base.digest] = way
    while len(ways) > _MOST:
        del ways[next(iter(ways))]
    state.change()


def _numbers(way: Way) -> None:
    before, after = (each.architecture for each in (way.base, way.model))
    with st.container(horizontal=True, key="inspect_slim_numbers"):
        for key in ("params", "macs", "layers"):
            metric = METRICS[key]
            was, now = (metric.read(each, analyze(each)) for each in (before, after))
            st.metric(
                metric.label.capitalize() if key != "macs" else metric.label, format_count(now),
                format_change(now, was) if now != was else "unchanged",
                delta_color="off", delta_arrow="off", border=True,
                help=f"{metric.convention[0].upper()}{metric.convention[1:]}. The change is from the model as it was "
                "opened.",
            )  # fmt: skip


def _history(way: Way) -> None:
    from explorer.slimming import STEP_TITLES

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Undo", key="inspect_slim_undo", icon=":material/undo:", disabled=not way.done,
                  on_click=lambda: _keep(way.undo()))  # fmt: skip
        st.button("Redo", key="inspect_slim_redo", icon=":material/redo:", disabled=not way.undone,
                  on_click=lambda: _keep(way.redo()))  # fmt: skip
        if not way.done:
            st.caption("No step is taken yet. The model itself stays as it is: steps make another one beside it.")
    if not way.done:
        return
    rows = [
        {
            "step": STEP_TITLES[step.step], "nodes": len(step.paths), "parameters": f"{step.params[1]:,}",
            "MACs": f"{step.macs[1]:,}", "layers": step.layers[1],
            "largest difference": _tell_difference(step),
        }
        for step, _ in way.done
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), key="inspect_slim_steps", hide_index=True, alt="Steps that were taken")
    st.caption(
        "Largest difference of any score on random inputs, beside the largest score. A step that changes no answer "
        "differs by rounding alone; so does a pruned network from the one before with those channels at zero."
    )
    with st.expander("What else is to be known of these steps", key="inspect_slim_notes"):
        st.markdown("\n".join(f"- {literal(note)}" for step, _ in way.done for note in step.notes))


def _tell_difference(step: Any) -> str:
    if step.step == "recalibrate":
        return "answers change"
    return cell(f"{step.proof.largest_difference:.1g} of {step.proof.largest_score:.3g}")


def _stage(way: Way, step: Any) -> Stage:
    from explorer.slimming import as_model

    return Stage(step, as_model(way.base, step.architecture, step.network))


def _exact(way: Way) -> None:
    from explorer.slimming import EXACT_STEPS, STEP_TITLES

    st.markdown("**Without changing an answer**")
    offers: dict[str, Any] = st.session_state.get(f"{_KEY}_offers", {})
    if offers.get("of") != way.model.digest:
        offers = {"of": way.model.digest}
        with st.spinner("Trying the steps"):
            for name, take in EXACT_STEPS.items():
                try:
                    offers[name] = take(way.model.architecture, way.model.network, None)
                except ValueError as error:
                    offers[name] = str(error)
        st.session_state[f"{_KEY}_offers"] = offers
    for name in EXACT_STEPS:
        found = offers[name]
        title = STEP_TITLES[name].capitalize()
        if isinstance(found, str):
            st.button(
                f"{title}: nothing to do", key=f"inspect_slim_{name}", width="stretch", disabled=True,
                help=literal(f"{found}."),
            )  # fmt: skip
            continue
        st.button(
            title, key=f"inspect_slim_{name}", width="stretch", icon=":material/compress:",
            on_click=lambda found=found: _keep(way.take([_stage(way, found)])),
        )  # fmt: skip
        st.caption(literal(f"{_WORDS[name]} {_tell_gain(found)}"))


def _tell_gain(step: Any) -> str:
    parts = []
    for name, word in (("layers", "layers"), ("params", "parameters"), ("macs", "MACs")):
        was, now = getattr(step, name)
        if now != was:
            parts.append(f"{word} {format_count(was)} → {format_count(now)}")
    said = "; ".join(parts) or "the counts stay"
    return f"{len(step.paths):,} nodes; {said}; largest difference {step.proof.largest_difference:.1g}."


def _prune(way: Way) -> None:
    st.markdown("**Prune channels**")
    metric = st.segmented_control(
        "Budget of", list(_BUDGETS), default="macs", key="inspect_slim_metric", required=True,
        format_func=_BUDGETS.__getitem__, persist_state="session",
    )  # fmt: skip
    share = st.slider(
        "Share that may stay", 10, 95, 70, 5, format="%d %%", key="inspect_slim_share", persist_state="session",
        help="Of what the network costs now. The least important channels go until the budget is met; each layer "
        "keeps a tenth of its own.",
    )  # fmt: skip
    has_norms = any(name.endswith("running_var") for name in way.model.network.state_dict())
    options = [*(["bn"] if has_norms else []), "l1", "l2"]
    by = st.selectbox(
        "Importance", options, key=f"inspect_slim_by_{has_norms}", format_func=_BY.__getitem__,
        help="By what channels are ranked, each relative to the mean of its layer. What hangs together through "
        "concat, sums, gates and groups goes together.",
    )  # fmt: skip
    known = _dataset(way, "train")
    anew = has_norms and bool(known) and st.toggle(
        "Gather the statistics of norms anew", True, key="inspect_slim_anew", persist_state="session",
        help=f"On up to {_GATHERED:,} training images of {known}, without their labels: what a pruned layer hands on "
        "has another mean, and much of the accuracy returns so.",
    )  # fmt: skip
    if st.button("Prune", key="inspect_slim_prune", icon=":material/content_cut:", type="primary", width="stretch"):
        _take_pruning(way, str(metric), share / 100, by, str(known) if anew else "")


def _take_pruning(way: Way, metric: str, share: float, by: Any, dataset: str) -> None:
    from explorer.slimming import Budget, SlimPlan, read_inputs, slim

    model = way.model
    try:
        with st.spinner("Pruning"):
            images = None
            if dataset:
                found = datasets.load(dataset, size=model.preprocessing.import_size)
                images = read_inputs(model, found, "train", _GATHERED) if len(found.train_images) else None
            plan = SlimPlan(budget=Budget(metric=metric, target=share), by=by)
            steps, _ = slim(model.architecture, model.network, plan, train_images_BCHW=images)
    except ValueError as error:
        st.error(literal(f"{error}."))
        return
    _keep(way.take([_stage(way, step) for step in steps]))
    st.rerun()


# ---- accuracy -------------------------------------------------------------------------------------------------------


def _cards(way: Way) -> dict[str, Any]:
    return {card.name: card for card in data.list_cards() if data.matches_model(way.base, card)}


def _dataset(way: Way, part: Literal["train", "test"]) -> str:
    """The data set that fits the model; '' where none is here."""
    cards = _cards(way)
    usual = models.find_dataset(state.state()["model"], part)
    return usual if usual in cards else next(iter(cards), "")


def _accuracy(way: Way) -> None:
    st.markdown("**Accuracy before and after**")
    cards = _cards(way)
    if not cards:
        st.caption("No data set that is here has this model's classes. The Train page fetches and imports data sets.")
        return
    left, right = st.columns([0.6, 0.4])
    usual = _dataset(way, "test")
    name = left.selectbox(
        "Data set", list(cards), list(cards).index(usual), key=f"inspect_slim_data_{usual}",
        format_func=lambda each: f"{cards[each].title} ({cards[each].test_count:,} test images)",
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
        _show_accuracy(found)
    elif not working:
        missing = [each for each, result in zip(asked, found, strict=True) if result is None]
        st.button(
            "Measure", key="inspect_slim_measure", icon=":material/play_arrow:",
            on_click=lambda: background.begin(_WORK, f"Measuring on {name}", _measure(missing, name, count)),
        )  # fmt: skip
        st.caption("The test images go through both models in the background; it can be cancelled.")


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


def _show_accuracy(found: list[Any]) -> None:
    with st.container(horizontal=True, key="inspect_slim_accuracy"):
        for word, each in zip(("As it was", "Slim"), found, strict=False):
            low, high = each.accuracy_interval
            st.metric(
                word, format_share(each.accuracy), f"{format_share(low, 1)} to {format_share(high, 1)}",
                delta_color="off", delta_arrow="off", border=True,
                help=f"Share of {len(each.labels):,} test images classified correctly; 95 % interval by Wilson.",
            )  # fmt: skip
        if len(found) == 2:
            places = found[0].disagreements(found[1])
            st.metric(
                "Other answers", f"{len(places):,}", f"of {len(found[0].labels):,} images", delta_color="off",
                delta_arrow="off", border=True, help="Images to which the slim model gives another answer.",
            )  # fmt: skip


# ---- where it goes --------------------------------------------------------------------------------------------------


def _take_away(way: Way) -> None:
    model = way.model
    with st.container(horizontal=True, key="inspect_slim_away"):
        st.button(
            "Look into it", key="inspect_slim_look", icon=":material/search:", on_click=_look_into, args=(model,),
            help="The slim model becomes the one that this page asks.",
        )  # fmt: skip
        tune = st.button(
            "Fine-tune it", key="inspect_slim_tune", icon=":material/model_training:",
            help="Fills the form on the Train page: the slim network from its weights, by the recipe fine-tune.",
        )  # fmt: skip
        design = st.button("Open in Design", key="inspect_slim_design", icon=":material/edit:")
        beside = st.button("Compare", key="inspect_slim_compare", icon=":material/compare_arrows:")
    with st.container(horizontal=True, key="inspect_slim_files"):
        name = downloads.file_name(model.architecture.name)
        st.download_button(
            "Design as JSON", lambda: to_json(model.architecture), f"{name}.json", "application/json",
            key="inspect_slim_json", icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Weights as safetensors", lambda: _write_weights(model), f"{name}.safetensors", "application/octet-stream",
            key="inspect_slim_weights", icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip
    if tune:
        _fine_tune(way)
    if design:
        compare.open_in_design(model.architecture)
    if beside:
        compare.bring_pair(*(from_architecture(each.architecture, "link") for each in (way.base, model)))
        compare.go()


def _look_into(model: Any) -> None:
    state.change(own=model, model=state.OWN)


def _write_weights(model: Any) -> bytes:
    import safetensors.torch

    return safetensors.torch.save({key: each.cpu().contiguous() for key, each in model.network.state_dict().items()})


def _fine_tune(way: Way) -> None:
    here = state.state()
    dataset = _dataset(way, "train")
    session.open_design(way.model.architecture)
    here["own"] = way.model
    st.session_state["train_designs"] = [choices.CURRENT]
    if dataset:
        st.session_state["train_data"] = dataset
    settings.begin("fine-tune")
    start_from.fill({"weights": way.model.name}, start_from.OWN)
    st.switch_page("pages/train.py")
