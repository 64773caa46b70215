"""Training on a data set that is read from its files: the same bit for bit, and it ends as it should."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import datasets
from explorer.datasets import DatasetError
from explorer.training import TrainConfig, checkpoint
from explorer.training._loading import LoadingPlan
from explorer.training.data import StreamedSubset, Tensors, load_to_device, open_data
from explorer.training.distributed import ProcessGroup
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.sizes import ALL, thorough
from tests.training.test_loop import EVERYTHING, Halt, equal

from .parts import CPU, MemorySink, config, network
from .streaming_memory import SIDE

IMAGE_BYTES = 3 * 12 * 12
TIMING = {"images_per_second", "data_share", "memory", "memory_peak"}


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four classes of pictures of many sizes, 20 of each."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    numbers = np.random.default_rng(3)
    for label in "abcd":
        (tmp_path / "pets" / label).mkdir(parents=True)
        for n in range(20):
            pixels = numbers.integers(0, 256, (int(numbers.integers(12, 40)), 30, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{n}.png")
    return tmp_path / "pets"


def is_running(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def plan(workers: int = 0, cached: int = 0) -> LoadingPlan:
    return LoadingPlan(workers=workers, prefetch=2 if workers else 0, ahead_bytes=0, cache_bytes=cached * IMAGE_BYTES)


def load(settings: TrainConfig, loading: LoadingPlan | None = None) -> Tensors:
    return load_to_device(open_data(settings, network(heads=True)), settings, CPU, loading)


def learn(
    data: Tensors, settings: TrainConfig, state: State, sink: MemorySink, after_batch: Any = lambda *_: None
) -> State:
    torch.set_num_threads(1)
    log = Recorder(CPU, sink)
    try:
        train(state, data, settings, log, lambda state: after_batch(state, log))
    finally:
        log.flush(state)
        data.close()
    return state


def numbers(sink: MemorySink) -> Any:
    return {name: values for name, values in sink.values.items() if name not in TIMING}, sink.documents


@pytest.mark.parametrize("size", [(12, 12), (20, 16)], ids=["as the network's", "adapted"])
@pytest.mark.parametrize("fields", [{}, EVERYTHING], ids=["plain", "everything"])
def test_it_trains_as_in_memory(pets: Path, fields: dict[str, Any], size: tuple[int, int]) -> None:
    """Weights, running averages, losses, predictions of every epoch; with a cache that holds a part of the images."""
    stored, streamed = (datasets.import_images(pets, size=size, stream=stream).name for stream in (False, True))
    seen = []
    for name, loading in ((stored, None), (streamed, plan(cached=13))):
        settings = config(dataset=name, precision="fp32", **fields)
        sink, state = MemorySink(), State(network(heads=True), settings, CPU)
        learn(load(settings, loading), settings, state, sink)
        seen.append((state.capture(), numbers(sink)))
    for captured, _ in seen:
        captured.pop("seconds")
    assert equal(seen[0][0], seen[1][0])
    assert seen[0][1] == seen[1][1]


def test_workers_resume_in_the_middle_of_an_epoch_and_end(pets: Path, tmp_path: Path) -> None:
    """Real processes: half an epoch, a checkpoint, the rest anew; and all of them are gone afterwards."""
    stored, streamed = (datasets.import_images(pets, size=(12, 12), stream=stream).name for stream in (False, True))
    settings = config(dataset=stored, precision="fp32", batch_size=16, **{**EVERYTHING, "accumulate": 2})
    whole, expected = MemorySink(), State(network(heads=True), settings, CPU)
    learn(load(settings), settings, expected, whole)

    settings = settings.changed(dataset=streamed)
    parts, first = MemorySink(), State(network(heads=True), settings, CPU)
    pids: set[int] = set()

    def halt(state: State, log: Recorder) -> None:
        pids.update(child.pid for child in multiprocessing.active_children() if child.pid)
        if state.step == 2:
            log.flush(state)
            checkpoint.save(tmp_path, "run", 1, state.capture())
            raise Halt

    with pytest.raises(Halt):
        learn(load(settings, plan(2, cached=20)), settings, first, parts, halt)
    assert len(pids) == 2
    assert not multiprocessing.active_children()
    assert not any(map(is_running, pids))
    captured, _ = checkpoint.load_newest(tmp_path, "run")
    assert captured is not None
    second = State(network(heads=True), settings, CPU)
    second.restore(captured)
    # The rest by other processes than those that began; in `make test` by this one, which need not be started.
    learn(load(settings, plan(2 if ALL else 0, cached=20)), settings, second, parts)
    assert equal(expected.model.state_dict(), second.model.state_dict())
    assert equal(expected.optimizer.state_dict(), second.optimizer.state_dict())
    assert numbers(whole) == numbers(parts)


def test_a_dead_worker_is_told(pets: Path) -> None:
    settings = config(dataset=datasets.import_images(pets, size=(12, 12), stream=True).name, batch_size=4, epochs=50)

    def kill(*_: Any) -> None:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(DatasetError, match="a process that reads the images has ended unexpectedly"):
        learn(load(settings, plan(1)), settings, State(network(), settings, CPU), MemorySink(), kill)


KILLED = """
import multiprocessing, os, sys
from explorer.training._loading import LoadingPlan
from explorer.training.data import load_to_device, open_data
from tests.training.parts import CPU, config, network
settings = config(dataset=sys.argv[1])
plan = LoadingPlan(workers=1, prefetch=2, ahead_bytes=0, cache_bytes=0)
data = load_to_device(open_data(settings, network()), settings, CPU, plan)
next(data.train.batches(8, range(4)))
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
os.kill(os.getpid(), 9)
"""


def test_workers_end_with_a_training_that_is_killed(pets: Path) -> None:
    name = datasets.import_images(pets, size=(12, 12), stream=True).name
    done = subprocess.run(
        [sys.executable, "-c", KILLED, name],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == -signal.SIGKILL
    (worker,) = map(int, done.stdout.split())
    wait_until(lambda: not is_running(worker))


def test_a_file_that_goes_in_the_middle_is_named(pets: Path) -> None:
    """By the sentence of the worker process, without its traceback; what was trained before stays."""
    settings = config(dataset=datasets.import_images(pets, size=(12, 12), stream=True).name, batch_size=4)
    state = State(network(), settings, CPU)

    def remove(state: State, _: Recorder) -> None:
        for path in pets.glob("c/*") if (state.epoch, state.step) == (1, 1) else ():
            path.unlink()

    with pytest.raises(DatasetError, match=r"pets/c/\d+\.png cannot be read: No such file") as caught:
        learn(load(settings, plan()), settings, state, MemorySink(), remove)
    assert "\n" not in str(caught.value)
    assert state.epoch == 1


@pytest.mark.parametrize("processes", [2, 3])
def test_each_process_reads_its_own_images_alone(pets: Path, monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    """What it needs is there and right; what others need is left out; together they read every image once."""
    settings = config(
        dataset=datasets.import_images(pets, size=(12, 12), stream=True).name, batch_size=10, accumulate=2
    )
    data = load(settings, plan())
    subset = data.train
    assert isinstance(subset, StreamedSubset)
    order = torch.randperm(len(subset), generator=torch.Generator().manual_seed(1))
    whole = list(subset.batches(10, range(6), order))
    asked: list[int] = []
    original = datasets._streamed.StreamedImages.decode  # type: ignore[attr-defined]
    monkeypatch.setattr(
        datasets._streamed.StreamedImages, "decode",  # type: ignore[attr-defined]
        lambda self, rows: asked.extend(rows) or original(self, rows),
    )  # fmt: skip
    for rank in range(processes):
        own = ProcessGroup(rank, processes).own_places(2 * processes)
        for (images, labels), (all_images, all_labels) in zip(
            subset.batches(10, range(6), order, own), whole, strict=True
        ):
            assert torch.equal(images[own(10)], all_images[own(10)])
            assert torch.equal(labels, all_labels)
    assert sorted(asked) == sorted(order[:60].tolist())


@thorough("tests/training/test_streaming.py::test_it_trains_as_in_memory")
def test_memory_does_not_grow_with_the_images(pets: Path, tmp_path: Path) -> None:
    """Ten times the images: as one array they would take 37 MB more, twice while they are split."""
    names = []
    for each in (60, 600):
        folder = tmp_path / f"many-{each}"
        for path in pets.glob("*/?.png"):
            (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
            for n in range(each // 10):
                os.link(path, folder / path.parent.name / f"{path.stem}-{n}.png")
        names.append(datasets.import_images(folder, size=(SIDE, SIDE), stream=True).name)
    counts = [datasets.get_card(name).train_count for name in names]
    assert counts == [192, 1920]
    command = [sys.executable, "-m", "tests.training.streaming_memory", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    few, many = map(int, done.stdout.split())
    assert many - few < 10e6, (few, many)
    stored = (counts[1] - counts[0]) * 3 * SIDE * SIDE
    assert stored > 20e6  # what would be seen if they were kept
