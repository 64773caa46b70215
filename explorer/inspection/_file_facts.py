"""What a file of weights says beside its tensors: names of classes, mean and deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..datasets import Preprocessing

_CLASSES = (
    "classes", "class_names", "classnames", "categories", "labels", "label_names", "names", "idx_to_class",
    "idx2class", "id2label", "idx2label", "class_to_idx", "class2idx", "label2id",
)  # fmt: skip
_AROUND = ("hyper_parameters", "hparams", "config", "args", "meta", "metadata", "data", "dataset", "normalize")
"""Dicts beside the weights in which such things are kept."""
_NAME_LETTERS = 200
_MAX_SIDE_PX = 1024
"""Of the images that a network's own input may be, too."""


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What is known from a file; empty where it says nothing that fits the network."""

    classes: tuple[str, ...] = ()
    classes_from: str = ""
    """The key under which the names are."""
    preprocessing: Preprocessing | None = None


def find_facts(content: Any, path: tuple[str, ...], scores: int, shape: tuple[int, int, int]) -> FileFacts:
    """The facts in the dicts around weights.

    Args:
        content: of the file, as ``modules.StoredWeights`` has it.
        path: keys that lead to the weights.
        scores: how many classes the network has; other numbers of names are no names of its classes.
        shape: (channels, height, width) of the network's input.
    """
    around: list[dict[Any, Any]] = []
    for key in (*path, None):
        if isinstance(content, dict):
            around += [content, *(found for each in _AROUND if isinstance(found := content.get(each), dict))]
            content = content.get(key)
    around.reverse()  # what is nearest to the weights counts
    classes, classes_from = next(
        ((names, key) for place in around for key in _CLASSES if (names := _names(place.get(key), scores))), ((), "")
    )
    found = (each for place in around if (each := _preprocessing(place, shape)))
    return FileFacts(classes=classes, classes_from=classes_from, preprocessing=next(found, None))


def _preprocessing(place: dict[Any, Any], shape: tuple[int, int, int]) -> Preprocessing | None:
    """What a run of ours keeps in its checkpoints; else mean and deviation, where there are both."""
    known: Preprocessing | None
    try:
        known = Preprocessing.from_data(place.get("preprocessing"))
    except ValueError:
        mean, std = _numbers(place.get("mean"), shape[0]), _numbers(place.get("std"), shape[0])
        known = Preprocessing(shape=shape, mean=mean, std=std) if mean and std else None
    if known is None or known.shape != shape or max(map(abs, known.mean)) > 1 or min(known.std) <= 0:
        return None
    sides = (*(known.cover or ()), *(known.dataset_shape or ()))  # a stranger's file does not say how large images get
    return known if all(side <= _MAX_SIDE_PX for side in sides) else None


def _names(value: Any, scores: int) -> tuple[str, ...]:
    """One different name for each score, in their order; () for anything else."""
    if isinstance(value, dict):
        if all(isinstance(each, int) for each in value.values()):  # name to number
            value = {number: name for name, number in value.items()}
        value = {int(key) if str(key).isdecimal() else key: each for key, each in value.items()}
        value = [value.get(number) for number in range(scores)] if len(value) == scores else None
    if not isinstance(value, list | tuple) or len(value) != scores or len(set(map(str, value))) != scores:
        return ()
    usable = all(isinstance(each, str) and 0 < len(each) <= _NAME_LETTERS for each in value)
    return tuple(value) if usable else ()


def _numbers(value: Any, channels: int) -> tuple[float, ...]:
    """One number for each channel or one for all; () for anything else."""
    if not isinstance(value, list | tuple) or len(value) not in (1, channels):
        return ()
    usable = all(isinstance(each, int | float) and math.isfinite(each) for each in value)
    return tuple(map(float, value)) if usable else ()
