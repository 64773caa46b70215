"""Attribution: how much each pixel contributes to the score of a class.

Scores are logits: a probability also depends on the scores of the other classes.
"""

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
    """The contribution of each pixel to the score of a class."""

    values: Tensor
    """float32 (H, W) of the input; integrated gradients have (C, H, W)."""
    completeness_gap: float = 0.0
    """Integrated gradients: the difference of the scores minus the sum of all values; 0 where the sum is exact."""


def grad_cam(model: Model, x_CHW: Tensor, path: str, chosen: int | str) -> Tensor:
    """Grad-CAM of a node's feature maps A_k: relu(Σ_k α_k A_k), α_k being the mean of ∂score/∂A_k over space.

    Args:
        model: the model.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        path: of the node.
        chosen: the class, by number or name.

    Returns:
        float32 (h, w) of the node's feature map, at least 0. ``upsample`` brings it to the input's size.

    Raises:
        ValueError: the network has no such node or class, or the node outputs a vector.

    Source: Selvaraju et al., "Grad-CAM", ICCV 2017, equations 1 and 2.
    """
    index = model.class_index(chosen)
    found = capture_outputs(model, x_CHW[None], [path], gradients=True)
    maps_1Chw = found[path]
    if maps_1Chw.ndim != 4:
        raise ValueError(f"{path} outputs a vector, and Grad-CAM needs feature maps; choose a layer before it")
    (gradient,) = torch.autograd.grad(found[""][0, index], maps_1Chw)
    weights_1C11 = gradient.mean((2, 3), keepdim=True)
    return (weights_1C11 * maps_1Chw.detach()).sum(1)[0].relu().cpu()


def upsample(map_hw: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate a map bilinearly.

    Args:
        map_hw: (h, w).
        size: (height, width) of the result.

    Returns:
        (height, width).
    """
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
    """The decrease of the score where a square is occluded; for each pixel, the mean over all squares that contain it.

    Args:
        model: the model.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        chosen: the class, by number or name.
        window: side of the squares, in pixels.
        stride: distance of their positions, in pixels; squares at the border are clipped.
        fill: value of the occluded pixels after normalisation, where 0 is the mean colour.
        progress: is called with the positions done and their number.
        cancel: is called before each batch; True stops.

    Returns:
        float32 (H, W) of the input.

    Raises:
        ValueError: no such class, or ``stride`` is not from 1 to ``window``.
        CancelledError: ``cancel`` returned True.

    Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
    """
    if not 1 <= stride <= window:
        raise ValueError(
            f"stride (={stride}) must be from 1 to window (={window}); otherwise some pixels are never occluded"
        )
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
    """Integrated gradients: (x - b) · mean of ∂score/∂x on the line from a constant image b to x, by the midpoint rule.

    Args:
        model: the model.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        chosen: the class, by number or name.
        steps: points on the line, 1 to 1000.
        baseline: value of the constant image after normalisation, where 0 is the mean colour.
        progress: is called with the points done and their number.
        cancel: is called before each batch; True stops.

    Returns:
        float32 (C, H, W). The values sum up to score(x) - score(b) except for ``completeness_gap``, which decreases
        with ``steps``.

    Raises:
        ValueError: no such class, or ``steps`` out of range.
        CancelledError: ``cancel`` returned True.

    Source: Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, equation 1.
    """
    if not 1 <= steps <= 1000:
        raise ValueError(f"steps (={steps}) must be from 1 to 1,000")
    index = model.class_index(chosen)
    x_CHW = x_CHW.to(model.device)
    start_CHW = torch.full_like(x_CHW, baseline)
    line_CHW = x_CHW - start_CHW
    total_CHW = torch.zeros_like(x_CHW)
    for batch in _iterate_batches(steps, model.gradient_batch_size, progress, cancel):
        shares_B111 = ((torch.tensor(list(batch)) + 0.5) / steps).to(x_CHW).view(-1, 1, 1, 1)
        points_BCHW = (start_CHW + shares_B111 * line_CHW).requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(model.network(points_BCHW)[:, index].sum(), points_BCHW)
        total_CHW += gradient.sum(0)
    values = (line_CHW * total_CHW / steps).cpu()
    ends = model.logits(torch.stack([x_CHW, start_CHW]))[:, index]
    return Attribution(values=values, completeness_gap=float(ends[0] - ends[1] - values.sum()))


def _window_starts(extent: int, window: int, stride: int) -> list[int]:
    """First rows (or columns) of the squares, so that every pixel is covered."""
    return [stride * number for number in range(-(-max(extent - window, 0) // stride) + 1)]


def _iterate_batches(count: int, size: int, progress: Progress | None, cancel: Cancel | None) -> Iterator[range]:
    """The numbers below ``count`` in batches; reports progress, and raises CancelledError when asked to stop."""
    for start in range(0, count, size):
        raise_if_cancelled(cancel)
        end = min(start + size, count)
        yield range(start, end)
        if progress:
            progress(end, count)
