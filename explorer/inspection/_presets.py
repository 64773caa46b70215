"""Usual ways to normalise images, and the classes that go with them; and numbers as people type them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..datasets import IMAGENET_MEAN, IMAGENET_STD, get_card
from ..text import parse_decimal, quote
from ._shipped import load_model_cards

IMAGENET_CLASSES = 1000
_MOST = 5.0
"""A mean or deviation above it is one of pixels from 0 to 255."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How images were normalised for training, and the classes that are usual with that."""

    name: str
    """For the command line."""
    title: str
    """Shown to people."""
    mean: tuple[float, ...]
    """Subtracted from pixels of 0 to 1, one for each channel or one for all."""
    std: tuple[float, ...]
    """The difference is divided by it."""
    classes: tuple[str, ...] = ()
    """Names in the usual order; used where a network has as many scores."""


@dataclass(frozen=True, kw_only=True)
class GivenFacts:
    """What a person says about weights of their own; what is left out is looked for in the file and the catalogue."""

    classes: tuple[str, ...] = ()
    """Names in the order of the scores."""
    mean: tuple[float, ...] | None = None
    """Subtracted from pixels of 0 to 1, one for each channel or one for all."""
    std: tuple[float, ...] | None = None
    """The difference is divided by it."""
    preset: str = ""
    """Name of a preset, for what is not given above."""

    def __post_init__(self) -> None:
        if self.mean is not None and max(map(abs, self.mean)) > _MOST:
            raise ValueError(f"mean (={_shown(self.mean)}) must be for pixels of 0 to 1; divide it by 255")
        if self.std is not None and not 0 < min(self.std) <= max(self.std) <= _MOST:
            raise ValueError(f"deviation (={_shown(self.std)}) must be above zero, for pixels of 0 to 1")


def _shown(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def list_presets() -> dict[str, Preset]:
    """List the usual ways to normalise, those of the shipped models first.

    Returns:
        Presets by name. ImageNet's has no class names here, since torchvision has them.
    """
    cards = load_model_cards()
    shipped = [
        Preset(name=name, title=f"As the shipped {card.title}", mean=card.mean, std=card.std, classes=card.classes)
        for name, card in cards.items()
    ]
    usual = [
        Preset(name="half", title="Pixels from −1 to 1", mean=(0.5,), std=(0.5,)),
        Preset(name="unit", title="Pixels from 0 to 1", mean=(0.0,), std=(1.0,)),
        Preset(name="imagenet", title="ImageNet", mean=IMAGENET_MEAN, std=IMAGENET_STD),
        Preset(
            name="cifar10", title="CIFAR-10", mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616),
            classes=get_card("cifar-10").classes,
        ),
        Preset(name="mnist", title="MNIST", mean=(0.1307,), std=(0.3081,), classes=get_card("mnist").classes),
    ]  # fmt: skip
    return {preset.name: preset for preset in (*shipped, *usual)}


def find_preset(name: str) -> Preset:
    """Find a preset by its name.

    Args:
        name: One of ``list_presets``.

    Returns:
        The preset.

    Raises:
        ValueError: There is none of that name; the message lists them.
    """
    found = list_presets()
    if name not in found:
        raise ValueError(f"there is no preset {quote(name)}; known: {', '.join(found)}")
    return found[name]


def parse_numbers(text: str, what: str) -> tuple[float, ...]:
    """Read numbers as people type or paste them: ``0.485, 0.456``, ``[0.5, 0.5]``, ``0,485; 0,456`` or ``0,5``.

    A comma stands between numbers where there are points; else one without a space behind it may be a decimal comma.

    Args:
        text: What was typed.
        what: What messages call it.

    Returns:
        The numbers in their order, at least one.

    Raises:
        ValueError: A part of it is no number.
    """
    typed = text.strip().strip("[]()").strip()
    if ";" in typed:
        parts = typed.split(";")
    elif "." in typed:
        parts = re.split(r"\s*,\s*|\s+", typed)
    elif re.search(r"\s", typed):
        parts = re.split(r",?\s+", typed)
    else:
        parts = typed.split(",") if typed.count(",") > 1 else [typed]
    try:
        return tuple(map(parse_decimal, parts))
    except ValueError:
        raise ValueError(
            f"{what} (={quote(text, 40)}) must be numbers such as 0.5 or 0.485, 0.456, 0.406"
        ) from None
