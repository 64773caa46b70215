"""What can go wrong with data, each as one sentence for a person."""

from __future__ import annotations


class DatasetError(ValueError):
    """A data set that cannot be found, read, fetched or imported. The message is one sentence for the user."""


class ImageError(DatasetError):
    """A picture that cannot be used."""


class CancelledError(Exception):
    """The user stopped something that takes long; nothing of it is left behind."""


def quoted(text: object, limit: int = 80) -> str:
    """A name that somebody else chose, in quotes, with control characters escaped, shortened for a message.

    >>> quoted("a" * 100, limit=8)
    "'aaaaaa…"
    """
    shown = repr(str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
