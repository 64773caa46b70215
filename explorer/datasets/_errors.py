"""The exceptions of data sets; each message is one sentence for the user."""

from __future__ import annotations


class DatasetError(ValueError):
    """A data set that cannot be found, read, fetched or imported. The message is one sentence for the user."""


class ImageError(DatasetError):
    """An image that cannot be read or used. The message is one sentence for the user."""


class CancelledError(Exception):
    """The user cancelled a long operation; nothing of it is left behind."""

