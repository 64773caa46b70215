"""Untrusted image files as plain RGB pixels; nothing is left to Pillow's defaults.

Only pixels leave this module; the original bytes are never stored or served again. So a file that is an image and
something else at once is harmless.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from ..text import format_bytes
from ._errors import ImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
"""The formats that are opened. Pillow knows many more, and starts other programs for some of them."""
MAX_PIXELS = 40_000_000
MAX_IMAGE_BYTES = 40_000_000

# Pillow only warns of a decompression bomb below 179 megapixels. The limit here is lower and checked below; this is for
# sizes that it finds out later, while decoding. For the whole process: a filter put on and off again is no thread's
# own.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_SHOWN_FORMATS = ", ".join("WebP" if name == "WEBP" else name for name in FORMATS)
_TRANSPOSED = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedImage:
    """A decoded image."""

    pixels: NDArray[np.uint8]
    """(height, width, 3), RGB, contiguous."""
    format: str
    """One of FORMATS."""
    notes: tuple[str, ...] = ()
    """What decoding changed, one phrase each, for example 'transparency over white'."""


def decode(data: bytes, *, at_least: int | None = None) -> DecodedImage:
    """Decode an image file: upright, on a white background, eight bits a channel.

    Args:
        data: the content of a file in one of FORMATS.
        at_least: allows a large JPEG to be decoded at a fraction of its size, as long as both sides keep this many
            pixels; saves most of the time where the image is scaled down anyway.

    Returns:
        RGB pixels, uint8 (height, width, 3), and what was changed.

    Raises:
        ImageError: not a supported image, damaged, or too large.
    """
    image = _open(data)
    form = _format(image)
    notes: list[str] = []
    try:
        if getattr(image, "is_animated", False):
            notes.append("first frame of an animation")
        if at_least is not None and form == "JPEG":
            image.draft(None, (at_least, at_least))  # never below the size asked for
        image.load()
        _check(image)  # a frame can turn out larger than the header said
        image = _apply_orientation(image, notes)
        pixels = np.array(_rgb(image, notes), dtype=np.uint8)
    except ImageError:
        raise
    except MemoryError:
        raise ImageError("the image is too large for this computer's memory") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"the image is too large ({error})") from None
    except Exception as error:  # noqa: BLE001  (a decoder may raise OSError, SyntaxError, struct.error, anything)
        raise ImageError(f"the image file is incomplete or damaged ({_error_text(error)})") from None
    return DecodedImage(pixels=pixels, format=form, notes=tuple(notes))


def read_size(data: bytes) -> tuple[int, int]:
    """(height, width) in pixels of the upright image, from its header alone. Raises ImageError."""
    image = _open(data)
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation) in _TRANSPOSED
    except Exception:  # noqa: BLE001  (EXIF is a stranger's data; without it the image stands as it lies)
        turned = False
    return (image.width, image.height) if turned else (image.height, image.width)


def scale_and_crop(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Scale without distortion to cover height×width (Pillow's antialiased bilinear filter), then centre-crop."""
    rows, columns = pixels.shape[:2]
    scale = max(height / rows, width / columns)
    cut_rows, cut_columns = min(rows, height / scale), min(columns, width / scale)
    top, left = (rows - cut_rows) / 2, (columns - cut_columns) / 2
    box = (left, top, left + cut_columns, top + cut_rows)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image)


def _open(data: bytes) -> Image.Image:
    """The header only; nothing is decoded."""
    if not data:
        raise ImageError("the file is empty")
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"the file has {format_bytes(len(data))}; at most {format_bytes(MAX_IMAGE_BYTES)} are allowed")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        least = (Image.MAX_IMAGE_PIXELS or 0) // 10**6  # how large it is, Pillow says only in a sentence of its own
        raise ImageError(f"the image is too large (more than {least} MP; limit {MAX_PIXELS // 10**6} MP)") from None
    except Exception:  # noqa: BLE001  (what a disguised file makes a parser raise cannot be listed)
        raise ImageError(f"this is not a supported image ({_SHOWN_FORMATS}), or it is damaged") from None
    _check(image)
    return image


def _check(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"the image is too large ({image.width:,}×{image.height:,} pixels; limit {MAX_PIXELS // 10**6} MP)"
        )


def _format(image: Image.Image) -> str:
    # A phone's JPEG with a second image behind the first calls itself MPO.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _apply_orientation(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        if image.getexif().get(ExifTags.Base.Orientation) not in range(2, 9):
            return image
        turned = ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  (a broken EXIF block does not spoil the pixels)
        notes.append("unreadable EXIF data ignored")
        return image
    notes.append("turned upright as its EXIF orientation says")
    return turned


def _rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Eight bits, three channels; ``convert('RGB')`` alone would clip 16 bits to white and drop transparency."""
    if image.mode in _SIXTEEN_BIT:
        notes.append("16 bits scaled to 8")
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert("RGB")  # 65535 → 255, rounded
    if image.mode in ("I", "F"):
        return _from_numbers(image, notes).convert("RGB")
    if image.has_transparency_data:
        over = image.convert("RGBA")
        if over.getchannel("A").getextrema() != (255, 255):
            notes.append("transparency over white")
            over = Image.alpha_composite(Image.new("RGBA", over.size, (255, 255, 255, 255)), over)
        return over.convert("RGB")
    if image.mode not in ("RGB", "L", "1"):
        notes.append({"P": "palette", "CMYK": "CMYK"}.get(image.mode, image.mode) + " converted to RGB")
    return image.convert("RGB")


def _from_numbers(image: Image.Image, notes: list[str]) -> Image.Image:
    """32-bit integers or floating point as eight bits: from 16 bits if they fit, else scaled to the full range."""
    numbers = np.asarray(image, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ImageError("the image holds numbers that are not finite")
    low, high = float(numbers.min()), float(numbers.max())
    if image.mode == "I" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
        notes.append("16 bits scaled to 8")
    else:
        notes.append("numbers stretched from their smallest to their largest")
    scaled = (numbers - low) * (255 / (high - low)) if high > low else np.zeros_like(numbers)
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _error_text(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text[:77] + "…" if len(text) > 78 else text) or type(error).__name__
