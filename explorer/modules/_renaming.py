"""How names of weights are turned into those of a library: patterns and what stands for them, one table a family."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Naming = Callable[[str], str]
"""From our name of a weight to the file's."""
Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""A pattern, and what stands for it, as for ``re.sub``."""

PLAIN: Rule = (r"\.(?:conv|linear)\.(weight|bias)$", r".\1")
"""The last rule of most families: convolutions and linear layers hold weight and bias themselves."""


def rename(*rules: Rule) -> Naming:
    """Make a naming of patterns and of what stands for them; each is replaced, in their order."""
    compiled = [(re.compile(pattern), new) for pattern, new in rules]

    def naming(name: str) -> str:
        for pattern, new in compiled:
            name = pattern.sub(new, name)
        return name

    return naming


def places(table: Mapping[str, str]) -> tuple[Rule, ...]:
    """Rules for layers that have a place of their own in the library: our path, theirs."""
    return tuple((rf"^{re.escape(ours)}\.", f"{theirs}.") for ours, theirs in table.items())
