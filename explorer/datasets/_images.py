"""Untrusted image files as plain RGB pixels; nothing is left to Pillow's defaults.

Only pixels leave this module; the original bytes are never stored or served again. So a file that is an image and
something else at once is harmless.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin

from ..text import format_bytes
from ._errors import ImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PPM", "JPEG2000", "QOI")
"""The formats that are opened. Pillow knows many more: it starts other programs for some of them, and others have no
first bytes by which they could be told from anything else."""
MAX_PIXELS = 40_000_000
"""Pixels of an image that is opened."""
MAX_JPEG_PIXELS = 210_000_000
"""Of a JPEG that can be decoded at a fraction of its size, row by row."""
MAX_PROGRESSIVE_PIXELS = 120_000_000
"""Of a progressive JPEG, all of whose coefficients lie in memory while it is decoded."""
MAX_IMAGE_BYTES = 40_000_000
"""Bytes of an image file that is opened."""

# Pillow only warns of a decompression bomb below 179 megapixels. The limit here is lower and checked below; this is for
# sizes that it finds out later, while decoding. For the whole process: a filter put on and off again is no thread's
# own.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_SHOWN_NAMES = {"WEBP": "WebP", "PPM": "PPM, PGM, PBM", "JPEG2000": "JPEG 2000"}
SHOWN_FORMATS = ", ".join(_SHOWN_NAMES.get(name, name) for name in FORMATS)
"""The formats for people."""
_TRANSPOSED = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedImage:
    """A decoded image."""

    pixels: NDArray[np.uint8]
    """(height, width, 3), RGB, contiguous."""
    size: tuple[int, int]
    """(height, width) of the upright image in the file; ``pixels`` have it, unless they were decoded smaller."""
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
        whole = image.size
        if form == "JPEG":
            _shrink(image, at_least, notes)
        smaller = image.size != whole
        if _is_deep(image):
            notes.append("16 bits scaled to 8")
        image.load()
        _check(image)  # a frame can turn out larger than the header said
        upright = _apply_orientation(image, notes)
        turned = upright.size != image.size
        pixels = np.array(_rgb(upright, notes), dtype=np.uint8)
    except ImageError:
        raise
    except MemoryError:
        raise ImageError("the image is too large for this computer's memory") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"the image is too large ({error})") from None
    except Exception as error:  # noqa: BLE001  (a decoder may raise OSError, SyntaxError, struct.error, anything)
        raise ImageError(f"the image file is incomplete or damaged ({_error_text(error)})") from None
    height, width = pixels.shape[:2]
    if smaller:
        width, height = whole[::-1] if turned else whole
    return DecodedImage(pixels=pixels, size=(height, width), format=form, notes=tuple(notes))


def read_size(data: bytes) -> tuple[int, int]:
    """(height, width) in pixels of the upright image, from its header alone. Raises ImageError."""
    image = _open(data)
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation) in _TRANSPOSED
    except Exception:  # noqa: BLE001  (EXIF is a stranger's data; without it the image stands as it lies)
        turned = False
    return (image.width, image.height) if turned else (image.height, image.width)


def scale_to(pixels: NDArray[np.uint8], height: int, width: int, *, squash: bool = False) -> NDArray[np.uint8]:
    """Scale to height×width with Pillow's antialiased bilinear filter.

    Args:
        pixels: (H, W, 3).
        height: of the result.
        width: of the result.
        squash: whether the whole image is kept and its proportions are not; else it is scaled to cover the result, and
            what stands out is cut off evenly.

    Returns:
        (height, width, 3).
    """
    rows, columns = pixels.shape[:2]
    box = (0.0, 0.0, float(columns), float(rows))
    if not squash:
        scale = max(height / rows, width / columns)
        cut_rows, cut_columns = min(rows, height / scale), min(columns, width / scale)
        top, left = (rows - cut_rows) / 2, (columns - cut_columns) / 2
        box = (left, top, left + cut_columns, top + cut_rows)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image)


def decode_to(data: bytes, height: int, width: int, *, squash: bool = False) -> tuple[NDArray[np.uint8], DecodedImage]:
    """Decode an image file as a data set stores it: ``decode`` and, unless it has that size, ``scale_to``.

    Returns:
        (height, width, 3), and what was decoded. Raises ImageError.
    """
    decoded = decode(data, at_least=max(height, width))
    if decoded.pixels.shape[:2] == (height, width):
        return decoded.pixels, decoded
    return scale_to(decoded.pixels, height, width, squash=squash), decoded


def _open(data: bytes) -> Image.Image:
    """The header only; nothing is decoded."""
    if not data:
        raise ImageError("the file is empty")
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"the file has {format_bytes(len(data))}; at most {format_bytes(MAX_IMAGE_BYTES)} are allowed")
    if _is_heic(data):
        raise ImageError("this is a HEIC photo, which cannot be read here; save it as JPEG")
    try:
        if data.startswith(b"\xff\xd8"):  # past Image.open, which refuses by size what can be decoded smaller
            image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        else:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"([0-9]+) pixels", str(error))
        size = f"{int(pixels[1]) / 10**6:,.0f} MP" if pixels else "more than 89 MP"
        raise ImageError(f"the image is too large ({size}; limit {MAX_PIXELS // 10**6} MP)") from None
    except Exception:  # noqa: BLE001  (what a disguised file makes a parser raise cannot be listed)
        raise ImageError(f"this is not a supported image ({SHOWN_FORMATS}), or it is damaged") from None
    if image.format != "JPEG":
        _check(image)
    else:
        _check(image, MAX_PROGRESSIVE_PIXELS if image.info.get("progressive") else MAX_JPEG_PIXELS)
    return image


def _check(image: Image.Image, most: int = MAX_PIXELS) -> None:
    if image.width * image.height > most:
        raise ImageError(f"the image is too large ({image.width:,}×{image.height:,} pixels; limit {most // 10**6} MP)")


def _is_heic(data: bytes) -> bool:
    """By the brands in its first box; an AVIF names some of them beside its own."""
    if data[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, length, 4))}
    return bool(brands & _HEIC_BRANDS) and not brands & {b"avif", b"avis"}


def _shrink(image: Image.Image, at_least: int | None, notes: list[str]) -> None:
    """Have a JPEG decoded at 1/2, 1/4 or 1/8 of its size: as small as is asked for, and no larger than is allowed."""
    width, height = image.size
    part = next(part for part in (1, 2, 4, 8) if width * height <= MAX_PIXELS * part**2)
    if at_least is not None:
        part = max(part, min(width // at_least, height // at_least))  # never below the size asked for
    image.draft(None, (max(1, width // part), max(1, height // part)))
    if at_least is None and image.size != (width, height):
        notes.append(f"decoded at {image.width:,}×{image.height:,} of its {width:,}×{height:,} pixels")


def _is_deep(image: Image.Image) -> bool:
    """Whether Pillow takes 16 bits a channel for eight while decoding: the modes of such images do not tell."""
    if image.mode not in ("RGB", "RGBA", "LA", "CMYK"):
        return False
    for tile in getattr(image, "tile", ()):
        words = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if any((isinstance(word, str) and ";16" in word) or (tile[0] == "ppm" and isinstance(word, int) and word > 255)
               for word in words):  # fmt: skip
            return True
    return False


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
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it


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
