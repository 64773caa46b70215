"""Photos of ink on paper, for networks that learnt from light figures on a dark ground, put in MNIST's form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ._strokes import BOX, DRAWING_SIDE_PX, MNIST_SIDE_PX

MNIST_FORM = (
    "dark ink on light paper was inverted, scaled to 20 of 28 parts of the side and centred by its mass, as MNIST's "
    "pictures were"
)
"""What ``bring_ink_to_mnist`` does, one phrase."""
_LOOKED_AT_PX = 256
_PAPER_PX = 48
"""Longest side of the picture from which the brightness of the paper is estimated."""
_LEAST_PAPER = 0.3
"""Brightness of paper, 0 to 1: of a photo in dim light."""
_LEAST_CONTRAST = 0.2
"""Share of the paper's light that ink swallows, at least, on average."""
_MOST_INK = 0.4
"""Share of the picture that is ink, at most."""
_MOST_INK_AT_BORDER = 0.2
_LEAST_DEVIATIONS = 3
"""Of the paper's own unevenness, by which ink is darker than paper, on average."""
_NOISE_DEVIATIONS = 5
"""Of the paper's darkness from its median, above which a pixel is ink."""
_SMALL_PX = 64
"""Extent of the ink, below which the picture is looked at more closely."""
_FAINT = 0.8
"""Ink in MNIST's resolution, below which a line is so thin that it is widened."""
_MOST_WIDENINGS = 4


