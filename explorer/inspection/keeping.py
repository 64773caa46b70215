"""Keeping what was imported: the design with its weights, as a model of the user's home."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.torch

from .. import ownership
from ..architecture import to_json
from ..datasets import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from ..importing import Import
from ..runs import atomic_write
from ..text import format_bytes, quote
from ._imported import (
    DESIGN,
    MAX_IMPORTED_BYTES,
    PREFIX,
    PROVENANCE,
    RANDOM,
    TITLE,
    imported_path,
    measure_imported,
    owners_of,
    read_facts,
)
from ._known_facts import imagenet_classes
from ._presets import IMAGENET_CLASSES
from ._published import PUBLISHED
from .models import check_scores

_DIGITS = 8
"""Of the digest that ends a name."""


def save_import(found: Import, home: Path) -> str:
    """Keep an imported model, so that it is opened, trained and exported by its name as any other.

    Args:
        found: An import with a design that ends in class scores.
        home: The data directory.

    Returns:
        Its name. What is kept already is not written again and has the same name.

    Raises:
        ValueError: Nothing was imported, its design ends in no scores, what is kept already leaves no room for it, or
            it cannot be written.
    """
    architecture = found.architecture
    if architecture is None:
        raise ValueError("nothing was imported, so there is nothing to keep")
    scores = check_scores(architecture)
    Preprocessing(shape=architecture.input_shape)  # else it takes no pictures, and could not be opened
    about = {DESIGN: to_json(architecture, indent=None), **_describe(found, scores)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in found.weights.items()}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", architecture.name).strip("-.")[:60] or "model"
    name = f"{PREFIX}{plain}-{digest.hexdigest()[:_DIGITS]}"
    path = imported_path(name, home)
    if path.is_file():
        ownership.claim(owners_of(name, home), new=False)
        return name
    content = safetensors.torch.save(tensors, {"format": "pt", **about})
    there = measure_imported(home)
    if there + len(content) > MAX_IMPORTED_BYTES:
        raise ValueError(
            f"imported models already take {format_bytes(there)} of the {format_bytes(MAX_IMPORTED_BYTES)} that they "
            f"may, and this one has {format_bytes(len(content))}: remove some (Remove beside a model on Inspect, or "
            "`python -m explorer models --remove NAME`)"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ownership.claim(owners_of(name, home), new=True)
        atomic_write(path, content)
    except OSError as error:
        raise ValueError(f"the weights cannot be kept in {quote(str(path.parent), 200)}: {error.strerror}") from None
    return name


def _describe(found: Import, scores: int) -> dict[str, str]:
    """Title, origin, classes and preprocessing as text by keys."""
    assert found.architecture is not None
    name, library = found.architecture.name, found.library
    if found.weights_file:
        origin = f"weights of the file {found.weights_file}"
    elif found.is_random:
        origin = "the library's initial weights (random)"
    else:
        origin = "with the weights that it had"
    about = {
        TITLE: f"{name} of {library}" if library else name,
        PROVENANCE: f"imported, {origin}",
        RANDOM: json.dumps(found.is_random),
    }
    how = _find_preprocessing(library, name, found.architecture.input_shape) if library else None
    if how is not None:
        about["preprocessing"] = json.dumps(how.to_data())
        if found.weights_file and scores == IMAGENET_CLASSES:
            about["classes"] = json.dumps(imagenet_classes())
    said = read_facts(found)
    if said.provenance:
        about[PROVENANCE] = f"imported, {said.provenance}"
    if said.preprocessing is not None:
        about["preprocessing"] = json.dumps(said.preprocessing.to_data())
    if said.classes:
        about["classes"] = json.dumps(said.classes)
    return about


def _find_preprocessing(library: str, name: str, shape: tuple[int, int, int]) -> Preprocessing | None:
    """How a library prepares images for a network; None where that is for other images than these."""
    spec = next((each for each in PUBLISHED.values() if (each.library, each.model) == (library, name)), None)
    if spec is not None:
        how = spec.preprocessing
        if how.shape == shape:
            return how
        return replace(how, shape=shape, cover=None) if how.shape[0] == shape[0] else None
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    if library == "timm":
        import timm

        config = timm.get_pretrained_cfg(name)
        if config is not None and config.mean and config.std:
            mean, std = tuple(config.mean), tuple(config.std)
    return Preprocessing(shape=shape, mean=mean, std=std) if len(mean) in (1, shape[0]) else None
