"""Several processes that train together: devices first, gradients once a batch, and a death is noticed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest
import torch
from torch import distributed

from explorer.architecture import to_json
from explorer.runs import RunFolder
from explorer.training import open_manager, torchrun
from explorer.training.distributed import ProcessGroup
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.runs.forking import fork_and_read
from tests.sizes import thorough

from .parts import CPU, MemorySink, config, network, run, tensors, without_norm
from .test_starting import begin, frozen_tensors, weights

ROOT = Path(__file__).parents[2]


def test_a_process_takes_its_gpu_before_it_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """NCCL sends from the current device; played by stand-ins, since it takes two GPUs to fail."""
    calls: list[tuple[Any, ...]] = []
    gpu = torch.device("cuda:1")
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: calls.append(("set_device", device)))
    monkeypatch.setattr(
        distributed, "init_process_group", lambda backend, **given: calls.append((backend, given["device_id"]))
    )
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(
        distributed, "broadcast_object_list", lambda held, source, device: calls.append((source, device))
    )
    ProcessGroup.join(gpu).broadcast_object(None)
    assert calls == [("set_device", gpu), ("nccl", gpu), (0, gpu)]


Fork = Callable[..., tuple[int, IO[str]]]


@pytest.fixture
def forked(forked_worker: tuple[str, ...]) -> Fork:
    """``fork_and_read`` without the address."""
    return partial(fork_and_read, forked_worker[-1])


def learn_together(forked: Fork, path: Path, *, norm: bool = False, **fields: Any) -> dict[str, Any]:
    settings = config(processes=2, precision="fp32", **fields)
    words = ["norm"] if norm else []
    _, output = forked("tests.training.ranks", str(path), settings.model_dump_json(), *words)
    with output:
        said = output.read()  # until both have ended
    assert path.exists(), said
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found


def test_accumulation_exchanges_gradients_once_a_batch(tmp_path: Path, forked: Fork) -> None:
    """Two processes with two parts each learn what one process learns with four; no part but the last is exchanged."""
    sink = MemorySink()
    alone = run(without_norm(network(dropout=0.0)), config(precision="fp32", accumulate=4), sink)
    together = learn_together(forked, tmp_path / "accumulated", accumulate=2)
    steps = len(sink.values["train/loss"])
    assert list(together["loss"].values()) == pytest.approx(list(sink.values["train/loss"].values()), rel=1e-4)
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(together["model"][name], value, rtol=1e-3, atol=1e-5, msg=name)
    assert together["exchanges"] == steps  # of all gradients in one bucket


@thorough("tests/training/test_distributed.py::test_accumulation_exchanges_gradients_once_a_batch")
def test_what_is_held_fixed_and_thawed_learns_as_in_one_process(tmp_path: Path, forked: Fork) -> None:
    """Block after block begins to learn: what is exchanged changes, also with parts; so do the two rates."""
    net, fields = without_norm(network(dropout=0.0)), {"precision": "fp32", "epochs": 5, "optimizer": "adamw"}
    start = {"weights": "t", "freeze": "residual", "unfreeze": "block", "old_rate": 0.5}
    how, beginning = begin(tmp_path, net, config(accumulate=4, start=start, **fields), weights(net))
    alone, losses = State(net, how, CPU, beginning), MemorySink()
    log = Recorder(CPU, losses)
    before = frozen_tensors(alone, net, how.start)
    train(alone, tensors(how), how, log)
    log.flush(alone)
    together = learn_together(
        forked, tmp_path / "thawed", start=how.start.model_dump(), accumulate=2, optimizer="adamw", epochs=5
    )
    assert list(together["loss"].values()) == pytest.approx(list(losses.values["train/loss"].values()), rel=1e-4)
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(together["model"][name], value, rtol=1e-3, atol=1e-5, msg=name)
    assert before
    assert not any(torch.equal(together["model"][name], value) for name, value in before.items())  # thawed at last


@thorough("tests/training/test_starting.py::test_what_is_held_fixed_does_not_move_by_a_bit")
def test_in_two_processes_what_is_held_fixed_does_not_move_by_a_bit(tmp_path: Path, forked: Fork) -> None:
    """Also the statistics of its norms, which rank 0 gives to all after each epoch."""
    net = network(dropout=0.0)
    how, beginning = begin(tmp_path, net, config(start={"weights": "t", "freeze": "mixed"}), weights(net))
    before = frozen_tensors(State(net, how, CPU, beginning), net, how.start)
    learnt = learn_together(forked, tmp_path / "fixed", norm=True, start=how.start.model_dump())["model"]
    assert any(name.endswith("running_mean") for name in before)
    assert all(torch.equal(learnt[name], value) for name, value in before.items())
    moved = [name for name, value in beginning.weights.tensors.items() if name not in before]
    assert not any(torch.equal(learnt[name], beginning.weights.tensors[name]) for name in moved)


# ---- a death is noticed, though nothing that the main thread waits for tells it -------------------------------------


@contextmanager
def rank_1(forked: Fork, folder: Path) -> Iterator[Callable[[], None]]:
    """A process that is rank 1 of attempt 3, as far as its lock tells, and what kills it."""
    number, output = forked("tests.training.holding", str(folder))
    living = [number]

    def kill() -> None:
        while living:
            os.kill(living.pop(), signal.SIGKILL)

    with output, contextlib.ExitStack() as stack:
        stack.callback(kill)
        assert output.readline() == "held\n"
        yield kill


def test_a_dead_rank_is_noticed_by_its_lock(tmp_path: Path, forked: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchrun, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(torchrun, "_POLL_SECONDS", 0.02)
    (tmp_path / "rank-1-of-attempt-2.lock").touch()
    ended: list[float] = []
    with rank_1(forked, tmp_path) as kill:
        thread = torchrun.watch_ranks(tmp_path, 2, 3, lambda: False, lambda: ended.append(time.monotonic()))
        time.sleep(0.5)
        assert not ended
        killed = time.monotonic()
        kill()
        thread.join(20)
    assert len(ended) == 1
    assert ended[0] - killed >= 0.3
    assert not (tmp_path / "rank-1-of-attempt-2.lock").exists()


def test_when_the_training_is_over_ranks_may_end(tmp_path: Path, forked: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchrun, "_POLL_SECONDS", 0.02)
    over, ended = [False], list[int]()
    with rank_1(forked, tmp_path) as kill:
        thread = torchrun.watch_ranks(tmp_path, 2, 3, lambda: over[0], lambda: ended.append(1))
        over[0] = True
        kill()
        thread.join(20)
    assert not thread.is_alive()
    assert not ended
    assert list(tmp_path.glob("rank-*")) == []


STUCK = """
import sys, time
from pathlib import Path
from explorer.runs import Lock, RunFolder, connect_store
from explorer.training import torchrun, worker
from explorer.training._control import ControlThread
torchrun.GRACE_SECONDS = 0.5
root, store = Path(sys.argv[1]), connect_store(Path(sys.argv[1]), None)
run = store.get(sys.argv[2])
lock = Lock.acquire(RunFolder(root, run.id).lock)
worker._watch_other_ranks(root, store, run, ControlThread(store, run.id, lock), lock, {"attempt": 3})
time.sleep(1000)
"""


def test_a_worker_that_waits_for_a_dead_one_ends_within_a_minute(tmp_path: Path, forked: Fork) -> None:
    """With NCCL the main thread waits in a collective, for ever and deaf to signals; here it sleeps."""
    manager = open_manager(tmp_path)
    made = manager.create("two", to_json(network(classes=10)), config(processes=2).model_dump_json())
    manager.store.update(made.id, status="running", device="cpu", attempt=3)
    folder = RunFolder(tmp_path, made.id).path
    folder.mkdir(parents=True, exist_ok=True)
    with rank_1(forked, folder) as kill:
        command = [sys.executable, "-c", STUCK, str(tmp_path), made.id]
        with subprocess.Popen(command, cwd=ROOT) as stuck:
            kill()
            try:
                assert stuck.wait(60) == 1
            finally:
                stuck.kill()
    found = manager.store.get(made.id)
    assert (found.status, found.reason) == ("interrupted", torchrun.PEER_LOST)
    assert manager.run(made.id).status == "interrupted"
