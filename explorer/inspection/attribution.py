"""Which parts of a picture speak for a class. Scores are logits: probabilities mix in what the other classes do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..datasets import Cancel, Progress
from .hooks import capture_outputs
from .models import Model
from .predict import raise_if_cancelled


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """How much each pixel speaks for a class."""

    values: Tensor
    """float32 (H, W) of the input; integrated gradients have (C, H, W)."""
    completeness_gap: float = 0.0
    """Integrated gradients: the change of the score less the sum of all values; 0 where the sum is exact."""


def grad_cam(model: Model, x_CHW: Tensor, path: str, chosen: int | str) -> Tensor:
    """Grad-CAM of a node's feature map (h, w), 0 or more: relu(Σ_k α_k A_k), α_k the mean of ∂score/∂A_k over space.

    Selvaraju et al., "Grad-CAM", ICCV 2017, equations 1 and 2. ``upsampled`` brings it to the input's size. Raises
    ValueError for a path that the network does not have or that gives no map.
    """
    index = model.class_index(chosen)
    found = capture_outputs(model, x_CHW[None], [path], gradients=True)
    maps_1Chw = found[path]
    if maps_1Chw.ndim != 4:
        raise ValueError(f"{path} gives a vector, and Grad-CAM weighs maps; choose a layer before it")
    (gradient,) = torch.autograd.grad(found[""][0, index], maps_1Chw)
    weights_1C11 = gradient.mean((2, 3), keepdim=True)
    return (weights_1C11 * maps_1Chw.detach()).sum(1)[0].relu().cpu()


def upsample(map_hw: Tensor, size: tuple[int, int]) -> Tensor:
    """A map at another (height, width), bilinear."""
    return functional.interpolate(map_hw[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def occlusion(
    model: Model,
    x_CHW: Tensor,
    chosen: int | str,
    *,
    window: int,
    stride: int,
    fill: float = 0.0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Attribution:
    """What the score loses when a square is covered: for each pixel the mean over all squares that cover it.

    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2. Squares of
    ``window`` pixels begin every ``stride`` pixels, the last ones cut at the border; ``fill`` is in the input's own
    numbers, where 0 is the mean colour. Raises ValueError, CancelledError.
    """
    if not 1 <= stride <= window:
        raise ValueError(f"stride (={stride}) must be from 1 to window (={window}); else some pixels are never covered")
    index = model.class_index(chosen)
    _, height, width = x_CHW.shape
    rows, columns = _window_starts(height, window, stride), _window_starts(width, window, stride)
    places = [(top, left) for top in rows for left in columns]
    whole = float(model.logits(x_CHW[None])[0, index])
    lost, times = torch.zeros(height, width), torch.zeros(height, width)
    for batch in _iterate_batches(len(places), model.batch_size, progress, cancel):
        here = [places[number] for number in batch]
        covered_BCHW = x_CHW.repeat(len(here), 1, 1, 1)
        for image_CHW, (top, left) in zip(covered_BCHW, here, strict=True):
            image_CHW[:, top : top + window, left : left + window] = fill
        for score, (top, left) in zip(model.logits(covered_BCHW)[:, index].tolist(), here, strict=True):
            lost[top : top + window, left : left + window] += whole - score
            times[top : top + window, left : left + window] += 1
    return Attribution(values=lost / times)


def integrated_gradients(
    model: Model,
    x_CHW: Tensor,
    chosen: int | str,
    *,
    steps: int = 50,
    baseline: float = 0.0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Attribution:
    """(x - b) · mean of ∂score/∂x on the straight way from a plain image b to x: (C, H, W), by the midpoint rule.

    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, equation 1. The values sum up to
    score(x) - score(b) but for ``completeness_gap``, which shrinks with ``steps``. ``baseline`` is in the input's own
    numbers, where 0 is the mean colour. Raises ValueError, CancelledError.
    """
    if not 1 <= steps <= 1000:
        raise ValueError(f"steps (={steps}) must be from 1 to 1000")
    index = model.class_index(chosen)
    x_CHW = x_CHW.to(model.device)
    start_CHW = torch.full_like(x_CHW, baseline)
    way_CHW = x_CHW - start_CHW
    total_CHW = torch.zeros_like(x_CHW)
    for batch in _iterate_batches(steps, model.gradient_batch_size, progress, cancel):
        shares_B111 = ((torch.tensor(list(batch)) + 0.5) / steps).to(x_CHW).view(-1, 1, 1, 1)
        points_BCHW = (start_CHW + shares_B111 * way_CHW).requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(model.network(points_BCHW)[:, index].sum(), points_BCHW)
        total_CHW += gradient.sum(0)
    values = (way_CHW * total_CHW / steps).cpu()
    ends = model.logits(torch.stack([x_CHW, start_CHW]))[:, index]
    return Attribution(values=values, completeness_gap=float(ends[0] - ends[1] - values.sum()))


def _window_starts(extent: int, window: int, stride: int) -> list[int]:
    """Where squares begin so that every pixel is covered: as many as it takes to reach the end."""
    return [stride * number for number in range(-(-max(extent - window, 0) // stride) + 1)]


def _iterate_batches(count: int, size: int, progress: Progress | None, cancel: Cancel | None) -> Iterator[range]:
    """Numbers up to ``count``, some at a time; between them progress is told and a person may stop."""
    for start in range(0, count, size):
        raise_if_cancelled(cancel)
        end = min(start + size, count)
        yield range(start, end)
        if progress:
            progress(end, count)
