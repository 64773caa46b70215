"""A run on a machine that shares no folder with its server: what is sent when, and who has what; without Ray."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from explorer.datasets import CancelledError, import_images, open_packs
from explorer.inspection import describe_fetch
from explorer.inspection.opening import open_model
from explorer.runs import Lock, Manager, Run, RunFolder, StorageError, list_best, list_checkpoints, list_kept
from explorer.runs._mirror import Mirror
from explorer.runs._ray import Need, RayPlace
from explorer.runs._storage import Storage
from explorer.training import checkpoint
from explorer.training._images import bring_images
from explorer.training._workers import COMMAND
from tests.datasets.makers import png
from tests.sizes import thorough

from .forking import REPOSITORY
from .object_store import serve_s3
from .parts import create, curve, texts, until

_NODE = """
import json, sys, threading
from explorer.runs import _copies
from explorer.runs._ray_supervisor import Supervisor
_copies._SEND_SECONDS = float(sys.argv[2])
Supervisor(json.loads(sys.argv[1]))
threading.Event().wait()
"""


@pytest.fixture
def server(root: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """A manager that hands no run to anybody, with an object store."""
    monkeypatch.setenv("EXPLORER_STORAGE", f"file://{root.with_name('store')}")
    return Manager(root, f"sqlite:///{root.with_name('shared.sqlite')}")


def begin(
    server: Manager, run: Run, node: Path, send_seconds: float = 2.0, mirror: Mirror | None = None
) -> subprocess.Popen[bytes]:
    """Do what Ray does on a machine with a data directory of its own."""
    place = RayPlace("auto", server.root, server.url, server.store, server.home_id, lambda: COMMAND)
    place._mirror = mirror or place._mirror
    assert place._mirror is not None
    assert place._mirror.hand_over(run) == ""
    order = json.dumps(place._order(run, Need(cpus=1, gpus=0)))
    command = [sys.executable, "-c", _NODE, order, str(send_seconds)]
    return subprocess.Popen(command, cwd=REPOSITORY, env={"EXPLORER_HOME": str(node), "PATH": ""})


def test_all_is_sent_before_a_run_says_that_it_has_ended(server: Manager, tmp_path: Path) -> None:
    """Whoever resumes it at this very moment goes on from its last step; between, nothing is sent here.

    One that was trained on by the server meanwhile goes on there from its last step here.
    """
    run = create(server)
    machine = begin(server, run, tmp_path / "node", send_seconds=1000)
    until(lambda: server.store.get(run.id).step > 10)
    server.pause(run.id)
    end = time.monotonic() + 60
    while (found := server.store.get(run.id)).status == "running" and time.monotonic() < end:
        time.sleep(0.002)
    store = tmp_path / "store" / "runs" / run.id
    assert (store / "checkpoints" / f"step-{found.step:010}.pt").is_file()
    note = json.loads((store / "worker.lock").read_text())
    assert (found.status, note["status"], note["attempt"]) == ("paused", "paused", 1)
    assert machine.wait(30) == 0
    assert RunFolder(tmp_path / "node" / "cluster" / server.home_id, run.id).log.is_file()

    mirror = Mirror(os.environ["EXPLORER_STORAGE"], server.root, server.store, server.home_id, "ray")
    mirror.fetch(run.id)
    folder = RunFolder(server.root, run.id)
    new = folder.checkpoints / f"step-{found.step + 1:010}.pt"
    new.write_bytes(b"newer")
    before = listed(folder.checkpoints)
    assert len(before) == 1 + len(list((store / "checkpoints").glob("*.pt")))
    server.store.update(run.id, place="")
    mirror.hand_over(server.store.get(run.id))
    assert {path.name for path in (store / "checkpoints").glob("*.pt")} == before
    assert (store / "checkpoints" / new.name).read_bytes() == b"newer"


def listed(folder: Path) -> set[str]:
    return {path.name for path in (*list_checkpoints(folder), *list_best(folder), *list_kept(folder))}


def test_weights_are_fetched_when_somebody_reads_them(
    server: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server lists all that the machine has left, with its course and its log; weights are there, and not here."""
    run = create(server, epochs=2, validation=0.2)
    machine = begin(server, run, tmp_path / "node")
    assert machine.wait(60) == 0
    mirror = Mirror(os.environ["EXPLORER_STORAGE"], server.root, server.store, server.home_id, "ray")
    folder = RunFolder(server.root, run.id)
    mirror.fetch(run.id)
    left = RunFolder(tmp_path / "node" / "cluster" / server.home_id, run.id)
    assert listed(folder.checkpoints) == listed(left.checkpoints)
    assert len(listed(folder.checkpoints)) == 3  # two checkpoints and the best
    assert not list(folder.checkpoints.glob("*.pt"))
    assert folder.history.read_bytes() == left.history.read_bytes()
    assert describe_fetch(run.id, server).startswith("Fetching ")

    captured, problems = checkpoint.load_newest(folder.checkpoints, run.id)
    assert (captured is not None, problems) == (True, [])
    (here,) = folder.checkpoints.glob("*.pt")
    assert here.read_bytes() == (left.checkpoints / here.name).read_bytes()
    assert describe_fetch(run.id, server) == ""
    changed = here.stat().st_ino
    mirror.fetch(run.id)
    assert here.stat().st_ino == changed  # it stays, also where another process has fetched it
    assert open_model(f"{run.id}@best", server).name == f"{run.id}@best"

    kept = sorted(listed(folder.checkpoints))
    (tmp_path / "store" / "runs" / run.id / "checkpoints" / here.name).unlink()  # the machine has a newer one
    mirror.fetch(run.id)
    assert sorted(listed(folder.checkpoints)) == [name for name in kept if name != here.name]
    assert not here.exists()
    monkeypatch.delenv("EXPLORER_STORAGE")
    with pytest.raises(ValueError, match=r"are not here: step-\d+.pt is in an object store; set EXPLORER_STORAGE"):
        open_model(run.id, server)
    checkpoint.remove_leftovers(folder.checkpoints)
    with pytest.raises(StorageError):
        checkpoint.load_newest(folder.checkpoints, run.id)  # no worker begins anew, since its checkpoint is elsewhere
    assert len(listed(folder.checkpoints)) == 2


