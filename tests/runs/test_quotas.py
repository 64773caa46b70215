"""What each person may use: measured from what is there, refused before work begins, and not for administrators."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from explorer import experiments
from explorer.person import Person, act_as
from explorer.runs import ACTIVE, ExperimentRow, Manager, Quotas, RunFolder, Trial, new_run_id, read_quotas
from explorer.training import open_manager
from tests.experiments.parts import small
from tests.runs.parts import create, make_database
from tests.sizes import first
from tests.test_ownership import archive

ANN = Person(id="a" * 24, name="Ann")
BOB = Person(id="b" * 24, name="Bob")
EVE = Person(id="e" * 24, name="Eve", email="eve@example.org", admin=True)


@pytest.fixture
def people(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> tuple[Manager, Manager, Manager]:
    monkeypatch.setenv("EXPLORER_ADMINS", "eve@example.org")
    for each in (ANN, BOB, EVE):
        manager.store.people.welcome(each)
    ann, bob, eve = (manager.act_for(each) for each in (ANN, BOB, EVE))
    return ann, bob, eve


@pytest.mark.parametrize(
    ("text", "size"),
    [("", None), ("10GB", 10**10), ("1.5 MB", 1_500_000), ("2k", 2000), ("7", 7), (" 3TB ", 3 * 10**12)],
)
def test_sizes_as_people_write_them(text: str, size: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_QUOTA_DISK", text)
    assert read_quotas() == Quotas(disk_bytes=size)


@pytest.mark.parametrize(("name", "text"), [("DISK", "much"), ("DISK", "-1GB"), ("UPLOADS", "1GiB"), ("QUEUE", "2.5")])
def test_a_quota_that_is_none_is_named(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EXPLORER_QUOTA_{name}", text)
    with pytest.raises(ValueError, match=f"EXPLORER_QUOTA_{name} is '{text}'; it takes"):
        read_quotas()


def test_runs_that_wait_or_work(people: tuple[Manager, Manager, Manager], monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, eve = people
    monkeypatch.setenv("EXPLORER_QUOTA_QUEUE", "2")
    first, _ = create(ann), create(ann)
    said = "2 of your runs wait or work, and 1 more would be above the 2 that each person may have at a time: wait"
    with pytest.raises(ValueError, match=said):
        create(ann)
    with pytest.raises(ValueError, match="and 3 more would be above the 2"):
        bob.check_capacity(3)
    create(bob)
    for _ in range(3):
        create(eve)
    ann.pause(first.id)
    create(ann)
    with pytest.raises(ValueError, match="2 of your runs"):
        ann.resume(first.id)
    assert ann.run(first.id).status == "paused"
    assert ann.measure_usage(ANN.id).queue == 2


def test_what_goes_on_for_somebody_counts_for_them(
    people: tuple[Manager, Manager, Manager], manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search's further trials are made by the server itself."""
    ann, _, _ = people
    row = ExperimentRow(id=new_run_id(), name="search", created=1.0, plan="{}")
    ann.save_experiment(row)
    monkeypatch.setenv("EXPLORER_QUOTA_QUEUE", "1")
    manager.create("one", "{}", "{}", trial=Trial(experiment=row.id, variant="a", seed=1))
    with pytest.raises(ValueError, match="above the 1 that each person may have"):
        manager.create("two", "{}", "{}", trial=Trial(experiment=row.id, variant="b", seed=1))


