"""Pictures from strangers: what decodes, into what, and what is refused in one sentence."""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from explorer.datasets import ImageError, decode
from explorer.datasets._images import FORMATS, MAX_IMAGE_BYTES, read_size, scale_to
from tests.datasets.makers import encoded, pixels
from tests.sizes import ALL, examples

RGB = pixels(1, 12, 20, 3)
ROOT = Path(__file__).resolve().parents[2]


def bare_png(width: int, height: int) -> bytes:
    """A header that promises pixels which never come."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM", "QOI", "JPEG2000"])
def test_lossless_formats_give_their_pixels(form: str) -> None:
    # GIF has a palette of 256 colours: a grey picture passes through it unchanged.
    image = Image.fromarray(RGB) if form != "GIF" else Image.fromarray(RGB[..., 0])
    picture = decode(encoded(image, form, **({"lossless": True} if form == "WEBP" else {})))
    assert picture.format == form
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    wide = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    picture = decode(encoded(Image.fromarray(wide), "PNG"))
    assert picture.notes == ("16 bits scaled to 8",)
    assert np.array_equal(picture.pixels[..., 0].ravel(), np.arange(256))


def sixteen_bit_png(width: int, height: int) -> bytes:
    """RGB; Pillow writes none."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80\x11" * 3 * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data", [sixteen_bit_png(3, 2), b"P6\n3 2\n65535\n" + b"\x80\x11" * 18, b"P6\n3 2\n1023\n" + b"\x02\0" * 18,
             b"P5\n3 2\n65535\n" + b"\x80\x11" * 6]
)  # fmt: skip
def test_sixteen_bits_a_channel_are_said(data: bytes) -> None:
    picture = decode(data)
    assert picture.notes == ("16 bits scaled to 8",)
    assert np.unique(picture.pixels).tolist() == [128]


def test_eight_bits_are_no_news() -> None:
    for form in ("PNG", "PPM", "TIFF"):
        assert decode(encoded(RGB, form)).notes == ()


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"msf1", b"hevc"])
def test_heic_is_told_what_to_do(brand: bytes) -> None:
    """By its content: a telephone's photo is often sent on under another ending."""
    box = b"ftyp" + brand + b"\0\0\0\0mif1heic"
    with pytest.raises(ImageError, match=r"HEIC.*save it as JPEG"):
        decode(struct.pack(">I", len(box) + 4) + box + b"\0" * 100)
    assert decode(encoded(RGB, "AVIF")).format == "AVIF"  # which names some of the brands, too


def test_a_picture_of_a_large_camera_is_decoded_smaller() -> None:
    data = encoded(Image.new("L", (8064, 6048), 77), "JPEG")
    picture = decode(data)
    assert picture.pixels.shape == (3024, 4032, 3)
    assert picture.notes == ("decoded at 4,032×3,024 of its 8,064×6,048 pixels",)
    assert read_size(data) == (6048, 8064)
    huge = encoded(Image.new("L", (400, 300)), "JPEG")
    at = huge.index(b"\xff\xc0") + 5
    for height, width, fits in ((9000, 12000, True), (12240, 16320, True), (16400, 16400, False)):
        changed = huge[:at] + struct.pack(">HH", height, width) + huge[at + 4 :]
        if fits:
            assert read_size(changed) == (height, width)
        else:
            with pytest.raises(ImageError, match="limit 210 MP"):
                read_size(changed)


