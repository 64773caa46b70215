"""What a stored run was, read once: the structure of its network, and the settings in which runs are comparable."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache

from ..runs import Manager, Run
from ..training import TrainConfig, measure_networks, parse

logger = logging.getLogger(__name__)

_FREE_SETTINGS = {"seed": 0, "device": "auto", "keep_checkpoints": 0, "share_gpu": False}
"""Settings in which runs of one comparison may differ, with the values that stand for any."""


def read_structures(manager: Manager, runs: Iterable[Run]) -> list[tuple[str, Run]]:
    """Read of which networks runs are, whatever their names and notes.

    Args:
        manager: Of the runs.
        runs: Any of them.

    Returns:
        (what ``describe_structure`` gives for the network, run), without those whose network this version cannot read.
    """
    runs = list(runs)
    known = measure_networks(manager.store, (run.architecture for run in runs))
    return [(found.structure, run) for run in runs if (found := known[run.architecture]).structure]


@lru_cache(maxsize=10_000)
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
