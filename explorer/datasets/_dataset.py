"""A data set as tensors: on a device, whole, as uint8; or streamed, batch by batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch

from ..text import compact_shape, format_bytes, format_share
from ._arrays import ImageArrays
from ._decoding import moments_of
from ._errors import DatasetError
from ._index import Index
from ._preprocessing import Preprocessing
from ._random import split_stratified
from ._streamed import StreamedImages, open_splits

MAX_ADAPTED_BYTES = 8 * 2**30
_CHUNK = 1024

Images = torch.Tensor | StreamedImages
"""Of a split: all in memory, or read from their files when they are asked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and labels of two splits, in no particular order: training must shuffle.

    Frozen; methods return a changed copy that shares the unchanged tensors.
    """

    name: str
    classes: tuple[str, ...]
    train_images: Images
    """uint8 (N, C, H, W), contiguous."""
    train_labels: torch.Tensor
    """int64 (N,)."""
    test_images: Images
    """uint8 (N, C, H, W), contiguous."""
    test_labels: torch.Tensor
    """int64 (N,)."""
    fingerprint: str
    """SHA-256 of the content as it was stored: the same on every machine and from every file format; moving to a device
    or adapting to a network's input does not change it, a validation split does (by its share and seed)."""
    notes: tuple[str, ...] = ()
    """What a person must know to interpret a result, one sentence each."""
    stored_shape: tuple[int, int, int]
    """(channels, height, width) of every image as the data set keeps them, before they were adapted to an input."""
    squashed: bool = False
    """Whether the data set's import squashed images of other proportions to that size, instead of cutting them."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""
        _, channels, height, width = self.train_images.shape
        return channels, height, width

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.train_images.device

    @cached_property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel over the training images, 0 to 1; from exact integer sums."""
        return self._moments[0]

    @cached_property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel over all pixels of the training images, 0 to 1."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if isinstance(self.train_images, StreamedImages):
            return self.train_images.known_moments() or self.train_images.measure_moments()
        sums = torch.zeros(2, self.shape[0], dtype=torch.int64, device=self.device)
        for chunk in _chunks(self.train_images):
            values = chunk.transpose(0, 1).flatten(1).to(torch.int32)
            sums[0] += values.sum(1)  # torch adds integers in 64 bits
            sums[1] += (values * values).sum(1)
        count = self.train_images.numel() // self.shape[0]
        return moments_of(sums.tolist(), count)

    @classmethod
    def from_arrays(cls, content: ImageArrays) -> Self:
        """The data set of arrays; memory is shared with writable arrays, read-only ones are copied."""
        arrays = (content.train_images, content.train_labels, content.test_images, content.test_labels)
        train_images, train_labels, test_images, test_labels = (
            torch.from_numpy(array if array.flags.writeable else array.copy()) for array in arrays
        )
        return cls(
            name=content.name,
            classes=content.classes,
            train_images=train_images,
            train_labels=train_labels,
            test_images=test_images,
            test_labels=test_labels,
            fingerprint=content.fingerprint,
            notes=content.notes,
            stored_shape=(train_images.shape[1], train_images.shape[2], train_images.shape[3]),
            squashed=content.squashed,
        )

    @classmethod
    def from_index(cls, name: str, index: Index, notes: tuple[str, ...]) -> Self:
        """A streamed data set: its images are read when they are asked for."""
        train_images, test_images = open_splits(index)
        labels = torch.from_numpy(np.array(index.labels))
        return cls(
            name=name,
            classes=index.classes,
            train_images=train_images,
            train_labels=labels[: index.train_count],
            test_images=test_images,
            test_labels=labels[index.train_count :],
            fingerprint=index.fingerprint,
            notes=notes,
            stored_shape=index.shape,
            squashed=index.squash,
        )

    def to(self, device: torch.device | str) -> Dataset:
        """The same with its tensors on ``device``; itself if they are there. Streamed images stay where they are."""
        if isinstance(self.train_images, StreamedImages) or isinstance(self.test_images, StreamedImages):
            raise DatasetError(f"{self.name} is streamed: its images cannot be kept on a device")
        if self.device == torch.device(device):
            return self
        return dataclasses.replace(
            self,
            train_images=self.train_images.to(device),
            train_labels=self.train_labels.to(device),
            test_images=self.test_images.to(device),
            test_labels=self.test_labels.to(device),
        )

    def adapted(self, input_shape: tuple[int, int, int]) -> Dataset:
        """A copy with the images adapted to an input by ``transforms.adapt``; itself if they fit.

        Args:
            input_shape: (channels, height, width).

        Raises:
            DatasetError: As ``prepared``.
        """
        return self.prepared(Preprocessing(shape=input_shape, squash=True))

    def prepared(self, how: Preprocessing) -> Dataset:
        """A copy with the images scaled and cut as a network wants them, but not normalised; itself if they are so.

        Args:
            how: The network's.

        Raises:
            DatasetError: That takes more than 8 GB; prepare batch by batch instead.
        """
        if how.keeps(self.shape):
            return self
        if isinstance(self.train_images, StreamedImages) and isinstance(self.test_images, StreamedImages):
            train, test = (each.prepared(how) for each in (self.train_images, self.test_images))
            return dataclasses.replace(self, train_images=train, test_images=test)
        channels, height, width = how.shape
        needed = (len(self.train_images) + len(self.test_images)) * channels * height * width
        if needed > MAX_ADAPTED_BYTES:
            raise DatasetError(
                f"{self.name} at {compact_shape((channels, height, width))} takes {format_bytes(needed)}; "
                "adapt it batch by batch instead, or import its folder to be streamed (--stream)"
            )

        def adapt(images: Images) -> torch.Tensor:
            return torch.cat([how.adapt(chunk) for chunk in _chunks(images)])

        return dataclasses.replace(self, train_images=adapt(self.train_images), test_images=adapt(self.test_images))

    def with_validation(self, share: float = 0.1, seed: int = 0) -> Dataset:
        """A copy in which a held-out part of the training images replaces the test images.

        For choosing recipes and settings, which must not be selected on the test set.

        Args:
            share: of every class that is held out, 0 to 1 exclusive.
            seed: the same part for the same seed, on every machine.

        Raises:
            ValueError: unless 0 < share < 1.
        """
        rest, part = (
            torch.from_numpy(indices).to(self.device)
            for indices in split_stratified(self.train_labels.cpu().numpy(), share, seed)
        )
        return dataclasses.replace(
            self,
            train_images=_select(self.train_images, rest),
            train_labels=self.train_labels[rest],
            test_images=_select(self.train_images, part),
            test_labels=self.train_labels[part],
            fingerprint=f"{self.fingerprint} validation {share:g} seed {seed}",
            notes=(
                *self.notes,
                f"Tested on {format_share(share, 0)} of the training images (seed {seed}), not on the test set.",
            ),
        )


def _select(images: Images, rows: torch.Tensor) -> Images:
    return images.select(rows) if isinstance(images, StreamedImages) else images[rows]


def _chunks(images: Images) -> Iterator[torch.Tensor]:
    """The images in chunks of 1,024, because as float32 all of them would need four times the memory."""
    for start in range(0, len(images), _CHUNK):
        yield images[start : start + _CHUNK]
