"""The effective receptive field: how strongly each pixel of the input moves a unit, on the average over images.

It is measured, of a network in one state and on given images; which pixels can move the unit at all is a matter of the
architecture alone (``EffectiveField.exact``), and no gradient lies outside of those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..analysis.support import find_output_shape, find_unit_support
from ..architecture import Architecture
from ..datasets import Cancel, Preprocessing, Progress, transforms
from ..text import compact_shape
from ._gaussian import GaussianFit, fit_gaussian
from ._gradient_probe import GradientProbe
from ._paths import check_path
from ._scaled_sum import ScaledSum
from .models import NetworkState
from .predict import raise_if_cancelled

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset

Mask = NDArray[np.bool_]

THRESHOLD = 1 - 0.9545
"""Share of the peak from which on a pixel belongs to the effective field: what a Gaussian has left at two standard
deviations, in the convention of Luo et al. 2016, section 3."""
_MOST_BYTES = 2**30
"""Of the inputs of one measurement, which are in memory together."""
_BATCH = {"cpu": 8}
_GPU_BATCH = 64
"""Images at a time, at most: on a CPU few, so that a request to stop is heard soon."""
_READ_AT_A_TIME = 32
"""Images of a data set, which may have to be read from their files."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectiveField:
    """The effective receptive field of one unit.

    The value of a pixel is the mean, over the images and over the input's channels, of |∂ unit / ∂ pixel|, divided by
    the largest such mean. The unit is the sum over the channels of its node, or one of them; the pixel is one of the
    network's input, as it is after normalisation; the network is in evaluation mode.

    Source: Luo, Li, Urtasun & Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural
    Networks", NeurIPS 2016.
    """

    path: str
    """Of the node."""
    unit: tuple[int, int]
    """(row, column) in the node's map; (0, 0) where it outputs a vector."""
    channel: int | None
    """Of the node; None: the sum over all of its channels."""
    images: int
    """Over which the mean is taken."""
    left_out: int
    """Images of which the gradient, or the unit itself, is not a finite number."""
    values: NDArray[np.float32] = field(repr=False)
    """(H, W) of the input, 0 to 1; all 0 where no image moves the unit."""
    log10_peak: float
    """Decimal logarithm of the largest mean, which may exceed the range of floating-point numbers; -inf where it is 0.
    """
    exact: Mask = field(repr=False)
    """(H, W) of the input: the pixels that can move the unit, whatever the weights (``analysis.support``)."""
    status: str
    """Of ``exact``: 'exact'; 'whole input' behind attention, global pooling or flattening; or why it is not known, and
    then it is the whole image."""

    @cached_property
    def size_px(self) -> float:
        """Side in pixels of a square with as many pixels as have at least 1 - 95.45 % of the peak (Luo et al.)."""
        return math.sqrt(self.pixels)

    @property
    def pixels(self) -> int:
        """Number of pixels with at least 1 - 95.45 % of the peak; 0 where no image moves the unit."""
        return int(self.inside.sum())

    @property
    def inside(self) -> Mask:
        """(H, W): the pixels with at least 1 - 95.45 % of the peak, which make up the effective field."""
        return self.values >= THRESHOLD

    @property
    def exact_size_px(self) -> float:
        """Side in pixels of a square with as many pixels as can move the unit."""
        return math.sqrt(int(self.exact.sum()))

    @property
    def filled(self) -> float:
        """Share of the pixels that can move the unit which have at least 1 - 95.45 % of the peak, 0 to 1."""
        return self.pixels / max(1, int(self.exact.sum()))

    @cached_property
    def centre(self) -> tuple[float, float] | None:
        """(row, column) of the gradient's centre of mass; None where it is 0 everywhere."""
        total = float(self.values.sum(dtype=np.float64))
        if not total:
            return None
        down, across = (self.values.sum(axis=axis, dtype=np.float64) for axis in (1, 0))
        return float(down @ np.arange(len(down)) / total), float(across @ np.arange(len(across)) / total)

    def radius_px(self, share: float) -> float | None:
        """Radius of the smallest disc around ``centre`` that holds a share of the gradient.

        Args:
            share: Of the sum of all values, above 0 and at most 1.

        Returns:
            Pixels, between the middles of pixels; of a Gaussian 1.18 σ hold 50 % and 2.15 σ hold 90 %. None where the
            gradient is 0 everywhere.
        """
        if self.centre is None:
            return None
        rows, columns = np.indices(self.values.shape)
        distances = np.hypot(rows - self.centre[0], columns - self.centre[1]).ravel()
        order = distances.argsort(kind="stable")
        held = self.values.ravel()[order].cumsum(dtype=np.float64)
        place = min(int(np.searchsorted(held, share * held[-1] * (1 - 1e-12))), len(order) - 1)
        return float(distances[order[place]])

    @cached_property
    def gaussian(self) -> GaussianFit | None:
        """The Gaussian fitted to the values in the box around ``exact``; None where none fits (``fit_gaussian``)."""
        if not self.exact.any():
            return None
        rows, columns = (np.flatnonzero(self.exact.any(axis=axis)) for axis in (1, 0))
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        return fit_gaussian(self.values.astype(np.float64), *box)

    def describe(self) -> tuple[str, ...]:
        """The main numbers in a few lines of ASCII, for pictures."""
        if not self.pixels:
            return ("no image moves the unit",)
        lines = [f"side {self.size_px:.1f} of {self.exact_size_px:.1f} px, fills {100 * self.filled:.1f} %"]
        if self.gaussian:
            down, across = self.gaussian.sigma_px
            lines.append(f"Gaussian: sigma {down:.1f} x {across:.1f} px")
        return tuple(lines)

    def to_data(self) -> dict[str, Any]:
        """Convert everything but the pictures to plain data for JSON; the keys have their units."""
        fit = self.gaussian
        return {
            "node": self.path, "unit": list(self.unit), "channel": self.channel, "images": self.images,
            "left_out": self.left_out, "size_px": self.size_px, "exact_size_px": self.exact_size_px,
            "pixels": self.pixels, "exact_pixels": int(self.exact.sum()), "filled": self.filled,
            "status": self.status, "centre": self.centre and list(self.centre),
            "radius_50_px": self.radius_px(0.5), "radius_90_px": self.radius_px(0.9),
            "log10_peak": self.log10_peak if math.isfinite(self.log10_peak) else None,
            "gaussian": fit and {"centre": list(fit.centre), "sigma_px": list(fit.sigma_px), "height": fit.height,
                                 "r_squared": fit.r_squared},
        }  # fmt: skip


