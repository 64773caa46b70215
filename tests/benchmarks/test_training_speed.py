"""Images a second of our loop against the notes' own, in turns in one process; and what recording costs.

The data come from the folders of EXPLORER_DATA: ``EXPLORER_DATA=/my/data make benchmark ARGS="-k training_speed"``.
Measured on two threads by the clock on the wall. On a machine that others keep busy ``CLOCK=cpu`` measures the CPU time
of one thread instead; that is harder to pass, since the notes' images then cost no more than their share.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import to_json
from explorer.runs import Manager
from explorer.training import TrainConfig, loop, recipe, recording
from explorer.training._attendant import StoreSink
from explorer.training.data import Tensors, on_device
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.benchmarks import notes
from tests.catalog.test_notes_code import InceptionNet, SimpleCNNWithDilation
from tests.training.parts import CPU, Book

BUSY = os.environ.get("CLOCK") == "cpu"
now = time.process_time if BUSY else time.perf_counter

TIMES_FASTER = 2.5
RECORDING_SHARE = 0.02
SEGMENTS = 7


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1 if BUSY else 2)
    yield
    torch.set_num_threads(before)


class Enough(Exception):
    """A segment is over."""


def trained(state: State, data: Tensors, config: TrainConfig, steps: int) -> int:
    """So many steps of our loop from where it stands; the number of images."""
    done = 0

    def between(_: State) -> None:
        nonlocal done
        done += 1
        if done == steps:
            raise Enough

    with pytest.raises(Enough):
        loop.train(state, data, config, Recorder(CPU, Book()), between)
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
    architecture = catalog.get(name)
    channels, height, width = architecture.input_shape
    small = 28 if channels == 1 else 32
    plain = notes.images_of(dataset, (channels, small, small), monkeypatch)
    config = recipe(recipe_name, dataset)
    data = on_device(plain.adapted((channels, height, width)), config, CPU)
    state = State(architecture, config, CPU)

    model = made()
    assert sum(p.numel() for p in model.parameters()) == analyze(architecture).params
    adam = config.optimizer == "adam"
    optimizer: Any = (torch.optim.Adam if adam else torch.optim.SGD)(model.parameters(), lr=config.lr)
    pictures = notes.Pictures(plain.train_images, plain.train_labels, height if height != small else None)
    going = notes.steps(model, pictures, optimizer)

    def theirs() -> int:
        return sum(next(going) for _ in range(steps))

    def ours() -> int:
        return trained(state, data, config, 2 * steps)

    theirs()
    ours()
    # In turns, so that a busy machine slows both alike; of each neighbouring pair the ratio, of the ratios the median.
    pairs = [(rate(theirs), rate(ours)) for _ in range(SEGMENTS)]
    ratio = statistics.median(own / other for other, own in pairs)
    with capsys.disabled():
        other, own = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(f"\n{name}: the notes {other:,.0f} images/s, ours {own:,.0f} images/s ({ratio:.2f}×)")
    assert ratio >= TIMES_FASTER


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
    data = on_device(notes.images_of("cifar-10", architecture.input_shape, monkeypatch), config, CPU)
    manager = Manager(tmp_path)
    run = manager.create("recorded", to_json(architecture), config.model_dump_json())
    # "About once a second" is meant in the time of this process: one that gets a tenth of a CPU records no more often.
    monkeypatch.setattr(recording, "time", SimpleNamespace(monotonic=now, perf_counter=now))
    state, log = State(architecture, config, CPU), Recorder(CPU, StoreSink(manager.store, run.id))
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

    for method in ("begins", "has_data", "stepped", "gradients", "updates"):
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
