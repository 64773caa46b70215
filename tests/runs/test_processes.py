"""One run in several processes (torchrun, DistributedDataParallel): the same training, and nothing left of it after a
fault. The long forms: ``pytest -m soak tests/runs/test_processes.py``."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from explorer import catalog
from explorer.architecture import from_json
from explorer.runs import Manager, Run, RunFolder, _scheduler, device_choices, is_locked, list_checkpoints
from explorer.training import check_memory, checkpoint, estimate_memory, parse
from explorer.training.data import load_to_device, open_data
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.sizes import THOROUGH, thorough
from tests.training.parts import CPU, MemorySink, config, cpu_of, network, without_norm

from .parts import create, curve, kill, log, texts, until, until_status, until_step, worker

EVERYTHING = {"mixup": 0.3, "crop": 1, "ema_decay": 0.9, "clip_norm": 1.0, "validation": 0.1, "weight_decay": 1e-3}


@dataclass(frozen=True)
class Family:
    """The processes of a run: the worker that the manager started, torchrun, and the ranks in order."""

    worker: psutil.Process
    torchrun: psutil.Process
    ranks: list[psutil.Process]

    @property
    def all(self) -> list[psutil.Process]:
        return [self.worker, self.torchrun, *self.ranks]

    def gone(self) -> bool:
        return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in self.all)


def family(manager: Manager, run: str) -> Family:
    first = psutil.Process(worker(manager, run))
    torchrun = first.parent()
    assert torchrun is not None
    above = torchrun.parent()
    assert above is not None
    ranks = [each for each in torchrun.children() if "explorer.training" in each.cmdline()]
    return Family(above, torchrun, sorted(ranks, key=lambda each: int(each.environ()["RANK"])))


@pytest.fixture
def families(manager: Manager) -> Iterator[list[Family]]:
    """Whatever was put here is ended after the test."""
    found: list[Family] = []
    yield found
    for each in found:
        for process in each.all:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def together(manager: Manager, processes: int, **fields: Any) -> Run:
    settings = {"processes": processes, "batch_size": 70, "epochs": 1, **EVERYTHING, **fields}
    return create(manager, without_norm(network(classes=10, dropout=0.0)), **settings)


def alone(run: Run, epochs: int | None = None) -> tuple[dict[int, float], State]:
    """The same run in this process, its batches in the same parts, one after another; or its first epochs."""
    settings = parse(run.config)
    settings = settings.changed(processes=1, accumulate=settings.parts, epochs=epochs or settings.epochs)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        architecture, sink = from_json(run.architecture), MemorySink()
        state, log = State(architecture, settings, CPU), Recorder(CPU, sink)
        train(state, load_to_device(open_data(settings, architecture), settings, CPU), settings, log)
        log.flush(state)
    finally:
        torch.set_num_threads(threads)
    return sink.values["train/loss"], state


def final(manager: Manager, run: str) -> dict[str, Any]:
    captured, complaints = checkpoint.load_newest(RunFolder(manager.root, run).checkpoints, run)
    assert captured is not None
    assert complaints == []
    return captured


def finished(manager: Manager, run: str) -> None:
    done = until_status(manager, run, "finished", "failed", "interrupted", seconds=120)
    assert done.status == "finished", (done.reason, log(manager, run))


@pytest.mark.parametrize("lost", [False, pytest.param(True, marks=THOROUGH)])
@thorough("tests/training/test_distributed.py::test_accumulation_exchanges_gradients_once_a_batch")
def test_two_processes_learn_what_one_does_and_a_lost_one_costs_nothing(
    manager: Manager, families: list[Family], lost: bool
) -> None:
    """``make test`` starts torchrun once, which takes half a minute; the loss of a process needs it twice."""
    run = together(manager, 2)
    until_step(manager, run.id, 20)
    assert "in 2 processes" in texts(manager, run.id)[0]
    families.append(family(manager, run.id))
    assert len(families[0].ranks) == 2
    before: dict[int, float] = {}
    if lost:
        families[0].ranks[1].kill()
        done = until_status(manager, run.id, "interrupted", "finished", "failed", seconds=40)
        assert done.status == "interrupted", (done.reason, log(manager, run.id))
        until(families[0].gone, seconds=40)
        assert not is_locked(RunFolder(manager.root, run.id).lock)
        before = curve(manager, run.id)
        manager.resume(run.id)

    finished(manager, run.id)
    losses, (expected, state) = curve(manager, run.id), alone(run)
    assert manager.store.get(run.id).attempt == 1 + lost
    assert {step: losses[step] for step in before} == before  # what was repeated is the same, bit for bit
    assert losses.keys() == expected.keys()
    assert [losses[step] for step in expected] == pytest.approx(list(expected.values()), rel=1e-4)
    captured = final(manager, run.id)
    for kind, trained in (("model", state.model), ("average", state.ema_model)):
        assert trained is not None
        for name, value in trained.state_dict().items():
            torch.testing.assert_close(captured[kind][name], value, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.soak
@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.timeout(1800)
def test_whichever_process_is_killed_the_run_stays_true(
    manager: Manager, families: list[Family], processes: int
) -> None:
    run = together(manager, processes, epochs=60, accumulate=2)
    victim = ""

    def go_on(steps: int) -> None:
        """Slow: the processes share two cores, perhaps with others."""
        end = manager.store.get(run.id).step + steps
        until(lambda: manager.store.get(run.id).step >= end, seconds=300, manager=manager)
        assert manager.run(run.id).status == "running", (victim, log(manager, run.id))

    for victim in ("rank 0", "last rank", "torchrun", "worker", "pause", "term", "stop"):
        go_on(5)
        here = family(manager, run.id)
        families.append(here)
        if victim == "worker":  # it has done its part
            here.worker.kill()
            go_on(30)
            assert manager.run(run.id).attempt == len(families)
            manager.pause(run.id)
        elif victim == "torchrun":  # nobody watches, nobody needs to
            here.torchrun.kill()
            go_on(30)
            here.ranks[-1].kill()
        elif victim == "rank 0":
            kill(manager, run.id)
        elif victim == "last rank":
            here.ranks[-1].kill()
        elif victim == "term":  # the machine is shut down: everybody is told
            for each in here.all:
                os.kill(each.pid, signal.SIGTERM)
        else:
            getattr(manager, victim)(run.id)
        end = {"worker": "paused", "pause": "paused", "stop": "stopped"}.get(victim, "interrupted")
        done = until_status(manager, run.id, "interrupted", "paused", "stopped", "failed", "finished", seconds=60)
        assert done.status == end, (victim, done.reason, log(manager, run.id))
        until(here.gone, seconds=60)
        assert not is_locked(RunFolder(manager.root, run.id).lock)
        if victim in ("pause", "term"):  # nothing that was trained is lost
            assert list_checkpoints(RunFolder(manager.root, run.id).checkpoints)[0].name == f"step-{done.step:010}.pt"
        manager.resume(run.id)
    manager.stop(run.id)
    until_status(manager, run.id, "stopped")
    found = manager.store.get(run.id)
    expected, _ = alone(found, found.epoch + 1)
    losses = curve(manager, run.id)
    assert list(losses) == list(range(1, len(losses) + 1))
    assert list(losses.values()) == pytest.approx(list(expected.values())[: len(losses)], rel=1e-2)


def test_a_start_that_fails_says_so(manager: Manager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Torchrun ends before it has started anybody."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = together(manager, 2)
    done = until_status(manager, run.id, "failed", "interrupted", "finished")
    assert done.status == "failed"
    assert "torchrun ended with status 3 before rank 0 began" in done.reason
    until(lambda: not is_locked(RunFolder(manager.root, run.id).lock))


def test_a_start_that_takes_for_ever_can_be_stopped(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import time; time.sleep(1000)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(_scheduler, "TERMINATE_SECONDS", 0.2)
    run = together(manager, 2)
    until_status(manager, run.id, "running")
    (torchrun,) = until(lambda: psutil.Process(worker(manager, run.id)).children())
    manager.stop(run.id)
    done = until_status(manager, run.id, "stopped", "failed", "interrupted", seconds=20)
    assert (done.status, "torchrun ended with status -15" in done.reason) == ("stopped", True)
    until(lambda: not torchrun.is_running())


@pytest.mark.parametrize(
    ("wanted", "processes", "known", "expected"),
    [
        ("auto", 1, "cpu", [("cpu",)]),
        ("auto", 1, "mps cpu", [("mps",)]),
        ("auto", 2, "mps cpu", [("cpu",)]),
        ("auto", 1, "cuda:0 cuda:1 cpu", [("cuda:0",), ("cuda:1",)]),
        ("auto", 2, "cuda:0 cuda:1 cuda:2 cpu", [("cuda:0", "cuda:1"), ("cuda:1", "cuda:2")]),
        ("cuda:1", 2, "cuda:0 cuda:1 cuda:2 cpu", [("cuda:1", "cuda:2")]),
        ("cpu", 4, "cuda:0 cpu", [("cpu",)]),
    ],
)
def test_places(wanted: str, processes: int, known: str, expected: list[tuple[str, ...]]) -> None:
    assert device_choices(wanted, processes, known.split()) == expected


@pytest.mark.parametrize(
    ("wanted", "processes", "message"),
    [
        ("auto", 2, r"processes \(=2\) needs as many GPUs; this machine has cuda:0, cpu"),
        ("cuda:0", 2, r"processes \(=2\) needs as many GPUs"),
        ("cuda:7", 1, "this machine has no device cuda:7; it has cuda:0, cpu"),
        ("cuda:7", 2, "this machine has no device cuda:7"),
    ],
)
def test_no_place(wanted: str, processes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        device_choices(wanted, processes, ["cuda:0", "cpu"])


def test_every_process_needs_its_memory() -> None:
    one, two = (estimate_memory(network(), config(processes=count, batch_size=64), 1000) for count in (1, 2))
    assert two.activations == pytest.approx(one.activations / 2, rel=0.01)
    assert two.total > 1.9 * (one.total - one.activations)
    assert two.on_gpu < one.on_gpu

    large, settings = catalog.get("inception-net"), config(processes=2, batch_size=2048)
    needed = estimate_memory(large, settings, 5000)
    with pytest.raises(ValueError, match="accumulate to") as told:
        check_memory(needed, settings, cpu_of(needed.total // 2, 2))
    found = re.search(r"accumulate to (\d+)", str(told.value))
    assert found is not None
    mended = settings.changed(accumulate=int(found[1]))
    check_memory(estimate_memory(large, mended, 5000), mended, cpu_of(needed.total // 2, 2))
