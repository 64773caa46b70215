"""The lessons hold what they promise; what the receptive field foretells comes true."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from explorer import catalog, datasets
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit
from explorer.training import LESSONS, Lesson, TrainConfig, lesson, open_manager, start_lesson
from explorer.training.data import load_to_device
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.sizes import THOROUGH

from .parts import CPU, MemorySink


def accuracy(architecture: Architecture, config: TrainConfig, content: datasets.ImageArrays) -> float:
    """Share of right answers on the test images after training, by this process on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sink, state = MemorySink(), State(architecture, config, CPU)
        data = load_to_device(datasets.to_dataset(content).adapted(architecture.input_shape), config, CPU)
        log = Recorder(CPU, sink)
        train(state, data, config, log)
        log.flush(state)
    finally:
        torch.set_num_threads(threads)
    return list(sink.values["epoch/test/accuracy"].values())[-1]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 20))])
@pytest.mark.parametrize(
    ("network", "distance"),
    [
        ("near-sighted-cnn", 4),
        ("near-sighted-cnn", 8),
        ("far-sighted-cnn", 8),
        pytest.param("far-sighted-cnn", 16, marks=THOROUGH),  # images of 52×52 take as long as all others together
    ],
)
def test_the_receptive_field_foretells_who_learns_it(network: str, distance: int, seed: int) -> None:
    """Either network learns what lies within its field, and neither what lies beyond: it is not that one is better."""
    content = datasets.generate_long_range(distance, size=3 * distance + 4, samples=3000)
    architecture = edit.replace(catalog.get(network), "", input_shape=content.train_images.shape[1:])
    run = next(each for each in LESSONS["long-range"].runs if each.network == network)
    config = run.config(epochs=2, seed=seed, device="cpu", threads=1, precision="fp32")
    found = accuracy(architecture, config, content)
    if analyze(architecture).receptive_field.size[0] > distance:
        assert found >= 0.95
    else:  # three standard deviations of guessing
        assert abs(found - 0.5) <= 3 * math.sqrt(0.25 / len(content.test_labels))


def test_the_pair_differs_in_what_it_sees_and_in_nothing_else() -> None:
    near, far = (analyze(catalog.get(run.network)) for run in lesson("long-range").runs)
    assert (near.params, near.macs, near.output_shape) == (far.params, far.macs, far.output_shape)
    assert (near.receptive_field.size, far.receptive_field.size) == ((7, 7), (15, 15))


@pytest.mark.parametrize("found", LESSONS.values(), ids=LESSONS.keys())
def test_a_lesson_is_queued_whole_or_not_at_all(found: Lesson, tmp_path: Path) -> None:
    manager = open_manager(tmp_path)
    with pytest.raises(ValueError, match="epochs"):
        start_lesson(manager, found.name, epochs=0)
    assert manager.runs() == []
    runs = start_lesson(manager, found.name, seed=7, device="cpu")
    assert {run.id for run in manager.runs()} == {run.id for run in runs}
    for run, planned in zip(runs, found.runs, strict=True):
        assert (run.status, run.tags, run.name) == ("queued", (found.name,), catalog.get(planned.network).name)
        assert (run.setting("seed"), run.setting("dataset")) == (7, planned.dataset)


def test_an_unknown_lesson_is_named() -> None:
    with pytest.raises(ValueError, match="there is no lesson 'quux'; known: long-range"):
        lesson("quux")
    with pytest.raises(ValueError, match=r"there is no lesson 'long'; did you mean long-range\?"):
        lesson("long")