def find_effective_field(
    state: NetworkState,
    images_NCHW: Tensor,
    path: str,
    unit: tuple[int, int] | None = None,
    *,
    channel: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> EffectiveField:
    """Find the effective receptive field of a unit: the mean absolute gradient of it with respect to each pixel.

    It is computed on the model's device in float64 (on MPS, which has none, in float32); a gradient is rescaled on its
    way back, so that the depth of a network makes none overflow or vanish.

    Args:
        state: The network with its weights, such as a ``Model`` or what ``opening.open_initial`` gives.
        images_NCHW: Its inputs, normalised, as ``make_noise``, ``draw_test_images`` or ``Model.prepare`` give them.
        path: Of a node that runs in inference.
        unit: (row, column) in the node's map; None: the one in the middle.
        channel: Of the node; None: the sum over all channels.
        progress: Is called with the images done and their number.
        cancel: Is called before each batch; True stops.

    Returns:
        The field, on the CPU.

    Raises:
        ValueError: There is no such node, unit or channel, there are no images, or none gives a finite gradient.
        CancelledError: ``cancel`` returned True.

    Source: Luo et al. 2016, section 3: a gradient of 1 at the unit and 0 elsewhere, followed back to the input.
    """
    where, exact, status = _locate(state.architecture, path, unit, channel)
    if not len(images_NCHW):
        raise ValueError("the effective field needs at least one image")
    dtype = torch.float32 if state.device.type == "mps" else torch.float64
    probe = GradientProbe(state, path, dtype)
    total = ScaledSum(state.architecture.input_shape[1:], state.device, dtype)
    size = max(1, min(state.gradient_batch_size // 2, _BATCH.get(state.device.type, _GPU_BATCH)))
    for start in range(0, len(images_NCHW), size):
        raise_if_cancelled(cancel)
        x_BCHW = images_NCHW[start : start + size].to(state.device, dtype)
        for values_HW, log2_factor in probe.differentiate(x_BCHW, where, channel):
            total.add(values_HW, log2_factor)
        if progress:
            progress(min(start + size, len(images_NCHW)), len(images_NCHW))
    if not total.images:
        raise ValueError(
            f"the gradient of {path} is not a finite number for any of the {len(images_NCHW):,} images: its numbers "
            f"leave the range of {str(dtype).removeprefix('torch.')}; check the weights, or choose an earlier node"
        )
    values, log10_peak = total.normalise()
    return EffectiveField(
        path=path, unit=where, channel=channel, images=total.images, left_out=len(images_NCHW) - total.images,
        values=values, log10_peak=log10_peak, exact=exact, status=status,
    )  # fmt: skip


def find_effective_fields(
    states: Sequence[tuple[str, Callable[[], NetworkState]]],
    images_NCHW: Tensor,
    path: str,
    unit: tuple[int, int] | None = None,
    *,
    channel: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Iterator[tuple[str, EffectiveField]]:
    """Find the effective field of one unit in several states of a network, such as a run's checkpoints.

    Args:
        states: (name, what opens the model) of each; one model at a time is in memory.
        images_NCHW: As in ``find_effective_field``; the same for all.
        path: As there.
        unit: As there.
        channel: As there.
        progress: Is called with the images done and their number, over all states.
        cancel: As there.

    Yields:
        Each name with its field as soon as it is there: what is complete stays where the work is cancelled.

    Raises:
        ValueError: As there, or a model cannot be opened.
        CancelledError: As there.
    """
    for place, (name, open_state) in enumerate(states):

        def tell(done: int, whole: int, before: int = place) -> None:
            if progress:
                progress(before * whole + done, len(states) * whole)

        yield name, find_effective_field(
            open_state(), images_NCHW, path, unit, channel=channel, progress=tell, cancel=cancel
        )  # fmt: skip


def make_noise(architecture: Architecture, count: int, seed: int = 0) -> Tensor:
    """Inputs of independent standard normal numbers.

    Args:
        architecture: Whose inputs they are.
        count: How many.
        seed: Of the numbers; the first images of one seed are the same whatever the count.

    Returns:
        float32 (N, C, H, W), on the CPU.

    Raises:
        ValueError: They would take more than 1 GiB.
    """
    _check_room(architecture.input_shape, count)
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(architecture.input_shape, generator=generator) for _ in range(count)])


def draw_test_images(
    preprocessing: Preprocessing, dataset: Dataset, count: int, seed: int = 0, *, cancel: Cancel | None = None
) -> Tensor:
    """Inputs from the test images of a data set, drawn at random; preprocessed as ``predict`` does.

    Args:
        preprocessing: Of the state.
        dataset: As ``datasets.load`` gives it; as it is where it was adapted to the model's input before. Of a
            streamed one only the images that are drawn are read.
        count: How many, at most all.
        seed: Of the draw; the first images of one seed are the same whatever the count.
        cancel: Is called before some images are read; True stops.

    Returns:
        float32 (N, C, H, W), on the CPU.

    Raises:
        ValueError: There are no test images, they do not fit the model's preprocessing, or they would take more than
            1 GiB.
        CancelledError: ``cancel`` returned True.
    """
    whole = len(dataset.test_labels)
    if not whole:
        raise ValueError(f"the data set {dataset.name} has no test images; choose another one, or noise")
    count = min(count, whole)
    _check_room(preprocessing.shape, count)
    places = torch.randperm(whole, generator=torch.Generator().manual_seed(seed))[:count]
    adapted = dataset.shape == preprocessing.shape != dataset.stored_shape
    inputs = []
    for start in range(0, count, _READ_AT_A_TIME):
        raise_if_cancelled(cancel)
        images = dataset.test_images[places[start : start + _READ_AT_A_TIME]].cpu()
        pixels_BCHW = images if adapted else preprocessing.adapt(images)
        inputs.append(transforms.to_float(pixels_BCHW, *preprocessing.normalisation))
    return torch.cat(inputs)


def prepare_images(preprocessing: Preprocessing, images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Pictures as inputs.

    Args:
        preprocessing: Of the model.
        images: RGB, (height, width, 3) of any sizes, as ``datasets.decode`` returns them.

    Returns:
        float32 (N, C, H, W), on the CPU.

    Raises:
        ValueError: An image is too long and thin, or they would take more than 1 GiB.
    """
    _check_room(preprocessing.shape, len(images))
    pixels = np.stack([preprocessing.pixels(image) for image in images])
    return transforms.to_float(torch.from_numpy(pixels), *preprocessing.normalisation)


def _check_room(shape: tuple[int, ...], count: int) -> None:
    """Refuse inputs that would take too much memory."""
    most = _MOST_BYTES // (4 * math.prod(shape))
    if count > most:
        raise ValueError(f"{count:,} images of {compact_shape(shape)} are too many at a time; take at most {most:,}")


def _locate(
    architecture: Architecture, path: str, unit: tuple[int, int] | None, channel: int | None
) -> tuple[tuple[int, int], Mask, str]:
    """The unit, the pixels that can move it, and what is known of these."""
    check_path(architecture, path)
    shape = find_output_shape(architecture, path)
    if channel is not None and not 0 <= channel < shape[0]:
        raise ValueError(f"{path} has no channel {channel}; its channels are numbered from 0 to {shape[0] - 1}")
    where = unit or ((shape[1] // 2, shape[2] // 2) if len(shape) == 3 else (0, 0))
    support = find_unit_support(architecture, path, where)
    mask = support.mask if support.known else np.ones(architecture.input_shape[1:], bool)
    return where, mask, support.status