def test_disk_of_runs_data_sets_and_models(
    people: tuple[Manager, Manager, Manager], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer import datasets

    ann, bob, eve = people
    monkeypatch.setenv("EXPLORER_HOME", str(ann.root))
    run = create(ann)
    (RunFolder(ann.root, run.id).checkpoints / "step-0000000001.pt").write_bytes(bytes(700_000))
    with act_as(ANN):
        datasets.import_upload(archive(), "cats.zip")
    model = ann.root / "imported" / "imported-x-00000000.safetensors"
    (model.with_suffix(".owners")).mkdir(parents=True)
    model.write_bytes(bytes(200_000))
    (model.with_suffix(".owners") / ANN.id).write_text("")
    used = ann.measure_usage(ANN.id)
    assert 700_000 < used.run_bytes < 720_000
    assert used.model_bytes == 200_000
    assert 2_000 < used.dataset_bytes < 20_000
    assert bob.measure_usage(BOB.id).disk_bytes == 0
    with pytest.raises(ValueError, match="what others use is for administrators to see"):
        bob.measure_usage(ANN.id)
    assert eve.measure_usage(ANN.id) == used
    monkeypatch.setenv("EXPLORER_QUOTA_DISK", "1MB")
    create(ann)  # there is room
    with ann.reserve_disk(50_000):
        pass
    said = r"take 9\d\d kB of the 1(\.0+)? MB that each person may, and this takes 200 kB: delete"
    with pytest.raises(ValueError, match=said):
        ann.reserve_disk(200_000).__enter__()
    monkeypatch.setenv("EXPLORER_QUOTA_DISK", "500kB")
    with pytest.raises(ValueError, match="that each person may: delete some, or ask an administrator for more"):
        create(ann)
    create(bob)
    create(eve)
    with eve.reserve_disk(10**12):
        pass


def test_uploads_of_a_day(people: tuple[Manager, Manager, Manager], monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, eve = people
    monkeypatch.setenv("EXPLORER_QUOTA_UPLOADS", "1MB")
    ann.enter_upload("file x", 900_000)
    with pytest.raises(ValueError, match="you have uploaded 900 kB within a day, and 200 kB more would be above the 1"):
        ann.enter_upload("file x", 200_000)
    bob.enter_upload("file x", 200_000)
    eve.enter_upload("file x", 10**12)
    assert [(line.action, line.detail) for line in ann.read_audit()] == [("upload", "900000")]
    assert ann.store.people.uploaded(ANN.id, time.time() + 1) == 0


def test_lines_of_others_are_for_administrators(people: tuple[Manager, Manager, Manager]) -> None:
    ann, bob, eve = people
    create(ann)
    create(bob)
    assert {line.person for line in ann.read_audit()} == {ANN.id}
    assert {line.person for line in eve.read_audit()} == {ANN.id, BOB.id}


def test_the_same_in_postgresql(root: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = open_manager(root, server)
    monkeypatch.setenv("EXPLORER_ADMINS", "eve@example.org")
    monkeypatch.setenv("EXPLORER_QUOTA_QUEUE", "1")
    monkeypatch.setenv("EXPLORER_QUOTA_UPLOADS", "1MB")
    for each in (ANN, EVE):
        assert manager.store.people.welcome(each) is None
    assert manager.store.people.welcome(ANN) is not None
    ann, eve = manager.act_for(ANN), manager.act_for(EVE)
    run = create(ann)
    with pytest.raises(ValueError, match="1 of your runs wait or work"):
        create(ann)
    ann.enter_upload("file x", 900_000)
    with pytest.raises(ValueError, match="you have uploaded 900 kB within a day"):
        ann.enter_upload("file x", 200_000)
    assert ann.store.owned_by(ANN.id) == [run.id]
    assert [line.action for line in eve.read_audit()] == ["upload", "start"]
    create(eve)
    manager.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'other.sqlite'}"
    return make_database(request.getfixturevalue("server"), request.node.name)


AT_ONCE = """
import sys, time
from pathlib import Path
from explorer.person import Person
from explorer.runs import Manager, _people, _queue_limit
def slowly(work):
    return lambda *given: (work(*given), time.sleep(0.1))
limit = _queue_limit.QueueLimit
limit.require, _people._write_line = slowly(limit.require), slowly(_people._write_line)
root, url, words, person, *runs = Path(sys.argv[1]), *sys.argv[2:]
manager = Manager(root, url)
if person:
    manager = manager.act_for(Person(id=person, name="Ann"))
else:
    _queue_limit.MAX_ACTIVE = 3
for what, turn in ((what, turn) for what in words.split() for turn in range(5)):
    if not turn:
        print("ready", flush=True)
        sys.stdin.readline()
    try:
        if what == "create":
            manager.create("run", "{}", "{}")
        elif what == "upload":
            manager.enter_upload("file x", 100_000)
        elif what == "resume":
            manager.resume(runs[turn])
        else:
            manager.reconfigure(runs[turn], "{}", memory=0, queue=True)
    except ValueError as error:
        print(error, flush=True)
    else:
        print("done", flush=True)
"""
"""What each of two programs does five times, from the same moment on; a moment passes until it is there for others."""


def act_at_once(
    root: Path, database: str, words: str, person: str, paused: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Have two programs do so five times each, one thing after the other; of each what they are told: 'done', or why
    not."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, str(root), database, words, person, *paused[part::2]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for part in (0, 1)
    ]  # fmt: skip
    told = {}
    for what in words.split():
        assert [each.stdout and each.stdout.readline() for each in programs] == ["ready\n", "ready\n"]
        for each in programs:
            assert each.stdin
            each.stdin.write("\n")
            each.stdin.flush()
        told[what] = [each.stdout.readline().strip() for each in programs for _ in range(5) if each.stdout]
    for each in programs:
        each.communicate(timeout=60)
    return told


@pytest.mark.parametrize("words", first(1, ["create upload", "resume"]))
def test_of_two_at_once_none_exceeds_the_quota(
    words: str, root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(root, database)
    manager.store.people.welcome(ANN)
    ann = manager.act_for(ANN)
    paused = [create(ann).id for _ in range(10)] if words == "resume" else []
    for run in paused:
        ann.pause(run)
    monkeypatch.setenv("EXPLORER_QUOTA_QUEUE", "3")
    monkeypatch.setenv("EXPLORER_QUOTA_UPLOADS", "300kB")
    for what, told in act_at_once(root, database, words, ANN.id, paused).items():
        refused = "would be above the 300 kB" if what == "upload" else "would be above the 3 that"
        assert [line == "done" for line in told].count(True) == 3, told
        assert [refused in line for line in told].count(True) == 7, told
    used = ann.measure_usage(ANN.id)
    assert (used.queue, used.upload_bytes) == (3, 0 if paused else 300_000)
    assert len(list((root / "runs").glob("*"))) == (len(paused) or 3)


@pytest.mark.parametrize("what", first(1, ["create", "resume", "reconfigure"]))
def test_of_two_at_once_none_exceeds_the_limit_of_all_runs(what: str, root: Path, database: str) -> None:
    """Whosever they are; here nobody is signed in, and two runs of another data directory count for nothing."""
    other = Manager(root.parent / "other home", database)
    for _ in range(2):
        create(other)
    other.close()
    manager = Manager(root, database)
    paused = [] if what == "create" else [create(manager).id for _ in range(10)]
    for run in paused:
        manager.pause(run)
    told = act_at_once(root, database, what, "", paused)[what]
    assert [line == "done" for line in told].count(True) == 3, told
    refused = "3 runs are queued or running, and 1 more would be above the 3 that there may be at a time"
    assert [refused in line for line in told].count(True) == 7, told
    assert len(manager.store.statuses(*ACTIVE, home=manager.home_id)) == 3
    assert len(list((root / "runs").glob("*"))) == (3 if what == "create" else 10)


def test_what_is_being_stored_counts(
    people: tuple[Manager, Manager, Manager], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, eve = people
    monkeypatch.setenv("EXPLORER_QUOTA_DISK", "1MB")
    with ann.reserve_disk(600_000):
        with pytest.raises(ValueError, match="that each person may, 600 kB are being stored, and this takes 500 kB"):
            ann.reserve_disk(500_000).__enter__()
        with bob.reserve_disk(600_000), eve.reserve_disk(10**12):
            pass
        run = create(ann)
        (RunFolder(ann.root, run.id).path / "large").write_bytes(bytes(600_000))
    with pytest.raises(ValueError, match=r"take 60\d kB of the 1(\.0+)? MB that each person may, and this takes 500"):
        ann.reserve_disk(500_000).__enter__()  # what was stored just now is seen, not what was measured before
    with ann.reserve_disk(300_000):
        pass


def test_an_experiment_that_meets_the_quota_half_way_says_how_it_goes_on(
    people: tuple[Manager, Manager, Manager], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's second page starts a run between the check of all of its runs and their start."""
    ann, _, _ = people
    monkeypatch.setenv("EXPLORER_QUOTA_QUEUE", "2")
    before = Manager.check_capacity

    def check(self: Manager, runs: int) -> None:
        before(self, runs)
        if runs == 2:
            ann.store.add(id=new_run_id(), name="n", created=1.0, architecture="{}", config="{}", status="queued")

    monkeypatch.setattr(Manager, "check_capacity", check)
    with pytest.raises(ValueError, match=r"above the 2 that .* 1 of the 2 runs are queued; resume experiment"):
        experiments.start(ann, small(factors=("residual",), seeds=(1,)))
