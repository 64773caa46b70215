"""What a run can start from, by name or file: a model of any origin as weights with their network and preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import catalog
from ..architecture import Architecture
from ..home import absolute
from ..modules import WeightsError, WeightsFile, open_weights_file, weights_paths
from ..runs import Manager
from ..text import quote
from ..training import read_start
from ..training.starting import StartWeights
from ._presets import GivenFacts
from .models import Model
from .opening import open_bytes, open_model

BEGINNING = "start"
"""Stands for a step in RUN@start: the weights that the run itself started from, of which it keeps a copy."""


def open_start(name: str, manager: Manager) -> StartWeights:
    """Open what a run can start from by its name. Nothing is downloaded.

    Args:
        name: Of a shipped model, ``RUN``, ``RUN@STEP`` or ``RUN@best``, ``RUN@start`` (what that run started from),
            of an imported model, or of published weights.
        manager: Of the runs.

    Returns:
        The weights, with their network, classes and preprocessing.

    Raises:
        ValueError: There is no such model, or its file is absent or damaged.
    """
    run, _, step = name.partition("@")
    return read_start(manager, run) if step == BEGINNING else start_from(open_model(name, manager))


def open_start_files(
    architecture: Architecture,
    files: str | Path | Sequence[WeightsFile],
    given: GivenFacts | None = None,
    *,
    part: str | None = None,
) -> StartWeights:
    """Open a file of weights as what a run can start from, whichever network it is of.

    Args:
        architecture: What is to be trained. The weights are those of this network, of what it was made from, or else
            of any network of the catalogue: the first that they fit.
        files: A file, the index of shards or a folder with either; or files that are in memory, such as uploads.
        given: What is known of classes and normalisation; the rest is looked for in the file and in the catalogue.
        part: Which weights to take where a file has several that fit; None: an average, or the first.

    Returns:
        The weights, with the network that they are of.

    Raises:
        ValueError: The files cannot be read, or fit none of these networks.
    """
    if isinstance(files, str | Path):
        files = [open_weights_file(path) for path in weights_paths(absolute(files))]
    origin = catalog.find_origin(architecture)
    likely = [architecture, *([origin.entry.architecture] if origin else [])]
    refusal: WeightsError | None = None
    for each in (*likely, *(entry.architecture for entry in catalog.entries())):
        try:
            return start_from(open_bytes(each, files, given, part=part))
        except WeightsError as error:
            refusal = refusal or error
    raise WeightsError(f"{refusal}; or name the network that the weights are of: NETWORK:{quote(files[0].name, 80)}")


def start_from(model: Model) -> StartWeights:
    """Take a model as what a run can start from.

    Args:
        model: Of any origin.

    Returns:
        Its weights; their names of classes are empty where they are only numbered.
    """
    return StartWeights(
        name=model.name,
        provenance=model.provenance,
        architecture=model.architecture,
        tensors={name: tensor.cpu() for name, tensor in model.network.state_dict().items()},
        classes=model.classes if model.has_class_names else (),
        preprocessing=model.preprocessing,
        notes=model.notes,
    )
