"""Colours, RandAugment and resized crops, against torchvision's own functions on each image alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from explorer.datasets import augmentations
from tests.datasets.makers import pixels

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SHAPES = [(3, 12, 10), (1, 9, 9), (3, 28, 31)]


def batch(channels: int, height: int, width: int, count: int = 6) -> torch.Tensor:
    """Noise, a smooth image, and one of a single grey."""
    images = torch.from_numpy(pixels(3, count, channels, height, width)).clone()
    images[0] = 128
    small = images[1:2, :, :4, :4].float()
    images[1] = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")[0].to(torch.uint8)
    return images


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distance(ours: torch.Tensor, theirs: torch.Tensor) -> tuple[int, float]:
    """Largest difference of a pixel, and the share of those that differ."""
    far = (ours.int() - theirs.int()).abs()
    return int(far.max()), float((far > 0).float().mean())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", augmentations.OPERATIONS)
def test_every_operation_of_rand_augment_is_torchvisions(name: str, shape: tuple[int, int, int]) -> None:
    """Names, order and strengths come from torchvision's class; a different last digit moves a pixel by one."""
    theirs = v2.RandAugment()
    assert list(augmentations.OPERATIONS) == list(theirs._AUGMENTATION_SPACE)
    images, (strengths, signed) = batch(*shape), theirs._AUGMENTATION_SPACE[name]
    number = list(augmentations.OPERATIONS).index(name)
    drawn = strengths(augmentations.MAGNITUDES, *shape[1:])
    for magnitude in (0, 9, 17, 30):
        signs = np.array([1, -1] * (len(images) // 2), np.float32)
        ours = augmentations.apply_operations(images, np.full(len(images), number), signs, magnitude)
        strength = 0.0 if drawn is None else float(drawn[magnitude])
        for image, changed, sign in zip(images, ours, signs.tolist(), strict=True):
            expected = theirs._apply_image_or_video_transform(
                image, name, strength * sign if signed else strength, interpolation=theirs.interpolation,
                fill=theirs._fill,
            )  # fmt: skip
            far, share = distance(changed, expected)
            assert far <= 1, (magnitude, sign)
            assert share <= 0.06, (magnitude, sign)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("ours", "theirs", "strengths"),
    [
        (augmentations.adjust_brightness, functional.adjust_brightness, (0.0, 0.3, 1.0, 1.5, 1.9, 2.0)),
        (augmentations.adjust_contrast, functional.adjust_contrast, (0.0, 0.3, 1.0, 1.5, 1.9, 2.0)),
        (augmentations.adjust_saturation, functional.adjust_saturation, (0.0, 0.3, 1.0, 1.5, 1.9, 2.0)),
        (augmentations.adjust_sharpness, functional.adjust_sharpness, (0.0, 0.3, 1.0, 1.5, 1.9, 2.0)),
        (augmentations.adjust_hue, functional.adjust_hue, (-0.5, -0.2, 0.0, 0.1, 0.33, 0.5)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_colours_are_torchvisions_at_a_strength_for_each_image(
    ours: Callable[..., torch.Tensor], theirs: Callable[..., Any], strengths: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    images = batch(*shape)
    changed = ours(images, torch.tensor(strengths))
    expected = torch.stack([theirs(image, strength) for image, strength in zip(images, strengths, strict=True)])
    far, share = distance(changed, expected)
    assert far <= 1
    assert share <= 0.02


@pytest.mark.parametrize("shape", [*SHAPES, (3, 6, 40)])
@pytest.mark.parametrize("least", [0.05, 0.5, 0.98])
def test_a_part_enlarged_is_torchvisions_resized_crop(shape: tuple[int, int, int], least: float) -> None:
    """Also of images so narrow that the middle is taken; every part is within what was asked for."""
    images, (_, height, width) = batch(*shape, count=24), shape
    draw = augmentations._on_host(seeded(5))
    parts = augmentations._draw_parts(len(images), height, width, least, draw)
    ours = augmentations.random_resized_crop(images, least, seeded(5))
    for image, changed, (top, left, high, wide) in zip(images, ours, parts.T.astype(int).tolist(), strict=True):
        assert top >= 0 <= left
        assert top + high <= height
        assert left + wide <= width
        assert 0.7 <= wide / high <= 1.45 or min(high, wide) < 12  # whole pixels
        expected = functional.resized_crop(image, top, left, high, wide, [height, width], antialias=True)
        assert distance(changed, expected)[0] <= 1
    middle = v2.RandomResizedCrop((height, width), scale=(least, 1.0))
    if shape == (3, 6, 40):  # no part of half the area fits
        assert least < 0.5 or middle.make_params([images[0]]) == dict(
            zip(("top", "left", "height", "width"), parts[:, 0].astype(int).tolist(), strict=True)
        )


def test_the_four_colours_come_in_an_order_of_the_batch() -> None:
    """By hand, from the same draw: a number for each image and an order for all."""
    images, most = batch(3, 12, 10), (0.4, 0.3, 0.5, 0.1)
    draw, orders = seeded(4), set()
    drawn = torch.rand(4, 6, generator=draw) * 2 - 1
    order = augmentations._on_host(draw).permutation(4).tolist()
    steps = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation,
             functional.adjust_hue)  # fmt: skip
    names = ("brightness", "contrast", "saturation", "hue")
    ours = augmentations.random_colours(images, seeded(4), **dict(zip(names, most, strict=True)))
    for row, (image, changed) in enumerate(zip(images, ours, strict=True)):
        for place in order:
            image = steps[place](image, (place < 3) + most[place] * float(drawn[place, row]))
        assert distance(changed, image)[0] <= 3
    for seed in range(40):
        draw = seeded(seed)
        torch.rand(4, 6, generator=draw)
        orders.add(tuple(augmentations._on_host(draw).permutation(4).tolist()))
    assert len(orders) > 15
    assert torch.equal(augmentations.random_colours(images, seeded(1)), images)


@pytest.mark.parametrize("device", DEVICES)
def test_choices_depend_on_the_generator_alone(device: str) -> None:
    images = batch(3, 12, 10, count=64)
    before = images.clone()

    def changed(seed: int, where: str) -> list[torch.Tensor]:
        draw, there = seeded(seed), images.to(where)
        return [
            augmentations.random_resized_crop(there, 0.3, draw).cpu(),
            augmentations.rand_augment(there, 2, 9, draw).cpu(),
            augmentations.random_colours(there, draw, brightness=0.4, hue=0.2).cpu(),
        ]

    torch.manual_seed(1)
    first = changed(7, device)
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip(first, changed(7, device), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, changed(8, device), strict=True))
    assert torch.equal(images, before)
    for ours, theirs in zip(first, changed(7, "cpu"), strict=True):
        assert (ours.int() - theirs.int()).abs().float().mean() < 0.5


def test_operations_are_drawn_evenly_and_one_after_another() -> None:
    images, draw = batch(3, 9, 9, count=2800), augmentations._on_host(seeded(0))
    chosen = draw.integers(14, size=2800)
    signs = np.where(draw.random(2800) <= 0.5, -1, 1).astype(np.float32)
    assert np.bincount(chosen, minlength=14).min() > 140
    assert abs(signs.sum()) < 200
    once = augmentations.rand_augment(images, 1, 9, seeded(0))
    assert torch.equal(once, augmentations.apply_operations(images, chosen, signs, 9))
    assert torch.equal(augmentations.rand_augment(images, 0, 9, seeded(0)), images)
