"""Small networks, data and configurations that the tests of training share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from explorer import datasets
from explorer.architecture import (
    Architecture,
    Auxiliary,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Parallel,
    Residual,
    Sequence,
    edit,
    walk,
)
from explorer.runs import Device, Target
from explorer.training import TrainConfig, parse
from explorer.training.data import Tensors, load_to_device
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State

CPU = torch.device("cpu")
CLASSES = 4
SHAPE = (3, 12, 12)


def network(
    *, heads: bool = False, dropout: float = 0.2, drop_path: float = 0.0, classes: int = CLASSES
) -> Architecture:
    """A stem, an Inception block, a residual block, dropout, a classifier; with ``heads`` also an auxiliary one."""
    head = (
        Auxiliary(
            name="aux",
            weight=0.3,
            children=(GlobalPool(name="pool"), Flatten(name="flat"), Linear(name="fc", out_features=classes)),
        ),
    )
    return Architecture(
        name="tiny",
        input_shape=SHAPE,
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="stem", out_channels=8, kernel_size=3, stride=2, norm="batch"),
                Parallel(
                    name="mixed",
                    branches=(
                        Conv(name="ones", out_channels=4, norm="batch"),
                        Conv(name="threes", out_channels=4, kernel_size=3, norm="batch"),
                    ),
                ),
                *(head if heads else ()),
                Residual(
                    name="residual",
                    body=Conv(name="body", out_channels=8, kernel_size=3, norm="batch"),
                    drop_path=drop_path,
                ),
                GlobalPool(name="pool"),
                Flatten(name="flat"),
                Dropout(name="dropout", p=dropout),
                Linear(name="fc", out_features=classes),
            ),
        ),
    )


def without_norm(architecture: Architecture) -> Architecture:
    """The same without batch normalisation."""
    for path, node in walk(architecture):
        if isinstance(node, Conv):
            architecture = edit.replace(architecture, path, norm="none")
    return architecture


def config(**fields: Any) -> TrainConfig:
    """A configuration for seconds, not minutes; one CPU thread, so that sums have one order."""
    return parse({"dataset": "digits", "epochs": 2, "batch_size": 32, "threads": 1, "device": "cpu", **fields})


def cpu_of(memory_bytes: int, processes: int = 1) -> Target:
    """A machine with so much memory, on whose CPU all processes of a run are trained."""
    return Target(Device(name="cpu", title="CPU", memory_bytes=memory_bytes), "cpu", processes)


def tensors(
    settings: TrainConfig, count: int = 128, device: torch.device = CPU, shape: tuple[int, int, int] = SHAPE
) -> Tensors:
    """Images of numbers alone: a random pattern per class, under noise; half as many for testing."""
    generator = np.random.default_rng(1)
    means = generator.integers(64, 192, (CLASSES, *shape))

    def made(size: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(size, dtype=np.int64) % CLASSES
        noisy = means[labels] + generator.normal(0, 24, (size, *shape))
        return noisy.clip(0, 255).astype(np.uint8), labels

    (train_images, train_labels), (test_images, test_labels) = made(count), made(count // 2)
    content = datasets.ImageArrays(
        name="patterns",
        classes=tuple("abcd"),
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )
    return load_to_device(datasets.to_dataset(content), settings, device)


class MemorySink:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.values: dict[str, dict[int, float]] = {}
        self.documents: dict[tuple[str, int], Any] = {}
        self.progress: dict[str, Any] = {}

    def record(self, points: Any, documents: Any, **progress: Any) -> None:
        for point in points:
            self.values.setdefault(point.series, {})[point.step] = point.value
        for document in documents:
            self.documents[document.name, document.step] = document.data
        self.progress |= progress


def run(
    architecture: Architecture,
    settings: TrainConfig,
    sink: MemorySink,
    after_batch: Any = lambda _: None,
    device: torch.device = CPU,
) -> State:
    """Train from the beginning to the end in this process."""
    torch.set_num_threads(1)
    state, log = State(architecture, settings, device), Recorder(device, sink)
    train(state, tensors(settings, device=device), settings, log, after_batch)
    log.flush(state)
    return state
