"""A network as a list of maps, each with the windows through which it reads earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...architecture import Architecture, Geometry, pair, walk
from .._containers import projection_stride
from .._readings import Analysis

Size = tuple[int, int]


class Pooling(NamedTuple):
    """Adaptive pooling of a map to ``size``: unit i of o reads ⌊i·n/o⌋ to ⌈(i+1)·n/o⌉ - 1 of n."""

    size: Size
    """(height, width) of the output."""


class WholePlane(NamedTuple):
    """Each unit reads its own place and, by a gate, the whole plane."""


class Unknown(NamedTuple):
    """It is not known which units are read."""

    reason: str
    """Why, as the answer says it."""


Reading = Geometry | Pooling | WholePlane | Unknown | None
"""How the units of one map read another. None: each unit the one at its place."""

POINTWISE = Geometry((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))
"""A window that changes nothing."""

READINGS: dict[str, Callable[[Any], Reading]] = {
    "conv": lambda node: node.geometry,
    "pool": lambda node: node.geometry,
    "global_pool": lambda node: Pooling(pair(node.output_size)),
    "flatten": lambda _: Pooling((1, 1)),
    "linear": lambda _: None,
    "dropout": lambda _: None,
    "local_response_norm": lambda _: None,
    "norm": lambda _: None,
    "activation": lambda _: None,
    "attention": lambda _: WholePlane(),
}
"""For each op of a leaf how its units read its input; a vector counts as a map of 1×1.

A kind from outside is entered here by its ``op``; the support of one that is not is refused with a reason.
"""


class Map(NamedTuple):
    """One feature map, or the image."""

    path: str
    """Path of the node that made it; '' for the image."""
    size: Size
    """(height, width); (1, 1) of a vector."""
    sources: tuple[tuple[int, Reading], ...]
    """The maps that it reads, by their place in the list, which is before its own, and how."""


class Graph:
    """The maps of a network in execution order, the image first. A sequence's is that of its last child.

    Args:
        architecture: The network.
        analysis: Its analysis; the image has the shape of that.
    """

    def __init__(self, architecture: Architecture, analysis: Analysis) -> None:
        self.maps = [Map("", analysis.input_shape[1:], ())]
        self.place = {"": 0}
        """The place of each node's output in ``maps``, by path."""
        self._shapes = {row[0]: row[3] for row in analysis.rows}
        self._misfits = {head.path: head.describe() for head in analysis.auxiliary if not head.fits}
        trunk = 0
        for node in architecture.trunk.nodes:
            trunk = self._add(node, node.name, trunk)

    def _add(self, node: Any, path: str, source: int) -> int:
        """Add what a node makes of the map at ``source``; the place of its output."""
        op, place = node.op, source
        if op == "sequence":
            for child in node.nodes:
                place = self._add(child, f"{path}/{child.name}", place)
        elif op == "auxiliary":
            self._add_head(node, path, source)
        elif op == "parallel":
            branches = [(self._add(branch, f"{path}/{branch.name}", source), None) for branch in node.nodes]
            place = self._append(path, *branches)
        elif op == "residual":
            body = self._add(node.body, f"{path}/{node.body.name}", source)
            place = self._append(path, (body, None), (source, self._shortcut(node, path, source)))
        else:
            reads = READINGS.get(op)
            reading = reads(node) if reads else Unknown(
                f"the node kind {op!r} is from outside, and analysis.support.READINGS does not say what its units read"
            )  # fmt: skip
            place = self._append(path, (source, reading))
            if node.nodes and isinstance(reading, Unknown):
                for inner, _ in walk(node, path):
                    self.place[inner] = self._append(inner, (source, reading))
        self.place[path] = place
        return place

    def _add_head(self, node: Any, path: str, source: int) -> None:
        reason = self._misfits.get(path, "")
        if reason:
            for inner, _ in walk(node, path):
                self.place[inner] = self._append(inner, (source, Unknown(reason)))
            return
        for child in node.nodes:
            source = self._add(child, f"{path}/{child.name}", source)

    def _shortcut(self, node: Any, path: str, source: int) -> Reading:
        if node.shortcut != "projection":
            return None
        step = projection_stride(self.maps[source].size, self._size(path))
        return None if step == (1, 1) else Geometry((1, 1), step, (1, 1), (0, 0), (0, 0))

    def _size(self, path: str) -> Size:
        shape = self._shapes.get(path, ())
        return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)

    def _append(self, path: str, *sources: tuple[int, Reading]) -> int:
        self.maps.append(Map(path, self._size(path), sources))
        return len(self.maps) - 1
