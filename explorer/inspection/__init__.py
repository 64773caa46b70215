"""Trained networks: which there are, what they predict, what their units compute, and which pixels matter for a class.

This module needs no torch: it lists the models, prepares images, and finds the receptive field of a unit. The modules
that compute import torch: ``opening`` (open a model), ``predict``, ``features``, ``attribution``, ``contributions``,
``perturbation``, ``evaluation`` and ``effective_field``.
"""

from ..datasets import Box, Placement, Preprocessing
from ._available import (
    BEST,
    AvailableModel,
    ModelKind,
    describe_fetch,
    list_checkpoint_names,
    list_models,
    suggest_model,
)
from ._dataset_of import find_dataset
from ._device import choose_device
from ._fetch_weights import fetch_weights
from ._field import UnitField, inner_units, unit_field
from ._imported import (
    MAX_IMPORTED_BYTES,
    ImportedModel,
    find_owners,
    list_imported,
    measure_imported,
    remove_imported,
    share_imported,
)
from ._paths import branch_paths, check_path
from ._perturbations import PERTURBATIONS, Perturbation, check_perturbation
from ._presets import GivenFacts, Preset, find_preset, list_presets, parse_numbers
from ._published import PUBLISHED, PublishedWeights, find_published, find_published_for
from ._samples import SampleImage, list_sample_images
from ._shipped import ModelCard, load_model_cards, write_shipped_model
from .cache import ResultCache

__all__ = [
    "BEST",
    "MAX_IMPORTED_BYTES",
    "PERTURBATIONS",
    "PUBLISHED",
    "AvailableModel",
    "Box",
    "GivenFacts",
    "ImportedModel",
    "ModelCard",
    "ModelKind",
    "Perturbation",
    "Placement",
    "Preprocessing",
    "Preset",
    "PublishedWeights",
    "ResultCache",
    "SampleImage",
    "UnitField",
    "branch_paths",
    "check_path",
    "check_perturbation",
    "choose_device",
    "describe_fetch",
    "fetch_weights",
    "find_dataset",
    "find_owners",
    "find_preset",
    "find_published",
    "find_published_for",
    "inner_units",
    "list_checkpoint_names",
    "list_imported",
    "list_models",
    "list_presets",
    "list_sample_images",
    "load_model_cards",
    "measure_imported",
    "parse_numbers",
    "remove_imported",
    "share_imported",
    "suggest_model",
    "unit_field",
    "write_shipped_model",
]
