"""The Ablate page through Streamlit's own test runner: the wizard's variants and forecast, experiments, addresses."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from explorer import catalog, datasets
from explorer.architecture import edit
from explorer.experiments import (
    StoredExperiment,
    collect_results,
    list_experiments,
    list_factors,
    plan,
    start,
    to_csv,
    to_markdown,
)
from explorer.runs import Manager
from explorer.training import open_manager, parse, recipe
from pages.ui.text import literal
from tests.experiments.parts import finish
from tests.pages.parts import HOSTILE, ROOT, open_page, set_design, visible_text
from tests.runs.parts import until
from tests.sizes import first

NET = catalog.get("inception-net-32")


def done(manager: Manager, name: str = "", *, unfinished: int = 0) -> StoredExperiment:
    """An experiment whose runs have ended, the last few stopped before they began."""
    planned = plan(NET, ("residual", "cbam"), recipe("course", "digits"), seeds=(0, 1), combine=True, name=name)
    stored = start(manager, planned)
    trials = manager.trials(stored.id)
    for index, (_, run) in enumerate(trials):
        if index < len(trials) - unfinished:
            finish(manager, run, 0.5, 0.6 + index / 100)
        else:
            manager.stop(run.id)
    return stored


def app(**query: str) -> AppTest:
    return open_page("ablate", **query)


def wizard() -> AppTest:
    running = app()
    if running.segmented_control(key="ablate_view").value != "New ablation":
        running.segmented_control(key="ablate_view").set_value("New ablation").run()
    return running


def test_the_first_visit_is_the_wizard_with_something_that_works(home: Path) -> None:
    running = app()
    assert running.segmented_control(key="ablate_view").value == "New ablation"
    assert running.selectbox(key="ablate_net").value == "inception-net-32"
    assert "**3 variants:** base, residual, CBAM" in visible_text(running)
    assert running.button(key="ablate_start").label == "Start 9 runs"
    assert "one after another on cpu · about **" in visible_text(running)


def test_every_factor_that_applies_can_be_ticked_and_says_what_it_costs(home: Path) -> None:
    running = wizard()
    offered = {box.key: box.label for box in running.checkbox if str(box.key).startswith("factor_")}
    assert set(offered) == {f"factor_{each.name}" for each in list_factors(NET) if not each.reason_not_applicable(NET)}
    assert "+16.6 k params, +1.05 M MACs" in offered["factor_residual"]
    assert "same params and MACs" in offered["factor_dilation-2"]
    assert "nothing is normalised" in visible_text(running)
    running.selectbox(key="ablate_net").set_value("dilated-cnn").run()
    assert "factor_residual" not in {box.key for box in running.checkbox}
    assert "the network has no blocks" in visible_text(running)
    assert "at least one factor" in visible_text(running)
    assert running.button(key="ablate_start").disabled
    running.checkbox(key="factor_no-dilation").check().run()
    assert running.button(key="ablate_start").label == "Start 6 runs"


def test_combinations_and_seeds_decide_on_the_number_of_runs(home: Path) -> None:
    running = wizard()
    running.segmented_control(key="ablate_design").set_value("all combinations").run()
    assert "residual + CBAM" in visible_text(running)
    running.text_input(key="ablate_seeds").set_value("7 8").run()
    assert running.button(key="ablate_start").label == "Start 8 runs"
    wrong = (("x", "whole numbers"), ("1,1", "given twice"), ("", "whole numbers"), ("5000000000", "from 0"))
    for typed, part in wrong:
        running.text_input(key="ablate_seeds").set_value(typed).run()
        assert running.button(key="ablate_start").disabled
        assert part in visible_text(running)
        assert not running.exception


@pytest.mark.parametrize(
    ("key", "typed"), [("set_lr_course_0", "abc"), ("set_epochs_course_0", "0"), ("ablate_seeds", "x")]
)
def test_a_number_that_is_none_starts_nothing(home: Path, manager: Manager, key: str, typed: str) -> None:
    running = wizard()
    running.text_input(key=key).set_value(typed)
    running.button(key="ablate_start").click().run()
    assert not running.exception
    assert "Not started" in visible_text(running)
    assert running.button(key="ablate_start").disabled
    assert (list_experiments(manager), manager.runs()) == ([], [])


def test_the_homework_fills_the_form(home: Path) -> None:
    running = wizard()
    running.checkbox(key="factor_se").check()
    running.text_input(key="set_epochs_course_0").set_value("1").run()
    running.button(key="preset_homework").click().run()
    assert not running.exception
    assert running.selectbox(key="train_data").value == "cifar-10"
    assert running.text_input(key="ablate_name").value == "The course's homework"
    ticked = {box.key for box in running.checkbox if str(box.key).startswith("factor_") and box.value}
    assert ticked == {"factor_residual", "factor_cbam"}
    assert running.segmented_control(key="ablate_design").value == "all combinations"
    assert next(each.value for each in running.text_input if str(each.key).startswith("set_epochs_course")) == "5"
    assert "not on this machine yet" in visible_text(running)
    assert running.button(key="ablate_start").disabled
    running.selectbox(key="train_data").set_value(datasets.DEFAULT).run()
    assert running.button(key="ablate_start").label == "Start 12 runs"


def test_one_click_queues_the_experiment_and_the_address_names_it(home: Path, manager: Manager) -> None:
    running = wizard()
    running.text_input(key="ablate_name").set_value(HOSTILE)
    running.text_input(key="set_epochs_course_0").set_value("3")
    running.button(key="ablate_start").click().run()
    assert not running.exception
    stored = list_experiments(manager)[0]
    assert stored.experiment.name == HOSTILE
    assert stored.experiment.config.epochs == 3
    assert len(manager.trials(stored.id)) == 9
    assert running.query_params["experiment"] == stored.id
    assert running.segmented_control(key="ablate_view").value == "Experiments"
    assert running.header[0].value == literal(HOSTILE)
    until(lambda: manager.store.runs("running"))  # the page looks after the runs
    running.button(key="experiment_stop").click().run()
    until(lambda: not manager.store.runs("queued", "running"))


def test_the_table_is_the_reading_of_the_store(home: Path, manager: Manager) -> None:
    stored = done(manager)
    running = app()
    table = running.dataframe[0].value
    rows = collect_results(manager, stored)
    assert list(table["variant"]) == [row.label for row in rows]
    assert list(table["params"]) == [f"{row.totals.params:,}" for row in rows]
    assert list(table["n"]) == ["2/2"] * 4
    assert table["test accuracy %"][0] == "62.00 ± 2.83"
    assert table["difference"][1] == "+1.00 ± 0.00"
    assert table["verdict"][1] == "none: all seeds alike"
    assert list(running.dataframe[1].value["interaction"]) == ["residual × CBAM"]
    runs = running.dataframe[2].value
    assert list(runs["run"]) == [trial.run for row in rows for trial in row.trials]


def test_the_files_to_take_away_are_made(home: Path, manager: Manager) -> None:
    """AppTest does not press a button that downloads; what it would call is called here."""
    from pages.ui.ablate.manage import _make_file

    stored = done(manager)
    frame = pd.read_csv(io.StringIO(_make_file(manager, to_csv, stored)))
    assert list(frame["kind"]) == ["variant"] * 4 + ["interaction"]
    assert "| residual × CBAM |" in _make_file(manager, to_markdown, stored)


def test_an_address_rebuilds_its_experiment(home: Path, manager: Manager) -> None:
    first, second = done(manager, "first"), done(manager, "second")
    assert app().header[0].value == "second"
    running = app(experiment=first.id)
    assert running.header[0].value == "first"
    running.selectbox(key="experiment_pick").set_value(second.id).run()
    assert running.header[0].value == "second"
    running.run()
    assert running.query_params["experiment"] == second.id


@pytest.mark.parametrize("name", first(2, ["nonsense", "'; DROP TABLE runs", "../../etc/passwd", "x" * 9000, "\x00"]))
def test_a_bad_address_is_said_and_harms_nothing(home: Path, manager: Manager, name: str) -> None:
    stored = done(manager)
    running = app(experiment=name)
    assert "could not be opened" in running.error[0].value
    assert running.query_params["experiment"] == stored.id


def test_resume_seeds_and_delete(home: Path, manager: Manager) -> None:
    manager.acquire()  # so that nothing is started: what is asked for shows in the store at once
    stored = done(manager, unfinished=3)
    running = app()
    running.button(key="experiment_resume").click().run()
    assert len(manager.store.runs("queued")) == 3
    running.button(key="experiment_stop").click().run()
    assert len(manager.store.runs("stopped")) == 3
    running.text_input(key=f"more_seeds_{stored.id}_1").set_value("x")
    running.button(key="experiment_seeds").click().run()
    assert "whole numbers" in visible_text(running)
    running.text_input(key=f"more_seeds_{stored.id}_1").set_value("5")
    running.button(key="experiment_seeds").click().run()
    assert len(manager.trials(stored.id)) == 12
    running.button(key="experiment_stop").click().run()
    assert running.button(key="experiment_delete").disabled
    running.checkbox(key=f"experiment_sure_{stored.id}").check().run()
    running.button(key="experiment_delete").click().run()
    assert (list_experiments(manager), manager.runs()) == ([], [])
    assert not running.exception
    assert "is deleted" in visible_text(running)
    manager.close()


def test_another_program_looks_after_the_runs(home: Path, manager: Manager) -> None:
    other = open_manager(home)
    other.acquire()
    try:
        running = app()
        assert "another program starts them" in visible_text(running)
        assert not running.exception
    finally:
        other.close()


def test_when_the_next_run_starts_is_said(home: Path, manager: Manager) -> None:
    manager.acquire()  # and starts nothing
    stored = start(manager, plan(NET, ("residual", "cbam"), recipe("course", "digits"), seeds=(0, 1)))
    assert "0 of 6 runs finished · 6 wait; the next is 1st in the queue, starts now" in [
        each.proto.text for each in app(experiment=stored.id).get("progress")
    ]
    manager.close()


def test_a_design_that_cannot_be_trained_is_said(home: Path) -> None:
    running = wizard()
    running.selectbox(key="ablate_net").set_value("inception-block").run()
    assert not running.exception
    assert running.error
    running.selectbox(key="ablate_net").set_value("googlenet").run()  # its classes are fitted to the data
    assert running.button(key="ablate_start").label == "Start 9 runs"


def test_the_design_of_the_session_is_offered_under_its_own_name(home: Path) -> None:
    running = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    running.run()
    set_design(running, edit.replace(NET, "", name=HOSTILE))
    running.switch_page("pages/ablate.py").run()
    assert running.selectbox(key="ablate_net").value == ""
    assert f"{HOSTILE} (your design)" in running.selectbox(key="ablate_net").options
    assert not running.exception


def test_what_runs_start_from_is_a_further_factor(home: Path, manager: Manager) -> None:
    running = wizard()
    running.selectbox(key="ablate_net").set_value("mnist-inception").run()
    for box in running.checkbox:
        if str(box.key).startswith("factor_"):
            box.set_value(False)
    running.toggle(key="ablate_from").set_value(True).run()
    running.selectbox(key="train_from").set_value("mnist-inception").run()
    running.selectbox(key="train_from_freeze").set_value("conv1").run()
    assert not running.exception
    assert "**2 variants:** base, from mnist-inception" in visible_text(running)
    running.button(key="ablate_start").click().run()
    assert not running.exception
    (stored,) = list_experiments(manager)
    starts = [parse(run.config).start for _, run in manager.trials(stored.id)]
    assert [each.freeze if each else None for each in starts] == [None, "conv1"] * 3
