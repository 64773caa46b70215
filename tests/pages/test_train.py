"""The Train page through Streamlit's own test runner, with real runs on the embedded digits."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import pytest
import sqlalchemy
from streamlit import config
from streamlit.testing.v1 import AppTest

from explorer import catalog, datasets, training
from explorer.analysis import analyze
from explorer.architecture import edit, from_json, to_json
from explorer.runs import Device, Manager, Point, Run, RunFolder, devices, series
from explorer.training import open_manager
from pages.ui.manager import manager as page_manager
from pages.ui.text import literal
from pages.ui.train import state, table
from tests.datasets.makers import classes, png, zipped
from tests.pages.parts import HOSTILE, ROOT, address, messages, mounted, open_page, plain, set_design, visible_text
from tests.runs.parts import fill, until, until_status
from tests.sizes import first
from tests.speed import write_speed


def app(**query: str) -> AppTest:
    return open_page("train", **query)


def finished(manager: Manager, name: str = "done", accuracy: float = 0.5, **settings: object) -> Run:
    """A run that ended some time ago, with curves of two epochs."""
    config = training.recipe("course", "digits").changed(**settings)
    run = manager.create(name, to_json(catalog.get("inception-net-32")), config.model_dump_json())
    points = [Point(series="train/loss", step=step, value=1 / step, seconds=step / 10) for step in range(1, 65)]
    points += [Point(series="epoch/test/accuracy", step=step, value=accuracy, seconds=step / 10) for step in (32, 64)]
    manager.store.record(run.id, points, step=64, steps=64, epoch=2, seconds=6.4)
    manager.store.update(run.id, status="finished", device="cpu")
    return manager.store.get(run.id)


def test_the_first_visit_offers_something_that_works_at_once(home: Path) -> None:
    running = app()
    assert "No run yet" in visible_text(running)
    assert running.multiselect(key="train_designs").value == ["inception-net-32"]
    assert not running.button(key="start").disabled
    assert any("about **" in each.value for each in running.markdown)


def test_an_example_stands_where_no_run_is_and_its_button_starts_the_same(home: Path, manager: Manager) -> None:
    running = app()
    page_manager().close()  # what is started waits
    assert [each.value for each in running.header] == ["InceptionNet 32×32", "New run"]
    shown = json.loads((ROOT / "assets" / "example_run.json").read_text(encoding="utf-8"))
    drawn = mounted(running, "example_curves")
    (test,) = [line for line in drawn["panels"][1]["lines"] if line["name"] == "test"]
    assert test["step"] == [32, 64, 96, 128, 160]
    assert f"{100 * test['value'][-1]:.1f} %" in visible_text(running)
    board = mounted(running, "example_board")
    right = sum(row[place] for place, row in enumerate(board["confusion"]))
    assert right / sum(map(sum, board["confusion"])) == pytest.approx(test["value"][-1])
    running.button(key="start_example").click().run()
    (run,) = manager.store.runs()
    assert training.parse(run.config) == training.parse(json.dumps(shown["config"]))
    assert json.loads(run.architecture)["trunk"] == shown["architecture"]["trunk"]
    assert not any(each.key == "start_example" for each in running.button)
    manager.stop(run.id)


def test_one_click_trains_and_the_address_names_the_run(home: Path, manager: Manager) -> None:
    running = app()
    running.multiselect(key="train_designs").set_value(["residual-mnist"])
    running.text_input(key="set_epochs_course_0").set_value("1")
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    assert running.query_params["run"] == [run.id] or running.query_params["run"] == run.id
    assert run.setting("epochs") == 1
    until(lambda: manager.store.get(run.id).status == "finished", seconds=120)
    running.run()
    assert not running.exception
    accuracy = manager.store.points(run.id, "epoch/test/accuracy")[-1].value
    assert running.metric[0].value == f"{100 * accuracy:.2f} %"


def test_a_run_is_paused_resumed_and_stopped(home: Path, manager: Manager) -> None:
    running = app()
    running.multiselect(key="train_designs").set_value(["residual-mnist"])
    running.text_input(key="set_epochs_course_0").set_value("1000")
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    until(lambda: manager.store.get(run.id).step > 0, seconds=120)
    running.run().button(key="pause").click().run()
    until(lambda: manager.store.get(run.id).status == "paused")
    running.run().button(key="resume").click().run()
    until(lambda: manager.store.get(run.id).status == "running")
    running.run().button(key="stop").click().run()
    until(lambda: manager.store.get(run.id).status == "stopped")
    running.run()
    assert not running.exception
    assert {button.key: button.disabled for button in running.button if button.key in ("pause", "resume", "stop")} == {
        "pause": True, "resume": False, "stop": True,
    }  # fmt: skip


def test_several_networks_and_seeds_become_runs_of_their_own(home: Path, manager: Manager) -> None:
    running = app()
    page_manager().close()  # nothing is started meanwhile
    running.multiselect(key="train_designs").set_value(["inception-net-32", "dilated-cnn"])
    running.text_input(key="train_seeds").set_value("3, 4").run()
    assert running.button(key="start").label == "Start 4 runs"
    running.button(key="start").click().run()
    made = sorted((run.name, run.setting("seed")) for run in manager.store.runs())
    names = [catalog.get("dilated-cnn").name, catalog.get("inception-net-32").name]
    assert made == sorted((name, seed) for name in names for seed in (3, 4))


@pytest.mark.parametrize(
    ("text", "reason"),
    first(2, [
        ("3, 3", "given twice"),
        *((text, "must be whole numbers from 0 on, such as 0, 1, 2") for text in ("", "x", "-1", "1.5")),
        ("0 " * 21, "21 seeds were given; there may be 1 to 20"),
        (str(2**32), f"must be from 0 to {2**32 - 1}"),
    ]),
)  # fmt: skip
def test_seeds_that_are_none_are_refused(home: Path, text: str, reason: str) -> None:
    running = app()
    running.text_input(key="train_seeds").set_value(text).run()
    assert reason in messages(running)
    assert running.button(key="start").disabled


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    first(4, [
        ("cutout", "-1", "cutout (=-1)"), ("epochs", "2.5", "epochs: '2.5' is not a whole number"),
        ("lr", "fast", "lr: 'fast' is not a number such as"), ("lr", "", "lr: '' is not"), ("lr", "nan", "lr: 'nan'"),
        ("lr", "1,000", "may be 1000 or 1.000"), ("lr", "0", "lr (=0.0): must be greater than 0"),
        ("epochs", "0", "epochs (=0)"),
        ("batch_size", "100000", "batch_size (=100000)"), ("batch_size", "1e3", "batch size: '1e3'"),
        ("warmup_epochs", "x", "warmup epochs: 'x'"),
    ]),
)  # fmt: skip
def test_a_number_that_is_none_disables_start_and_nothing_else_is_trained(
    home: Path, manager: Manager, field: str, typed: str, said: str
) -> None:
    running = app()
    page_manager().close()
    key = f"set_{field}_course_0"
    # Typed and clicked at once: the click was made where the button was still enabled.
    running.text_input(key=key).set_value(typed)
    running.button(key="start").click().run()
    assert not running.exception
    assert said in messages(running)
    assert "Not started" in messages(running)
    assert running.text_input(key=key).value == typed
    assert running.button(key="start").disabled
    assert manager.store.runs() == []


def test_what_was_typed_with_the_click_is_what_is_trained(home: Path, manager: Manager) -> None:
    running = app()
    page_manager().close()
    running.text_input(key="set_lr_course_0").set_value("0,01")
    running.text_input(key="set_epochs_course_0").set_value(" 3 ")
    running.text_input(key="train_seeds").set_value("6")
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    assert (run.setting("lr"), run.setting("epochs"), run.setting("seed")) == (0.01, 3, 6)


def test_a_head_that_does_not_fit_is_left_out_by_one_click(home: Path, manager: Manager) -> None:
    old = finished(manager, batch_size=8)
    small = edit.replace(catalog.get("inception-v3"), "", input_shape=(3, 80, 80))
    manager.store.update(old.id, architecture=to_json(small))
    running = app(run=old.id)
    page_manager().close()
    assert "train_heads" not in [each.key for each in running.toggle]
    running.button(key="clone").click().run()
    assert "the auxiliary head 'AuxLogits' does not fit images of 3×80×80" in messages(running)
    assert running.button(key="start").disabled
    running.toggle(key="train_heads").set_value(True).run()
    assert "AuxLogits" not in messages(running)
    assert any("AuxLogits is left out" in plain(each.value) for each in running.caption)
    running.button(key="start").click().run()
    run = next(run for run in manager.store.runs() if run.id != old.id)
    assert "AuxLogits is left out, since it does not fit 80×80" in run.notes
    assert all(node.op != "auxiliary" for node in from_json(run.architecture).trunk.nodes)


def test_of_many_faults_the_first_is_told_and_how_many_more(home: Path) -> None:
    running = app()
    running.multiselect(key="train_designs").set_value(["inception-v3"])
    running.segmented_control(key="train_size").set_value("data").run()
    (error,) = running.error
    assert re.search(r"; and \d+ more", plain(error.value))
    assert len(error.value) < 300
    assert running.button(key="start").disabled


@pytest.mark.parametrize("typed", first(2, ["0", "x", "-3", "1.5", ""]))
def test_epochs_to_add_that_are_none_extend_nothing(home: Path, manager: Manager, typed: str) -> None:
    run = finished(manager)
    running = app(run=run.id)
    page_manager().close()
    running.text_input(key=f"extend_by_{run.id}").set_value(typed)
    running.button(key="extend").click().run()
    assert "whole number" in messages(running) or "must be at least 1" in messages(running)
    assert manager.store.get(run.id).status == "finished"


def test_settings_that_do_not_fit_together_name_both(home: Path) -> None:
    running = app()
    running.selectbox(key="set_optimizer_course_0").set_value("adam")
    running.toggle(key="set_nesterov_course_0").set_value(True).run()
    assert "nesterov needs optimizer sgd" in messages(running)


def test_an_optimizer_fills_the_form_with_its_own_settings(home: Path) -> None:
    running = open_page("train")
    running.selectbox(key="set_optimizer_course_0").set_value("adadelta").run()
    assert "torch.optim.Adadelta (Zeiler 2012): lr 1, rho 0.9, eps 1e-06, weight decay 0." in visible_text(running)
    assert running.text_input(key="set_lr_course_0").value == "0.001"
    running.button(key="own_course_0").click().run()
    assert running.text_input(key="set_lr_course_0").value == "1"
    running.text_input(key="set_beta2_course_0").set_value("0.8")
    running.selectbox(key="set_optimizer_course_0").set_value("sgd").run()
    assert "beta2 (=0.8) is no setting of sgd; leave it out" in messages(running)
    running.button(key="own_course_0").click().run()
    assert not running.error
    assert running.text_input(key="set_momentum_course_0").value == "0"
    assert not running.exception


def test_a_range_test_is_started_shown_and_its_rate_taken(home: Path, manager: Manager) -> None:
    running = open_page("train")
    running.text_input(key="set_epochs_course_0").set_value("3")
    running.button(key="find_rate").click().run()
    (run,) = manager.store.runs()
    assert (run.setting("range_steps"), run.setting("epochs")) == (200, 3)
    assert run.name.endswith(": learning rate")
    rates = [1e-6 * 1.1**step for step in range(160)]
    losses = [2.3 - 2 * math.exp(-((math.log10(rate) + 2) ** 2)) for rate in rates]
    losses[-2:] = [1e8, 2.0]
    points = [Point(series=name, step=step + 1, value=value, seconds=0.1 * step)
              for name, values in ((series.LEARNING_RATE, rates), (series.TRAIN_LOSS, losses))
              for step, value in enumerate(values)]  # fmt: skip
    manager.stop(run.id)
    until_status(manager, run.id, "stopped", "finished")
    with_points = manager.create("a test", run.architecture, run.config)
    manager.store.record(with_points.id, points)
    manager.store.update(with_points.id, status="finished")
    running = open_page("train", run=with_points.id)
    assert "The test proposes the learning rate 0.001: a tenth of 0.01" in visible_text(running)
    drawn = mounted(running, "rate_range")
    assert drawn["marks"][0]["label"] == "proposed 0.001"
    assert max(loss for _, loss in drawn["paths"][0]["points"]) < 7  # what explodes does not flatten the rest
    running.button(key="train_with_rate").click().run()
    place = "as cloned_1"
    assert running.text_input(key=f"set_lr_{place}").value == "0.001"
    running.button(key="start").click().run()
    started = manager.store.runs()[-1]
    assert (started.setting("range_steps"), started.setting("epochs"), started.setting("lr")) == (0, 3, 0.001)
    assert not running.exception


def test_a_sheet_shows_what_the_augmentation_does(home: Path) -> None:
    running = open_page("train")
    running.session_state["augment_box"] = True
    running.run()
    assert "No augmentation is on: every epoch shows the images as they are." in visible_text(running)
    running.text_input(key="set_hue_course_0").set_value("0.1")
    running.text_input(key="set_crop_course_0").set_value("2")
    running.text_input(key="train_seeds").set_value("3, 4").run()
    told = "in epochs 1 to 3: shifted by up to 2 px; hue ± 10 % of the circle. Seed 3"
    assert told in visible_text(running).replace("\u202f", " ").replace("\xa0", " ")
    running.button(key="augment_more").click().run()
    assert "in epochs 4 to 6" in visible_text(running)
    assert not running.exception


def test_unequal_classes_are_told_of_with_buttons_that_balance_them(home: Path, tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    for number in range(30):
        (folder / "cats" / f"more{number}.png").write_bytes(png(500 + number, 8, 8))
    made = datasets.import_images(folder)
    running = open_page("train")
    running.selectbox(key="train_data").set_value(made.name).run()
    assert "The classes are unequal: 'cats' has 32 training images, 'dogs' 8." in messages(running)
    running.button(key="balance_sampling").click().run()
    assert running.selectbox(key="set_sampling_course_0").value == "balanced"
    assert "The classes are unequal: 'cats' has 32 training images, 'dogs' 8." not in messages(running)
    assert not [each for each in running.button if (each.key or "").startswith("balance_")]
    assert not running.error
    assert not running.exception


def test_what_was_typed_for_a_recipe_comes_back(home: Path) -> None:
    running = app()
    running.text_input(key="set_lr_course_0").set_value("0.5").run()
    running.selectbox(key="train_recipe").set_value("d2l").run()
    assert running.text_input(key="set_lr_d2l_0").value == "0.1"
    running.selectbox(key="train_recipe").set_value("course").run()
    assert running.text_input(key="set_lr_course_0").value == "0.5"


def test_it_is_said_which_part_of_the_images_is_seen(home: Path) -> None:
    running = app()
    running.multiselect(key="train_designs").set_value(["cifar-inception", "dilated-cnn"])
    running.selectbox(key="train_recipe").set_value("quick").run()
    told = " ".join(each.value for each in running.caption)
    assert "the first 65 % of the training on windows of 24 × 24 pixels" in told
    assert "is made for one input size, so it sees whole images throughout" in told


def test_mirrored_digits_are_warned_of_and_can_be_started(home: Path) -> None:
    running = app()
    assert "mirror" not in messages(running)
    running.selectbox(key="train_recipe").set_value("quick").run()
    assert "look like digits or letters" in messages(running)
    assert not running.button(key="start").disabled
    for setting in ("flip", "flip_average"):
        running.toggle(key=f"set_{setting}_quick_0").set_value(False).run()
    assert "mirror" not in messages(running)


def test_a_network_for_other_classes_is_fitted_or_refused(home: Path) -> None:
    running = app()
    running.multiselect(key="train_designs").set_value(["googlenet"]).run()
    assert not running.button(key="start").disabled
    running.toggle(key="train_fit").set_value(False).run()
    assert "1,000 scores" in messages(running)
    assert running.button(key="start").disabled


def test_what_needs_more_memory_than_there_is_is_refused_with_a_way_out(home: Path) -> None:
    running = app()
    running.multiselect(key="train_designs").set_value(["inception-v3"])
    running.text_input(key="set_batch_size_course_0").set_value("4000").run()
    assert "set accumulate to" in messages(running)
    assert running.button(key="start").disabled


def test_on_a_full_disk_nothing_is_started_and_runs_are_deleted(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    folder = small_disk / "home"
    shutil.copytree(home, folder)
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    manager = open_manager(folder)
    run = finished(manager)
    fill(small_disk)
    running = app(run=run.id)
    assert not running.exception
    assert "and the disk of" in messages(running)
    assert "delete runs that are no longer needed" in messages(running)
    assert running.button(key="start").disabled
    running.checkbox(key=f"sure_{run.id}").check().run()
    running.button(key="delete").click().run()
    assert not running.exception
    assert "done is deleted" in messages(running)
    assert manager.store.runs() == []
    (small_disk / "filler").unlink()
    running.run()
    assert not running.button(key="start").disabled
    page_manager().close()


def test_patience_is_typed_and_needs_validation(home: Path, manager: Manager) -> None:
    running = app()
    page_manager().close()
    patience, held_out = (running.text_input(key=f"set_{name}_course_0") for name in ("patience", "validation"))
    patience.set_value("2.5").run()
    assert "patience: '2.5' is not a whole number" in messages(running)
    patience.set_value("4").run()
    assert "patience" in messages(running)
    assert running.button(key="start").disabled
    held_out.set_value("0,2").run()
    assert not running.button(key="start").disabled
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    assert (run.setting("patience"), run.setting("validation")) == (4, 0.2)
    patience.set_value("").run()
    running.button(key="start").click().run()
    assert [each.setting("patience") for each in manager.store.runs()] == [4, None]


def test_kept_checkpoints_are_a_setting(home: Path, manager: Manager) -> None:
    running = app()
    page_manager().close()
    field = running.text_input(key="set_keep_checkpoints_course_0")
    field.set_value("1").run()
    assert "keep_checkpoints (=1) must be 0 or at least 2" in messages(running)
    assert running.button(key="start").disabled
    field.set_value("3").run()
    running.button(key="start").click().run()
    assert [run.setting("keep_checkpoints") for run in manager.store.runs()] == [3]


def test_images_may_stay_as_small_as_they_are(home: Path, manager: Manager) -> None:
    running = app()
    page_manager().close()
    running.segmented_control(key="train_size").set_value("data")
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    assert from_json(run.architecture).input_shape == (3, 28, 28)


def test_runs_are_overlaid_and_addressed(home: Path, manager: Manager) -> None:
    first, second = finished(manager, "one"), finished(manager, "two", 0.75)
    running = app(run=f"{second.id},{first.id}", view="second-50-log")
    assert running.header[0].value == "two"
    assert running.metric[0].value == "75.00 %"
    assert running.session_state["train"]["view"] == {"x": "second", "smooth": 0.5, "log": True}
    assert running.session_state["train"]["runs"] == [second.id, first.id]


@pytest.mark.parametrize(
    "name", first(2, ["nothing", "../../etc/passwd", "20260101-000000-abcdef", "x" * 9000, "<script>"])
)
def test_an_address_of_no_run_is_said(home: Path, manager: Manager, name: str) -> None:
    known = finished(manager)
    running = app(run=f"{name},{known.id}")
    assert "could not be opened as a whole" in messages(running)
    assert running.header[0].value == "done"


@pytest.mark.parametrize("view", first(2, ["nonsense", "9" * 3000, "epoch-epoch", "-", "100", "%00"]))
def test_a_view_that_is_none_is_the_usual_one(home: Path, manager: Manager, view: str) -> None:
    running = app(run=finished(manager).id, view=view)
    assert running.session_state["train"]["view"] == {"x": "epoch", "smooth": 0.0, "log": False}


def test_a_clone_fills_the_form(home: Path, manager: Manager) -> None:
    run = finished(manager, lr=0.25, seed=7, epochs=9)
    running = app(run=run.id)
    running.button(key="clone").click().run()
    assert running.selectbox(key="train_recipe").value == "as cloned"
    assert running.text_input(key="set_lr_as cloned_1").value == "0.25"
    assert running.text_input(key="set_epochs_as cloned_1").value == "9"
    assert running.text_input(key="train_seeds").value == "7"
    page_manager().close()
    running.button(key="start").click().run()
    again = next(other for other in manager.store.runs() if other.id != run.id)
    assert json.loads(again.config) == json.loads(run.config)
    assert from_json(again.architecture) == from_json(run.architecture)


def test_a_clone_of_a_network_that_is_not_in_the_catalogue(home: Path, manager: Manager) -> None:
    mine = edit.replace(catalog.get("inception-net-32"), "inception1/branch_3x3/conv", out_channels=100)
    run = finished(manager)
    manager.store.update(run.id, architecture=to_json(mine))
    running = app(run=run.id)
    running.button(key="clone").click().run()
    page_manager().close()
    running.button(key="start").click().run()
    again = next(other for other in manager.store.runs() if other.id != run.id)
    assert from_json(again.architecture) == mine


def test_a_run_is_extended_and_deleted(home: Path, manager: Manager) -> None:
    run = finished(manager)
    running = app(run=run.id)
    page_manager().close()
    running.button(key="extend").click().run()
    assert manager.store.get(run.id).setting("epochs") == 10
    assert manager.store.get(run.id).status == "queued"
    manager.stop(run.id)
    running.run()
    running.checkbox(key=f"sure_{run.id}").check().run()
    running.button(key="delete").click().run()
    assert manager.store.runs() == []
    assert "No run yet" in visible_text(running)


def test_after_a_deletion_the_next_run_is_shown(home: Path, manager: Manager) -> None:
    left, gone = finished(manager, "left"), finished(manager, "gone")
    running = app(run=gone.id)
    running.checkbox(key=f"sure_{gone.id}").check().run()
    running.button(key="delete").click().run()
    assert "gone is deleted" in messages(running)
    assert running.header[0].value == "left"
    assert address(running, "run") == left.id


def test_a_run_without_its_folder_is_not_extended_and_a_lost_one_not_resumed(home: Path, manager: Manager) -> None:
    done, lost = finished(manager, "done"), finished(manager, "lost")
    for run in (done, lost):
        manager.store.update(run.id, attempt=1)
        shutil.rmtree(RunFolder(manager.root, run.id).path)
    manager.store.update(lost.id, status="paused")
    running = app(run=done.id)
    assert "its folder is gone" in visible_text(running)
    assert "extend" not in [button.key for button in running.button]
    running = app(run=lost.id)
    assert manager.store.get(lost.id).status == "lost"
    assert {"pause", "resume", "stop"}.isdisjoint(button.key for button in running.button)
    assert not running.exception


def test_a_point_of_a_curve_opens_its_checkpoint_where_it_is_kept(home: Path, manager: Manager) -> None:
    run = finished(manager)
    folder = RunFolder(manager.root, run.id).checkpoints
    for name in ("step-0000000063.pt", "step-0000000064.pt", "best-test-0000000032.pt"):
        (folder / name).write_bytes(b"")
    running = app(run=run.id)
    assert mounted(running, "curves")["kept"] == {run.id: {"63": "kept", "64": "kept", "32": "the best by test"}}
    assert state.kept_checkpoints(run.id)[32] == (f"{run.id}@best", "the best by test")
    assert state.kept_checkpoints(run.id)[64] == (f"{run.id}@64", "kept")
    running.session_state["train"]["wanted"] = f"{run.id}@best"
    running.run()
    assert address(running, "model").startswith(run.id)


def test_the_table_filters_and_sorts(home: Path, manager: Manager) -> None:
    finished(manager, "good", 0.9)
    finished(manager, "bad", 0.1)
    running = app()
    running.toggle(key="runs_best").set_value(True).run()
    assert running.dataframe[0].value["name"].tolist() == ["good", "bad"]
    running.text_input(key="runs_search").set_value("BAD digits").run()
    assert running.dataframe[0].value["name"].tolist() == ["bad"]
    running.text_input(key="runs_search").set_value("no such thing").run()
    assert not running.exception


def test_of_more_runs_than_a_table_takes_each_is_found(
    home: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "FIRST_ROWS", 3)
    oldest, best, *_ = (finished(manager, f"trial {place}", 0.9 if place == 1 else 0.5) for place in range(6))
    running = app(run=oldest.id)  # ticked: it is among the rows wherever it would stand
    shown = running.dataframe[0].value["name"].tolist()
    assert shown == ["trial 5", "trial 4", "trial 3", "trial 0"]
    assert "6 of 6 runs, of which 4 are shown: narrow them by the filter, or turn on All rows." in visible_text(running)
    running.toggle(key="runs_best").set_value(True).run()
    assert running.dataframe[0].value["name"].tolist() == ["trial 1", "trial 5", "trial 4", "trial 0"]
    running.toggle(key="runs_all").set_value(True).run()
    assert len(running.dataframe[0].value) == 6
    assert "are shown" not in visible_text(running)
    running.toggle(key="runs_all").set_value(False)
    running.text_input(key="runs_search").set_value(best.id).run()
    assert running.dataframe[0].value["name"].tolist() == ["trial 1"]
    assert "runs_all" not in [each.key for each in running.toggle]
    assert running.session_state["train"]["runs"] == [oldest.id]
    assert not running.exception


def test_who_waits_is_told_when_it_is_its_turn(home: Path, manager: Manager) -> None:
    done = finished(manager)  # tells how fast this machine is
    first, second = (training.start(manager, from_json(done.architecture), training.parse(done.config)) for _ in "ab")
    manager.acquire()  # and starts nothing
    running = app(run=second.id)
    turn = training.expect_starts(manager)[second.id]
    assert turn.position == 2
    assert turn.seconds == pytest.approx(6.4 * training.parse(done.config).epochs / 2, rel=1)
    assert f"{turn.describe()} · digits" in visible_text(running)
    shown = running.dataframe[0].value
    assert dict(zip(shown["run"], shown["state"], strict=True)) == {
        done.id: "finished",
        first.id: "waiting: 1st, now",
        second.id: f"waiting: {turn.describe(brief=True)}",
    }
    manager.close()


def test_a_run_may_share_its_gpu_where_there_is_one(
    home: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "set_share_gpu_course_0" not in [each.key for each in app().toggle]
    found = (Device(name="cuda:0", title="a GPU", memory_bytes=2**34), *devices())
    monkeypatch.setattr("explorer.runs._local.devices", lambda *_: found)
    write_speed(home, "cuda:0")
    running = app()
    page_manager().close()
    running.selectbox(key="set_device_course_0").set_value("cpu")
    running.toggle(key="set_share_gpu_course_0").set_value(True)
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    assert run.setting("share_gpu") is True
    manager.stop(run.id)


def test_networks_of_an_old_store_are_measured_bit_by_bit(
    home: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        design = catalog.get("lenet-5").model_copy(update={"name": f"not seen before {number}"})
        run = manager.create(design.name, to_json(design), training.recipe("course", "digits").model_dump_json())
        manager.store.update(run.id, status="finished")
    monkeypatch.setattr(table, "_PATIENCE_SECONDS", 0.0)
    running = app()
    assert running.dataframe[0].value["params"].isna().all()
    monkeypatch.setattr(table, "_PATIENCE_SECONDS", 60.0)
    running.run()
    assert list(running.dataframe[0].value["params"]) == [analyze(catalog.get("lenet-5")).params] * 3


def test_hostile_names_are_shown_as_they_are(home: Path, manager: Manager) -> None:
    run = finished(manager, HOSTILE)
    manager.annotate(run.id, notes=HOSTILE, tags=[HOSTILE])
    manager.store.update(run.id, status="failed", reason=HOSTILE)
    running = app(run=run.id)
    assert running.header[0].value == literal(HOSTILE)
    assert any(literal(HOSTILE) in each.value for each in running.caption)


def test_no_spreadsheet_takes_a_name_for_a_formula(home: Path, manager: Manager) -> None:
    run = finished(manager, "=cmd|'/c calc'!A1")
    manager.annotate(run.id, tags=["@SUM(1)"])
    table = app(run=run.id).dataframe[0].value
    for column in ("name", "tags"):
        assert table[column][0].startswith("\u2060")


def test_another_program_that_owns_the_runs_is_named(home: Path, manager: Manager) -> None:
    manager.acquire()
    try:
        running = app()
        assert "another program starts them" in messages(running)
    finally:
        manager.close()
    running.run()
    assert "another program" not in messages(running)


def test_a_store_that_cannot_be_opened_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = home / "file"
    blocked.write_text("")
    with monkeypatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(blocked / "below"))
        running = app()
        assert "Runs cannot be stored" in messages(running)


def pets(folder: Path, side: int = 8) -> Path:
    """A folder of two classes."""
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            seed = number + 100 * (label == "dogs")
            (folder / label / f"{number}.png").write_bytes(png(seed, side + number % 2, side))
    return folder


def test_a_folder_of_images_is_looked_at_imported_and_chosen(home: Path, manager: Manager, tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets", 30)
    (folder / "cats" / "notes.txt").write_text("x")
    running = app()
    running.text_input(key="train_path").set_value(str(folder)).run()
    assert not running.exception
    assert not datasets.list_imports()  # nothing is stored yet
    told = messages(running) + " ".join(each.value for each in (*running.markdown, *running.caption))
    assert "20 images" in told
    assert "30 × 30 to 31 × 30" in told
    assert "20 of 20 images are smaller than 32×32 and are enlarged" in told
    running.segmented_control(key="train_store").set_value("smallest").run()
    assert "are enlarged" not in messages(running)
    running.button(key="import").click().run()
    assert not running.exception
    name = running.selectbox(key="train_data").value
    assert name.startswith("pets")
    card = datasets.get_card(name)
    assert (card.classes, card.shape) == (("cats", "dogs"), (3, 30, 30))
    assert running.text_input(key="train_path").value == ""  # what was given is done with
    page_manager().close()
    running.button(key="start").click().run()
    (run,) = manager.store.runs()
    assert run.setting("dataset") == name
    assert from_json(run.architecture).trunk.nodes[-1].out_features == 2


def test_a_folder_is_streamed_where_that_is_chosen(home: Path, manager: Manager, tmp_path: Path) -> None:
    """The preview, the card and the forecast say so; the files stay."""
    folder = pets(tmp_path / "pets", 30)
    running = app()
    running.text_input(key="train_path").set_value(str(folder)).run()
    running.toggle(key="train_stream").set_value(True).run()
    assert any("the files stay where they are, nothing is copied" in each.value for each in running.caption)
    running.button(key="import").click().run()
    assert not running.exception
    name = running.selectbox(key="train_data").value
    assert datasets.get_import(name).streamed
    captions = " ".join(each.value for each in running.caption)
    assert "which stay in" in captions
    assert len(list(folder.rglob("*.png"))) == 20


def test_what_was_given_last_counts(home: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive.zip", classes(3, 4))
    folder = pets(tmp_path / "folder")
    running = app()
    running.text_input(key="train_path").set_value(str(folder)).run()
    running.file_uploader(key="train_upload_0").upload("archive.zip", archive.read_bytes(), "application/zip").run()
    assert "archive" in [each.value for each in running.text_input]
    running.text_input(key="train_path").set_value(str(tmp_path / "nothing")).run()
    assert "does not exist" in messages(running)
    running.text_input(key="train_path").set_value(str(folder)).run()
    running.button(key="import").click().run()
    assert datasets.get_card(running.selectbox(key="train_data").value).title == "folder"
    assert [each.key for each in running.file_uploader] == ["train_upload_1"]  # a new, empty one


def test_what_lies_in_the_data_folders_is_offered(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    zipped(tmp_path / "shared" / "birds.zip", classes(2, 6))
    (tmp_path / "shared" / "broken.zip").write_bytes(b"PK")
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "shared"))
    running = app()
    running.selectbox(key="train_data").set_value("birds").run()
    assert running.button(key="start").disabled
    running.button(key="offer_import").click().run()
    assert not running.exception
    assert datasets.list_imports() == [running.selectbox(key="train_data").value]
    running.selectbox(key="train_data").set_value("broken").run()
    assert not running.exception
    assert "not a zip" in messages(running)
    assert running.selectbox(key="train_data").value == "digits"


def test_a_set_is_looked_at_renamed_and_removed(home: Path, manager: Manager, tmp_path: Path) -> None:
    made = datasets.import_images(pets(tmp_path / "pets"))
    used = datasets.import_images(zipped(tmp_path / "used.zip", classes(2, 6)))
    manager.acquire()  # and starts nothing
    training.start(manager, training.fit_to_data(catalog.get("inception-net-32"), datasets.get_card(used.name)),
                   training.recipe("quick", used.name))  # fmt: skip
    running = app()
    running.selectbox(key="train_data").set_value(made.name).run()
    running.session_state["data_box"] = True
    running.run()
    running.text_input(key=f"data_title_{made.name}").set_value("My <b>pets</b>").run()
    running.button(key="data_rename").click().run()
    assert datasets.get_card(made.name).title == "My <b>pets</b>"
    running.button(key="data_remove").click().run()
    assert not running.exception
    assert datasets.list_imports() == [used.name]
    assert running.selectbox(key="train_data").value == "digits"
    running.selectbox(key="train_data").set_value(used.name).run()
    assert "1 run uses it" in " ".join(each.value for each in running.caption)
    assert running.button(key="data_remove").disabled
    manager.close()


@pytest.mark.parametrize(
    "path", first(2, ["/nowhere/at/all", "a" * 900, "relative/nowhere", "\u202e", "~nobody/x", "digits"])
)
def test_a_path_that_is_none_is_said_and_the_page_goes_on(home: Path, path: str) -> None:
    running = app()
    running.text_input(key="train_path").set_value(path).run()
    assert not running.exception
    assert running.error
    assert running.text_input(key="train_path").value == path
    assert running.selectbox(key="train_data").value == "digits"
    assert "start" in [button.key for button in running.button]


def test_data_that_is_not_here_says_how_to_bring_it_and_a_failed_download_is_a_sentence(home: Path) -> None:
    running = app()
    running.selectbox(key="train_data").set_value("mnist").run()
    assert "MNIST" in messages(running)
    assert running.button(key="start").disabled
    running.button(key="download").click().run()
    assert not running.exception
    assert "could not be downloaded" in messages(running)
    assert "start" in [button.key for button in running.button]


def test_what_was_typed_survives_a_visit_to_another_page(home: Path) -> None:
    running = app()
    running.text_input(key="train_seeds").set_value("5")
    running.text_input(key="set_lr_course_0").set_value("0.25")
    running.multiselect(key="train_designs").set_value(["dilated-cnn"]).run()
    running.switch_page("pages/catalogue.py").run()
    running.switch_page("pages/train.py").run()
    assert running.text_input(key="train_seeds").value == "5"
    assert running.text_input(key="set_lr_course_0").value == "0.25"
    assert running.multiselect(key="train_designs").value == ["dilated-cnn"]


def test_the_proposed_network_follows_the_design_until_somebody_chooses(home: Path) -> None:
    running = app()
    set_design(running, edit.set_classes(catalog.get("googlenet"), 7))
    running.run()
    assert running.multiselect(key="train_designs").value == [""]
    running.multiselect(key="train_designs").set_value(["dilated-cnn"]).run()
    set_design(running, catalog.get("googlenet"))
    running.run()
    assert running.multiselect(key="train_designs").value == ["dilated-cnn"]


@pytest.mark.parametrize("page", ["train", "ablate"])
def test_the_device_that_was_asked_for_is_the_one_that_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """A GPU whose speed is known, and the CPU chosen, whose is not: nothing is rendered again until that is there."""
    found = (Device(name="cuda:0", title="a GPU", memory_bytes=2**34), *devices())
    monkeypatch.setattr("explorer.runs._local.devices", lambda *_: found)
    asked: list[str] = []
    monkeypatch.setattr("explorer.training._probe._start", lambda path, device: asked.append(device))
    known = (home / "speed-cpu.json").read_text()
    (home / "speed-cpu.json").unlink()
    write_speed(home, "cuda:0")
    running = open_page(page)
    running.selectbox(key="set_device_course_0").set_value("cpu").run()
    assert not running.exception
    assert set(asked) == {"cpu"}
    assert len(asked) < 20
    assert any("Measuring once how fast cpu trains" in each.value for each in running.caption)
    monkeypatch.setattr("explorer.training.speed_probe_failure", lambda device: f"the speed of {device} is unknown")
    assert "The speed of cpu is unknown." in messages(running.run())
    before = len(asked)
    running.button(key="measure_speed").click().run()
    assert len(asked) > before
    monkeypatch.undo()
    monkeypatch.setenv("EXPLORER_HOME", str(home))
    (home / "speed-cpu.json").write_text(known)
    assert any("about **" in each.value for each in running.run().markdown)


@pytest.mark.parametrize(
    ("address", "shown"),
    first(3, [
        ("127.0.0.1", True), ("0.0.0.0", False), (None, False), ("localhost", True), ("::1", True), ("::", False),
        ("192.168.0.7", False), ("lab-server", False),
    ]),
)  # fmt: skip
def test_only_a_server_for_this_machine_alone_takes_paths(
    home: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, shown: bool
) -> None:
    before = config.get_option("server.address")
    config._set_option("server.address", address, "a test")
    try:
        running = app()
    finally:
        config._set_option("server.address", before, "a test")
    assert ("train_path" in [each.key for each in running.text_input]) is shown
    assert "train_upload_0" in [each.key for each in running.file_uploader]


def test_queries_do_not_grow_with_the_number_of_runs(home: Path, manager: Manager) -> None:
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "metrics" in statement:  # the manager looks after runs beside the page; it reads none of these
            statements.append(statement)

    counts = []
    for more in (2, 10):
        for number in range(more):
            finished(manager, f"run {number}", accuracy=number / 20)
        app()  # what is read once
        sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
        try:
            running = app()
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
        counts.append(len(statements))
        statements.clear()
        assert running.dataframe[0].value["test accuracy"].iloc[0] == 100 * (more - 1) / 20
    assert counts[0] == counts[1] > 0
