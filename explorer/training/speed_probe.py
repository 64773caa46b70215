"""``python -m explorer.training.speed_probe DEVICE FILE``: train a known network for two seconds, write its speed.

Before a machine has trained anything, this is what the time of a run is predicted from.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

from .. import catalog
from ..analysis import analyze
from ..datasets import Preprocessing
from ..profiling.environment import synchronize
from ..runs import atomic_write
from ._forecast import Speed
from ._recipes import course
from .data import Subset, Tensors
from .loop import Batch, ModelWithLoss, make_autocast
from .state import State

NETWORK = "inception-net-32"
_SECONDS = 2.0
_WARM_UP = 3


def measure(device: torch.device) -> Speed:
    """Seconds an image of the steps alone; random pixels take as long as real ones."""
    architecture = catalog.get(NETWORK)
    config = course("any")
    images = torch.randint(0, 256, (1024, *architecture.input_shape), dtype=torch.uint8, device=device)
    part = Subset(images=images, labels=torch.randint(0, 10, (1024,), device=device))
    data = Tensors(train=part, evaluated={}, preprocessing=Preprocessing(shape=architecture.input_shape), classes=10)
    state = State(architecture, config, device)
    model = ModelWithLoss(state.model, config, make_autocast(device, config))
    state.model.train()
    done, start = 0, 0.0
    while done <= _WARM_UP or time.perf_counter() - start < _SECONDS:
        if done == _WARM_UP:
            synchronize(device)
            start = time.perf_counter()
        rows = torch.randint(0, len(part), (config.batch_size,), device=device)
        batch = Batch.assemble(part.images[rows], part.labels[rows], data, config, torch.Generator())
        loss, _ = model(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        done += 1
    synchronize(device)
    seconds = (time.perf_counter() - start) / ((done - _WARM_UP) * config.batch_size)
    found = analyze(architecture)
    return Speed(
        device=str(device), macs=found.macs, bytes=found.training_bytes, seconds=seconds,
        what=f"a run of two seconds with {NETWORK}",
    )  # fmt: skip


if __name__ == "__main__":
    atomic_write(Path(sys.argv[2]), json.dumps(asdict(measure(torch.device(sys.argv[1])))).encode())
