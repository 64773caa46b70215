"""The same store on SQLite and on a real PostgreSQL server, which this file starts."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sql
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from explorer.runs import Document, ExperimentRow, Manager, Point, StoreError, Trial, _schema
from explorer.runs._tables import HEAD, META, VERSION
from explorer.training import open_manager
from tests.sizes import thorough

from .parts import create, curve, execute, make_database, make_old, until_status


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'other.sqlite'}"
    return make_database(request.getfixturevalue("server"), request.node.name)


def test_everything_a_store_does(root: Path, database: str) -> None:
    manager = Manager(root, url=database)
    run, store = create(manager), manager.store
    for value in (1.0, 2.0):
        points = [Point(series="train/loss", step=step, value=value, seconds=0.1) for step in range(100)]
        store.record(run.id, points, [Document(name="confusion/test", step=1, data=[[value]])], step=99, seconds=0.5)
    assert {point.value for point in store.points(run.id, "train/loss")} == {2.0}
    assert [point.step for point in store.points(run.id, "train/loss", after=97)] == [98, 99]
    assert store.documents(run.id, "confusion/test") == [(1, [[2.0]])]
    store.record(run.id, [], [Document(name="confusion/test", step=2, data=[[3.0]])])
    assert store.latest(run.id, "confusion/test") == (2, [[3.0]])
    assert (store.latest(run.id, "none"), store.samples(run.id), store.predictions(run.id)) == (None, None, None)
    assert store.series(run.id) == ["train/loss"]
    manager.annotate(run.id, name="é 'x' %s", tags=["a", "b"])
    again = Manager(root, url=database).run(run.id)
    assert (again.name, again.tags, again.step, again.seconds) == ("é 'x' %s", ("a", "b"), 99, 0.5)
    assert manager.pause(run.id).status == "paused"
    assert [text for _, text in store.events(run.id)] == ["paused while it was queued"]
    assert [found.id for found in store.runs("paused")] == [run.id]
    manager.delete(run.id)
    assert (manager.runs(), store.series(run.id), store.events(run.id)) == ([], [], [])


def test_of_each_run_its_state_and_the_end_of_its_curve(root: Path, database: str) -> None:
    manager = Manager(root, url=database)
    store, runs = manager.store, [create(manager).id for _ in range(4)]
    others = ("test", "test/accuracy_2", "train/loss")
    for number, run in enumerate(runs[:3]):
        store.record(run, [Point(series="test/accuracy", step=10 * number, value=0.5 + number, seconds=0.1)])
        later = [Point(series=name, step=99, value=0.0, seconds=0.2) for name in others]
        store.record(run, later)
    store.record(runs[0], [Point(series="test/accuracy", step=9, value=0.25, seconds=0.1)])
    assert store.last_values("test/accuracy") == {runs[0]: 0.25, runs[1]: 1.5, runs[2]: 2.5}
    assert store.last_values("none") == {}
    store.update(runs[1], status="failed")
    assert list(store.statuses().items()) == [(run, "failed" if run == runs[1] else "queued") for run in runs]
    assert store.statuses("failed", "paused") == store.statuses("failed", home=manager.home_id) == {runs[1]: "failed"}
    assert store.statuses("paused") == store.statuses("failed", home="of another") == {}


def test_one_of_two_clicks_succeeds(root: Path, database: str) -> None:
    manager = Manager(root, url=database)
    run = create(manager)
    for _ in range(10):
        manager.store.update(run.id, status="interrupted")
        barrier, told = threading.Barrier(2), []

        def click(barrier: threading.Barrier = barrier, told: list[str] = told) -> None:
            other = Manager(root, url=database)
            barrier.wait()
            try:
                told.append(other.resume(run.id).status)
            except ValueError as error:
                told.append(str(error))

        threads = [threading.Thread(target=click) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum("already" in text for text in told) == 1


@pytest.mark.usefixtures("light_workers")
def test_a_worker_writes_there(root: Path, database: str) -> None:
    manager = open_manager(root, url=database)
    run = create(manager, epochs=1)
    done = until_status(manager, run.id, "finished", "failed")
    assert done.status == "finished", done.reason
    assert list(curve(manager, run.id)) == list(range(1, 64))
    samples, predictions = manager.store.samples(run.id), manager.store.predictions(run.id)
    assert samples is not None
    assert predictions is not None
    assert samples.classes == tuple("0123456789")
    assert (predictions[0], len(predictions[1])) == (63, len(samples.labels)) == (63, 24)
    assert not (root / "runs.sqlite").exists()


def columns(database: str) -> set[str]:
    engine = sql.create_engine(database, poolclass=sql.pool.NullPool)
    return {column["name"] for column in sql.inspect(engine).get_columns("runs")}


@pytest.mark.parametrize("age", ["schema 1", "no schema"])
def test_an_older_store_is_brought_up_to_date(root: Path, database: str, age: str) -> None:
    """Also one from before there were versions, without some columns and a table."""
    run = create(Manager(root, url=database))
    make_old(database)
    missing = ("tags", "wish_clock", "memory", "attempt") if age == "no schema" else ()
    if missing:
        execute(database, *(f"DROP TABLE {name}" for name in ("schema_version", "documents")))
        execute(database, *(f"ALTER TABLE runs DROP COLUMN {name}" for name in missing))
    manager = Manager(root, url=database)
    found = manager.run(run.id)
    assert (found.tags, found.requested_at, found.memory, found.attempt) == ((), 0.0, 0, 0)
    assert found.config == run.config
    manager.annotate(run.id, tags=["a"])
    manager.store.record(run.id, [], [Document(name="confusion/test", step=1, data=[[1]])])
    again = Manager(root, url=database)  # once more: nothing is left to do
    assert again.run(run.id).tags == ("a",)
    assert again.messages == []


def test_the_revisions_make_the_tables(root: Path, database: str) -> None:
    """A new store, and one that was brought up to date from the first revision, are what the tables say."""
    for old in (False, True):
        Manager(root, url=database)
        if old:
            make_old(database)
            Manager(root, url=database)
        engine = sql.create_engine(database, poolclass=sql.pool.NullPool)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": False})
            differences = [each for each in compare_metadata(context, META) if "comment" not in str(each[0])]
            (number,) = connection.exec_driver_sql("SELECT version FROM schema_version").scalars()
            (revision,) = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        assert (differences, number, revision) == ([], VERSION, HEAD)
    assert ScriptDirectory(str(Path(_schema.__file__).parent / "migrations")).get_heads() == [HEAD]


@thorough("tests/runs/test_databases.py::test_an_older_store_is_brought_up_to_date")
def test_of_many_who_open_an_old_store_at_once_one_upgrades_it(root: Path, database: str) -> None:
    run = create(Manager(root, url=database))
    make_old(database)
    homes = [root, *(root.with_name(f"other-{number}") for number in range(3))]
    program = "import pathlib, sys; from explorer import runs; runs.Manager(pathlib.Path(sys.argv[1]), sys.argv[2])"
    openers = [
        subprocess.Popen([sys.executable, "-c", program, str(home), database], stderr=subprocess.PIPE, text=True)
        for home in homes
    ]
    assert [(opener.communicate()[1], opener.returncode) for opener in openers] == [("", 0)] * 4
    found = Manager(root, url=database).run(run.id)
    assert (found.config, "home" in columns(database)) == (run.config, True)


def test_a_newer_store_is_refused_and_left_alone(root: Path, database: str) -> None:
    run = create(Manager(root, url=database))
    execute(database, "UPDATE alembic_version SET version_num = '0099'", "ALTER TABLE runs DROP COLUMN tags")
    with pytest.raises(
        StoreError, match=rf"newer version of the product \(its schema is 0099, known up to {HEAD}\); inst"
    ):
        Manager(root, url=database)
    assert "tags" not in columns(database)
    execute(
        database,
        f"UPDATE alembic_version SET version_num = '{HEAD}'",
        "ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
    )
    assert Manager(root, url=database).run(run.id).tags == ()


def test_a_server_that_is_away_is_one_sentence(root: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the run store"):
        Manager(root, url=f"postgresql+psycopg://postgres@/none?host={tmp_path}")


def test_an_experiment_has_each_of_its_parts_once(database: str, root: Path) -> None:
    manager = Manager(root, database)
    run = create(manager)
    manager.store.experiments.save(ExperimentRow(id="one", name="x" * 500, created=1.5, plan="{}"))
    largest = Trial(experiment="one", variant="residual + CBAM", seed=2**32 - 1)
    added = manager.create("a", run.architecture, run.config, trial=largest)
    with pytest.raises(StoreError) as error:
        manager.create("b", run.architecture, run.config, trial=largest)
    assert error.value.duplicate
    assert len(manager.runs()) == 2  # the run that had no part was not kept
    assert manager.trials("one") == [(largest, added)]
    manager.delete(added.id)
    assert manager.trials("one") == []
    manager.store.experiments.remove("one")
    assert manager.store.experiments.all() == []
