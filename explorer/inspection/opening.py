"""Opening models: by the name that ``list_models`` gives them, or a network with a file of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..architecture import Architecture, from_json
from ..catalog import get
from ..datasets import DatasetError, Preprocessing, get_card
from ..home import absolute
from ..importing import Import, from_file
from ..modules import (
    WeightsError,
    WeightsFile,
    build,
    fill,
    fit_weights,
    open_weights_file,
    read_weights,
    weights_paths,
)
from ..runs import Manager, Run, RunFolder, StorageError, checkpoint_step, list_best, list_checkpoints, list_kept
from ..text import format_bytes, format_share, quote, quote_path
from ..training import TrainConfig, checkpoint, parse
from ..training.data import derive_seed, describe_preprocessing, open_data
from ._available import BEST, describe_best, list_candidates, suggest_model
from ._fetch_weights import read_digest
from ._imported import UNKNOWN_PREPROCESSING, ImportedModel, list_imported, read_facts
from ._known_facts import describe_weights, imagenet_classes
from ._presets import GivenFacts
from ._published import PublishedWeights, find_published
from ._shipped import ModelCard, load_model_cards, weights_path
from .models import Model, NetworkState, check_scores, digest_weights, make_model, move

INITIAL = "initial"
"""How a network before its training is called."""


def open_model(name: str, manager: Manager, *, device: str = "cpu") -> Model:
    """A model by the name that ``list_models`` gives it: shipped, a run, imported or published. Nothing is downloaded.

    Args:
        name: of a shipped model, ``RUN`` (its newest valid checkpoint), ``RUN@STEP`` or ``RUN@best`` (its best epoch),
            of an imported model, or of published weights. Where a run averages its weights (EMA), the average is
            taken, which is also what was evaluated.
        manager: of the runs.
        device: where the model computes; see ``inspection.choose_device``.

    Raises:
        ValueError: there is no such model, its file is absent or damaged, or the device cannot hold it.
    """
    cards = load_model_cards()
    if name in cards:
        return _open_shipped(name, cards[name], device)
    imported = list_imported(manager.root).get(name)
    if imported is not None:
        return _open_imported(imported, device)
    spec = find_published(name)
    if spec is not None:
        return open_published(spec, device=device)
    run_id, _, step = name.partition("@")
    try:
        run = manager.run(run_id)
    except ValueError:
        raise ValueError(f"there is no model {quote(name)}; {suggest_model(name, manager)}") from None
    return _open_run(manager, run, step, device)


def open_files(
    architecture: Architecture,
    paths: str | Path | Sequence[str | Path],
    given: GivenFacts | None = None,
    *,
    part: str | None = None,
    device: str = "cpu",
) -> Model:
    """Any network with weights from files, as people save them; see ``modules.fit_weights``.

    Args:
        architecture: what the network computes; its classes become those of the file.
        paths: a file, the index of shards, a folder with either, or several shards.
        given: what is known of classes and normalisation; the rest is looked for in the file and in the catalogue.
        part: which weights to take where the file has several that fit; None: an average, or the first.
        device: where the model computes; see ``inspection.choose_device``.

    Raises:
        ValueError: the network has no class scores, or the files cannot be read or do not fit it.
    """
    named = [paths] if isinstance(paths, str | Path) else paths
    found = [each for path in named for each in weights_paths(absolute(path))]
    return open_bytes(architecture, [open_weights_file(path) for path in found], given, part=part, device=device)


def open_network_file(path: str | Path, *, device: str = "cpu") -> Model:
    """The network of a file that holds it with its weights: ONNX, or safetensors with their design.

    Args:
        path: of the file.
        device: where the model computes; see ``inspection.choose_device``.

    Raises:
        ValueError: the file cannot be read, or its network does not fit wholly or has no class scores.
    """
    found = from_file(path)
    if found.architecture is None or found.obstacle is not None:
        reason = found.obstacle.describe() if found.obstacle else ""
        raise ValueError(f"{quote_path(Path(path).name)} does not fit wholly: {reason}")
    return open_import(found, Path(path).name, device=device)


def open_import(found: Import, name: str, *, device: str = "cpu") -> Model:
    """A network that was imported whole, as a model.

    Args:
        found: with its design and weights.
        name: of the model.
        device: where the model computes; see ``inspection.choose_device``.

    Raises:
        ValueError: the network has no class scores.
    """
    assert found.architecture is not None
    check_scores(found.architecture)
    network = build(found.architecture, "meta")
    fill(network, dict(found.weights), name)
    facts = read_facts(found)
    unknown = () if facts.preprocessing else (UNKNOWN_PREPROCESSING,)
    return make_model(
        found.architecture,
        network,
        name=name,
        classes=facts.classes,
        preprocessing=facts.preprocessing or Preprocessing(shape=found.architecture.input_shape),
        provenance=facts.provenance or f"weights of the file {name}",
        notes=unknown,
        device=device,
    )


def open_bytes(
    architecture: Architecture,
    files: Sequence[WeightsFile],
    given: GivenFacts | None = None,
    *,
    part: str | None = None,
    device: str = "cpu",
) -> Model:
    """``open_files`` for files that are in memory, such as uploads."""
    check_scores(architecture)
    stored = read_weights(files)
    fitted = fit_weights(architecture, stored, part)
    described = describe_weights(architecture, fitted, stored, given or GivenFacts())
    taken = f", part {fitted.part!r}" if fitted.part else ""
    return make_model(
        fitted.architecture,
        fitted.network,
        name=stored.name,
        classes=described.classes,
        preprocessing=described.preprocessing,
        provenance=f"weights of the file {stored.name}{taken}, {sum(len(file.data) for file in files):,} bytes",
        notes=(*fitted.notes, *described.notes),
        conversions=(*fitted.conversions, *described.conversions),
        device=device,
    )


def open_published(spec: PublishedWeights, *, device: str = "cpu") -> Model:
    """A network with the weights that torchvision or timm publishes, from torch's hub folder. Nothing is downloaded.

    Other weights of that network in the file's place are opened too, and told not to be the published ones.

    Raises:
        ValueError: the file is absent (the message says how to get it) or damaged.
    """
    if not spec.path.is_file():
        raise ValueError(
            f"the weights of {spec.title} are not on this machine; download them first "
            f"({format_bytes(spec.size_bytes)}: `python -m explorer predict {spec.name} --download ...`), "
            f"or put the file of {spec.url} ({spec.checksum}) as {spec.file} into {spec.path.parent}"
        )
    try:
        file = open_weights_file(spec.path)
        fitted = fit_weights(get(spec.name), read_weights([file]))
    except WeightsError as error:
        raise ValueError(f"{error} (it lies in {spec.path.parent}; remove it to download it anew)") from None
    digest = hashlib.sha256(file.data).hexdigest()
    expected, of = spec.sha256_prefix, "the published file"
    if not expected:
        expected, of = read_digest(spec), "the file that was downloaded"
    notes: tuple[str, ...] = ()
    if not expected:
        notes = (f"{spec.file} was put there by hand, and its checksum is not known; it begins with {digest[:8]}",)
    elif not digest.startswith(expected):
        notes = (f"{spec.file} is not {of}: its SHA-256 begins with {digest[:8]}",)
    return make_model(
        fitted.architecture,
        fitted.network,
        name=spec.name,
        classes=imagenet_classes(),
        preprocessing=spec.preprocessing,
        provenance=f"published by {spec.library} ({spec.weights}), {spec.file}, trained on ImageNet",
        notes=notes,
        conversions=fitted.conversions,
        device=device,
    )


def open_initial(architecture: Architecture, seed: int = 0, *, device: str = "cpu") -> NetworkState:
    """A network before its training, with the random weights that a run of this seed begins with.

    Args:
        architecture: any network, classifier or not.
        seed: of the run.
        device: where it computes; see ``inspection.choose_device``.

    Returns:
        The network; its weights are torch's initial ones, and norms have mean 0 and variance 1.

    Raises:
        ArchitectureError: the layers do not fit together.
        ValueError: the device cannot hold the network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        network = build(architecture).requires_grad_(False).eval()
    weights_sha256 = digest_weights(network)
    return NetworkState(
        name=INITIAL,
        architecture=architecture,
        network=move(network, torch.device(device)),
        provenance=f"random weights of seed {seed}, before any training",
        weights_sha256=weights_sha256,
        device=torch.device(device),
    )


