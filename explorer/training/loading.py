"""Reading the images of a streamed set ahead of the training, by worker processes and with a bounded cache."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..datasets import DatasetError
from ._loading import LoadingPlan

if TYPE_CHECKING:
    from ..datasets._streamed import StreamedImages


class Loader:
    """Reads images of a streamed set in the order in which they are asked for, some batches ahead.

    Its workers are forked from a process that is started for it and holds nothing of the training: neither the run's
    lock nor a GPU. They live until ``close``, or until this process is gone.

    Args:
        images: Of any split; rows are those of their index.
        device: On which the batches are wanted.
        plan: How many processes, and how much memory.
    """

    def __init__(self, images: StreamedImages, device: torch.device, plan: LoadingPlan) -> None:
        self.plan = plan
        self._device = device
        self._images = images
        self._requests = _Requests()
        self._cache = _Cache(images.how.shape, plan.cache_bytes)
        self._loader: DataLoader[Any] | None = None

    def read(self, requests: Iterable[list[int]], *, keep: bool = False) -> Iterator[Tensor]:
        """The images of each request, uint8 (B, C, H, W), on the device.

        Args:
            requests: Rows of the index; taken a few at a time, ahead of what is given.
            keep: Whether they will be asked for again, and may be cached.

        Raises:
            DatasetError: A file is gone or has changed, or a worker has ended.
        """
        self._requests.begin(requests, self._cache)
        batches = iter(self._start())
        while True:
            try:
                read = next(batches)
            except StopIteration:
                return
            except (RuntimeError, OSError, EOFError) as error:  # the latter where it dies while it hands a batch over
                if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
                    raise
                raise DatasetError(
                    "a process that reads the images has ended unexpectedly; it may have been killed for want of "
                    "memory: resume the run, with fewer programs beside it"
                ) from None
            if isinstance(read, str):
                raise DatasetError(read)
            rows, missing = self._requests.sent.popleft()
            yield self._assemble(rows, missing, read, keep=keep)

    def close(self) -> None:
        """End the workers."""
        iterator = getattr(self._loader, "_iterator", None)
        if iterator is not None and self.plan.workers:
            iterator._shutdown_workers()
        self._loader = None

    def _start(self) -> DataLoader[Any]:
        if self._loader is None:
            workers = self.plan.workers
            options: dict[str, Any] = {}
            if workers:
                context = multiprocessing.get_context("forkserver")
                # With all that a worker needs: imported by each of them, it would take half a second of each.
                context.set_forkserver_preload(["explorer.datasets._loader_process", __name__])
                options = {
                    "multiprocessing_context": context, "prefetch_factor": self.plan.prefetch,
                    "persistent_workers": True, "worker_init_fn": _end_with_training,
                }  # fmt: skip
            self._loader = DataLoader(
                _Decoder(self._images), batch_sampler=self._requests, num_workers=workers, collate_fn=_as_it_is,
                pin_memory=self._device.type == "cuda", generator=torch.Generator(),  # else it draws from dropout's
                **options,
            )  # fmt: skip
        return self._loader

    def _assemble(self, rows: Sequence[int], missing: Sequence[int], read: Tensor, *, keep: bool) -> Tensor:
        """The images of a batch: those that were read, and those that were cached when it was asked for."""
        if keep:
            self._cache.put(missing, read)
        if len(missing) == len(rows):
            return read.to(self._device, non_blocking=True)
        batch = torch.empty((len(rows), *read.shape[1:]), dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        there = set(missing)
        places = torch.tensor([row in there for row in rows])
        batch[places] = read
        batch[~places] = self._cache.get([row for row in rows if row not in there])
        return batch.to(self._device, non_blocking=True)


class _Requests:
    """The sampler of the loader: of each request what is not cached."""

    def __init__(self) -> None:
        self.sent: deque[tuple[Sequence[int], Sequence[int]]] = deque()
        """Of each batch that is on its way: its rows, and those that are read."""
        self._requests: Iterable[list[int]] = ()

    def begin(self, requests: Iterable[list[int]], cache: _Cache) -> None:
        self._requests, self._cache = requests, cache

    def __iter__(self) -> Iterator[list[int]]:
        self.sent.clear()
        for rows in self._requests:
            missing = [row for row in rows if row not in self._cache]
            self.sent.append((rows, missing))
            yield missing


class _Cache:
    """The first images that were read, as many as fit.

    Training asks for all images in a new order each time, so of those that have been used longest ago none is less
    worth keeping than another.
    """

    def __init__(self, shape: tuple[int, int, int], size_bytes: int) -> None:
        count = size_bytes // torch.Size(shape).numel()
        self._images = torch.empty((count, *shape), dtype=torch.uint8)  # memory is taken as it is filled
        self._place_of: dict[int, int] = {}

    def __contains__(self, row: int) -> bool:
        return row in self._place_of

    def get(self, rows: Sequence[int]) -> Tensor:
        return self._images[[self._place_of[row] for row in rows]]

    def put(self, rows: Sequence[int], images: Tensor) -> None:
        for row, image in zip(rows, images, strict=True):
            if len(self._place_of) == len(self._images):
                return
            if row not in self._place_of:
                self._images[len(self._place_of)] = image
                self._place_of[row] = len(self._place_of)


class _Decoder(torch.utils.data.Dataset[Any]):
    """In a worker: batches, or the sentence that says why there is none."""

    def __init__(self, images: StreamedImages) -> None:
        self._images = images

    def __getitems__(self, rows: Sequence[int]) -> Tensor | str:
        try:
            return self._images.decode(rows)
        except DatasetError as error:
            return str(error)


def _end_with_training(_: int) -> None:
    """In a worker: end as soon as the training is gone, however it ended.

    Else it would live for ever: a worker keeps the process alive from which it was forked, and torch looks at that one.
    """
    training = multiprocessing.parent_process()
    assert training is not None

    def watch() -> None:
        training.join()
        os._exit(1)

    threading.Thread(target=watch, name="end-with-training", daemon=True).start()


def _as_it_is(batch: Any) -> Any:
    return batch
