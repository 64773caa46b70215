"""Named architectures with their provenance and published facts."""

from . import _course, _googlenet, _inception_v3, _lessons  # noqa: F401  (importing them fills the registry)
from ._course import inception_block_bn
from ._googlenet import inception_block
from ._registry import ALIASES, Entry, Fact, entries, entry, get, name_of, names

__all__ = [
    "ALIASES",
    "Entry",
    "Fact",
    "entries",
    "entry",
    "get",
    "inception_block",
    "inception_block_bn",
    "name_of",
    "names",
]
