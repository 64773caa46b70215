"""Which channels of a network can go only together: every position of every map, followed from layer to layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Analysis, analyze
from ..architecture import Architecture

Ids = NDArray[np.int64]
"""The channels of a map, or the numbers of a vector, by what made them: the same id, the same channel."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A layer whose weights belong to channels."""

    path: str
    kind: str
    """conv, linear, projection, norm, scale or attention."""
    inputs: Ids
    outputs: Ids
    groups: int = 1
    norm_groups: int = 0
    """Groups of its group normalisation; 0 where it has none."""
    norm: str = "none"
    in_head: bool = False
    """Whether it runs in training only."""

    @property
    def makes_channels(self) -> bool:
        """Whether its outputs are its own, and not its inputs changed one by one."""
        return self.kind in ("conv", "linear", "projection")


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A slice or a shuffle: a node whose numbers follow from which channels stay."""

    path: str
    inputs: Ids
    outputs: Ids
    start: int = 0


@dataclass(frozen=True, kw_only=True)
class Coupling:
    """The channels of a network, in sets that stay or go as one."""

    members: tuple[Member, ...]
    slices: tuple[Cut, ...]
    shuffles: tuple[Cut, ...]
    roots: Ids
    """For each id the id that stands for its set."""
    locked: dict[int, str] = field(repr=False)
    """Sets that must stay, by the id that stands for them, and why."""

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """For each id whether it may go."""
        return ~np.isin(self.roots, np.fromiter(self.locked, np.int64))


def find_coupling(architecture: Architecture) -> Coupling:
    """Follow every channel through a network.

    Channels are one set where they are added or multiplied, where groups of a convolution or a group normalisation hold
    them together (whole groups go), and where a shuffle deals them out. A set must stay where a layer looks at several
    channels at once in such a way that the others would change: normalisation over channels, the maximum of channels.

    Args:
        architecture: The network.

    Returns:
        Its layers with the ids of their channels, and the sets.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    trace = _Trace(analyze(architecture))
    image = trace.make(architecture.input_shape[0])
    trace.lock(image, "they are the image's")
    scores = trace.visit(architecture.trunk, "", image)
    trace.lock(scores, "they are the scores")
    roots = np.array([trace.find(each) for each in range(len(trace.parents))], dtype=np.int64)
    locked: dict[int, str] = {}
    for each, reason in trace.reasons.items():
        locked.setdefault(int(roots[each]), reason)
    return Coupling(
        members=tuple(trace.members), slices=tuple(trace.slices), shuffles=tuple(trace.shuffles), roots=roots,
        locked=locked,
    )  # fmt: skip


HEADS = "they are an auxiliary head's, which runs in training only"


