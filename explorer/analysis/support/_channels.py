"""Which channels of a map see alike: a slice that leaves out all that see something sees less than its input."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from ...architecture import Architecture
from .._readings import Analysis

Seen = list[int] | None
"""For each channel of a map a number that stands for what it depends on; None for a vector."""

_NARROW = (
    "{path} leaves out all channels that see some of what its input sees: support is told for all channels of a map "
    "together, and those that are left are not followed"
)


def find_narrow_slices(architecture: Architecture, analysis: Analysis) -> dict[str, str]:
    """Find the slices that see less than the map of which they take channels.

    Args:
        architecture: The network.
        analysis: Its analysis.

    Returns:
        By path why the support of such a slice is not told.
    """
    tracer = _Tracer(analysis)
    tracer.trace(architecture.trunk, "", [0] * analysis.input_shape[0])
    return tracer.narrow


_OWN_PLACE = ("norm", "scale", "activation", "dropout")
"""Kinds of which each number depends on the one at its place alone, once norms that average channels are told apart."""


class _Tracer:
    """Follows through a network which channels depend on the same."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.narrow: dict[str, str] = {}
        self._numbers: dict[Hashable, int] = {}

    def trace(self, node: Any, path: str, seen: Seen) -> Seen:
        """What the channels of a node's output depend on, given those of its input."""
        prefix = f"{path}/" if path else ""
        if node.op in ("sequence", "auxiliary"):
            inside = seen
            for child in node.nodes:
                inside = self.trace(child, prefix + child.name, inside)
            return inside if node.op == "sequence" else seen
        if node.op == "parallel":
            ends = [self.trace(branch, prefix + branch.name, seen) for branch in node.branches]
            return self._fuse(path, node.fuse, ends)
        if node.op == "residual":
            body = self.trace(node.body, prefix + node.body.name, seen)
            return self._add(path, body, seen, projects=node.shortcut == "projection")
        if seen is None or node.op in ("flatten", "linear"):
            return None
        return self._through(node, path, seen)

    def _fuse(self, path: str, fuse: str, ends: list[Seen]) -> Seen:
        maps = [end for end in ends if end is not None]
        if not maps:
            return None
        if fuse == "concat":
            return [each for end in maps for each in end]
        width = max(map(len, maps))
        return self._number(path, (tuple(end[at % len(end)] for end in maps) for at in range(width)))

    def _add(self, path: str, body: Seen, seen: Seen, *, projects: bool) -> Seen:
        if body is None or seen is None:
            return None
        shortcut = [-1] * len(body) if projects else seen
        return self._number(path, zip(body, shortcut, strict=True))

    def _through(self, node: Any, path: str, seen: list[int]) -> list[int]:
        if node.op == "conv":
            made = self.analysis.by_path[path].output_shape[0]
            groups = len(seen) if node.groups == "depthwise" else node.groups
            width = len(seen) // groups
            read = [frozenset(seen[group * width : (group + 1) * width]) for group in range(groups)]
            seen = self._number(path, (read[at * groups // made] for at in range(made)))
        if node.op == "slice":
            taken = seen[node.start : None if node.stop == "end" else node.stop]
            if set(taken) != set(seen):
                self.narrow[path] = _NARROW.format(path=path)
            return taken
        if node.op == "channel_shuffle":
            width = len(seen) // node.groups
            return [seen[group * width + at] for at in range(width) for group in range(node.groups)]
        if node.op == "local_response_norm":
            before, behind = node.size // 2, (node.size + 1) // 2
            sums = (frozenset(seen[max(0, at - before) : at + behind]) for at in range(len(seen)))
            return self._number(path, sums)
        if node.norm_kind in ("layer", "group"):
            groups = node.norm_groups if node.norm_kind == "group" else 1
            width = len(seen) // groups
            sets = [frozenset(seen[group * width : (group + 1) * width]) for group in range(groups)]
            return self._number(path, (sets[at // width] for at in range(len(seen))))
        row = self.analysis.by_path.get(path)
        if row is not None and row.output_shape[:1] != (len(seen),):  # a kind from outside
            return self._number(path, [frozenset(seen)] * row.output_shape[0])
        return seen if node.op in _OWN_PLACE else self._number(path, seen)

    def _number(self, path: str, keys: Iterable[Hashable]) -> list[int]:
        return [self._numbers.setdefault((path, key), 1 + len(self._numbers)) for key in keys]
