"""Why a network, or a part of it, has no form in the algebra."""

from __future__ import annotations

from dataclasses import dataclass

from ..text import quote


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """The first thing that does not fit."""

    operator: str
    """As the program that the network came from calls it."""
    module: str
    """Where it is called, by the model's own names; '' at the top."""
    reason: str
    """One phrase, without its full stop."""

    def describe(self) -> str:
        """Say it in one sentence, without the full stop."""
        place = f" in {quote(self.module)}" if self.module else ""
        return f"{self.operator}{place}: {self.reason}"


class ImportingError(ValueError):
    """A model cannot be read at all; the message is one sentence."""


class FreeSizeError(ImportingError):
    """A file that leaves the size of its images free, where none was said."""

    def __init__(self, message: str, channels: int | None) -> None:
        super().__init__(message)
        self.channels = channels
        """Of its images, as far as the file says."""


class DoesNotFit(Exception):
    """An operation that has no form here; internal, it becomes an ``Obstacle`` of the report."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(reason)
        self.operation = operation
        self.reason = reason


class Crosses(DoesNotFit):
    """A value that is read across branches."""
