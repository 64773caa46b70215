"""What files of weights hold, before anything is made of it."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


class WeightsError(ValueError):
    """Files that do not hold a network's weights; the message is one sentence that names the file and a way out."""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file that is still to be read."""

    name: str
    """What messages call it; without its folder."""
    data: bytes | mmap.mmap = field(repr=False)
    """All of it."""


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor of a file: its numbers are read when they are asked for."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    load: Callable[[], Tensor] = field(repr=False)
    """The tensor, on the CPU. Raises WeightsError where its bytes are damaged or are not there."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A Python object that a file describes and that is never made; or the name of a class or function."""

    name: str
    """Of the class, with its module."""


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """What one file holds, or the shards of one."""

    name: str
    """What messages call it."""
    content: Any = field(repr=False)
    """Tensors (``StoredTensor``), dicts, lists, text and numbers as the file nests them; ``Opaque`` for the rest."""
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What a safetensors file says in its metadata, as text or, where that is JSON, as what it means."""
    conversions: tuple[str, ...] = ()
    """What had to be done to read it, one phrase each."""
