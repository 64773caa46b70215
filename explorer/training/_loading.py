"""How the images of a streamed set are read ahead of the training: by how many processes, and in how much memory."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..architecture import Architecture
from ..datasets import DatasetCard
from ..memory import free_memory_bytes
from ..text import format_bytes
from ._config import TrainConfig

_MOST_WORKERS = 16
_PREFETCH = 2
"""Batches that each worker may be ahead."""
_WORKER_BYTES = 300_000_000
"""What a worker holds beside its batches: its part of what all share (measured: 160 MB with two workers), and a large
photograph while it is decoded."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (only asked how much room it has)
_SHARE = 4
"""Part of the free memory that the cache may take, and the batches that are read ahead."""


@dataclass(frozen=True, kw_only=True)
class LoadingPlan:
    """What the loader of one process takes."""

    workers: int
    """Processes that read; 0: the training reads by itself."""
    prefetch: int
    """Batches that each is ahead at most."""
    ahead_bytes: int
    """Of all batches that are read ahead."""
    cache_bytes: int
    """Most that is kept of decoded images, so that they need not be read again."""

    @property
    def bytes(self) -> int:
        """Of the workers and their batches; the cache takes what is free."""
        return self.workers * _WORKER_BYTES + self.ahead_bytes


def plan_loading(batch_bytes: int, images_bytes: int, processes: int = 1) -> LoadingPlan:
    """Plan a loader by the processors and the memory that are free now.

    Args:
        batch_bytes: Of a decoded batch, or the part of it that a process reads.
        images_bytes: Of all decoded images for training.
        processes: That train one network together; each has a loader.

    Returns:
        The plan of one of them.
    """
    free = free_memory_bytes() // processes
    room = free // _SHARE
    if _SHARED_MEMORY.is_dir():  # through which batches come; a container may have very little
        room = min(room, shutil.disk_usage(_SHARED_MEMORY).free // (2 * processes))
    batches = room // max(1, batch_bytes)
    workers = min(_MOST_WORKERS, max(1, count_processors() // processes), batches)
    prefetch = min(_PREFETCH, batches // workers) if workers else 0
    return LoadingPlan(
        workers=workers,
        prefetch=prefetch,
        ahead_bytes=workers * prefetch * batch_bytes,
        cache_bytes=min(images_bytes, free // _SHARE),
    )


def plan_for(card: DatasetCard, architecture: Architecture, config: TrainConfig) -> LoadingPlan | None:
    """The plan by which a run reads a streamed data set, as things are now; None for one that is kept in memory."""
    if not card.streamed:
        return None
    image_bytes = math.prod(architecture.input_shape)
    size = -(-config.batch_size // config.processes)
    return plan_loading(size * image_bytes, card.train_count * image_bytes, config.processes)


def describe_loading(card: DatasetCard, plan: LoadingPlan | None) -> str:
    """A sentence that says where the images of a run are while it trains, and why."""
    if plan is None:
        return "The images are kept in memory."
    who = f"{plan.workers} processes" if plan.workers > 1 else "one process" if plan.workers else "the training itself"
    ahead = f", up to {format_bytes(plan.ahead_bytes)} ahead" if plan.workers else ""
    return (
        f"The images are streamed: {who} read them from {card.source}{ahead}; at most {format_bytes(plan.cache_bytes)} "
        "of them are kept in memory, by what is free now."
    )


def count_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