def test_a_run_is_copied_once_more_after_its_last_note(server: Manager) -> None:
    """It may have printed something since; of one that had ended before this server began, nothing more comes."""
    run, mirror = create(server), mirror_of(server)

    def due(mirror: Mirror) -> int:
        return len(mirror._due(server.store.runs()))

    server.store.update(run.id, status="running", attempt=1, place="ray")
    assert (due(mirror), due(mirror)) == (1, 1)
    lock = Lock.acquire(RunFolder(server.root, run.id).lock)
    assert lock is not None
    lock.write_note(attempt=1, status="finished")
    assert due(mirror) == 1
    server.store.update(run.id, status="finished")
    assert (due(mirror), due(mirror), due(mirror_of(server))) == (1, 0, 0)
    lock.release()


# ---- images that are read from a folder -----------------------------------------------------------------------------


@pytest.fixture
def streamed(root: Path, tmp_path: Path) -> tuple[str, Path]:
    """A streamed set of 320 images on the server, two packs, and its folder."""
    folder = tmp_path / "digits"
    for number in range(320):
        path = folder / f"class{number % 10}" / f"übung {number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return import_images(folder, size=(12, 12), stream=True).name, folder


def sent_images(server: Manager, name: str, folder: Path) -> Path:
    return folder / "store" / "sets" / server.home_id / name / "images"


def mirror_of(server: Manager) -> Mirror:
    url = os.environ["EXPLORER_STORAGE"]
    return Mirror(url, server.root, server.store, server.home_id, "ray", open_packs)


@thorough("tests/runs/test_copies.py::test_what_is_missing_of_the_images_is_brought")
def test_a_machine_without_the_folder_is_brought_its_images(
    server: Manager, streamed: tuple[str, Path], tmp_path: Path
) -> None:
    """Once: the next run there finds them. The curve is that of a machine that has the folder."""
    name, folder = streamed
    run, again, alone = (
        create(server, dataset=name, batch_size=32, epochs=1, validation=0.0, threads=1) for _ in range(3)
    )
    mirror = mirror_of(server)
    until(lambda: mirror.hand_over(run) == "")
    away = folder.with_name("away")
    folder.rename(away)
    sent = {path: path.stat().st_mtime_ns for path in sent_images(server, name, tmp_path).iterdir()}
    assert len(sent) == 2
    for each in (run, again):
        machine = begin(server, each, tmp_path / "node", mirror=mirror_of(server))  # as a server that was started anew
        assert machine.wait(100) == 0
        found = server.store.get(each.id)
        assert found.status == "finished", (found.reason, texts(server, each.id))
    told = [any("brings the images" in text for text in texts(server, each.id)) for each in (run, again)]
    assert told == [True, False]
    assert {path: path.stat().st_mtime_ns for path in sent} == sent
    away.rename(folder)
    begin(server, alone, tmp_path / "other", mirror=mirror).wait(100)
    assert not (tmp_path / "other" / "cluster" / server.home_id / "data" / name / "images").exists()
    assert curve(server, run.id) == curve(server, again.id) == curve(server, alone.id)
    assert curve(server, run.id)


