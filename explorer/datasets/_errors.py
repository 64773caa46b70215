"""What can go wrong with data, each as one sentence for a person."""

from __future__ import annotations


class DatasetError(ValueError):
    """A data set that cannot be found, read, fetched or imported. The message is one sentence for the user."""


class ImageError(DatasetError):
    """A picture that cannot be used."""


class CancelledError(Exception):
    """The user stopped something that takes long; nothing of it is left behind."""

