"""Two perceptually uniform colour maps, the same in both themes.

A path through OKLab (B. Ottosson, "A perceptual color space for image processing", 2020), clipped to what a screen can
show and then divided into steps of equal length. Lightness alone tells the numbers apart, so they read without colours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
"""Colours of a map; an odd number, so that 0 has the middle one to itself where signs matter."""
_FINE = 4096
Floats = NDArray[np.float64]

_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip


def oklab(colours: Floats) -> Floats:
    """sRGB (N, 3), 0 to 1, as OKLab."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T)


def _srgb(lab: Floats) -> Floats:
    """OKLab (N, 3) as sRGB, 0 to 1; colours outside its gamut are clipped."""
    linear = ((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T).clip(0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _even(path: Callable[[Floats], tuple[Floats, Floats, Floats]], count: int) -> Floats:
    """Equidistant colours along a path of (lightness, chroma, hue in degrees), which is a function of 0 to 1."""
    lightness, chroma, hue = path(np.linspace(0, 1, _FINE))
    angle = np.radians(hue)
    shown = _srgb(np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1))
    along = np.concatenate([[0], np.linalg.norm(np.diff(oklab(shown), axis=0), axis=1).cumsum()])
    wanted = np.linspace(0, along[-1], count)
    return np.stack([np.interp(wanted, along, shown[:, k]) for k in range(3)], axis=1)


@cache
def sequential() -> NDArray[np.uint8]:
    """(LEVELS, 3): from almost black over purple and orange to pale yellow, for numbers from 0 on."""
    found = _even(lambda t: (0.16 + 0.81 * t, 0.03 + 0.58 * t * (1 - t), 275 + 190 * t), LEVELS)
    return np.rint(255 * found).astype(np.uint8)


@cache
def diverging() -> NDArray[np.uint8]:
    """(LEVELS, 3): blue below 0, orange above, the further from 0 the darker; 0 itself is nearly white."""

    def half(hue: float) -> Floats:
        return _even(lambda t: (0.97 - 0.57 * t, 0.21 * t**0.8 * (1 - 0.35 * t), np.full_like(t, hue)), LEVELS // 2 + 1)

    found: Floats = np.concatenate([half(252)[:0:-1], half(45)])
    return np.rint(255 * found).astype(np.uint8)
