"""Opening models: by the name that ``entries`` gives them, or a network and a file of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..architecture import Architecture, from_json
from ..catalog import get
from ..home import absolute
from ..modules import (
    Network,
    WeightsError,
    build,
    fill,
    from_torchvision,
    load_weights,
    load_weights_file,
    read_weights,
    size_limit_bytes,
)
from ..runs import Manager, Run, RunFolder, list_checkpoints
from ..training import checkpoint, parse
from ..training.data import open_data
from ._preprocessing import Preprocessing
from ._published import PublishedWeights, find_published
from ._shipped import ModelCard, load_model_cards, weights_path
from .models import Model, check_scores, make_model


def open_model(name: str, manager: Manager) -> Model:
    """A model by the name that ``entries`` gives it: shipped, a run (``RUN`` or ``RUN@STEP``), or published.

    A run's newest valid checkpoint is taken, its running average where that is what was judged. Nothing is downloaded.
    Raises ValueError in one sentence.
    """
    cards = load_model_cards()
    if name in cards:
        return _open_shipped(name, cards[name])
    spec = find_published(name)
    if spec is not None:
        return open_published(spec)
    run_id, _, step = name.partition("@")
    try:
        run = manager.run(run_id)
    except ValueError as error:
        raise ValueError(f"{error}; `python -m explorer models` shows all models") from None
    return _open_run(manager, run, step)


def open_files(
    architecture: Architecture,
    path: str | Path,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
) -> Model:
    """A network of one's own with weights from a ``.safetensors`` or ``.pt`` file, strictly checked.

    Without names the classes are numbered; without ``preprocessing`` pixels become -1 to 1. Raises ValueError.
    """
    check_scores(architecture)
    file = absolute(path)
    network = build(architecture, "meta")
    data = load_weights_file(network, file)
    return _open_custom(architecture, network, file.name, len(data), classes, preprocessing)


def open_bytes(
    architecture: Architecture,
    data: bytes,
    name: str,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
) -> Model:
    """``open_files`` for weights that are in memory, such as an upload; ``name`` is what their file is called."""
    check_scores(architecture)
    network = build(architecture, "meta")
    load_weights(network, data, name)
    return _open_custom(architecture, network, name, len(data), classes, preprocessing)


def _open_custom(
    architecture: Architecture,
    network: Network,
    name: str,
    size: int,
    classes: Sequence[str],
    preprocessing: Preprocessing | None,
) -> Model:
    return make_model(
        architecture,
        network,
        name=name,
        classes=classes,
        preprocessing=preprocessing or Preprocessing(shape=architecture.input_shape),
        provenance=f"weights of the file {name}, {size:,} bytes",
    )


def open_published(spec: PublishedWeights) -> Model:
    """torchvision's network with its published weights, from torch's hub folder. Raises ValueError if they are absent.

    A file whose SHA-256 is the published one is loaded in whatever form torchvision chose; any other only if it is a
    state dict that passes as a stranger's.
    """
    from torchvision.models import get_model_weights

    architecture = get(spec.name)
    network = build(architecture, "meta")
    try:
        with spec.path.open("rb") as file:
            data = file.read(size_limit_bytes(network) + 1)
    except FileNotFoundError:
        raise ValueError(
            f"the weights of {spec.title} are not here; download them first ({spec.size_bytes / 1e6:.0f} MB), or put "
            f"{spec.file} into {spec.path.parent}"
        ) from None
    except OSError as error:
        raise ValueError(f"cannot read {str(spec.path)!r}: {error.strerror or error}") from None
    digest = hashlib.sha256(data).hexdigest()
    try:
        authentic = digest.startswith(spec.sha256_prefix)
        tensors = read_weights(network, data, spec.file, authentic=authentic)
        fill(network, from_torchvision(spec.name, tensors, network), spec.file)
    except WeightsError as error:
        raise ValueError(f"{error} (it lies in {spec.path.parent}; remove it to download it anew)") from None
    return make_model(
        architecture,
        network,
        name=spec.name,
        classes=get_model_weights(spec.torchvision).IMAGENET1K_V1.meta["categories"],
        preprocessing=spec.preprocessing,
        provenance=f"published by torchvision, {spec.file}, learnt from ImageNet",
        notes=() if authentic else (f"{spec.file} is not the published file: its SHA-256 begins with {digest[:8]}",),
    )


def _open_shipped(name: str, card: ModelCard) -> Model:
    architecture = card.to_architecture()
    network = build(architecture, "meta")
    data = load_weights_file(network, weights_path(name))
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise ValueError(f"the weights of {name} are not those of its card: their SHA-256 differs; install them anew")
    return make_model(
        architecture,
        network,
        name=name,
        classes=card.classes,
        preprocessing=Preprocessing(shape=architecture.input_shape, mean=card.mean, std=card.std),
        provenance=f"shipped with this program, trained on {card.data}, {card.accuracy:.1%} right",
    )


def _open_run(manager: Manager, run: Run, step: str) -> Model:
    architecture, config = from_json(run.architecture), parse(run.config)
    captured, path, notes = _load_checkpoint(manager, run, step)
    averaged = captured["average"] is not None
    network = build(architecture, "meta")
    fill(network, captured["average" if averaged else "model"], path.name)
    if "classes" in captured:
        classes, mean, std = captured["classes"], captured["mean"], captured["std"]
    else:  # written by a version that did not put them down
        data = open_data(config, architecture)
        half = config.normalise == "half"
        classes, mean, std = data.classes, (0.5,) if half else data.mean, (0.5,) if half else data.std
    number = int(path.stem.removeprefix("step-"))
    return make_model(
        architecture,
        network,
        name=f"{run.id}@{number}",
        classes=classes,
        preprocessing=Preprocessing(shape=architecture.input_shape, mean=tuple(mean), std=tuple(std)),
        provenance=f"run {run.id}, step {number:,}, {config.dataset}"
        + (", running average of its weights" if averaged else ""),
        notes=notes,
    )


def _load_checkpoint(manager: Manager, run: Run, step: str) -> tuple[dict[str, Any], Path, tuple[str, ...]]:
    """A checkpoint that is wanted, or the newest valid one. A worker may be writing and deleting here meanwhile."""
    folder = RunFolder(manager.root, run.id).checkpoints
    complaints: dict[str, None] = {}
    for _ in range(3):
        vanished = False  # what was listed may be gone when it is read: then a newer one is there
        for path in list_checkpoints(folder):
            if not step or path.stem == f"step-{step:0>10}":
                try:
                    return checkpoint.load(path, run.id), path, tuple(complaints)
                except checkpoint.CheckpointError as error:
                    vanished = vanished or not path.exists()
                    if path.exists():
                        complaints[str(error)] = None
        if not vanished:
            break
    have = ", ".join(path.stem.removeprefix("step-").lstrip("0") or "0" for path in list_checkpoints(folder))
    what = f"checkpoint of step {step[:20]}" if step else "valid checkpoint"
    reason = "; ".join(complaints) or (f"it has {have}" if have else "it has none yet")
    raise ValueError(f"run {run.id} has no {what}: {reason}")
