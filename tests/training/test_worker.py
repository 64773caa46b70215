"""The worker's last words, where a real process would take too long to bring it there (faults F15, F19)."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer import catalog
from explorer.architecture import edit, from_json, to_json
from explorer.runs import HistoryFile, Manager, Run, StoreError
from explorer.training import clone, extend, job, open_manager, start, worker
from explorer.training._control import StoreSink
from explorer.training.job import check_same
from explorer.training.recording import Diverged
from tests.large import densenet
from tests.runs.parts import control_of

from .parts import config, network

ILLEGAL_ACCESS = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronous\n"


@pytest.fixture
def run(tmp_path: Path) -> tuple[Manager, Run]:
    manager = open_manager(tmp_path)
    made = manager.create("tiny", to_json(network(classes=10)), config().model_dump_json())
    manager.store.update(made.id, status="running", device="cpu", attempt=1)
    return manager, manager.store.get(made.id)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), r"out of memory \(peak [\d,]+ MB\); use a smaller batch"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), r"out of memory \(peak"),
        (MemoryError(), "out of memory"),
        (RuntimeError("could not create a primitive"), r"out of memory .* \(oneDNN could not create a primitive\)"),
        (Diverged("the loss became nan at step 3"), "diverged: the loss became nan at step 3; the last finite"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full: No space left"),
        (StoreError("the run store x: database or disk is full", code=13), "disk full: the run store"),
        (ValueError("the data set has changed"), "the data set has changed"),
        (RuntimeError("shape mismatch"), r"unexpected RuntimeError: shape mismatch; log\.txt"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), r"out of memory \(peak"),
        (RuntimeError("CUDA error: out of memory\nhints"), r"out of memory \(peak [^\n]*$"),
        (RuntimeError(ILLEGAL_ACCESS), r"^CUDA error: an illegal memory access was encountered; log\.txt"),
        (RuntimeError("cannot pin memory here"), r"unexpected RuntimeError: cannot pin memory here; log\.txt"),
        (RuntimeError("could not create a primitive descriptor for a convolution"), "unexpected RuntimeError: could"),
        (worker.SigtermReceived(), "in the middle of a long batch"),
    ],
)
def test_every_end_has_a_sentence(
    run: tuple[Manager, Run], monkeypatch: pytest.MonkeyPatch, error: BaseException, reason: str
) -> None:
    def broken(*_: Any) -> Any:
        raise error

    manager, made = run
    monkeypatch.setattr(job, "run_main_rank", broken)
    control = control_of(manager, made.id)
    status, message = worker._run_training(manager.root, manager.store, made, control)
    assert status == ("interrupted" if isinstance(error, worker.SigtermReceived) else "failed")
    import re

    assert re.search(reason, message), message


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError(ILLEGAL_ACCESS), OSError(errno.EIO, "broken")]
)
def test_the_traceback_of_a_failure_is_in_the_log(
    run: tuple[Manager, Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def broken_kernel(*_: Any) -> Any:
        raise error

    manager, made = run
    monkeypatch.setattr(job, "run_main_rank", broken_kernel)
    worker._run_training(manager.root, manager.store, made, control_of(manager, made.id))
    assert "Traceback" in caplog.text
    assert "in broken_kernel" in caplog.text
    assert str(error).splitlines()[0] in caplog.text


def test_other_data_are_named() -> None:
    """F19."""
    captured = {"fingerprint": "a" * 64, "steps_per_epoch": 4}
    with pytest.raises(ValueError, match=r"'digits' is no longer the one .* is b{12}…, not a{12}…"):
        check_same(captured, "b" * 64, 4, config())
    with pytest.raises(ValueError, match="an epoch now has 5 steps, the checkpoint was made with 4"):
        check_same(captured, "a" * 64, 5, config())
    check_same(captured, "a" * 64, 4, config())


@pytest.mark.parametrize(
    ("action", "end", "status"),
    [
        ("stop", "paused", "stopped"),
        ("pause", "paused", "paused"),
        ("run", "interrupted", "interrupted"),
        ("stop", "interrupted", "stopped"),
        ("pause", "interrupted", "paused"),
        ("stop", "finished", "finished"),
        ("pause", "failed", "failed"),
    ],
)
def test_what_people_request_meanwhile_wins(run: tuple[Manager, Run], action: str, end: str, status: str) -> None:
    manager, made = run
    manager.store.update(made.id, requested_action=action)
    worker._record_end(manager.store, made, end, "why")  # type: ignore[arg-type]
    assert manager.store.get(made.id).status == status
    assert [text for _, text in manager.store.events(made.id)] == [f"{status}: why"]


def test_another_attempt_is_not_ours_to_settle(run: tuple[Manager, Run]) -> None:
    manager, made = run
    manager.store.update(made.id, attempt=2)
    for end in ("interrupted", "finished"):
        worker._record_end(manager.store, made, end, "")  # type: ignore[arg-type]
    assert manager.store.get(made.id).status == "running"
    assert manager.store.events(made.id) == []


def test_a_store_that_is_away_for_a_while_loses_no_step(run: tuple[Manager, Run]) -> None:
    manager, made = run
    away = [2]

    class Flaky:
        def record(self, *args: Any, **fields: Any) -> None:
            if away[0]:
                away[0] -= 1
                raise StoreError("the run store x: database is locked", code=5)
            manager.store.record(*args, **fields)

    from explorer.runs import Point

    sink = StoreSink(Flaky(), made.id, HistoryFile(manager.root / "h", 5))  # type: ignore[arg-type]
    for step in range(1, 4):
        sink.record([Point(series="train/loss", step=step, value=1.0, seconds=0.0)], [], step=step)
    assert [point.step for point in manager.store.points(made.id, "train/loss")] == [1, 2, 3]
    away[0] = 1
    sink.record([Point(series="train/loss", step=4, value=1.0, seconds=0.0)], [])
    sink.drain()
    assert len(manager.store.points(made.id, "train/loss")) == 4


# ---- launching ------------------------------------------------------------------------------------------------------


def test_start_extend_and_clone(tmp_path: Path) -> None:
    manager = open_manager(tmp_path)
    made = start(manager, network(classes=10), config(), name="mine", tags=["a"])
    assert (made.status, made.name, made.tags) == ("queued", "mine", ("a",))
    assert made.memory > 500e6
    with pytest.raises(ValueError, match="is queued; pause it first"):
        extend(manager, made.id, 3)
    manager.store.update(made.id, status="finished")
    assert extend(manager, made.id, 3).setting("epochs") == 5
    assert manager.run(made.id).status == "queued"
    other = clone(manager, made.id, lr=0.5, seed=7)
    assert (other.setting("lr"), other.setting("seed"), other.setting("epochs")) == (0.5, 7, 5)
    assert other.id != made.id
    assert other.architecture == made.architecture
    with pytest.raises(ValueError, match="lr"):
        clone(manager, made.id, lr=-1.0)


def test_a_large_network_is_stored_and_read_again(tmp_path: Path) -> None:
    """Its indented JSON has more than 64 KB: what was written with indents could once not be read."""
    manager = open_manager(tmp_path)
    large = densenet(input_shape=(1, 32, 32), classes=10)
    made = start(manager, large, config())
    assert from_json(manager.run(made.id).architecture) == large
    assert len(made.architecture) < 32 * 1024
    assert from_json(clone(manager, made.id, seed=7).architecture) == large


def test_a_head_that_does_not_fit_is_refused_before(tmp_path: Path) -> None:
    small = edit.replace(catalog.get("inception-v3"), "", input_shape=(3, 96, 96))
    with pytest.raises(ValueError, match=r"'AuxLogits' does not fit images of 3×96×96: .*; leave the head out"):
        start(open_manager(tmp_path), edit.set_classes(small, 10), config())


def test_what_cannot_work_is_refused_before(tmp_path: Path) -> None:
    manager = open_manager(tmp_path)
    with pytest.raises(ValueError, match="gives 4 scores"):
        start(manager, network(), config())
    with pytest.raises(ValueError, match="there is no data set 'digit'; did you mean digits"):
        start(manager, network(classes=10), config(dataset="digit"))
    with pytest.raises(ValueError, match="has no device cuda:55"):
        start(manager, network(classes=10), config(device="cuda:55"))
    with pytest.raises(ValueError, match="not on this machine"):
        start(manager, network(classes=10), config(dataset="cifar-10"))
    assert manager.runs() == []


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signals are handled as before when the test is over."""
    known = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in known.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("then", ["interrupt", "leave"])
@pytest.mark.parametrize(("ranked", "action", "harmless"), [(False, "run", 1), (True, "run", 5), (True, "pause", 0)])
def test_sigterm_waits_for_the_batch_once(
    run: tuple[Manager, Run], ranked: bool, action: str, harmless: int, then: str
) -> None:
    """A rank is told by whoever ends everything and again by torchrun, which must not cost it the batch."""
    control = control_of(run[0], run[1].id)
    control.requested_action = action
    worker._handle_signals(control, then, by_torchrun=ranked)
    for _ in range(harmless):
        os.kill(os.getpid(), signal.SIGTERM)
    assert control.requested_action == (then if harmless else action)
    if harmless < 5:
        with pytest.raises(worker.SigtermReceived):
            os.kill(os.getpid(), signal.SIGTERM)
