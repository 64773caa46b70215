"""Batches: to the network's input, to numbers, augmented; against Pillow, NumPy and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import affine

from explorer.datasets import DatasetError, transforms
from tests.datasets.makers import pixels

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def batch(count: int = 6, channels: int = 3, height: int = 12, width: int = 10) -> torch.Tensor:
    return torch.from_numpy(pixels(3, count, channels, height, width))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(3, 12, 10), (1, 12, 10), (3, 24, 20), (3, 5, 7), (1, 30, 9)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["resize", "pad"])
def test_adapt_gives_the_shape(shape: tuple[int, int, int], channels: int, mode: transforms.Mode) -> None:
    images = batch(channels=channels)
    before = images.clone()
    out = transforms.adapt(images, shape, mode)
    assert out.shape == (6, *shape)
    assert out.dtype == torch.uint8
    assert torch.equal(images, before)  # pure


def test_grey_is_repeated_and_colour_becomes_luma_as_pillow_has_it() -> None:
    images = batch()
    grey = transforms.adapt(images, (1, 12, 10))
    for image, ours in zip(images, grey, strict=True):
        pillow = np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"))
        assert np.abs(pillow.astype(int) - ours[0].numpy()).max() <= 1
    again = transforms.adapt(grey, (3, 12, 10))
    assert all(torch.equal(again[:, [c]], grey) for c in range(3))


@pytest.mark.parametrize("size", [(6, 5), (7, 4), (24, 31)])
def test_resizing_is_pillows_antialiased_bilinear(size: tuple[int, int]) -> None:
    images = batch(channels=1)
    ours = transforms.adapt(images, (1, *size))
    for image, small in zip(images, ours, strict=True):
        pillow = np.asarray(Image.fromarray(image[0].numpy()).resize(size[::-1], Image.Resampling.BILINEAR))
        assert np.abs(pillow.astype(int) - small[0].numpy()).max() <= 1


def test_padding_keeps_pixels_in_the_middle_and_proportions() -> None:
    images = batch()
    out = transforms.adapt(images, (3, 17, 14), "pad")
    assert torch.equal(out[:, :, 2:14, 2:12], images)
    out[:, :, 2:14, 2:12] = 0
    assert not out.any()
    shrunk = transforms.adapt(torch.full((1, 3, 40, 20), 9, dtype=torch.uint8), (3, 10, 10), "pad")
    assert (shrunk[0, 0] > 0).sum(1).tolist() == [5] * 10


@pytest.mark.parametrize(("have", "want"), [(2, 3), (3, 4), (4, 3), (1, 2)])
def test_other_channel_counts_are_refused(have: int, want: int) -> None:
    with pytest.raises(DatasetError, match="channels"):
        transforms.adapt(batch(channels=have), (want, 12, 10))


def test_to_float_is_the_formula() -> None:
    images = batch()
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.0)
    exact = images.double() / 255 - torch.tensor(mean).double().view(1, 3, 1, 1)
    exact = exact / torch.tensor((0.2, 0.25, 1.0)).double().view(1, 3, 1, 1)
    assert torch.allclose(transforms.to_float(images, mean, std).double(), exact, atol=2e-6)
    plain = transforms.to_float(images)
    assert plain.abs().max() <= 1 + 1e-6
    assert transforms.to_float(images, (0.3,), (0.2,), torch.bfloat16).dtype == torch.bfloat16
    last = images.contiguous(memory_format=torch.channels_last)
    assert transforms.to_float(last).is_contiguous(memory_format=torch.channels_last)
    with pytest.raises(DatasetError, match="2 means"):
        transforms.to_float(images, (0.1, 0.2))


def augmented(images: torch.Tensor, seed: int, device: str) -> list[torch.Tensor]:
    draw = generator(seed)
    images = images.to(device)
    numbers = transforms.to_float(images)
    labels = torch.arange(len(images), device=device) % 3
    return [
        transforms.random_crop(images, 2, draw),
        transforms.random_flip(images, draw),
        transforms.random_affine(images, 20, 0.2, draw),
        transforms.cutout(numbers, 4, draw),
        *transforms.mixup(numbers, labels, 3, 0.4, draw),
    ]


@pytest.mark.parametrize("device", DEVICES)
def test_augmentations_depend_on_the_generator_alone(device: str) -> None:
    images = batch(32)
    before = images.clone()
    torch.manual_seed(1)
    first = augmented(images, 7, device)
    torch.manual_seed(2)
    again = augmented(images, 7, device)
    other = augmented(images, 8, device)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert torch.equal(images, before)
    # Choices drawn on the CPU are the same on every device; interpolated pixels are rounded, after other last digits.
    for ours, theirs in zip(first, augmented(images, 7, "cpu"), strict=True):
        assert torch.allclose(ours.cpu().float(), theirs.float(), atol=1 if ours.dtype == torch.uint8 else 1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_a_generator_on_the_device_works_too(device: str) -> None:
    images = batch(8).to(device)
    draws = [torch.Generator(device).manual_seed(5) for _ in range(2)]
    assert torch.equal(*[transforms.random_crop(images, 2, draw) for draw in draws])


def test_every_crop_is_a_shift_of_its_image() -> None:
    images = batch(200, 2, 5, 4)
    out = transforms.random_crop(images, 1, generator())
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    shifts = set()
    for image, crop in zip(padded, out, strict=True):
        found = [(y, x) for y in range(3) for x in range(3) if torch.equal(image[:, y : y + 5, x : x + 4], crop)]
        assert len(found) == 1
        shifts.update(found)
    assert len(shifts) == 9


def test_every_window_is_a_part_of_its_image() -> None:
    images = batch(200, 2, 5, 4)
    out = transforms.random_window(images, (3, 2), generator())
    places = set()
    for image, window in zip(images, out, strict=True):
        found = [(y, x) for y in range(3) for x in range(3) if torch.equal(image[:, y : y + 3, x : x + 2], window)]
        assert len(found) == 1
        places.update(found)
    assert len(places) == 9


def test_flips_are_half_and_whole_images() -> None:
    images = batch(400, 1, 3, 4)
    out = transforms.random_flip(images, generator())
    flipped = (out == images.flip(3)).flatten(1).all(1)
    kept = (out == images).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert 150 < int(flipped.sum()) < 250


@pytest.mark.parametrize(("height", "width"), [(28, 28), (20, 31)])
def test_turned_and_scaled_as_torchvision_does_it(height: int, width: int) -> None:
    images = batch(20, 3, height, width)
    out = transforms.random_affine(images, 30, 0.25, generator(5))
    turn, size = torch.rand(2, 20, generator=generator(5)) * 2 - 1
    drawn = zip(images.float(), out, (30 * turn).tolist(), (0.25 * size).tolist(), strict=True)
    for image, changed, degrees, zoom in drawn:
        expected = affine(image, degrees, [0, 0], 1 + zoom, [0.0], InterpolationMode.BILINEAR)
        assert (expected.round() - changed).abs().max() <= 1
    assert torch.equal(transforms.random_affine(images, 0, 0, generator()), images)


def test_cutout_removes_one_square() -> None:
    images = torch.ones(300, 3, 9, 11)
    out = transforms.cutout(images, 4, generator())
    assert ((out == 0).any(1) == (out == 0).all(1)).all()  # the same square in every channel
    holes = (out[:, 0] == 0).sum((1, 2))
    assert holes.max() == 16
    assert holes.min() >= 4  # its centre is always inside
    for image in out[:20, 0]:
        rows, columns = (image == 0).nonzero().T
        assert int((image == 0).sum()) == (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)


def test_mixup_blends_images_and_targets_alike() -> None:
    labels = torch.arange(8) % 4
    images = torch.nn.functional.one_hot(labels, 4).float().view(8, 4, 1, 1)  # an image that shows its label
    shares = set()
    for seed in range(20):
        mixed, targets = transforms.mixup(images, labels, 4, 0.5, generator(seed))
        assert torch.allclose(mixed.view(8, 4), targets, atol=1e-6)
        assert torch.allclose(targets.sum(1), torch.ones(8))
        shares.add(round(float(targets.square().sum()), 3))
    assert len(shares) > 5
    with pytest.raises(ValueError, match="alpha"):
        transforms.mixup(images, labels, 4, 0, generator())
    with pytest.raises(ValueError, match="uint8"):
        transforms.mixup(batch(8), labels, 4, 1, generator())


@pytest.mark.parametrize("alpha", [0.001, 0.2, 1.0, 8.0])
def test_the_share_follows_the_beta_distribution(alpha: float) -> None:
    draw = generator(1)
    shares = np.array([transforms._beta(alpha, draw) for _ in range(2_000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)
