"""Perturbations: what a model says of a picture that is turned, moved, blurred, covered; and how fast that changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import functional as transforms
from torchvision.transforms.functional import InterpolationMode

from ..datasets import Cancel, Progress
from ._perturbations import PERTURBATIONS, check_perturbation
from .models import Model
from .predict import raise_if_cancelled


@dataclass(frozen=True, kw_only=True, eq=False)
class PerturbationCurve:
    """The probabilities of all classes over the range of one parameter, the others as they are."""

    name: str
    """Of the parameter; a key of ``PERTURBATIONS``."""
    values: tuple[float, ...]
    """Of the parameter, rising."""
    probabilities: Tensor
    """float32 (values, classes), softmax of the scores."""

    def find_classes(self, count: int) -> tuple[int, ...]:
        """The classes that reach the highest probability anywhere on the curve, the highest first."""
        best = self.probabilities.max(0).values.argsort(descending=True, stable=True)
        return tuple(best[:count].tolist())


def perturb(pixels_CHW: Tensor, settings: Mapping[str, float], *, cover: Sequence[float] = (0.5,)) -> Tensor:
    """Perturb an image: turned, moved, scaled, blurred, made brighter, more contrasting, noisy, covered, in this order.

    Args:
        pixels_CHW: uint8, of 1 or 3 channels, on the CPU.
        settings: values by the names of ``PERTURBATIONS``; what is left out leaves the image as it is.
        cover: colour of the covered square, 0 to 1, one number a channel or one for all.

    Returns:
        uint8 (C, H, W). What comes in from outside has the mean colour of the image's border. Where all settings are
        neutral it is the image itself.

    Raises:
        ValueError: a setting that there is not, or that is out of its range.
    """
    how = check_perturbation(settings)
    x_CHW = pixels_CHW.float() / 255
    channels, height, width = x_CHW.shape
    if any(how[name] != PERTURBATIONS[name].neutral for name in ("rotate", "right", "down", "scale")):
        border = torch.cat([x_CHW[:, 0], x_CHW[:, -1], x_CHW[:, 1:-1, 0], x_CHW[:, 1:-1, -1]], 1).mean(1)
        moved = [how["right"] / 100 * width, how["down"] / 100 * height]
        x_CHW = transforms.affine(
            x_CHW, how["rotate"], moved, how["scale"] / 100, [0.0], InterpolationMode.BILINEAR, border.tolist()
        )
    if how["blur"]:
        sigma = how["blur"] / 100 * min(height, width)
        # Three deviations each way, and no more than the mirrored border has.
        half = [min(math.ceil(3 * sigma), side - 1) for side in (width, height)]
        x_CHW = transforms.gaussian_blur(x_CHW, [2 * each + 1 for each in half], [sigma, sigma])
    if how["brightness"] != 100:
        x_CHW = transforms.adjust_brightness(x_CHW, how["brightness"] / 100)
    if how["contrast"] != 100:
        x_CHW = transforms.adjust_contrast(x_CHW, how["contrast"] / 100)
    if how["noise"]:
        pattern = torch.randn(x_CHW.shape, generator=torch.Generator().manual_seed(0))
        x_CHW = (x_CHW + how["noise"] / 100 * pattern).clamp(0, 1)
    if how["cover"]:
        side = max(1, round(how["cover"] / 100 * min(height, width)))
        top = round(how["cover_y"] / 100 * height - side / 2)
        left = round(how["cover_x"] / 100 * width - side / 2)
        rows, columns = (slice(max(0, start), max(0, start + side)) for start in (top, left))
        x_CHW = x_CHW.clone()
        x_CHW[:, rows, columns] = torch.tensor(cover, dtype=torch.float32).expand(channels).view(-1, 1, 1)
    return (255 * x_CHW).round().clamp(0, 255).to(torch.uint8)


def perturb_input(model: Model, x_CHW: Tensor, settings: Mapping[str, float]) -> Tensor:
    """Perturb a network's input, before its numbers are normalised.

    Args:
        model: the model; a covered square has its mean colour, as in ``occlusion``.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        settings: see ``perturb``.

    Returns:
        uint8 (C, H, W): the picture that the network would get, in 256 steps as any picture.

    Raises:
        ValueError: see ``perturb``.
    """
    pixels = torch.from_numpy(model.preprocessing.restore_pixels(x_CHW.numpy()))
    pixels_CHW = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    return perturb(pixels_CHW, settings, cover=model.preprocessing.normalisation[0])


def trace_perturbation(
    model: Model,
    x_CHW: Tensor,
    name: str,
    settings: Mapping[str, float] | None = None,
    *,
    values: Sequence[float] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> PerturbationCurve:
    """Follow the probabilities of all classes over the range of one parameter.

    Args:
        model: the model; it computes on its device.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        name: of the parameter that runs; a key of ``PERTURBATIONS``.
        settings: values of the others; default: the picture as it is.
        values: of the parameter; default: its whole range in steps.
        progress: is called with the values done and their number.
        cancel: is called before each batch; True stops.

    Returns:
        The probabilities at each value.

    Raises:
        ValueError: no such parameter, or a value out of its range.
        CancelledError: ``cancel`` returned True.
    """
    check_perturbation({name: PERTURBATIONS[name].neutral} if name in PERTURBATIONS else {name: 0.0})
    places = tuple(PERTURBATIONS[name].values if values is None else values)
    found: list[Tensor] = []
    for start in range(0, len(places), model.batch_size):
        raise_if_cancelled(cancel)
        here = places[start : start + model.batch_size]
        pixels = torch.stack([perturb_input(model, x_CHW, {**(settings or {}), name: value}) for value in here])
        found.append(model.scores(model.normalise(pixels)).softmax(1))
        if progress:
            progress(start + len(here), len(places))
    return PerturbationCurve(name=name, values=places, probabilities=torch.cat(found))