def bring_ink_to_mnist(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Bring a photo of dark ink on light paper to the form of MNIST's digits, as ``draw_strokes`` draws them.

    The light of the paper is estimated around each place, so a shadow or a gradient is no ink. Lines that would be
    faint in 28 x 28 pixels are widened.

    Args:
        image: RGB, uint8 (height, width, 3).

    Returns:
        RGB, uint8 (112, 112, 3), light ink on black; None where the picture is no dark ink on light paper: a figure
        on a dark ground, an empty sheet, a photo with more dark than a pen leaves.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979, for the threshold between ink and
    paper; for the form see ``draw_strokes``.
    """
    grey = Image.fromarray(image).convert("L")
    ink = _find_ink(grey)
    if ink is None:
        return None
    box = _find_extent(ink)
    if max(box[2] - box[0], box[3] - box[1]) < _SMALL_PX and max(grey.size) > _LOOKED_AT_PX:
        near = grey.crop(_widen(box, grey.size, max(grey.size) / max(ink.shape)))
        closer = _find_ink(near)
        if closer is not None:
            ink, box = closer, _find_extent(closer)
    form = _fit(Image.fromarray(np.rint(255 * ink).astype(np.uint8)).crop(box))
    return np.repeat(form[:, :, None], 3, axis=2)


def _find_ink(grey: Image.Image) -> NDArray[np.float32] | None:
    """How much ink each pixel holds, 0 to 1, at ``_LOOKED_AT_PX`` at most; None where there is no ink on paper."""
    small = _shrink(grey, _LOOKED_AT_PX)
    paper = _estimate_paper(small)
    darkness: NDArray[np.float32] = np.clip(1 - np.asarray(small, np.float32) / np.maximum(paper, np.float32(1)), 0, 1)
    threshold = _find_threshold(darkness)
    is_ink = darkness > threshold
    if not is_ink.any() or is_ink.all():
        return None
    ink_mean, paper_mean = float(darkness[is_ink].mean()), float(darkness[~is_ink].mean())
    contrast = ink_mean - paper_mean
    border = np.concatenate([is_ink[0], is_ink[-1], is_ink[:, 0], is_ink[:, -1]])
    if (
        np.median(paper) < 255 * _LEAST_PAPER
        or contrast < max(_LEAST_CONTRAST, _LEAST_DEVIATIONS * float(darkness[~is_ink].std()))
        or is_ink.mean() > _MOST_INK
        or border.mean() > _MOST_INK_AT_BORDER
    ):
        return None
    low, high = (paper_mean + threshold) / 2, (threshold + ink_mean) / 2
    ink: NDArray[np.float32] = np.clip((darkness - low) / (high - low), 0, 1)
    return ink


def _shrink(grey: Image.Image, longest_px: int) -> Image.Image:
    scale = longest_px / max(grey.size)
    size = tuple(max(1, round(scale * side)) for side in grey.size)
    return grey.resize(size, Image.Resampling.BOX) if scale < 1 else grey  # type: ignore[arg-type]


def _estimate_paper(grey: Image.Image) -> NDArray[np.float32]:
    """The brightness that the paper has at each pixel: the brightest around it, where dark lines are closed."""
    small = _shrink(grey, _PAPER_PX)
    reach = max(small.size) // 4 | 1
    closed = small.filter(ImageFilter.MaxFilter(reach)).filter(ImageFilter.MinFilter(reach))
    smooth = closed.filter(ImageFilter.GaussianBlur(reach / 4))
    return np.asarray(smooth.resize(grey.size, Image.Resampling.BILINEAR), np.float32)


def _find_threshold(darkness: NDArray[np.float32]) -> float:
    """Otsu's threshold, but none so low that it would part the paper's own noise where there is little ink."""
    counts, edges = np.histogram(darkness, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts)[:-1].astype(np.float64), np.cumsum(counts * middles)
    above = counts.sum() - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    otsu = float(edges[1 + int(np.nan_to_num(between).argmax())])
    usual = float(np.median(darkness))
    noise = 1.4826 * float(np.median(np.abs(darkness - usual)))
    return max(otsu, usual + max(_NOISE_DEVIATIONS * noise, _LEAST_CONTRAST / 2))


def _find_extent(ink: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the ink, single specks left out where there is more."""
    mask = Image.fromarray(np.where(ink > 0.5, 255, 0).astype(np.uint8))
    box = mask.filter(ImageFilter.MedianFilter(3)).getbbox() or mask.getbbox()
    if box is None:
        return (0, 0, *mask.size)
    left, top, right, bottom = box
    return max(0, left - 1), max(0, top - 1), min(mask.width, right + 1), min(mask.height, bottom + 1)


def _widen(box: tuple[int, int, int, int], size: tuple[int, int], scale: float) -> tuple[int, int, int, int]:
    """The part of the whole picture around some ink, with paper of half its extent on all sides."""
    left, top, right, bottom = box
    margin = max(right - left, bottom - top) / 2
    return (
        max(0, int((left - margin) * scale)), max(0, int((top - margin) * scale)),
        min(size[0], int((right + margin) * scale) + 1), min(size[1], int((bottom + margin) * scale) + 1),
    )  # fmt: skip


def _fit(ink: Image.Image) -> NDArray[np.uint8]:
    """Scaled and centred, (112, 112)."""
    side = DRAWING_SIDE_PX
    scale = BOX * side / max(ink.size)
    width, height = (max(1, round(scale * each)) for each in ink.size)
    scaled = ink.resize((width, height), Image.Resampling.BILINEAR)
    for _ in range(_MOST_WIDENINGS):
        coarse = np.asarray(_shrink(scaled, MNIST_SIDE_PX * max(width, height) // side), np.float32) / 255
        if np.average(coarse, weights=np.maximum(coarse, 1e-9)) >= _FAINT * _FAINT:
            break
        scaled = scaled.filter(ImageFilter.MaxFilter(3))
    values = np.asarray(scaled, np.float32)
    total = max(float(values.sum()), 1.0)
    room = (side - BOX * side) / 2
    place = []
    for length, axis in ((width, 0), (height, 1)):
        mass = float(values.sum(axis) @ (np.arange(length) + 0.5)) / total
        moved = np.clip(length / 2 - mass, -room, room)
        place.append(round((side - length) / 2 + moved))
    canvas = Image.new("L", (side, side))
    canvas.paste(scaled, (place[0], place[1]))
    return np.asarray(canvas)