def _open_shipped(name: str, card: ModelCard, device: str) -> Model:
    architecture = card.to_architecture()
    file = open_weights_file(weights_path(name))
    if hashlib.sha256(file.data).hexdigest() != card.sha256:
        raise ValueError(
            f"the weights of {name} are damaged: their SHA-256 is not the card's; install the program again"
        )
    return make_model(
        architecture,
        fit_weights(architecture, read_weights([file])).network,
        name=name,
        classes=card.classes,
        preprocessing=Preprocessing(shape=architecture.input_shape, mean=card.mean, std=card.std),
        provenance=f"shipped with this program, trained on {card.data}, {format_share(card.accuracy)} right",
        device=device,
    )


def _open_imported(kept: ImportedModel, device: str) -> Model:
    network = build(kept.architecture, "meta")
    stored = read_weights([open_weights_file(kept.path)])
    fill(network, {name: tensor.load() for name, tensor in stored.content.items()}, kept.path.name)
    return make_model(
        kept.architecture,
        network,
        name=kept.name,
        classes=kept.classes,
        preprocessing=kept.preprocessing or Preprocessing(shape=kept.architecture.input_shape),
        provenance=f"{kept.title}, {kept.provenance}",
        notes=kept.notes,
        device=device,
    )


def _open_run(manager: Manager, run: Run, step: str, device: str) -> Model:
    architecture, config = from_json(run.architecture), parse(run.config)
    captured, path, notes = _load_checkpoint(manager, run, step)
    averaged = captured["average"] is not None
    network = build(architecture, "meta")
    fill(network, captured["average" if averaged else "model"], path.name)
    classes, preprocessing, unknown = _read_facts(captured, config, architecture)
    number, best = checkpoint_step(path), captured.get("best") if path in list_best(path.parent) else None
    chosen = "" if best is None else f", {describe_best(best)}"
    return make_model(
        architecture,
        network,
        name=f"{run.id}@{number if best is None else BEST}",
        classes=classes,
        preprocessing=preprocessing,
        provenance=f"run {run.id}, step {number:,}{chosen}, {config.dataset}"
        + (", running average of its weights" if averaged else ""),
        notes=(*notes, *unknown),
        device=device,
    )


