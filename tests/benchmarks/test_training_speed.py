"""Images a second of our loop against the notes' own, in turns, each in a process of its own; and what recording costs.

The data come from the folders of EXPLORER_DATA: ``EXPLORER_DATA=/my/data make benchmark ARGS="-k training_speed"``.
Measured on two threads by the clock on the wall. On a machine that others keep busy ``CLOCK=cpu`` measures the CPU time
of one thread instead; that is harder to pass, since the notes' images then cost no more than their share.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import to_json
from explorer.runs import HistoryFile, RunFolder
from explorer.training import TrainConfig, loop, open_manager, recipe, recording
from explorer.training._allocator import keep_freed_memory
from explorer.training._control import StoreSink
from explorer.training.data import Tensors, load_to_device
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.benchmarks import notes
from tests.catalog.test_notes_code import InceptionNet, SimpleCNNWithDilation
from tests.training.parts import CPU, MemorySink

BUSY = os.environ.get("CLOCK") == "cpu"
now = time.process_time if BUSY else time.perf_counter

TIMES_FASTER = 2.5
RECORDING_SHARE = 0.02
SEGMENTS = 7
THREADS = 1 if BUSY else 2


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


class Enough(Exception):
    """A segment is over."""


def trained(state: State, data: Tensors, config: TrainConfig, steps: int) -> int:
    """So many steps of our loop from where it stands; the number of images."""
    done = 0

    def after_batch(_: State) -> None:
        nonlocal done
        done += 1
        if done == steps:
            raise Enough

    with pytest.raises(Enough):
        loop.train(state, data, config, Recorder(CPU, MemorySink()), after_batch)
    return done * config.batch_size


def rate(work: Callable[[], int]) -> float:
    """Images a second."""
    start = now()
    return work() / (now() - start)


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "dataset", "made", "recipe_name", "steps"),
    [
        ("dilated-cnn", "cifar-10", SimpleCNNWithDilation, "course", 16),
        ("inception-net-32", "cifar-10", InceptionNet, "course", 8),
        ("googlenet-96", "fashion-mnist", notes.GoogLeNet96, "d2l", 2),
    ],
)
def test_our_loop_against_the_notes(
    name: str,
    dataset: str,
    made: Callable[[], nn.Module],
    recipe_name: str,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    channels = catalog.get(name).input_shape[0]
    small = 28 if channels == 1 else 32
    plain = notes.images_of(dataset, (channels, small, small), monkeypatch)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, context, _be_the_notes, (name, made, recipe_name, plain, steps)) as theirs,
        ProcessPoolExecutor(1, context, _be_ours, (name, recipe_name, plain, steps)) as ours,
    ):
        sides = (theirs, ours)
        for side in sides:
            side.submit(_segment).result()
        # In turns, so that a busy machine slows both alike; of each neighbouring pair the ratio, of those the median.
        pairs = [[side.submit(_segment).result() for side in sides] for _ in range(SEGMENTS)]
        roof = ours.submit(_convolution_roof, recipe_name).result()
    ratio = statistics.median(own / other for other, own in pairs)
    with capsys.disabled():
        other, own = (statistics.median(each) for each in zip(*pairs, strict=True))
        # Forwards, and backwards to weights and inputs: three times the multiply-adds of a prediction.
        share = 3 * analyze(catalog.get(name)).macs * own / roof
        print(
            f"\n{name}: the notes {other:,.0f} images/s, ours {own:,.0f} images/s ({ratio:.2f}×), "
            f"{100 * share:.0f} % of the convolution roof ({roof / 1e9:.0f} GMAC/s)"
        )
    assert ratio >= TIMES_FASTER


_work: list[Callable[[], int]] = []
"""In the process of one side, one function: it makes some steps and tells the number of their images."""


def _segment() -> float:
    return rate(_work[0])


def _convolution_roof(recipe_name: str) -> float:
    """Multiply-adds a second of a convolution that suits the machine, in the precision of our loop: 128 to 128
    channels, 3×3, 28×28, the channels innermost; the quickest of several."""
    batch, channels, side = 32, 128, 28
    with loop.make_autocast(CPU, recipe(recipe_name, "any"))(), torch.no_grad():
        convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
        images = torch.rand(batch, channels, side, side).to(memory_format=torch.channels_last)
        convolution(images)
        times = []
        for _ in range(10):
            start = now()
            convolution(images)
            times.append(now() - start)
    return batch * channels * channels * 9 * side * side / min(times)


def _be_the_notes(name: str, made: Callable[[], nn.Module], recipe_name: str, plain: Any, steps: int) -> None:
    torch.set_num_threads(THREADS)
    model, architecture, config = made(), catalog.get(name), recipe(recipe_name, "any")
    assert sum(p.numel() for p in model.parameters()) == analyze(architecture).params
    adam = config.optimizer == "adam"
    optimizer: Any = (torch.optim.Adam if adam else torch.optim.SGD)(model.parameters(), lr=config.lr)
    height = architecture.input_shape[1]
    pictures = notes.Pictures(
        plain.train_images, plain.train_labels, height if height != plain.train_images.shape[2] else None
    )
    going = notes.steps(model, pictures, optimizer)
    _work.append(lambda: sum(next(going) for _ in range(steps)))


def _be_ours(name: str, recipe_name: str, plain: Any, steps: int) -> None:
    torch.set_num_threads(THREADS)
    keep_freed_memory()  # as every worker does that trains on a CPU
    architecture, config = catalog.get(name), recipe(recipe_name, "any")
    data = load_to_device(plain.adapted(architecture.input_shape), config, CPU)
    state = State(architecture, config, CPU)
    _work.append(lambda: trained(state, data, config, 2 * steps))


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_recording_costs_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The share of an epoch's time that passes in the recorder and below it, on the network with the shortest steps.

    Timed from inside: the difference between two runs would drown in their noise.
    """
    architecture = catalog.get("dilated-cnn")
    config = recipe("course", "cifar-10")
    data = load_to_device(notes.images_of("cifar-10", architecture.input_shape, monkeypatch), config, CPU)
    manager = open_manager(tmp_path)
    run = manager.create("recorded", to_json(architecture), config.model_dump_json())
    # "About once a second" is meant in the time of this process: one that gets a tenth of a CPU records no more often.
    monkeypatch.setattr(recording, "time", SimpleNamespace(monotonic=now, perf_counter=now))
    history = HistoryFile(RunFolder(tmp_path, run.id).history, config.epochs * 390)
    state, log = State(architecture, config, CPU), Recorder(CPU, StoreSink(manager.store, run.id, history))
    trained(state, data, config, 16)
    state.step = 0

    spent = 0.0

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal spent
            start = now()
            result = work(*arguments)
            spent += now() - start
            return result

        return call

    for method in ("begin_step", "data_ready", "end_step", "record_gradients", "record_activations", "record_updates"):
        monkeypatch.setattr(log, method, timed(getattr(log, method)))
    monkeypatch.setattr(loop, "block_norms", timed(loop.block_norms))
    monkeypatch.setattr(loop, "evaluate", _enough)
    start = now()
    with pytest.raises(Enough):
        loop.train(state, data, config, log)
    share = spent / (now() - start)
    with capsys.disabled():
        print(f"\nrecording: {100 * share:.2f} % of an epoch of dilated-cnn")
    assert len(manager.store.points(run.id, "train/loss")) > 100
    assert share <= RECORDING_SHARE


def _enough(*_: Any) -> None:
    raise Enough
