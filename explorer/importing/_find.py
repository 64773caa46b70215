"""What a text means where a network of torchvision or timm, or an ONNX file, may be named, too."""

from __future__ import annotations

import os
import threading
from functools import lru_cache

from .. import catalog
from ..architecture import Architecture
from ._from_file import NETWORK_FILES, from_file
from ._from_module import read_design
from ._import import Import
from ._libraries import names_library
from ._problem import ImportingError

_LOCK = threading.Lock()
"""Whoever asks for a network that is just being read waits for it."""


def find_architecture(text: str, *, files: bool = False) -> Architecture:
    """Find the architecture that a text names, a network of torchvision or timm included; nothing is downloaded.

    Args:
        text: As ``catalog.resolve`` takes it, or ``torchvision:NAME`` or ``timm:NAME``; these also as the ``net``
            parameter of a URL. They are read once in a process.
        files: As of ``catalog.resolve``; then the path of a file that holds a network with its
            weights is taken, too (ONNX, safetensors with their design), of which the design is read.

    Returns:
        The architecture, validated.

    Raises:
        ArchitectureError: The link could be read, and what it holds is not an architecture.
        ValueError: Anything else that is wrong with the text, or a library's network that does not fit wholly.
    """
    if files and text.strip().lower().endswith(NETWORK_FILES) and os.path.exists(text.strip()):
        return _whole(from_file(text.strip(), design_only=True), text.strip())
    name = catalog.find_net(text)
    if not names_library(name):
        return catalog.resolve(text, files=files)
    with _LOCK:
        return _read(name)


@lru_cache(maxsize=256)
def _read(name: str) -> Architecture:
    return _whole(read_design(name), name)


def _whole(found: Import, name: str) -> Architecture:
    if found.architecture is None or found.obstacle is not None:
        reason = found.obstacle.describe() if found.obstacle else ""
        raise ImportingError(
            f"{name} does not fit wholly: {reason}; `python -m explorer import {name}`, or Import on the Design page, "
            "tells how far"
        )
    return found.architecture
