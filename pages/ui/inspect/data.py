"""Data sets on the Inspect page: which there are, their test images, and which of them fit a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer import datasets
from explorer.datasets import DatasetCard
from pages.ui.text import tell_apart


def list_cards() -> list[DatasetCard]:
    """Those that are here and have test images."""
    found = (datasets.get_card(name) for name in datasets.names())
    return [card for card in found if card.available and card.test_count]


def list_titles(cards: Mapping[str, DatasetCard]) -> dict[str, str]:
    """What a list says of data sets to test with, by name."""
    return tell_apart({name: f"{card.title} ({card.test_count:,} test images)" for name, card in cards.items()})


def matches_model(model: Any, card: DatasetCard) -> bool:
    """Whether a data set's classes are those that a model knows; names are compared where the model has any."""
    return card.classes == model.classes if model.has_class_names else len(card.classes) == len(model.classes)


def open_test_set(name: str) -> Any:
    """The test images of a data set; those for training are let go. Raises DatasetError."""
    datasets.get_card(name)  # what another session has opened may be theirs alone
    return _open_cached(name)


@st.cache_resource(max_entries=3, show_spinner=False)
def _open_cached(name: str) -> Any:
    found = datasets.load(name)
    return dataclasses.replace(
        found, train_images=found.train_images[:0].clone(), train_labels=found.train_labels[:0].clone()
    )


def pixels(name: str, row: int) -> tuple[Any, str]:
    """A test image as grey (H, W) or RGB (H, W, 3) pixels, and its class. Raises DatasetError."""
    found = open_test_set(name)
    if not 0 <= row < len(found.test_labels):
        raise datasets.DatasetError(f"{name} has {len(found.test_labels):,} test images, from 0; there is no {row:,}")
    image = found.test_images[row].permute(1, 2, 0).numpy()
    return image[..., 0] if image.shape[2] == 1 else image, found.classes[int(found.test_labels[row])]
