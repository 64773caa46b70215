"""How much memory training on streamed sets takes: ``python -m tests.training.streaming_memory NAME ...``.

Prints for each set the bytes of the peak of a process of its own, forked from one that has only loaded torch.
"""

from __future__ import annotations

import os
import resource
import sys

import torch

from explorer.architecture import edit
from explorer.training._loading import LoadingPlan
from explorer.training.data import load_to_device, open_data
from explorer.training.loop import train
from explorer.training.recording import NullLog
from explorer.training.state import State
from tests.training.parts import CPU, config, network

SIDE = 64
BARE = LoadingPlan(workers=0, prefetch=0, ahead_bytes=0, cache_bytes=0)


def learn(name: str) -> None:
    """One epoch and its evaluation."""
    settings = config(dataset=name, epochs=1, batch_size=16, validation=0.1)
    architecture = edit.replace(network(), "", input_shape=(3, SIDE, SIDE))
    state = State(architecture, settings, CPU)
    train(state, load_to_device(open_data(settings, architecture), settings, CPU, BARE), settings, NullLog())


def main() -> None:
    torch.set_num_threads(1)
    for name in sys.argv[1:]:
        if os.fork() == 0:
            learn(name)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
            os._exit(0)
        if os.wait()[1] != 0:
            sys.exit(1)


if __name__ == "__main__":
    main()
