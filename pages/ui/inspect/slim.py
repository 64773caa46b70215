"""The model made slim: steps with what each would gain, undo, accuracy before and after, and where to take it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pandas as pd
import streamlit as st

from explorer import datasets
from explorer.analysis import METRICS, analyze
from explorer.export import Subject
from explorer.inspection import AvailableModel
from explorer.text import format_change, format_count
from pages.ui import export, session
from pages.ui.compare import networks as compare
from pages.ui.compare.entries import from_architecture
from pages.ui.text import cell, literal
from pages.ui.train import choices, settings, start_from

from . import slim_measuring, slim_way, state
from .slim_way import Way

_OFFERS = "inspect_slim_offers"
_WORDS = {
    "fold_branches": "Each block that adds convolutions, norms or its own input becomes one convolution.",
    "fold_norms": "Norms and scales become part of the convolutions beside them.",
    "merge": "1×1 convolutions that read the same input, or follow one another, become one.",
}
_BUDGETS = {"macs": "MACs", "params": "parameters", "latency": "time"}
_BY = {"bn": "factors of batch norms |γ|", "l1": "filters, sum of |w|", "l2": "filters, length of w"}


def show(_: dict[str, AvailableModel], model: Any) -> None:
    """The tab."""
    way = slim_way.find_way(model)
    _numbers(way)
    _history(way)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _exact(way)
    with right, st.container(border=True):
        _prune(way)
    with st.container(border=True):
        chosen = slim_measuring.show_accuracy(way)
    with st.container(border=True):
        slim_measuring.show_int8(way, *chosen)
    if way.done:
        _take_away(way)


# ---- the steps ------------------------------------------------------------------------------------------------------


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
                  on_click=lambda: slim_way.keep(way.undo()))  # fmt: skip
        st.button("Redo", key="inspect_slim_redo", icon=":material/redo:", disabled=not way.undone,
                  on_click=lambda: slim_way.keep(way.redo()))  # fmt: skip
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
    for step, _ in way.done:
        if step.timed:
            st.caption(literal(f"{STEP_TITLES[step.step].capitalize()}: one image takes {step.timed.describe()}."))
    with st.expander("What else is to be known of these steps", key="inspect_slim_notes"):
        st.markdown("\n".join(f"- {literal(note)}" for step, _ in way.done for note in step.notes))


def _tell_difference(step: Any) -> str:
    if step.step == "recalibrate":
        return "answers change"
    return cell(f"{step.proof.largest_difference:.1g} of {step.proof.largest_score:.3g}")


def _exact(way: Way) -> None:
    from explorer.slimming import EXACT_STEPS, STEP_TITLES

    st.markdown("**Without changing an answer**")
    offers: dict[str, Any] = st.session_state.get(_OFFERS, {})
    if offers.get("of") != way.model.digest:
        offers = {"of": way.model.digest}
        with st.spinner("Trying the steps"):
            for name, take in EXACT_STEPS.items():
                try:
                    offers[name] = take(way.model.architecture, way.model.network, None)
                except ValueError as error:
                    offers[name] = str(error)
        st.session_state[_OFFERS] = offers
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
            on_click=lambda found=found: slim_way.keep(way.take([slim_way.make_stage(way, found)])),
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
    if metric == "latency":
        st.caption(
            "That of one image, measured on this machine's CPU in turns with the network as it is now, for some ten "
            "seconds: the whole 95 % interval of the ratio must be within the budget."
        )
    has_norms = any(name.endswith("running_var") for name in way.model.network.state_dict())
    options = [*(["bn"] if has_norms else []), "l1", "l2"]
    by = st.selectbox(
        "Importance", options, key=f"inspect_slim_by_{has_norms}", format_func=_BY.__getitem__,
        help="By what channels are ranked, each relative to the mean of its layer. What hangs together through "
        "concat, sums, gates and groups goes together.",
    )  # fmt: skip
    known = slim_way.find_dataset(way, "train")
    anew = has_norms and bool(known) and st.toggle(
        "Gather the statistics of norms anew", True, key="inspect_slim_anew", persist_state="session",
        help=f"On up to {slim_measuring.GATHERED:,} training images of {literal(known)}, without their labels: what a "
        "pruned layer hands on has another mean, and much of the accuracy returns so.",
    )  # fmt: skip
    if st.button("Prune", key="inspect_slim_prune", icon=":material/content_cut:", type="primary", width="stretch"):
        _take_pruning(way, str(metric), share / 100, by, str(known) if anew else "")


def _take_pruning(way: Way, metric: str, share: float, by: Any, dataset: str) -> None:
    from explorer.profiling import wait_for_turn
    from explorer.slimming import LATENCY, Budget, SlimPlan, read_inputs, slim

    model = way.model
    told = st.empty()

    def wait(why: str) -> None:
        told.caption(literal(f"{why}."))

    try:
        with wait_for_turn(model.name, wait) if metric == LATENCY else nullcontext(), st.spinner("Pruning"):
            told.empty()
            images = None
            if dataset:
                found = datasets.load(dataset, size=model.preprocessing.import_size)
                if len(found.train_images):
                    images = read_inputs(model, found, "train", slim_measuring.GATHERED)
            plan = SlimPlan(budget=Budget(metric=metric, target=share), by=by)
            steps, _ = slim(model.architecture, model.network, plan, train_images_BCHW=images)
    except ValueError as error:
        st.error(literal(f"{error}."))
        return
    slim_way.keep(way.take([slim_way.make_stage(way, step) for step in steps]))
    st.rerun()


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
            help="Fills the form on the Train page: the slim network from its weights, by a recipe for its images.",
        )  # fmt: skip
        design = st.button("Open in Design", key="inspect_slim_design", icon=":material/edit:")
        beside = st.button("Compare", key="inspect_slim_compare", icon=":material/compare_arrows:")
        export.offer(
            "inspect_slim_export", {model.name: lambda: Subject.of_model(model)}, has_weights=True,
            what=f"model {model.name}",
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


def _fine_tune(way: Way) -> None:
    here = state.state()
    dataset = slim_way.find_dataset(way, "train")
    session.open_design(way.model.architecture)
    here["own"] = way.model
    st.session_state["train_designs"] = [choices.CURRENT]
    if dataset:
        st.session_state["train_data"] = dataset
    settings.begin("handwriting" if way.model.reads_light_ink else "fine-tune")  # a digit must not be mirrored
    start_from.fill({"weights": way.model.name}, start_from.OWN)
    st.switch_page("pages/train.py")
