"""Folders in an object store: whatever is done on one machine, the other has it after a push and a pull."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.runs import bring, find_bytes_elsewhere, list_checkpoints
from explorer.runs._storage import Storage, StorageError

from .object_store import serve_s3

NAME = "runs/20260131-142501-0fa3c2"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serve_s3(patch) as url:
        yield url


@pytest.fixture(params=["s3", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("s3")) if request.param == "s3" else f"file://{tmp_path}/store"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_pushed_here_is_pulled_there(url: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    name = f"{NAME}/{tmp_path.name}"
    (here / "checkpoints").mkdir(parents=True)
    (here / "run.json").write_text("{}")
    (here / "checkpoints" / "step-0000000001.pt").write_bytes(bytes(300_000))
    (here / "worker.lock").write_text("a")
    (here / "half.writing").write_text("not this")
    pusher, puller = Storage(url), Storage(url)
    assert not puller.pull(name, there)
    assert not there.exists()
    assert not puller.has(name)
    assert pusher.push(here, name) == 3
    assert puller.has(name)
    assert puller.pull(name, there)
    (here / "half.writing").unlink()
    assert content(there) == content(here)
    assert pusher.push(here, name) == 1  # the lock, each time
    (here / "checkpoints" / "step-0000000001.pt").unlink()
    (here / "checkpoints" / "step-0000000002.pt").write_bytes(bytes(400_000))
    (here / "worker.lock").write_text("b")  # as long as before, within the same second
    pusher.push(here, name)
    assert puller.pull(name, there)
    assert content(there) == content(here)
    pusher.remove(name)
    pusher.remove(name)
    assert not puller.pull(name, there)
    assert content(there) == content(here)  # nothing there is no reason to remove what is here


def test_of_some_files_only_a_note_is_made_until_they_are_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_STORAGE", url)
    here, there, name = tmp_path / "here", tmp_path / "there", f"{NAME}/{tmp_path.name}"
    (here / "checkpoints").mkdir(parents=True)
    (here / "log.txt").write_text("a line")
    (here / "checkpoints" / "step-0000000001.pt").write_bytes(bytes(300_000))

    def pull() -> None:
        assert Storage(url).pull(name, there, later=lambda part: part.endswith(".pt"))

    pusher = Storage(url)
    pusher.push(here, name)
    for _ in range(2):
        pull()
        assert {path.name for path in there.rglob("*.*")} == {"log.txt", "step-0000000001.pt.elsewhere"}
    (listed,) = list_checkpoints(there / "checkpoints")
    assert (listed.exists(), find_bytes_elsewhere(listed)) == (False, 300_000)
    threads = [threading.Thread(target=bring, args=(listed,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (listed.read_bytes(), find_bytes_elsewhere(listed)) == (bytes(300_000), 0)
    before = listed.stat()
    pull()
    bring(listed)
    assert listed.stat() == before  # neither fetched again nor put away
    pusher.push(there, name)  # what stands for a file is no file
    assert sorted(Storage(url).list_files(name)) == [f"{name}/checkpoints/step-0000000001.pt", f"{name}/log.txt"]
    (here / "checkpoints" / "step-0000000001.pt").write_bytes(bytes(300_001))
    pusher.push(here, name)
    pull()
    assert list_checkpoints(there / "checkpoints") == [listed]
    bring(listed)
    assert len(listed.read_bytes()) == 300_001
    pull()
    Storage(url).remove(name)
    listed.unlink()
    bring(listed)  # it is gone there, too
    assert list_checkpoints(there / "checkpoints") == []


PARTS = st.sampled_from(["run.json", "log.txt", "worker.lock", "checkpoints/step-0000000001.pt", "checkpoints/b"])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), PARTS, st.binary(max_size=8) | st.just(bytes(70_000)) | st.just(b"x" * 70_000)),
        st.tuples(st.just("remove"), PARTS, st.just(b"")),
        st.tuples(st.sampled_from(["push", "pull", "new pusher", "new puller"]), st.just(""), st.just(b"")),
    ),
    max_size=20,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_after_a_push_and_a_pull_both_are_equal(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, bytes]]
) -> None:
    base = tmp_path_factory.mktemp("storage")
    here, there, url = base / "here", base / "there", f"file://{base}/store"
    here.mkdir()
    pusher, puller = Storage(url), Storage(url)
    for what, part, data in [*changes, ("push", "", b""), ("pull", "", b"")]:
        if what == "write":
            (here / part).parent.mkdir(exist_ok=True)
            (here / part).write_bytes(data)
        elif what == "remove":
            (here / part).unlink(missing_ok=True)
        elif what == "push":
            pusher.push(here, NAME)
        elif what == "pull":
            puller.pull(NAME, there)
        elif what == "new pusher":
            pusher = Storage(url)
        else:
            puller = Storage(url)
    if content(here):  # of an empty folder the store knows nothing
        assert content(there) == content(here)


def test_no_file_is_seen_half_written(tmp_path: Path) -> None:
    """A folder as a store, too: who pulls while somebody pushes has the old file or the new one."""
    here, there, url = tmp_path / "here", tmp_path / "there", f"file://{tmp_path}/store"
    here.mkdir()
    (here / "big").write_bytes(bytes(5_000_000))
    pusher, puller, done = Storage(url), Storage(url), threading.Event()
    pusher.push(here, NAME)

    def push() -> None:
        for value in (1, 2, 3, 4, 5):
            (here / "new").write_bytes(bytes([value]) * 5_000_000)
            (here / "new").replace(here / "big")
            pusher.push(here, NAME)
        done.set()

    thread = threading.Thread(target=push)
    thread.start()
    while not done.is_set():
        puller.pull(NAME, there)
        data = (there / "big").read_bytes()
        assert len(data) == 5_000_000
        assert len(set(data[:: 499_999])) == 1
    thread.join()


@pytest.mark.parametrize(
    ("given", "why"),
    [("nonsense", "names no object store"), ("ftp://x/y", "names no object store"), ("", "names no object store")],
)
def test_what_names_no_store_is_one_sentence(given: str, why: str) -> None:
    with pytest.raises(StorageError, match=why):
        Storage(given)


def test_a_store_that_is_away_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret-key")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = Storage("s3://bucket/x?region=us-east-1")
    with pytest.raises(StorageError, match=r"could not be read from s3://bucket/x") as error:
        away.pull(NAME, tmp_path / "there")
    assert "secret-key" not in str(error.value)


@pytest.mark.parametrize("name", ["", "..", "runs/../../etc", "/etc"])
def test_names_stay_below_the_store(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="is no name in an object store"):
        Storage(f"file://{tmp_path}/store").pull(name, tmp_path / "there")