@settings(max_examples=examples(200))
@given(
    form=st.sampled_from(FORMATS),
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "YCbCr"]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_every_mode_size_and_format(form: str, mode: str, height: int, width: int, seed: int) -> None:
    noise = Image.fromarray(pixels(seed, height, width, 3))
    wide = Image.fromarray(pixels(seed, height, width).astype(np.uint16) * 257)
    image = wide if mode == "I;16" else noise.convert("L").convert(mode) if mode == "F" else noise.convert(mode)
    try:
        data = encoded(image, form)
    except (OSError, ValueError, KeyError, SystemError):  # this format has no such mode
        return
    picture = decode(data)
    assert (picture.format, picture.pixels.shape, read_size(data)) == (form, (height, width, 3), (height, width))
    if mode in ("1", "L", "RGB") and form in ("PNG", "BMP", "TIFF", "PPM", "QOI"):
        assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))
        assert picture.notes == ()
    if mode == "I;16" and form in ("PNG", "TIFF", "PPM"):
        assert np.array_equal(picture.pixels[..., 0], pixels(seed, height, width))
        assert picture.notes == ("16 bits scaled to 8",)


def test_floating_point_is_stretched() -> None:
    picture = decode(encoded(Image.fromarray(np.linspace(-3, 5, 64, dtype=np.float32).reshape(8, 8)), "TIFF"))
    assert picture.pixels.min() == 0
    assert picture.pixels.max() == 255
    assert "stretched" in picture.notes[0]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_over_white(mode: str) -> None:
    image = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    image.putpixel((1, 1), (10, 10, 10, 255))
    data = encoded(image.convert(mode) if mode != "P" else image.quantize(4), "PNG")
    picture = decode(data)
    assert picture.notes == ("transparency over white",)
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[1, 1].tolist() == [10, 10, 10]


def test_an_opaque_alpha_channel_is_no_news() -> None:
    assert decode(encoded(Image.fromarray(RGB).convert("RGBA"), "PNG")).notes == ()


@pytest.mark.parametrize(("mode", "form", "note"), [("CMYK", "JPEG", "CMYK"), ("P", "PNG", "palette")])
def test_other_modes_become_rgb(mode: str, form: str, note: str) -> None:
    flat = Image.new("RGB", (8, 8), (250, 20, 30))
    flat = flat.quantize(4) if mode == "P" else flat.convert(mode)
    picture = decode(encoded(flat, form))
    assert note in picture.notes[0]
    assert np.abs(picture.pixels[4, 4].astype(int) - [250, 20, 30]).max() < 12


def test_one_bit_and_grey_are_repeated() -> None:
    picture = decode(encoded(Image.fromarray(RGB[..., 0] > 127), "PNG"))
    assert sorted(np.unique(picture.pixels)) == [0, 255]
    assert picture.notes == ()


@pytest.mark.parametrize("orientation", range(10))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(RGB), "PNG", exif=exif)
    height, width = (20, 12) if orientation in (5, 6, 7, 8) else (12, 20)
    picture = decode(data)
    assert picture.pixels.shape == (height, width, 3)
    assert read_size(data) == (height, width)
    assert bool(picture.notes) == (orientation in range(2, 9))  # 0 and 9 mean nothing
    # The eight orientations are the eight symmetries of the square; each must give the right corner first.
    corners = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}
    assert picture.pixels[0, 0].tolist() == RGB[corners.get(orientation, (0, 0))].tolist()


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        frames[0].save(
            out, form, save_all=True, append_images=frames[1:], **({"lossless": True} if form == "WEBP" else {})
        )
        picture = decode(out.getvalue())
        assert "first frame of an animation" in picture.notes
        assert picture.pixels[3, 3].tolist() == [255, 0, 0]


