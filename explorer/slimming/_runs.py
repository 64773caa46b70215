"""Layers that follow one another without anything between them, whatever sequences they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..architecture import Architecture, Auxiliary, Sequence

Run = list[tuple[str, Any]]


def find_runs(architecture: Architecture) -> Iterator[Run]:
    """(path, node) of all that runs in inference, one run for each place where layers follow one another.

    Sequences are opened; a container that joins branches is one element of its run, and each of its branches a run of
    its own. Auxiliary heads are elements, too, since they tap what passes; what is in them runs in training only.
    """
    yield from _runs(architecture.trunk, "")


def _runs(node: Any, path: str) -> Iterator[Run]:
    run = list(_open(node, path))
    yield run
    for where, each in run:
        if not isinstance(each, Auxiliary):
            for child in each.nodes:
                yield from _runs(child, f"{where}/{child.name}")


def _open(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, Sequence):
        yield path, node
        return
    for child in node.children:
        yield from _open(child, f"{path}/{child.name}" if path else child.name)


def dotted(path: str) -> str:
    """A path as names of tensors begin."""
    return path.replace("/", ".")
