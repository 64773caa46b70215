"""Several processes that train one network together, each with a part of every batch (DistributedDataParallel).

The first one, rank 0, is the worker: it alone holds the run's lock, writes and is asked to pause or stop.
The others compute until it is gone. How they are started is in ``torchrun``, and on a cluster in ``runs._ray_gateway``.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
# Longer than any checkpoint, during which the others wait for rank 0. A dead process is noticed otherwise: with gloo by
# its closed sockets, with NCCL, which waits in silence, by its lock (``torchrun.watch_ranks``) or, on a cluster, by the
# supervisors (``runs._ray_peers``).
_TIMEOUT = timedelta(days=7)


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train a run."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls, device: torch.device) -> ProcessGroup:
        """Meet the others where the environment says; returns when all are there."""
        gpu = device.type == "cuda"
        if gpu:  # before all else: NCCL sends from the current device
            torch.cuda.set_device(device)
        distributed.init_process_group(
            "nccl" if gpu else "gloo", timeout=_TIMEOUT, device_id=device if gpu else None
        )  # fmt: skip
        return cls(distributed.get_rank(), distributed.get_world_size(), device)

    def leave(self) -> None:
        """Part when all are done: every process comes here. That another one is gone by now does no harm."""
        if self.world_size == 1:
            return
        try:
            distributed.barrier()
            distributed.destroy_process_group()
        except Exception as error:
            if not is_peer_failure(error):
                raise
            logger.warning("another process was gone before all had parted: %s", error)

    @property
    def seed_suffix(self) -> tuple[int, ...]:
        """What makes the seeds of this process its own; rank 0 has those of a run that trains alone."""
        return (self.rank,) if self.rank else ()

    def wrap_model(self, model: Any) -> Callable[[Tensor], Any]:
        """The network such that after a backward pass each process has the mean gradient of all."""
        if self.world_size == 1:
            return model  # type: ignore[no-any-return]
        # The running statistics of batch norm are those of rank 0, which saves; see ``broadcast_buffers``.
        return nn.parallel.DistributedDataParallel(model, forward_sync_buffers=False)

    def sync_gradients(self, model: Any, last: bool) -> contextlib.AbstractContextManager[Any]:
        """The context of a part's passes: gradients are exchanged once a batch, after the last of its parts."""
        if last or self.world_size == 1:
            return contextlib.nullcontext()
        return model.no_sync()  # type: ignore[no-any-return]

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Give the buffers of rank 0's network, the running statistics of batch norm, to all."""
        if self.world_size > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, 0)

    def shard(self, parts: Sequence[_T]) -> Sequence[_T]:
        """The parts that fall to this process."""
        return parts[self.rank :: self.world_size]

    def own_places(self, parts: int) -> Callable[[int], Tensor]:
        """Gives the places, in a batch of so many images, of those that fall to this process."""
        if self.world_size == 1:
            return torch.arange
        return lambda count: torch.cat(list(self.shard(torch.arange(count).tensor_split(parts))))

    def all_reduce(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Numbers, each summed over all processes."""
        if self.world_size == 1:
            return values
        together = torch.stack(values)
        distributed.all_reduce(together)
        return tuple(together)

    def broadcast_object(self, value: _T) -> _T:
        """What rank 0 has, for all."""
        if self.world_size == 1:
            return value
        held = [value]
        distributed.broadcast_object_list(held, 0, device=self.device)
        return held[0]


SINGLE_PROCESS = ProcessGroup()


def rank_device(first: str, rank: int) -> torch.device:
    """One GPU for each process, from the run's device on; they share the CPU."""
    device = torch.device(first)
    return torch.device("cuda", (device.index or 0) + rank) if device.type == "cuda" else device


def is_peer_failure(error: BaseException) -> bool:
    """Whether an error of torch says that another process is gone."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