def _read_facts(
    captured: dict[str, Any], config: TrainConfig, architecture: Architecture
) -> tuple[Sequence[str], Preprocessing, tuple[str, ...]]:
    """Classes and preprocessing of a run, and what is not known of them, by the state in one of its checkpoints."""
    if "preprocessing" in captured:
        return captured["classes"], Preprocessing.from_data(captured["preprocessing"]), ()
    if "classes" not in captured:  # written by a version that put down neither
        data = open_data(config, architecture)
        return data.classes, describe_preprocessing(data, config), ()
    # Written by a version that put down mean and deviation alone. It adapted images by squashing them.
    notes: tuple[str, ...] = ()
    try:
        dataset_shape = get_card(config.dataset).shape
    except DatasetError:
        dataset_shape = None
        notes = (
            f"the run was made by an earlier version, and its data set {config.dataset[:60]} is not here: which size "
            f"its images had is not known, so pictures are scaled to the input as they are",
        )
    made = Preprocessing(
        shape=architecture.input_shape,
        mean=tuple(captured["mean"]),
        std=tuple(captured["std"]),
        dataset_shape=dataset_shape,
        squash=True,
        mirror=config.flip_average,
    )
    return captured["classes"], made, notes


def _load_checkpoint(manager: Manager, run: Run, step: str) -> tuple[dict[str, Any], Path, tuple[str, ...]]:
    """A checkpoint that is wanted, or the newest valid one. A worker may be writing and deleting here meanwhile."""
    folder = RunFolder(manager.root, run.id).checkpoints
    complaints: dict[str, None] = {}
    for _ in range(3):
        vanished = False  # what was listed may be gone when it is read: then a newer one is there
        for path in list_candidates(folder, step):
            try:
                return checkpoint.load(path, run.id), path, tuple(complaints)
            except checkpoint.CheckpointError as error:
                vanished = vanished or not path.exists()
                if path.exists():
                    complaints[str(error)] = None
            except StorageError as error:
                raise ValueError(f"the weights of run {run.id} are not here: {error}") from None
        if not vanished:
            break
    found = {checkpoint_step(path) for path in (*list_checkpoints(folder), *list_kept(folder))}
    steps = [str(each) for each in sorted(found, reverse=True)]
    have = ", ".join([*steps, BEST] if list_best(folder) else steps)
    what = f"checkpoint of step {step[:20]}" if step else "valid checkpoint"
    if step == BEST:
        what = "checkpoint of its best epoch"
    reason = "; ".join(complaints) or (f"it has {have}" if have else "it has none yet")
    raise ValueError(f"run {run.id} has no {what}: {reason}")
