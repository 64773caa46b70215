"""What a run starts from, on the Train page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import training
from explorer.architecture import from_json
from explorer.runs import Manager, RunFolder
from explorer.training import START_FILE
from pages.ui.manager import manager as page_manager
from tests.pages.parts import messages, open_page, visible_text
from tests.runs.parts import create


@pytest.fixture
def form(home: Path) -> AppTest:
    """The form with a network of which weights ship, and nobody who starts what is queued."""
    running = open_page("train")
    page_manager().close()
    running.multiselect(key="train_designs").set_value(["mnist-inception"]).run()
    running.selectbox(key="train_from").set_value("mnist-inception").run()
    assert not running.exception
    return running


def test_a_start_from_a_shipped_model_shows_what_is_taken_and_the_run_keeps_it(
    form: AppTest, manager: Manager
) -> None:
    assert "0 cut, 2 begun anew" in visible_text(form) or "0 cut, 0 begun anew" in visible_text(form)
    form.selectbox(key="train_from_freeze").set_value("conv1")
    form.text_input(key="train_from_rate").set_value("0,1").run()
    assert "Everything up to conv1 is held fixed" in visible_text(form)
    form.button(key="start").click().run()
    assert not form.exception
    (run,) = manager.store.runs()
    start = training.parse(run.config).start
    assert start is not None
    assert (start.weights, start.freeze, start.old_rate) == ("mnist-inception", "conv1", 0.1)
    assert start.mean
    assert (RunFolder(manager.root, run.id).path / START_FILE).is_file()
    # Its clone starts from the same.
    form.run()
    form.button(key="clone").click().run()
    assert form.selectbox(key="train_from").value == f"{run.id}@start"
    assert form.selectbox(key="train_from_freeze").value == "conv1"
    form.button(key="start").click().run()
    assert not form.exception
    again = manager.store.runs()[-1]
    assert again.id != run.id
    assert training.parse(again.config).start == start


@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("train_from_rate", "x", "learning rate of what was carried over: 'x' is not a number"),
        ("train_from_rate", "2", "start.old_rate (=2.0): must be at most 1"),
    ],
)
def test_a_number_that_is_none_is_said_and_nothing_starts(form: AppTest, key: str, typed: str, said: str) -> None:
    form.text_input(key=key).set_value(typed).run()
    assert said in messages(form)
    assert form.button(key="start").disabled
    assert form.text_input(key=key).value == typed


def test_weights_of_another_network_are_refused_with_a_way_out(form: AppTest) -> None:
    form.multiselect(key="train_designs").set_value(["dilated-cnn"]).run()
    assert "nothing of mnist-inception fits" in messages(form)
    assert form.button(key="start").disabled


def test_one_click_fills_the_form_for_photos(
    form: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    form.button(key="train_photos").click().run()
    assert not form.exception
    assert form.multiselect(key="train_designs").value == ["inception-v3"]
    assert form.selectbox(key="train_from").value == "inception-v3"
    assert form.selectbox(key="train_from_freeze").value == "Mixed_6e"
    assert form.selectbox(key="train_recipe").value == "fine-tune"
    assert "are not on this machine" in messages(form)
    assert any(button.key == "train_from_download" for button in form.button)
    assert form.button(key="start").disabled


def test_the_size_of_the_weights_is_offered_and_taken(form: AppTest, manager: Manager) -> None:
    form.multiselect(key="train_designs").set_value(["inception-net-32"]).run()
    form.selectbox(key="train_from").set_value("cifar10-inception").run()
    assert "weights" not in str(form.segmented_control(key="train_size").options)  # the network has that size
    form.selectbox(key="train_from").set_value("mnist-inception").run()
    assert "28 × 28 (weights)" in form.segmented_control(key="train_size").options
    form.segmented_control(key="train_size").set_value("weights")
    form.button(key="start").click().run()
    assert not form.exception
    (run,) = manager.store.runs()
    assert from_json(run.architecture).input_shape == (3, 28, 28)


def test_weights_of_another_network_offer_that_network(form: AppTest) -> None:
    form.multiselect(key="train_designs").set_value(["squeezenet-1.1"]).run()
    assert "nothing of" in messages(form)
    form.button(key="train_own_network").click().run()
    assert not form.exception
    assert form.multiselect(key="train_designs").value != ["squeezenet-1.1"]
    assert "0 cut" in visible_text(form)
    assert not any(button.key == "train_own_network" for button in form.button)


def test_what_waits_already_is_told_beside_the_forecast(form: AppTest, manager: Manager) -> None:
    assert "already" not in visible_text(form)
    create(manager)
    assert "1 run waits already" in visible_text(form.run())
