"""Named architectures with their provenance and published facts."""

# Importing them fills the registry, in the order in which the catalogue shows them.
from . import _course, _googlenet, _inception_v3  # noqa: F401

# isort: split
from . import _cifar, _lessons  # noqa: F401

# isort: split
from ..architecture.blocks import inception as inception_block
from ._course import inception_block_bn
from ._origin import Origin, describe_origin, find_origin, state_origin
from ._registry import ALIASES, GROUPS, Entry, Fact, entries, entry, get, name_of, names, register
from ._resolve import resolve
from ._search import search, suggest
from ._untitled import empty, untitled

__all__ = [
    "ALIASES",
    "GROUPS",
    "Entry",
    "Fact",
    "Origin",
    "describe_origin",
    "empty",
    "entries",
    "entry",
    "find_origin",
    "get",
    "inception_block",
    "inception_block_bn",
    "name_of",
    "names",
    "register",
    "resolve",
    "search",
    "state_origin",
    "suggest",
    "untitled",
]
