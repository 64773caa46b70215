"""Effective receptive fields side by side as one picture, for files and papers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ._colour_maps import LEVELS, sequential
from ._maps import levels, shrunk

_SIDE, _GAP, _TITLE, _LINE = 256, 16, 24, 18
_COLUMNS = 4
_INK, _PAPER, _EXACT, _EFFECTIVE = (30, 33, 40), (255, 255, 255), (0, 200, 220), (255, 255, 255)


@dataclass(frozen=True, kw_only=True, eq=False)
class FieldPanel:
    """One effective field in the picture."""

    title: str
    """Above it."""
    lines: tuple[str, ...]
    """Below it. The letters are those of ASCII: the font that is there on every machine has no others."""
    values: NDArray[np.float32]
    """(H, W), 0 to 1."""
    exact: NDArray[np.bool_]
    """(H, W): pixels that can move the unit; outlined."""
    inside: NDArray[np.bool_]
    """(H, W): pixels of the effective field; outlined."""


def draw_field_panels(panels: Sequence[FieldPanel]) -> bytes:
    """Draw effective fields side by side, four in a row, all with the same colours from 0 to 1.

    The exact field is outlined in cyan where it does not end with the image, the effective one in white.

    Args:
        panels: The fields, at least one, all of one size.

    Returns:
        A PNG.
    """
    height, width = panels[0].values.shape
    factor = max(1, -(-max(height, width) // _SIDE))
    zoom = max(1, _SIDE // max(height, width)) if factor == 1 else 1
    rows, columns = -(-height // factor) * zoom, -(-width // factor) * zoom
    cell = max(_SIDE, columns) + _GAP, _TITLE + rows + max(len(each.lines) for each in panels) * _LINE + _GAP
    across = min(len(panels), _COLUMNS)
    picture = Image.new("RGB", (across * cell[0] + _GAP, -(-len(panels) // across) * cell[1] + _GAP), _PAPER)
    draw = ImageDraw.Draw(picture)
    bold, plain = ImageFont.load_default(15), ImageFont.load_default(13)
    for place, panel in enumerate(panels):
        left, top = _GAP + place % across * cell[0], _GAP + place // across * cell[1]
        draw.text((left, top), panel.title, _INK, bold)
        picture.paste(_draw_field(panel, factor, zoom), (left, top + _TITLE))
        for number, line in enumerate(panel.lines):
            draw.text((left, top + _TITLE + rows + 4 + number * _LINE), line, _INK, plain)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw_field(panel: FieldPanel, factor: int, zoom: int) -> Image.Image:
    heat = levels(shrunk(panel.values, factor), 0.0, 1.0)
    pixels = sequential()[np.minimum(heat, LEVELS - 1)].repeat(zoom, 0).repeat(zoom, 1)
    for mask, colour in ((panel.exact, _EXACT), (panel.inside, _EFFECTIVE)):
        whole = shrunk(mask.astype(np.float32), factor) >= 0.5
        pixels[_outline(whole.repeat(zoom, 0).repeat(zoom, 1))] = colour
    return Image.fromarray(pixels)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask's pixels beside one that it does not have; the image's border is none."""
    inner = np.pad(mask, 1, mode="edge")
    return mask & ~(inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:])
