"""A challenge as a value: which data, what is to be reached, within which limits, and who is first on the board."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..analysis import METRICS
from ..architecture import MAX_TITLE
from ..search import ACCURACY, Limit
from ..text import format_share, quote, shorten, suggest

MAX_TEXT = 2000
"""Characters of what a challenge says to those who take part."""


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a class is asked to reach."""

    title: str
    """Shown to people."""
    text: str
    """What its author says to those who take part; '' for nothing."""
    dataset: str
    """Name of the data set that every run must be trained and tested on."""
    least_accuracy: float | None
    """The test accuracy after the last epoch that is to be reached, from 0 to 1; None: any."""
    limits: tuple[Limit, ...]
    """What every network keeps."""
    rank: str
    """What decides who is first among those who reach it: ``accuracy``, or a key of ``METRICS``."""
    most_epochs: int | None = None
    """Epochs that a run may have been trained at most; None: any number."""
    scratch: bool = True
    """Whether weights must begin at random."""
    start: str = ""
    """Link text of the network that is offered to begin with; '' for none."""
    closes: float | None = None
    """Until when runs can be handed in, in seconds since 1970; None: until it is closed by hand."""
    closed: bool = False
    """Whether it was closed by hand."""

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("challenge: it needs a title")
        if len(self.text) > MAX_TEXT:
            raise ValueError(f"challenge: its text has {len(self.text):,} characters; at most {MAX_TEXT:,} are shown")
        if self.least_accuracy is not None and not 0 <= self.least_accuracy <= 1:
            raise ValueError(
                f"challenge: the accuracy to be reached (={self.least_accuracy:g}) must be a share from 0 to 1"
            )
        if self.most_epochs is not None and self.most_epochs < 1:
            raise ValueError(f"challenge: epochs (={self.most_epochs}) must be at least 1")
        if self.rank != ACCURACY and self.rank not in METRICS:
            hint = suggest(self.rank, [ACCURACY, *METRICS])
            raise ValueError(f"challenge: there is no metric {quote(self.rank)}; {hint}")
        if self.closes is not None and not math.isfinite(self.closes):
            raise ValueError("challenge: the time at which it closes is none")

    @property
    def open(self) -> bool:
        """Whether runs can be handed in now."""
        return not self.closed and (self.closes is None or time.time() < self.closes)

    @property
    def goals(self) -> list[str]:
        """What is to be reached and kept, each in a few words."""
        epochs = self.most_epochs
        return [
            *([] if self.least_accuracy is None else [f"test accuracy ≥ {format_share(self.least_accuracy)}"]),
            *map(describe_limit, self.limits),
            *([] if epochs is None else [f"at most {epochs:,} epoch{'s' if epochs > 1 else ''}"]),
            *(["weights from random numbers"] if self.scratch else []),
        ]

    @property
    def keys(self) -> list[str]:
        """The metrics that the board shows beside the accuracy, each once: those of the limits, then the usual ones."""
        rank = [] if self.rank == ACCURACY else [self.rank]
        return list(dict.fromkeys([*rank, *(limit.key for limit in self.limits), "params", "macs"]))

    def changed(self, **fields: Any) -> Challenge:
        """Copy the challenge with other values."""
        return replace(self, **fields)

    def to_json(self) -> str:
        """Write the challenge for the run store, without its title."""
        fields = {name: value for name, value in asdict(self).items() if name != "title"}
        return json.dumps({"kind": "challenge", **fields})

    @classmethod
    def from_json(cls, title: str, text: str) -> Challenge:
        """Read a challenge of the run store.

        Args:
            title: Its title, which is stored apart.
            text: What ``to_json`` wrote.

        Returns:
            The challenge.

        Raises:
            ValueError: This version cannot read it.
        """
        try:
            fields = json.loads(text)
            del fields["kind"]
            fields["limits"] = tuple(Limit(**each) for each in fields["limits"])
            return cls(title=shorten(title, MAX_TITLE), **fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"the challenge {quote(title)} cannot be read by this version: {error}") from None


def describe_limit(limit: Limit) -> str:
    """A limit with its metric's name for people."""
    metric = METRICS.get(limit.key)
    return f"{metric.label if metric else limit.key} {str(limit).partition(' ')[2]}"


def plan(
    title: str,
    dataset: str,
    *,
    text: str = "",
    least_accuracy: float | None = None,
    limits: Iterable[Limit] = (),
    rank: str = ACCURACY,
    most_epochs: int | None = None,
    scratch: bool = True,
    start: str = "",
    closes: float | None = None,
) -> Challenge:
    """Plan a challenge.

    Args:
        title: Shown to people.
        dataset: Name of a data set.
        text: What is said to those who take part.
        least_accuracy: To be reached, from 0 to 1.
        limits: What every network keeps, each metric once from each side.
        rank: Who is first: the most of ``accuracy``, or the better end of a metric.
        most_epochs: Epochs of a run at most.
        scratch: Whether weights must begin at random.
        start: Link text of a network to begin with.
        closes: Until when runs can be handed in, in seconds since 1970.

    Returns:
        The challenge.

    Raises:
        ValueError: Nothing is to be reached, or a value is not allowed.
    """
    found = tuple(limits)
    if least_accuracy is None and not found:
        raise ValueError("challenge: say what is to be reached: an accuracy, a limit such as macs=1e6, or both")
    if len({(limit.key, limit.side) for limit in found}) < len(found):
        raise ValueError("challenge: the same metric is limited twice from the same side; keep the stricter limit")
    return Challenge(
        title=shorten(" ".join(title.split()), MAX_TITLE), text=text.strip(), dataset=dataset,
        least_accuracy=least_accuracy, limits=found, rank=rank, most_epochs=most_epochs, scratch=scratch, start=start,
        closes=closes,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StoredChallenge:
    """A challenge in the run store."""

    id: str
    """Identifier in the run store; it stands in the link that is handed out."""
    created: float
    """Seconds since 1970."""
    owner: str
    """The id of the person who set it; '' without sign-in."""
    challenge: Challenge
    """What is to be reached."""
