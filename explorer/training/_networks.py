"""The networks of runs measured once: each text is read and analysed by the first who asks, and the store remembers."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..analysis import METRICS, analyze
from ..architecture import Architecture, ArchitectureError, from_json, to_data
from ..runs import NetworkRow, Store, StoreError

REVISION = 1
"""To be raised when a metric is counted otherwise, or a structure written otherwise: what a store knows by an older
revision is then found out anew. A test tells when. A new metric needs nothing: rows without it are no longer taken."""
_MOST = 100_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredNetwork:
    """What lists and comparisons of runs ask of a network."""

    structure: str
    """Equal for networks that differ in name and notes alone; '' where the text is no network of this version."""
    numbers: Mapping[str, int]
    """Each of ``METRICS`` by its key; {} where the layers do not fit together."""


_known: dict[str, MeasuredNetwork] = {}
"""By their texts those that this process has asked for, whatever store has them."""


def describe_structure(architecture: Architecture) -> str:
    """Write in few letters what must be equal for networks to be compared as one: input shape and layers.

    Args:
        architecture: The network; its name and notes do not matter.

    Returns:
        A digest, equal where ``input_shape`` and ``trunk`` are equal and nowhere else.
    """
    data = to_data(architecture)
    return _digest(json.dumps([data["input_shape"], data["trunk"]], sort_keys=True))


def measure_networks(
    store: Store, texts: Iterable[str], *, seconds: float | None = None
) -> dict[str, MeasuredNetwork]:
    """Measure the networks of runs, from what the store knows as far as it does.

    Args:
        store: That of the runs; what it does not know yet is written into it.
        texts: The networks, JSON. Those that come first are measured first.
        seconds: When no further one is begun that is not known; None: all are measured.

    Returns:
        The measured ones by their texts.

    Raises:
        StoreError: The store cannot be read.
    """
    wanted = dict.fromkeys(texts)
    missing = {_digest(text): text for text in wanted if text not in _known}
    if missing:
        if len(_known) > _MOST:
            _known.clear()
            missing = {_digest(text): text for text in wanted}
        for digest, row in store.networks.find(missing, REVISION).items():
            numbers = json.loads(row.numbers)
            if METRICS.keys() <= numbers.keys():
                numbers = {key: numbers[key] for key in METRICS}
                _known[missing.pop(digest)] = MeasuredNetwork(structure=row.structure, numbers=numbers)
        _measure(store, missing, seconds)
    return {text: found for text in wanted if (found := _known.get(text)) is not None}


def _measure(store: Store, missing: Mapping[str, str], seconds: float | None) -> None:
    begun, rows = time.monotonic(), []
    for digest, text in missing.items():
        if seconds is not None and time.monotonic() - begun >= seconds:
            break
        found = _known[text] = _measure_text(text)
        if found.numbers:  # else another program may know the kinds of nodes that this one cannot read
            numbers = json.dumps(found.numbers, separators=(",", ":"))
            rows.append(NetworkRow(digest=digest, revision=REVISION, structure=found.structure, numbers=numbers))
    try:
        store.networks.save(rows)
    except StoreError as error:  # on a full disk, say: it is found out again another time
        _log.info("what was found out about %s networks is not kept: %s", len(rows), error)


def _measure_text(text: str) -> MeasuredNetwork:
    try:
        network = from_json(text)
    except ArchitectureError:
        return MeasuredNetwork(structure="", numbers={})
    try:
        analysis = analyze(network)
    except ArchitectureError:
        return MeasuredNetwork(structure=describe_structure(network), numbers={})
    numbers = {key: metric.read(network, analysis) for key, metric in METRICS.items()}
    return MeasuredNetwork(structure=describe_structure(network), numbers=numbers)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
