"""The images of a run on its device, and the seeds from which all its random choices come."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .. import datasets
from ..architecture import Architecture
from ..datasets import Preprocessing, transforms
from ..datasets._streamed import StreamedImages
from ._config import TrainConfig
from ._fit import check_classes, check_heads
from ._loading import LoadingPlan, plan_loading
from ._start import describe_scaling
from .loading import Loader

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset, Images

Own = Callable[[int], Tensor]

_SHOWN = 24
"""Test images whose predictions are kept after every evaluation."""


def whole(count: int) -> Tensor:
    """All places of a batch of so many images."""
    return torch.arange(count)


@dataclass(frozen=True, kw_only=True)
class Subset:
    """Part of a data set on a device."""

    images: Tensor
    """uint8 (N, C, H, W)."""
    labels: Tensor
    """int64 (N,)."""
    shown: tuple[int, ...] = ()
    """Rows whose predictions are kept after every evaluation."""

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self, size: int, numbers: Iterable[int], order: Tensor | None = None, own: Own = whole  # noqa: ARG002
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) of some batches, on the device.

        Args:
            size: Of a batch.
            numbers: Which batches, from 0.
            order: Of the rows, int64 (N,), on the CPU; None: as they lie.
            own: Places in a batch of so many images that are needed here; the others may be left black.
        """
        there = None if order is None else order.to(self.labels.device)
        parts = (slice(number * size, (number + 1) * size) for number in numbers)
        chosen = parts if there is None else map(there.__getitem__, parts)
        return ((self.images[rows], self.labels[rows]) for rows in chosen)

    def pick(self, rows: Sequence[int]) -> Tensor:
        """The images of a few rows, on the device."""
        return self.images[list(rows)]


@dataclass(frozen=True, kw_only=True)
class StreamedSubset:
    """Part of a streamed data set: its images are read ahead, its labels are on the device."""

    loader: Loader
    images: StreamedImages
    labels: Tensor
    """int64 (N,)."""
    shown: tuple[int, ...] = ()
    """As ``Subset.shown``."""
    again: bool = False
    """Whether its images are read again and again, so that they are worth a cache."""

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self, size: int, numbers: Iterable[int], order: Tensor | None = None, own: Own = whole
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """As ``Subset.batches``: the same images and labels. Raises DatasetError where one cannot be read."""
        device = self.labels.device
        parts = [slice(number * size, (number + 1) * size) for number in numbers]

        def rows(part: slice) -> Tensor:
            return torch.arange(part.start, min(part.stop, len(self))) if order is None else order[part]

        requests = (self.images.rows[(found := rows(part))[own(len(found))].numpy()].tolist() for part in parts)
        for part, read in zip(parts, self.loader.read(requests, keep=self.again), strict=True):
            wanted = rows(part)
            images = read
            if len(read) < len(wanted):
                images = torch.zeros((len(wanted), *read.shape[1:]), dtype=torch.uint8, device=device)
                images[own(len(wanted)).to(device)] = read
            yield images, self.labels[wanted.to(device)]

    def pick(self, rows: Sequence[int]) -> Tensor:
        """As ``Subset.pick``."""
        return self.images[list(rows)].to(self.labels.device)


AnySubset = Subset | StreamedSubset

@dataclass(frozen=True, kw_only=True)
class Tensors:
    """Everything that a run reads, on its device."""

    train: AnySubset
    evaluated: dict[str, AnySubset]
    """By name: 'test', and 'validation' if there is one."""
    preprocessing: Preprocessing
    """What was done to the images, and is done to their numbers. Whoever predicts with the network must do the same."""
    classes: int
    loader: Loader | None = None
    """Reads the images of a streamed set; to be closed."""
    normalisation: transforms.Normalisation = field(init=False, repr=False, compare=False)
    """By mean and deviation, on the device."""

    def close(self) -> None:
        """End the processes that read images, if there are any."""
        if self.loader is not None:
            self.loader.close()

    def __post_init__(self) -> None:
        how = self.preprocessing
        made = transforms.Normalisation.of(self.train.images.shape[1], how.mean, how.std, self.train.labels.device)
        object.__setattr__(self, "normalisation", made)


