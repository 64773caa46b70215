"""Arrays as images: feature maps, heatmaps over an image, filters; plain data for the components.

A picture here is a palette PNG as base64 beside the range that its colours stand for. Where nothing is negative, they
go from 0 to the largest number (``sequential``); else from minus to plus the largest magnitude (``diverging``), so that
0 is always the same colour. A number that is not finite has a colour of its own.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._colour_maps import LEVELS, diverging, sequential

TILE, LARGE = 64, 512
"""Longest side in pixels of a map in a sheet, and of one alone; a larger one is averaged over squares."""
BAD = LEVELS
"""The level of values that are not finite."""
_BAD_COLOUR = (230, 0, 200)
_CLEAR = bytes([*np.rint(255 * np.linspace(0, 1, LEVELS) ** 0.5 * 0.9).astype(int).tolist(), 255])
"""Opacity of each level of a clear heatmap, 0 to 255."""
Array = NDArray[Any]


def find_color_range(values: Array) -> tuple[float, float]:
    """Find the range of the colour map.

    Args:
        values: Numbers of any shape; those that are not finite do not count.

    Returns:
        (0, m), or (-m, m) where a number is negative; m is the largest magnitude.
    """
    finite = values[np.isfinite(values)]
    most = float(np.abs(finite).max()) if finite.size else 0.0
    return (-most if finite.size and finite.min() < 0 else 0.0), most


def levels(values: Array, low: float, high: float) -> NDArray[np.uint8]:
    """0 … LEVELS - 1 from ``low`` to ``high``, clipped to them; BAD where a number is not finite."""
    good = np.isfinite(values)
    numbers = np.where(good, values, 0.0).astype(np.float64)
    share = (numbers - low) / (high - low) if high > low else np.zeros_like(numbers)
    return np.where(good, np.rint(share.clip(0, 1) * (LEVELS - 1)), BAD).astype(np.uint8)


def shrunk(values: Array, factor: int) -> Array:
    """Means over squares of ``factor`` × ``factor`` in the last two axes; those at the end may be smaller."""
    if factor == 1:
        return values
    height, width = values.shape[-2:]
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(np.add.reduceat(values.astype(np.float64), rows, axis=-2), columns, axis=-1)
    down, across = np.diff(np.append(rows, height)), np.diff(np.append(columns, width))
    return np.asarray(sums / (down[:, None] * across))


def draw_map_grid(values: Array, channels: Sequence[int], *, shared: bool, limit: int = TILE) -> dict[str, Any]:
    """Draw some channels side by side in one picture, with facts about each.

    Channel i of ``channels`` stands in line i // ``columns``, at i % ``columns``, ``width`` × ``height`` pixels large;
    one pixel is the mean of ``factor`` × ``factor`` numbers.

    Args:
        values: A node's output, shape (C, H, W).
        channels: Which of the C channels, in this order.
        shared: Whether all of the node's channels have one range of colours; else each has its own.
        limit: Longest side of a map in pixels.

    Returns:
        ``png`` (base64), ``columns``, ``width``, ``height``, ``factor``, ``scale``, and ``maps``: for each channel its
        range, extremes and ``activity`` (mean magnitude). Numbers that are not finite become None.
    """
    height, width = values.shape[1:]
    factor = -(-max(height, width) // limit)
    whole = find_color_range(values)
    signed = whole[0] < 0
    columns = max(1, math.isqrt(max(0, len(channels) - 1)) + 1)
    rows, across = -(-height // factor), -(-width // factor)
    picture = np.zeros((-(-len(channels) // columns) * rows or 1, columns * across), np.uint8)
    maps = []
    for index, channel in enumerate(channels):
        own = values[channel]
        low, high = whole if shared else _signed(find_color_range(own), signed)
        top, left = index // columns * rows, index % columns * across
        picture[top : top + rows, left : left + across] = levels(shrunk(own, factor), low, high)
        maps.append({
            "channel": int(channel), "low": number(low), "high": number(high),
            "least": number(_extreme(own, np.min)), "most": number(_extreme(own, np.max)),
            "activity": number(np.abs(own.astype(np.float64)).mean()),
        })  # fmt: skip
    return {
        "png": _palette_png(picture, signed), "columns": columns, "width": across, "height": rows, "factor": factor,
        "maps": maps, "scale": scale(*whole), "shared": shared,
    }  # fmt: skip


def draw_map(values: Array, low: float, high: float, limit: int = LARGE) -> dict[str, Any]:
    """Draw one map large, with the numbers themselves.

    Args:
        values: Numbers, shape (H, W).
        low: Value of the first colour.
        high: Value of the last colour.
        limit: Longest side in pixels; a larger map is averaged over squares.

    Returns:
        ``png`` (base64), its extents, ``scale``, and ``values`` (float32, little-endian, base64).
    """
    height, width = values.shape
    factor = -(-max(height, width) // limit)
    seen = shrunk(values, factor)
    return {
        "png": _palette_png(levels(seen, low, high), low < 0),
        "rows": seen.shape[0], "columns": seen.shape[1], "factor": factor, "height": height, "width": width,
        "values": base64.b64encode(seen.astype("<f4").tobytes()).decode(), "scale": scale(low, high),
    }  # fmt: skip


def draw_heatmap(
    values: Array, low: float | None = None, high: float | None = None, *, clear: bool = False
) -> dict[str, Any]:
    """Draw numbers that lie over a picture.

    Args:
        values: Numbers, shape (H, W).
        low: Where the colours begin, where several heatmaps share them; 0 or ``-high``. None: the values' own.
        high: Where they end.
        clear: Whether what lies below is seen the better the smaller a number is; nothing covers it where it is 0.
            ``low`` is 0 then.

    Returns:
        ``src``, the address of the heatmap's image, the ``scale`` of its colours, and ``clear``.
    """
    if low is None or high is None:
        low, high = find_color_range(values)
    picture = _palette_png(levels(values, low, high), low < 0, clear=clear)
    return {"src": _address(picture), "scale": scale(low, high, clear=clear), "clear": clear}


def draw_filters(weights: Array) -> dict[str, Any]:
    """Draw a convolution's filters side by side: in colours where C is 3, else the mean over their channels.

    In colours a weight of 0 is a half of the brightness, and all filters share one range.

    Args:
        weights: The kernel, shape (F, C, h, w).

    Returns:
        As ``draw_map_grid``, with ``colours``: whether red, green and blue are the input's channels.
    """
    if weights.shape[1] != 3:
        return {**draw_map_grid(weights.mean(1), range(len(weights)), shared=True), "colours": False}
    plain = draw_map_grid(weights.mean(1), range(len(weights)), shared=True)
    count, _, height, width = weights.shape
    most = float(np.abs(weights[np.isfinite(weights)]).max(initial=0.0))
    share = np.where(np.isfinite(weights), weights, 0) / (2 * most or 1) + 0.5
    columns = plain["columns"]
    picture = np.full((-(-count // columns) * height, columns * width, 3), 128, np.uint8)
    for index, tile in enumerate(share):
        top, left = index // columns * height, index % columns * width
        picture[top : top + height, left : left + width] = np.rint(255 * tile.transpose(1, 2, 0).clip(0, 1))
    greys = _png(Image.fromarray(np.arange(256, dtype=np.uint8)[None]))
    return {
        **plain, "png": _png(Image.fromarray(picture)), "width": width, "height": height, "colours": True,
        "scale": {**scale(-most, most), "png": greys},
    }  # fmt: skip


def scale(low: float, high: float, *, clear: bool = False) -> dict[str, Any]:
    """The colour bar: all colours, and the values at its ends."""
    line = np.arange(LEVELS, dtype=np.uint8)[None]
    return {"png": _palette_png(line, low < 0, clear=clear), "low": number(low), "high": number(high)}


def encode_photo(pixels: NDArray[np.uint8], limit: int = 1024) -> str:
    """Encode pixels as the address of an image. What is small is kept exactly (PNG); what was large is a JPEG.

    Args:
        pixels: RGB (H, W, 3) or grey (H, W), 0 … 255.
        limit: Longest side in pixels.

    Returns:
        A ``data:`` address.
    """
    image = Image.fromarray(pixels)
    exact = max(image.size) <= min(limit, 384)
    # Hamming is near bicubic where images get smaller, and takes a third of the time of Lanczos.
    image.thumbnail((limit, limit), Image.Resampling.HAMMING, reducing_gap=3.0)
    if exact:
        return _address(_png(image))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def number(value: float) -> float | None:
    """A number that JSON has: six digits, None if it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _signed(found: tuple[float, float], signed: bool) -> tuple[float, float]:
    """The maps of one node have one kind of colours, even those of its channels in which nothing is negative."""
    return (-found[1], found[1]) if signed else found


def _extreme(values: Array, which: Any) -> float:
    finite = values[np.isfinite(values)]
    return float(which(finite)) if finite.size else math.nan


def _palette_png(picture: NDArray[np.uint8], signed: bool, *, clear: bool = False) -> str:
    image = Image.fromarray(picture)
    image.putpalette([*(diverging() if signed else sequential()).flatten().tolist(), *_BAD_COLOUR])
    return _png(image, transparency=_CLEAR) if clear else _png(image)


def _png(image: Image.Image, **options: Any) -> str:
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return base64.b64encode(out.getvalue()).decode()


def _address(png: str) -> str:
    return f"data:image/png;base64,{png}"
