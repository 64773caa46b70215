"""The tab that makes a model slim: steps, undo, accuracy, and where the slim model goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer import datasets
from explorer.analysis import analyze
from explorer.inspection.evaluation import evaluate
from explorer.inspection.opening import open_model
from explorer.runs import Manager
from explorer.text import format_count, format_share
from pages.ui.inspect import slim_way, state
from tests.inspection.parts import trained_run
from tests.pages.parts import design_of, messages, open_page


@pytest.fixture
def opened(home: Path) -> tuple[AppTest, Any]:
    """The tab with a network that learnt the digits a moment ago, and that model."""
    manager = Manager(home)
    run = trained_run(manager)
    return open_page("inspect", model=run, tab="slim"), open_model(run, manager)


def press(running: AppTest, key: str) -> None:
    running.button(key=f"inspect_slim_{key}").click().run()
    assert not running.exception


def way(running: AppTest) -> Any:
    return next(iter(running.session_state["inspect_slim"].values()))


def test_steps_are_taken_undone_and_redone(opened: tuple[AppTest, Any]) -> None:
    running, model = opened
    whole = analyze(model.architecture)
    assert format_count(whole.params) in {each.value for each in running.metric}
    press(running, "fold_norms")
    assert [step.step for step, _ in way(running).done] == ["fold_norms"]
    assert running.button(key="inspect_slim_fold_norms").disabled
    x_BCHW = torch.randn(2, *model.architecture.input_shape)
    assert torch.allclose(way(running).model.logits(x_BCHW), model.logits(x_BCHW), atol=1e-4)
    press(running, "undo")
    assert not way(running).done
    assert not running.button(key="inspect_slim_fold_norms").disabled
    press(running, "redo")
    assert [step.step for step, _ in way(running).done] == ["fold_norms"]


def test_pruned_to_a_budget_and_measured_in_the_background(opened: tuple[AppTest, Any]) -> None:
    running, model = opened
    running.slider(key="inspect_slim_share").set_value(80).run()
    press(running, "prune")
    assert [step.step for step, _ in way(running).done] == ["prune", "recalibrate"]
    slimmed = way(running).model
    macs = analyze(slimmed.architecture).macs
    assert macs <= 0.8 * analyze(model.architecture).macs
    assert format_count(macs) in {each.value for each in running.metric}
    press(running, "measure")
    for _ in range(100):
        running.run()
        if any(each.label == "Other answers" for each in running.metric):
            break
        time.sleep(0.1)
    shown = {each.label: each.value for each in running.metric}
    digits = datasets.load("digits")
    assert shown["As it was"] == format_share(evaluate(model, digits).accuracy)
    assert shown["Slim"] == format_share(evaluate(slimmed, digits).accuracy)


def test_quantised_in_the_background(opened: tuple[AppTest, Any]) -> None:
    running, _ = opened
    press(running, "int8")
    for _ in range(300):
        running.run()
        if any(each.label == "Accuracy in int8" for each in running.metric):
            break
        time.sleep(0.1)
    shown = {each.label: each.value for each in running.metric}
    assert shown["ONNX file"].endswith("kB")
    assert shown["One image"].endswith("ms")
    assert shown["Accuracy in int8"].endswith("%")


def test_a_budget_that_cannot_be_met_is_told_and_takes_no_step(opened: tuple[AppTest, Any]) -> None:
    running, _ = opened
    running.slider(key="inspect_slim_share").set_value(10).run()
    for _ in range(5):  # a tenth of a tenth, and so on
        before = len(way(running).done) if running.session_state["inspect_slim"] else 0
        press(running, "prune")
        if "still has" in messages(running):
            break
    assert "still has" in messages(running)
    assert len(way(running).done) == before > 0


def test_the_slim_model_becomes_the_one_that_is_asked(opened: tuple[AppTest, Any]) -> None:
    running, _ = opened
    press(running, "fold_norms")
    slimmed = way(running).model
    press(running, "look")
    assert running.session_state["inspect"]["model"] == state.OWN
    assert running.session_state["inspect"]["own"] is slimmed


@pytest.mark.parametrize("goes_to", ["tune", "design", "compare"])
def test_the_slim_model_goes_to_another_page(opened: tuple[AppTest, Any], goes_to: str) -> None:
    running, model = opened
    press(running, "fold_norms")
    slimmed = way(running).model.architecture
    press(running, goes_to)
    if goes_to == "compare":
        names = [each["label"] for each in running.session_state["compare"]["entries"]]
        assert {model.architecture.name, slimmed.name} <= set(names)
        return
    assert design_of(running) == slimmed
    if goes_to == "tune":
        assert running.session_state["train_from"] == "@own"
        assert running.session_state["train_data"] == "digits"
        assert running.session_state["train_recipe"] == "handwriting"
        assert running.selectbox(key="train_from").value == "@own"


def test_the_steps_of_a_few_models_are_kept() -> None:
    assert slim_way.Way("a").take(["b", "c"]).undo().undo().redo().done == ("b",)  # type: ignore[arg-type, list-item]