def open_data(config: TrainConfig, architecture: Architecture) -> Dataset:
    """The data set of a configuration, adapted to a network. Raises ValueError if there is none, or it does not fit."""
    stored = datasets.load(config.dataset, size=architecture.input_shape[1:])
    data = stored.prepared(describe_scaling(config.start, architecture.input_shape))
    check_classes(architecture, data.name, len(data.classes))
    check_heads(architecture, data.name, len(data.classes))
    return data


def load_to_device(
    data: Dataset, config: TrainConfig, device: torch.device, plan: LoadingPlan | None = None
) -> Tensors:
    """The images of a data set on a device, the validation images set apart from those of training.

    Those of a streamed set are read while they are needed, by ``plan``: default, by what is free now.
    """
    part = data.with_validation(config.validation, config.seed) if config.validation else data
    shown = choose_rows(data.test_labels.tolist(), config.seed)
    loader = None
    if isinstance(data.train_images, StreamedImages):
        image_bytes = math.prod(data.shape)
        size = -(-config.batch_size // config.processes)
        made = plan or plan_loading(size * image_bytes, len(part.train_labels) * image_bytes, config.processes)
        loader = Loader(data.train_images, device, made)

    def subset(images: Images, labels: Tensor, **more: Any) -> AnySubset:
        if isinstance(images, StreamedImages):
            assert loader is not None
            return StreamedSubset(loader=loader, images=images, labels=labels.to(device), **more)
        more.pop("again", None)
        return Subset(images=images.to(device), labels=labels.to(device), **more)

    evaluated = {"test": subset(data.test_images, data.test_labels, shown=shown)}
    if part is not data:
        if not len(part.test_labels):
            raise ValueError(
                f"validation (={config.validation:g}) cannot be held out: no class of {data.name[:60]!r} has a "
                f"training image to spare; set validation to 0"
            )
        evaluated["validation"] = subset(part.test_images, part.test_labels)
    return Tensors(
        train=subset(part.train_images, part.train_labels, again=True),
        evaluated=evaluated,
        preprocessing=describe_preprocessing(data, config),
        classes=len(data.classes),
        loader=loader,
    )


def measure_moments(
    data: Dataset, config: TrainConfig, log_event: Callable[[str], None], cancel: Callable[[], bool] | None
) -> None:
    """Read a streamed set once for its mean and deviation, where they are needed and not known at this size.

    Raises CancelledError where ``cancel`` says so.
    """
    images = data.train_images
    given = config.normalise == "half" or (config.start is not None and config.start.normalisation is not None)
    if given or not isinstance(images, StreamedImages) or images.known_moments() is not None:
        return
    log_event(f"reads all {len(images):,} training images once, for their mean and deviation")
    images.measure_moments(cancel=cancel)


def describe_preprocessing(data: Dataset, config: TrainConfig) -> Preprocessing:
    """What a run does to images: those of its data set, adapted to its network, and later ones."""
    given = config.start.normalisation if config.start is not None else None
    if given is None:
        given = ((0.5,), (0.5,)) if config.normalise == "half" else (data.mean, data.std)
    return replace(
        describe_scaling(config.start, data.shape),
        mean=given[0],
        std=given[1],
        dataset_shape=data.stored_shape,
        dataset_squash=data.squashed,
        mirror=config.flip_average,
    )


def derive_seed(*parts: int | str) -> int:
    """A seed that depends on all parts, and on nothing else: there is no generator to be saved and restored."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def make_generator(*parts: int | str) -> torch.Generator:
    """A generator seeded by all parts; on the CPU, so that every device is dealt the same choices."""
    return torch.Generator().manual_seed(derive_seed(*parts))


def normalise_images(images_BCHW: Tensor, data: Tensors, *, channels_last: bool) -> Tensor:
    """uint8 pixels as float32 around 0."""
    x_BCHW = data.normalisation(images_BCHW)
    return x_BCHW.contiguous(memory_format=torch.channels_last) if channels_last else x_BCHW


def choose_rows(labels: Sequence[int], seed: int, count: int = _SHOWN) -> tuple[int, ...]:
    """Rows of a data set, drawn by the seed, as many of each class as of every other (give or take one), by class."""
    order = list(range(len(labels)))
    random.Random(seed).shuffle(order)
    seen: Counter[int] = Counter()
    turn = {}
    for row in order:
        turn[row] = seen[labels[row]]
        seen[labels[row]] += 1
    first = sorted(order, key=turn.__getitem__)[:count]
    return tuple(sorted(first, key=lambda row: (labels[row], turn[row])))
