"""Checkpoints: what a crash, a full disk or a damaged file can do to them (faults F2, F11, F13)."""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.runs import list_best, list_checkpoints, list_kept
from explorer.training import checkpoint
from explorer.training.checkpoint import CheckpointError
from explorer.training.state import State

from .parts import CPU, config, network

RUN = "20260101-000000-abcdef"


class Crash(BaseException):
    """The machine stops here: no handler of the product may run."""


def content(number: int) -> dict[str, Any]:
    return {"weights": torch.full((500,), float(number)), "step": number}


def test_save_and_load(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, RUN, step, content(step))
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-0000000003.pt", "step-0000000002.pt"]
    assert len(list(tmp_path.iterdir())) == 4
    loaded, problems = checkpoint.load_newest(tmp_path, RUN)
    assert loaded is not None
    assert torch.equal(loaded["weights"], content(3)["weights"])
    assert problems == []
    line = (tmp_path / "step-0000000003.pt.sha256").read_text()
    assert line.split()[1] == "step-0000000003.pt"  # as sha256sum -c reads it


def test_a_whole_state_comes_back(tmp_path: Path) -> None:
    settings = config(ema_decay=0.9)
    state = State(network(), settings, CPU)
    checkpoint.save(tmp_path, RUN, 0, state.capture())
    other = State(network(), config(ema_decay=0.9, seed=5), CPU)
    captured, _ = checkpoint.load_newest(tmp_path, RUN)
    assert captured is not None
    other.restore(captured)
    assert all(torch.equal(a, b) for a, b in zip(state.model.parameters(), other.model.parameters(), strict=True))


def test_a_lost_digest_of_an_old_checkpoint_ends_no_run(tmp_path: Path) -> None:
    for step in (1, 2):
        path = checkpoint.save(tmp_path, RUN, step, content(step))
    (tmp_path / "step-0000000001.pt.sha256").unlink()
    path = checkpoint.save(tmp_path, RUN, 3, content(3))
    assert checkpoint.load(path, RUN)["step"] == 3
    assert len(list(tmp_path.iterdir())) == 4


def test_nothing_there(tmp_path: Path) -> None:
    assert checkpoint.load_newest(tmp_path / "none", RUN) == (None, [])
    checkpoint.remove_leftovers(tmp_path / "none")


def test_the_same_step_is_not_written_twice(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, RUN, 1, content(1))
    before = path.stat().st_mtime_ns
    checkpoint.save(tmp_path, RUN, 1, content(1))
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"damaged")
    checkpoint.save(tmp_path, RUN, 1, content(1))
    assert checkpoint.load(path, RUN)["step"] == 1


@pytest.mark.parametrize("error", [Crash(), OSError(errno.ENOSPC, "No space left on device")], ids=["crash", "full"])
def test_every_moment_of_a_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """F2, F11: stopped at any write, fsync, rename or unlink, a valid checkpoint remains, and no partial file."""
    calls, stop_at = 0, 10**9

    def breaking(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            nonlocal calls
            if str(args[0]).startswith("/") and str(tmp_path) not in str(args[0]):
                return original(*args, **keywords)
            calls += 1
            if calls == stop_at:
                if original is real["write"]:
                    original(args[0], bytes(args[1])[: len(args[1]) // 2])  # half of it reached the disk
                raise error
            return original(*args, **keywords)

        return call

    real = {name: getattr(os, name) for name in ("write", "fsync", "replace", "unlink")}
    for name, function in real.items():
        monkeypatch.setattr(os, name, breaking(function))

    def prepared(folder: Path) -> None:
        nonlocal calls, stop_at
        stop_at = 10**9
        folder.mkdir()
        for step in (1, 2):
            checkpoint.save(folder, RUN, step, content(step))
        calls = 0

    prepared(tmp_path / "count")
    checkpoint.save(tmp_path / "count", RUN, 3, content(3))
    moments = calls
    assert moments >= 10
    survived = set()
    for moment in range(1, moments + 1):
        folder = tmp_path / str(moment)
        prepared(folder)
        stop_at = moment
        with pytest.raises(type(error)):
            checkpoint.save(folder, RUN, 3, content(3))
        stop_at = 10**9
        if isinstance(error, OSError):
            assert not list(folder.glob("*.writing"))  # tidied at once, not only after a restart
        checkpoint.remove_leftovers(folder)
        loaded, problems = checkpoint.load_newest(folder, RUN)
        assert loaded is not None
        assert problems == []
        assert torch.equal(loaded["weights"], content(loaded["step"])["weights"])
        survived.add(loaded["step"])
        assert not list(folder.glob("*.writing"))
        checkpoint.save(folder, RUN, 4, content(4))
        assert len(list_checkpoints(folder)) == 2
    assert survived == {2, 3}


def damaged(path: Path, change: Callable[[bytearray], bytearray | None]) -> None:
    data = bytearray(path.read_bytes())
    path.write_bytes(change(data) or data)


@pytest.mark.parametrize("count", [200, pytest.param(5000, marks=pytest.mark.soak)])
def test_every_flipped_bit_is_detected(tmp_path: Path, count: int) -> None:
    """F13: torch.load itself lets most of these through."""
    path = checkpoint.save(tmp_path, RUN, 1, content(1))
    whole, numbers = path.read_bytes(), random.Random(0)
    for _ in range(count):
        place, bit = numbers.randrange(len(whole)), 1 << numbers.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match=r"step-0000000001\.pt: damaged"):
            checkpoint.load(path, RUN)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: damaged(path, lambda data: data[:-100]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.with_name(f"{path.name}.sha256").unlink(), "cannot be verified"),
        (lambda path: path.with_name(f"{path.name}.sha256").write_bytes(b"\xff\xfe"), "cannot be verified"),
    ],
    ids=["truncated", "empty", "no digest", "garbled digest"],
)
def test_falls_back_and_names_the_file(tmp_path: Path, harm: Callable[[Path], Any], message: str) -> None:
    for step in (1, 2):
        path = checkpoint.save(tmp_path, RUN, step, content(step))
    harm(path)
    loaded, problems = checkpoint.load_newest(tmp_path, RUN)
    assert loaded is not None
    assert loaded["step"] == 1
    assert len(problems) == 1
    assert problems[0].startswith("step-0000000002.pt: ")
    assert message in problems[0]
    assert checkpoint.load_newest(tmp_path, RUN)[1] == []  # set aside: told once


