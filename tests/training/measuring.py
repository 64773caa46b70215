"""How much memory a run really takes, measured in a process of its own for each.

``python -m tests.training.measuring`` reads lines of JSON (architecture, configuration, images) and answers each with
the bytes of a fresh process's peak. The processes are forked from one that has only loaded torch: starting Python for
each would take most of the time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
import torch._dynamo

from explorer import datasets
from explorer.analysis import analyze
from explorer.architecture import Architecture, from_json, to_json
from explorer.training import TrainConfig, checkpoint, parse
from explorer.training.data import Tensors, load_to_device
from explorer.training.evaluation import evaluate
from explorer.training.loop import make_autocast, train
from explorer.training.recording import NullLog
from explorer.training.state import State

CPU = torch.device("cpu")
STEPS = 2


class Enough(Exception):
    """The training has shown what it takes."""


class Meter:
    """Asks the process that forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def peak(self, architecture: Architecture, config: TrainConfig, images: int) -> int:
        """Bytes: two updates, the evaluation of a batch and a checkpoint."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = json.dumps([to_json(architecture), config.model_dump_json(), images])
        print(asked, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def meter() -> Iterator[Meter]:
    """A meter for as long as the context lasts."""
    command = [sys.executable, "-m", __name__]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Meter(process)


def learn(architecture: Architecture, config: TrainConfig, images: int) -> None:
    """What a worker does with memory, as short as it can be."""
    data = random_data(architecture, config, images)
    state, seen = State(architecture, config, CPU), 0

    def after_batch(_: State) -> None:
        nonlocal seen
        seen += 1
        if seen == STEPS:
            raise Enough

    with suppress(Enough):
        train(state, data, config, NullLog(), after_batch)
    evaluate(state.eval_model, data.evaluated["test"], data, config, make_autocast(CPU, config))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder), "20260101-000000-abcdef", 1, state.capture())


def random_data(architecture: Architecture, config: TrainConfig, images: int) -> Tensors:
    """Noise in the shape that a network wants, half as many images for testing."""
    shape, numbers = architecture.input_shape, np.random.default_rng(0)
    (classes,) = analyze(architecture).totals.output_shape

    def made(count: int) -> tuple[np.ndarray, np.ndarray]:
        return numbers.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(count) % classes

    (train_images, train_labels), (test_images, test_labels) = made(images), made(images // 2)
    content = datasets.ImageArrays(
        name="noise",
        classes=tuple(map(str, range(classes))),
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )
    return load_to_device(datasets.to_dataset(content), config, CPU)


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        architecture, config, images = json.loads(line)
        if os.fork() == 0:
            learn(from_json(architecture), parse(config), images)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
            os._exit(0)
        if os.wait()[1] != 0:
            print(-1, flush=True)


if __name__ == "__main__":
    main()