def test_images_that_have_changed_are_not_sent(server: Manager, streamed: tuple[str, Path]) -> None:
    name, folder = streamed
    next(folder.glob("class3/*")).write_bytes(png(9999))
    mirror, run = mirror_of(server), create(server, dataset=name)

    def told() -> bool:
        with contextlib.suppress(ValueError):
            mirror.hand_over(run)
            return False
        return True

    until(told)
    with pytest.raises(ValueError, match="has changed since the data set was imported; bring the old file back"):
        until(lambda: mirror.hand_over(run) and False)


def test_what_is_missing_of_the_images_is_brought(
    server: Manager, streamed: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fetch that was cut short; and not more than there is room for, and nothing that is damaged."""
    name, folder = streamed
    mirror, run = mirror_of(server), create(server, dataset=name)
    until(lambda: mirror.hand_over(run) == "")
    folder.rename(folder.with_name("away"))
    shutil.copytree(server.root / "data", tmp_path / "node" / "data")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "node"))
    told: list[str] = []
    with pytest.raises(CancelledError):
        bring_images(name, server.home_id, told.append, lambda: True)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 5, 5))
        with pytest.raises(ValueError, match=r"the images of \S+ take \S+ kB and .* has 5 B free; make room there"):
            bring_images(name, server.home_id, told.append)
    bring_images(name, server.home_id, told.append)
    copies = tmp_path / "node" / "data" / name / "images"
    assert content_of(copies) == content_of(folder.with_name("away"))
    next(copies.rglob("*.png")).unlink()
    bring_images(name, server.home_id, told.append)
    assert content_of(copies) == content_of(folder.with_name("away"))
    next(copies.rglob("*.png")).unlink()
    for path in sent_images(server, name, tmp_path).iterdir():
        path.write_bytes(path.read_bytes().replace(b"IDAT", b"IDAX"))
    with pytest.raises(ValueError, match=r"pack \d of the images of \S+ is damaged: other images than were registered"):
        bring_images(name, server.home_id, told.append)
    assert not list(copies.rglob("*.writing"))


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- what nobody needs any more --------------------------------------------------------------------------------------


def test_the_last_run_that_needs_a_data_set_takes_it_out_of_the_object_store(
    streamed: tuple[str, Path], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two servers on one store each has its own; a further run has it sent again, also where another program removed
    it."""
    name, _ = streamed
    shutil.copytree(root / "data", tmp_path / "other" / "data")
    with serve_s3(monkeypatch) as url:
        monkeypatch.setenv("EXPLORER_STORAGE", url)
        servers = [
            Manager(home, f"sqlite:///{home.with_name(f'shared-{home.name}.sqlite')}", cluster="auto")
            for home in (root, tmp_path / "other")
        ]
        store = Storage(url)

        def held(server: Manager) -> set[str]:
            return {path.removeprefix(f"sets/{server.home_id}/") for path in store.list_files(f"sets/{server.home_id}")}

        server, other = servers
        mirrors = {each.home_id: mirror_of(each) for each in servers}
        first, second, last = create(server, dataset=name), create(server, dataset=name), create(server)
        for each in (first, second, last, create(other, dataset=name)):
            until(lambda each=each: mirrors[each.home].hand_over(each) == "")
        files = held(other)
        assert {f"{name}/data/set.json", f"{name}/images/000000.tar", f"{name}/images/000001.tar"} <= files
        assert held(server) == files
        server.delete(first.id)
        assert held(server) == files
        lock = Lock.acquire(root / "data" / f".sending-{name}.lock", note=False)
        assert lock is not None
        with lock:  # as while another program hands a run over
            assert "is removed from the object store" in mirrors[server.home_id].hand_over(second)
            server.delete(second.id)
            assert held(server) == files
        server.delete(last.id)
        assert held(server) == set()
        assert held(other) == files
        again = create(server, dataset=name)
        until(lambda: mirrors[server.home_id].hand_over(again) == "")
        assert held(server) == files