def test_what_is_appended_is_harmless() -> None:
    data = encoded(RGB) + b"PK\3\4<script>alert(1)</script>" * 100
    assert np.array_equal(decode(data).pixels, RGB)


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (9_500, 9_500), (40_000_001, 1), (2**31 - 1, 2**31 - 1)]
)
def test_huge_pictures_are_refused_before_decoding(width: int, height: int) -> None:
    with pytest.raises(ImageError, match=r"too large|not a supported"):
        decode(bare_png(width, height))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"hello", "not a supported image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a supported image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a supported image"),
        (encoded(RGB, "TGA"), "not a supported image"),
        (encoded(RGB, "ICO"), "not a supported image"),
        (encoded(RGB)[:120], "incomplete or damaged"),
        (encoded(np.repeat(RGB, 8, 0), "JPEG")[:-400], "incomplete or damaged"),
        (bare_png(50, 50), "incomplete or damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not a supported image"),
        (b"\xff\xd8\xff" + b"\0" * MAX_IMAGE_BYTES, "at most 40.0 MB"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(ImageError, match=said) as caught:
        decode(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@settings(max_examples=examples(150))
@given(
    form=st.sampled_from(FORMATS),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
def test_mutated_files_decode_or_are_refused(form: str, cut: float, changes: list[tuple[float, int]]) -> None:
    data = bytearray(encoded(RGB, form))
    for where, value in changes:
        data[int(where * len(data))] = value
    data = data[: int(len(data) * (0.2 + 0.8 * cut))]
    for read in (decode, read_size):
        with contextlib.suppress(ImageError):
            read(bytes(data))


def test_nothing_turns_on_loading_of_truncated_files() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_large_jpeg_can_be_decoded_small() -> None:
    image = Image.fromarray(pixels(2, 5, 9, 3)).resize((900, 500), Image.Resampling.BICUBIC)
    data = encoded(image, "JPEG", quality=95)
    small = decode(data, at_least=64).pixels
    assert min(small.shape[:2]) >= 64
    assert small.shape[0] < 500
    assert decode(data).pixels.shape == (500, 900, 3)
    whole, drafted = scale_to(decode(data).pixels, 32, 32), scale_to(small, 32, 32)
    assert np.abs(whole.astype(int) - drafted).mean() < 3


def test_fitting_keeps_proportions_and_the_middle() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert scale_to(wide, 10, 10).min() == 255
    assert scale_to(wide.transpose(1, 0, 2).copy(), 8, 8)[1:-1].min() == 255
    assert scale_to(wide, 5, 15).shape == (5, 15, 3)


_PEAK = """
import os, resource, sys
from pathlib import Path
from explorer import datasets

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def decode(path):
    try:
        datasets.decode(Path(path).read_bytes())
    except datasets.ImageError as error:
        return str(error)
    return ""

for small, large in zip(sys.argv[1::2], sys.argv[2::2]):
    if os.fork() == 0:
        decode(small)  # the decoder is loaded
        before = peak()
        said = decode(large)
        print(peak() - before, said, flush=True)
        os._exit(0)
    os.wait()
"""

PICTURES = [
    ("1", 9500, 20, "too large"),
    *([("RGBA", 9500, 20, "too large")] if ALL else []),  # is refused likewise, and takes a second to be written
    ("1", 6320, 480, ""),
    ("P", 6320, 480, ""),
    ("RGBA", 6320, 800, ""),
    ("I;16", 6320, 800, ""),
]
"""Mode, side in pixels, megabytes that it may take, and what is said of it."""


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process is asked for in Unix's way")
def test_memory_for_one_picture_is_bounded(tmp_path: Path) -> None:
    """Measured in a process for each: what is refused costs nothing, and the largest that is not, some copies.

    They are forked, since a program that is started inherits the peak of the process that started it.
    """
    paths: list[str] = []
    for mode, side, _, _ in PICTURES:
        for size in (9, side):
            paths.append(str(tmp_path / f"{mode.replace(';', '-')}-{size}.png"))
            Image.new(mode, (size, size)).save(paths[-1], compress_level=1)
    command = [sys.executable, "-c", _PEAK, *paths]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    for line, (mode, side, megabytes, said) in zip(run.stdout.splitlines(), PICTURES, strict=True):
        peak, _, sentence = line.partition(" ")
        assert said in sentence, (mode, side)
        assert bool(said) == bool(sentence), (mode, side, sentence)
        assert int(peak) < megabytes * 1e6, f"{mode}, {side} pixels: {int(peak) / 1e6:.0f} MB"
