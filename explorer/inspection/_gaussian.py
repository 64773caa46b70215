"""A Gaussian fitted to a picture of values, by least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 100
_FEWEST_PX = 3
"""On an axis: through fewer values any curve goes."""
_WIDEST = 4.0
"""Standard deviation over the region's side, above which the values are flat rather than a Gaussian."""


@dataclass(frozen=True, kw_only=True)
class GaussianFit:
    """height · exp(-((y - centre_y)² / 2σ_y² + (x - centre_x)² / 2σ_x²)), fitted by least squares."""

    height: float
    """Of the Gaussian at its centre, in units of the values."""
    centre: tuple[float, float]
    """(row, column) in pixels; a pixel's number is its middle."""
    sigma_px: tuple[float, float]
    """Standard deviation along the rows' axis (down) and along the columns' (across), in pixels."""
    r_squared: float
    """Share of the values' variance in the fitted region that the Gaussian explains: 1 is perfect, 0 no better than
    their mean."""


def fit_gaussian(values: Floats, rows: slice, columns: slice) -> GaussianFit | None:
    """Fit a Gaussian, its axes along rows and columns, to a region of a picture.

    The fit is to the values themselves, not to their moments: a tail that the border cuts off, or a floor around the
    middle, then does not widen it.

    Args:
        values: (H, W), at least 0.
        rows: Of the region.
        columns: Of the region.

    Returns:
        The fit; None where the region has fewer than 3 pixels on an axis, the values are all equal, or no Gaussian
        narrower than 4 times the region comes closer than their mean.

    Source: Levenberg's method with Marquardt's scaling (SIAM J. Appl. Math. 11, 1963).
    """
    seen = values[rows, columns]
    if min(seen.shape) < _FEWEST_PX or not seen.any():
        return None
    spread = float(((seen - seen.mean()) ** 2).sum())
    if spread <= 1e-12 * float((seen**2).sum()):
        return None
    grid = np.indices(seen.shape, dtype=np.float64)
    y, x, target = grid[0].ravel(), grid[1].ravel(), seen.ravel() / seen.max()
    starts = [_begin(y, x, target), _begin(y, x, target**2)]  # the squares forget a floor, where there is one
    found = [_descend(y, x, target, start) for start in starts]
    best = min(found, key=lambda each: _loss(y, x, target, each))
    height, middle_y, middle_x, log_y, log_x = map(float, best)
    sigma = math.exp(min(log_y, 700.0)), math.exp(min(log_x, 700.0))
    quality = 1 - _loss(y, x, target, best) * float(seen.max()) ** 2 / spread
    if not math.isfinite(quality) or quality <= 0 or height <= 0:
        return None
    if any(each > _WIDEST * side for each, side in zip(sigma, seen.shape, strict=True)):
        return None
    return GaussianFit(
        height=float(height * seen.max()),
        centre=(middle_y + (rows.start or 0), middle_x + (columns.start or 0)),
        sigma_px=sigma,
        r_squared=quality,
    )


def _begin(y: Floats, x: Floats, weights: Floats) -> Floats:
    """The Gaussian of the same mean and spread."""
    total = weights.sum()
    middle = [(weights * each).sum() / total for each in (y, x)]
    widths = [
        max(0.3, math.sqrt((weights * (each - mean) ** 2).sum() / total))
        for each, mean in zip((y, x), middle, strict=True)
    ]
    return np.array([1.0, *middle, *np.log(widths)])


def _gaussian(y: Floats, x: Floats, parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """Its values, and the distances from its centre in standard deviations."""
    height, middle_y, middle_x, log_y, log_x = parameters
    with np.errstate(over="ignore", invalid="ignore"):
        down, across = (y - middle_y) * np.exp(-log_y), (x - middle_x) * np.exp(-log_x)
        return height * np.exp(-(down**2 + across**2) / 2), down, across


def _loss(y: Floats, x: Floats, target: Floats, parameters: Floats) -> float:
    """Sum of the squared differences; infinite where the parameters are out of all bounds."""
    loss = float(((_gaussian(y, x, parameters)[0] - target) ** 2).sum())
    return loss if math.isfinite(loss) else math.inf


def _descend(y: Floats, x: Floats, target: Floats, parameters: Floats) -> Floats:
    damping, loss = 1e-3, _loss(y, x, target, parameters)
    for _ in range(_STEPS):
        shape, down, across = _gaussian(y, x, parameters)
        height, _, _, log_y, log_x = parameters
        slopes = np.stack(
            [shape / height, shape * down * np.exp(-log_y), shape * across * np.exp(-log_x), shape * down**2,
             shape * across**2]
        )  # fmt: skip
        normal, gradient = slopes @ slopes.T, slopes @ (target - shape)
        diagonal = np.diag(np.diag(normal) + 1e-12)
        while damping < 1e12:
            tried = parameters + np.linalg.solve(normal + damping * diagonal, gradient)
            new = _loss(y, x, target, tried)
            if new < loss and tried[0] != 0:
                break
            damping *= 4
        else:
            return parameters
        done = loss - new < 1e-10 * loss
        parameters, loss, damping = tried, new, max(damping / 8, 1e-12)
        if done:
            break
    return parameters
