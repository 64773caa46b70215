"""Limits that a network has to keep, and what a search aims at: by the metrics of the analysis, without training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..analysis import METRICS, Direction, Totals, analyze
from ..architecture import Architecture
from ..text import parse_decimal, quote, suggest

ACCURACY = "accuracy"
"""The objective that training tells: the share of correct predictions on the images held out, after the last epoch."""
COVERAGE = "coverage"
"""The share of its receptive field's box that a unit of the last feature map touches, 0 to 1."""
_ALIASES = {"parameters": "params", "memory": "training_bytes", "field": "receptive_field"}
_LIMIT = re.compile(r"\s*(\w+)\s*(<=|>=|=)\s*(.+?)\s*")


def _exact(value: float) -> str:
    """In full: what breaks a limit by one shall not look like the limit."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4g}"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The most or the least that a metric of every network may be."""

    key: str
    """A key of ``METRICS``, or ``coverage``."""
    side: Literal["most", "least"]
    """Whether ``bound`` is the most or the least that is allowed."""
    bound: float
    """In the unit of the metric."""

    def reason_broken(self, value: float | None) -> str:
        """Say why a value breaks the limit; '' where it keeps it.

        Args:
            value: Of the metric; None where it has no one value.

        Returns:
            A sentence without a full stop.
        """
        if value is None:
            return f"{self.key} has no one value behind branches of unequal stride"
        if value > self.bound if self.side == "most" else value < self.bound:
            word = "above" if self.side == "most" else "below"
            return f"{self.key} {_exact(value)} is {word} {_exact(self.bound)}"
        return ""

    def __str__(self) -> str:
        return f"{self.key} {'≤' if self.side == 'most' else '≥'} {_exact(self.bound)}"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One number that a search makes as small or as large as it can."""

    key: str
    """``accuracy``, or a key of ``METRICS``."""
    direction: Direction
    """Which end is looked for."""

    @property
    def trained(self) -> bool:
        """Whether only training tells it."""
        return self.key == ACCURACY


def _find_key(word: str, known: Iterable[str], what: str) -> str:
    key = _ALIASES.get(word, word)
    if key not in known:
        raise ValueError(f"{what}: there is no metric {quote(word)}; {suggest(word, [*known, *_ALIASES])}")
    return key


def parse_limit(text: str) -> Limit:
    """Read a limit.

    Args:
        text: ``params=1e6``, which is the most of what costs, and the least of receptive field and coverage; ``<=`` and
            ``>=`` say which it is.

    Returns:
        The limit.

    Raises:
        ValueError: It is none; the message says what one looks like.
    """
    found = _LIMIT.fullmatch(text)
    if not found:
        raise ValueError(f"limit: {quote(text)} must be a metric and its bound, such as params=1e6 or coverage>=0.9")
    word, sign, number = found.groups()
    key = _find_key(word, (*METRICS, COVERAGE), "limit")
    try:
        bound = parse_decimal(number)
    except ValueError as error:
        raise ValueError(f"limit: {key}: {error}") from None
    usual = "least" if key == COVERAGE or METRICS[key].trade_off == "most" else "most"
    side: Literal["most", "least"] = {"<=": "most", ">=": "least", "=": usual}[sign]  # type: ignore[assignment]
    if key == COVERAGE and not 0 <= bound <= 1:
        raise ValueError(f"limit: coverage (={number}) must be a share from 0 to 1")
    return Limit(key=key, side=side, bound=bound)


def find_objectives(words: Iterable[str]) -> tuple[Objective, ...]:
    """Find objectives by their words.

    Args:
        words: ``accuracy`` and, if other metrics count as well, their keys; each once.

    Returns:
        The objectives, accuracy first. Metrics have the direction in which a Pareto front looks.

    Raises:
        ValueError: There is no such metric, or accuracy is not among them.
    """
    keys = list(dict.fromkeys(_find_key(word.strip(), (ACCURACY, *METRICS), "objective") for word in words))
    if ACCURACY not in keys:
        raise ValueError("objective: accuracy must be among them; a search without training is `explorer compare`'s")
    others = [Objective(key=key, direction=METRICS[key].trade_off) for key in keys if key != ACCURACY]
    return (Objective(key=ACCURACY, direction="most"), *others)


def measure(key: str, network: Architecture, totals: Totals) -> float | None:
    """Measure one metric of a network.

    Args:
        key: Of ``METRICS``, or ``coverage``.
        network: The network.
        totals: Its totals, which tell most metrics at once; the others need an analysis.

    Returns:
        The number in the unit of the metric; None where coverage has no one value.
    """
    metric = METRICS.get(key)
    if metric is not None and metric.of_totals is not None:
        return metric.of_totals(totals)
    analysis = analyze(network)
    if metric is not None:
        return metric.read(network, analysis)
    last = next(
        (layer for layer in reversed(analysis.layers) if layer.receptive_field == totals.receptive_field), None
    )
    return 1.0 if last is None else analysis.coverage[last.path]
