"""What version 0.1.0 wrote, before runs had a home and the schema was Alembic's, opens and goes on (``legacy/``).

``legacy/home`` is a data directory with a run that finished and one whose worker was killed after its first checkpoint.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sql
import torch

from explorer.architecture import from_json, from_link, to_json, to_link
from explorer.inspection.opening import open_model
from explorer.modules import build
from explorer.runs import History, Manager, RunFolder, list_checkpoints, series
from explorer.runs._tables import HEAD
from explorer.training import checkpoint, extend, open_manager, parse

from .parts import curve, log, set_config, texts, until_status

LEGACY = Path(__file__).parent / "legacy"
FINISHED, KILLED = "20261126-145848-9be4f1", "20261126-150942-0c585c"


@pytest.fixture
def old(root: Path) -> Manager:
    shutil.copytree(LEGACY / "home", root)
    return open_manager(root)


def test_links_and_files_of_architectures() -> None:
    links = (LEGACY / "links.txt").read_text(encoding="ascii").split()
    first = from_json((LEGACY / "legacy-net.json").read_text(encoding="utf-8"))
    assert from_link(links[0]) == first
    assert len(links) == 21
    for link in links:
        architecture = from_link(link)
        assert from_link(to_link(architecture)) == architecture == from_json(to_json(architecture))


def test_the_store_is_migrated_and_the_runs_are_this_home_s(old: Manager) -> None:
    assert old.messages == []
    finished, killed = old.runs()
    assert [(run.id, run.status) for run in (finished, killed)] == [(FINISHED, "finished"), (KILLED, "interrupted")]
    assert old.owns(finished)
    assert old.owns(killed)
    assert (finished.name, finished.step, finished.epoch, finished.requested_action) == (
        "legacy finished",
        64,
        2,
        "run",
    )
    assert texts(old, FINISHED) == ["attempt 1 trains on cpu from step 0", "finished"]
    with sql.create_engine(f"sqlite:///{old.root / 'runs.sqlite'}").connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]


def test_the_course_of_a_run_survives_the_loss_of_the_store(old: Manager) -> None:
    """An earlier version kept it in the store alone."""
    before = {name: [(point.step, point.value) for point in old.store.points(FINISHED, name)]
              for name in old.store.series(FINISHED)}  # fmt: skip
    run = old.run(FINISHED)
    assert before
    written = RunFolder(old.root, FINISHED).history.stat().st_mtime_ns
    old.close()
    (old.root / "runs.sqlite").unlink()
    again = open_manager(old.root)
    assert RunFolder(old.root, FINISHED).history.stat().st_mtime_ns == written
    after = {name: [(point.step, point.value) for point in again.store.points(FINISHED, name)]
             for name in again.store.series(FINISHED)}  # fmt: skip
    assert after == before
    found = again.run(FINISHED)
    assert (found.status, found.epoch, found.step) == (run.status, run.epoch, run.step)


def test_curves_and_documents(old: Manager) -> None:
    run = old.run(FINISHED)
    assert list(curve(old, run.id)) == list(range(1, 65))
    past = History(old.store)
    for name in old.store.series(run.id):
        assert len(past.curve(run, name))
    assert old.store.last_values(series.TEST_ACCURACY) == {run.id: past.curve(run, series.TEST_ACCURACY).last}
    samples, predictions = old.store.samples(run.id), old.store.predictions(run.id)
    assert samples is not None
    assert predictions is not None
    assert len(predictions[1]) == len(samples.labels)
    assert old.store.latest(run.id, "confusion/test") is not None


def test_a_checkpoint_is_opened(old: Manager) -> None:
    run = old.run(FINISHED)
    captured, problems = checkpoint.load_newest(RunFolder(old.root, run.id).checkpoints, run.id)
    assert problems == []
    assert captured is not None
    assert captured["epoch"] * captured["steps_per_epoch"] + captured["step"] == 64
    assert captured["classes"] == list("0123456789")
    network = build(from_json(run.architecture))
    network.load_state_dict(captured["average"])
    model = open_model(run.id, old)
    assert torch.isfinite(next(iter(model.network.parameters()))).all()
    assert len(list_checkpoints(RunFolder(old.root, run.id).checkpoints)) == 2


@pytest.mark.usefixtures("light_workers")
def test_what_was_interrupted_and_what_had_finished_goes_on(old: Manager) -> None:
    for run in (KILLED, FINISHED):  # as many threads as on the machine that wrote them would wait for one another here
        set_config(old, run, threads=1)
    assert old.run(KILLED).status == "interrupted"
    old.resume(KILLED)
    done = until_status(old, KILLED, "finished", "failed")
    assert done.status == "finished", (done.reason, log(old, KILLED))
    assert (done.step, done.attempt) == (96, 2)
    assert list(curve(old, KILLED)) == list(range(1, 97))
    assert "attempt 2 trains on cpu from step 0" in texts(old, KILLED)
    before = curve(old, FINISHED)
    extend(old, FINISHED, 1)
    done = until_status(old, FINISHED, "finished", "failed")
    assert done.status == "finished", (done.reason, log(old, FINISHED))
    assert (done.epoch, done.step, parse(done.config).epochs) == (3, 96, 3)
    assert {step: value for step, value in curve(old, FINISHED).items() if step <= 64} == before
    assert "attempt 2 trains on cpu from step 64" in texts(old, FINISHED)
