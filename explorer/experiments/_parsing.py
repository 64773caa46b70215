"""What a stored run was, read once: the structure of its network, and the settings in which runs are comparable."""

from __future__ import annotations

import logging
from functools import lru_cache

from ..architecture import ArchitectureError, from_json
from ..training import TrainConfig, parse

logger = logging.getLogger(__name__)

_FREE_SETTINGS = {"seed": 0, "device": "auto", "keep_checkpoints": 0}
"""Settings in which runs of one comparison may differ, with the values that stand for any."""


@lru_cache(maxsize=512)
def parse_structure(text: str) -> object:
    """Read input shape and layers of a network in JSON, without its name and notes: what must be equal for comparison.

    Args:
        text: JSON of an architecture.

    Returns:
        A value to compare with others; None where the text is not an architecture.
    """
    try:
        architecture = from_json(text)
    except ArchitectureError:
        return None
    return architecture.input_shape, architecture.trunk


@lru_cache(maxsize=512)
def parse_settings(text: str) -> TrainConfig | None:
    """Read the settings of a run without those in which runs of one comparison may differ.

    Args:
        text: JSON of a training configuration.

    Returns:
        The settings with placeholders for those; None where this version cannot read them.
    """
    try:
        return parse(text).changed(**_FREE_SETTINGS)
    except ValueError as error:  # of another version of the program
        logger.info("a run is not compared: its settings cannot be read (%s)", error)
        return None