def test_swapped_files_are_detected(tmp_path: Path) -> None:
    paths = [checkpoint.save(tmp_path, RUN, step, content(step)) for step in (1, 2)]
    contents = [path.read_bytes() for path in paths]
    for path, data in zip(paths, reversed(contents), strict=True):
        path.write_bytes(data)
    loaded, problems = checkpoint.load_newest(tmp_path, RUN)
    assert loaded is None
    assert len(problems) == 2


def test_a_file_of_another_run_or_step_is_refused_though_its_digest_is_right(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, RUN, 1, content(1))
    with pytest.raises(CheckpointError, match="holds step 1 of run 20260101-000000-abcdef"):
        checkpoint.load(path, "20260101-000000-000000")
    other = tmp_path / "step-0000000009.pt"
    shutil.copy(path, other)
    digest = path.with_name(f"{path.name}.sha256").read_text()
    other.with_name(f"{other.name}.sha256").write_text(digest.replace("0001.pt", "0009.pt"))
    with pytest.raises(CheckpointError, match=r"step-0000000009\.pt: holds step 1"):
        checkpoint.load(other, RUN)


def test_a_newer_format_is_refused_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path, RUN, 1, content(1))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "FORMAT", 7)
        checkpoint.save(tmp_path, RUN, 2, content(2))
    loaded, problems = checkpoint.load_newest(tmp_path, RUN)
    assert loaded is not None
    assert loaded["step"] == 1
    assert "newer version (format 7" in problems[0]
    assert (tmp_path / "step-0000000002.pt.refused").exists()


def test_code_in_a_checkpoint_never_runs(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "hacked"),))

    path = checkpoint.save(tmp_path, RUN, 1, {"weights": Hostile()})
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        checkpoint.load(path, RUN)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("age_seconds", [0, 100], ids=["changed just now", "quiet for long"])
def test_lists_of_files_are_what_is_there(tmp_path: Path, age_seconds: int) -> None:
    """However often and however soon after a change they are asked for."""
    folder, missing = tmp_path / "checkpoints", tmp_path / "none"
    folder.mkdir()
    for number in range(40):
        for path in (folder / f"step-{number:010}.pt", folder / f"kept-{number:010}.pt"):
            path.touch()
        (folder / f"step-{number - 2:010}.pt").unlink(missing_ok=True)
        then = time.time_ns() - age_seconds * 10**9 + number
        os.utime(folder, ns=(then, then))
        for _ in range(2):
            assert [path.name for path in list_checkpoints(folder)] == [
                f"step-{each:010}.pt" for each in (number, number - 1) if each >= 0
            ]
            assert len(list_kept(folder)) == number + 1
            assert list_best(folder) == list_best(missing) == []