class _Trace:
    """The walk through a network, and a union-find over its channels."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.parents: list[int] = []
        self.reasons: dict[int, str] = {}
        self.members: list[Member] = []
        self.slices: list[Cut] = []
        self.shuffles: list[Cut] = []
        self.in_head = False

    def make(self, count: int) -> Ids:
        first = len(self.parents)
        self.parents.extend(range(first, first + count))
        made = np.arange(first, first + count, dtype=np.int64)
        if self.in_head:
            self.lock(made, HEADS)
        return made

    def find(self, one: int) -> int:
        parents = self.parents
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    def unite(self, one: Ids, other: Ids) -> None:
        """Position by position."""
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            self.parents[self.find(a)] = self.find(b)

    def unite_all(self, ids: Ids) -> None:
        self.unite(ids[1:], ids[:-1])

    def lock(self, ids: Ids, reason: str) -> None:
        for each in ids.tolist():
            self.reasons.setdefault(each, reason)

    def visit(self, node: Any, path: str, x: Ids) -> Ids:
        known = _VISITS.get(node.op)
        if known is not None:
            return known(self, node, path, x)
        self.lock(x, f"{path} is of a kind ({node.op}) whose channels are not known")
        y = self.make(self.analysis.by_path[path].output_shape[0])
        self.lock(y, f"{path} is of a kind ({node.op}) whose channels are not known")
        return y

    def add(self, path: str, kind: str, inputs: Ids, outputs: Ids, **fields: Any) -> None:
        self.members.append(
            Member(path=path, kind=kind, inputs=inputs, outputs=outputs, in_head=self.in_head, **fields)
        )

    def normalise(self, path: str, kind: str, groups: int, ids: Ids) -> int:
        """What a norm of this kind holds together; its number of groups where it has any."""
        if kind == "layer":
            self.lock(ids, f"{path} normalises over all channels of a place")
        if kind != "group":
            return 0
        for group in ids.reshape(groups, -1):
            self.unite_all(group)
        return groups


def _conv(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    y = trace.make(trace.analysis.by_path[path].output_shape[0])
    groups = len(x) if node.groups == "depthwise" else node.groups
    if groups > 1:
        for inputs, outputs in zip(x.reshape(groups, -1), y.reshape(groups, -1), strict=True):
            trace.unite_all(np.concatenate([inputs, outputs]))
    norm_groups = trace.normalise(path, node.norm, node.norm_groups, y)
    trace.add(path, "conv", x, y, groups=groups, norm_groups=norm_groups, norm=node.norm)
    return y


def _linear(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    y = trace.make(node.out_features)
    trace.add(path, "linear", x, y)
    return y


def _flatten(trace: _Trace, _: Any, path: str, x: Ids) -> Ids:
    (features,) = trace.analysis.by_path[path].output_shape
    return np.repeat(x, features // len(x))


def _norm(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    norm_groups = trace.normalise(path, node.kind, node.groups, x)
    trace.add(path, "norm", x, x, norm_groups=norm_groups, norm=node.kind)
    return x


def _scale(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    if node.kind != "single":  # one number for all needs no cut
        trace.add(path, "scale", x, x)
    return x


def _attention(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    if node.kind == "eca":
        trace.lock(x, f"{path} mixes neighbouring channels")
        return x
    if node.kind == "cbam":
        trace.lock(x, f"{path} takes the maximum and the mean over all channels of a place")
    trace.add(path, "attention", x, x)
    return x


def _local_response_norm(trace: _Trace, _: Any, path: str, x: Ids) -> Ids:
    trace.lock(x, f"{path} normalises over neighbouring channels")
    return x


def _slice(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    y = x[node.start : None if node.stop == "end" else node.stop]
    trace.slices.append(Cut(path=path, inputs=x, outputs=y, start=node.start))
    return y


def _shuffle(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    groups = node.groups
    if groups in (1, len(x)):
        trace.shuffles.append(Cut(path=path, inputs=x, outputs=x))
        return x
    dealt = x.reshape(groups, -1)
    for same_place in dealt.T:
        trace.unite_all(same_place)
    return dealt.T.reshape(-1)


def _sequence(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    for child in node.nodes:
        x = trace.visit(child, f"{path}/{child.name}" if path else child.name, x)
    return x


def _parallel(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    outs = [trace.visit(branch, f"{path}/{branch.name}", x) for branch in node.branches]
    if node.fuse == "concat":
        return np.concatenate(outs)
    widest = max(outs, key=len)
    for out in outs:
        if len(out) == len(widest):  # else it has one channel, which is repeated for all
            trace.unite(out, widest)
    return widest


def _residual(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    y = trace.visit(node.body, f"{path}/{node.body.name}", x)
    shortcut = x
    if node.shortcut == "projection":
        shortcut = trace.make(len(y))
        norm_groups = trace.normalise(path, node.norm, node.norm_groups, shortcut)
        trace.add(path, "projection", x, shortcut, norm_groups=norm_groups, norm=node.norm)
    trace.unite(y, shortcut)
    return y


def _auxiliary(trace: _Trace, node: Any, path: str, x: Ids) -> Ids:
    outside, trace.in_head = trace.in_head, True
    _sequence(trace, node, path, x)
    trace.in_head = outside
    return x


def _keep(_trace: _Trace, _node: Any, _path: str, x: Ids) -> Ids:
    return x


_VISITS: dict[str, Callable[[_Trace, Any, str, Ids], Ids]] = {
    "conv": _conv,
    "linear": _linear,
    "flatten": _flatten,
    "norm": _norm,
    "scale": _scale,
    "attention": _attention,
    "local_response_norm": _local_response_norm,
    "slice": _slice,
    "channel_shuffle": _shuffle,
    "sequence": _sequence,
    "parallel": _parallel,
    "residual": _residual,
    "auxiliary": _auxiliary,
    **dict.fromkeys(("pool", "global_pool", "dropout", "activation"), _keep),
}
"""For each op what becomes of the ids of its input's channels."""
