"""Which numbers of one network's weights another one can begin with: by path, and by prefix of channels.

A tensor is looked for under the same name, which is the path of its layer. Along its output and input channels the
first ones are taken, as many as both networks have. Where channels are the branches of a concatenation laid side by
side, the first ones of each branch are taken: a branch that became wider, or is gone, shifts nobody else's channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ..analysis import Layer, analyze
from ..architecture import Architecture, edit, walk
from ..text import compact_shape
from ._match import network_shapes

Fate = Literal["taken", "cut", "new"]
"""A tensor that is carried over whole; of which a part is taken; or that begins anew."""


class ChannelRun(NamedTuple):
    """Channels that lie side by side and come from one place."""

    origin: str
    """The branches through which they came; '' where they are the outputs of one layer."""
    channels: int
    places: int = 1
    """Numbers a channel: more than one where maps were flattened, or a depthwise layer has several filters."""

    @property
    def size(self) -> int:
        return self.channels * self.places


Layout = tuple[ChannelRun, ...]


class Piece(NamedTuple):
    """Places along one axis that are taken from places of another tensor."""

    target: int
    source: int
    length: int


@dataclass(frozen=True, kw_only=True)
class CarriedTensor:
    """What becomes of one tensor of a network."""

    name: str
    """In the state dict: the path with dots for slashes."""
    shape: tuple[int, ...]
    """In the network that begins."""
    source_shape: tuple[int, ...] | None
    """In the weights; None where they have no such tensor."""
    pieces: tuple[tuple[Piece, ...], ...] = field(default=(), repr=False)
    """Along each axis; () where nothing is taken."""
    reason: str = ""
    """Why it begins anew, a phrase; '' where anything is taken."""

    @property
    def taken(self) -> int:
        """Numbers that are taken."""
        if self.reason:
            return 0
        return math.prod(sum(piece.length for piece in along) for along in self.pieces)

    @property
    def fate(self) -> Fate:
        """``cut`` where numbers of it are begun anew, or numbers of the weights are left out."""
        if not self.taken:
            return "new"
        whole = self.taken == math.prod(self.shape) == math.prod(self.source_shape or ())
        return "taken" if whole else "cut"

    def describe(self) -> str:
        """Say what becomes of it, one phrase."""
        if self.fate == "taken":
            return "taken"
        if self.fate == "new":
            return f"begun anew: {self.reason}"
        whole = compact_shape(self.source_shape or ())
        return f"cut: {self.taken:,} of {math.prod(self.shape):,} numbers, from {whole}"


@dataclass(frozen=True, kw_only=True)
class CarryPlan:
    """What becomes of each tensor of a network that begins with the weights of another."""

    tensors: tuple[CarriedTensor, ...] = field(repr=False)
    """In the order of the state dict."""
    left_out: tuple[str, ...] = field(default=(), repr=False)
    """Tensors of the weights that have no place in the network."""

    def count(self, fate: Fate) -> int:
        """How many tensors have a fate."""
        return sum(tensor.fate == fate for tensor in self.tensors)

    @property
    def numbers(self) -> tuple[int, int]:
        """(numbers that are taken, numbers in all)."""
        return sum(each.taken for each in self.tensors), sum(math.prod(each.shape) for each in self.tensors)

    def to_data(self) -> list[dict[str, Any]]:
        """Convert to plain data for JSON: one row a tensor."""
        return [
            {
                "tensor": each.name,
                "shape": each.shape,
                "source_shape": each.source_shape,
                "fate": each.fate,
                "taken": each.taken,
                "what": each.describe(),
            }
            for each in self.tensors
        ]

    def describe(self) -> str:
        """Say how many tensors are taken, cut and begun anew, one sentence."""
        taken, numbers = self.numbers
        parts = [f"{self.count('taken'):,} taken", f"{self.count('cut'):,} cut", f"{self.count('new'):,} begun anew"]
        left = f"; {len(self.left_out):,} of the weights have no place in it" if self.left_out else ""
        return (
            f"of {len(self.tensors):,} tensors {', '.join(parts)} "
            f"({taken:,} of {numbers:,} numbers carried over{left})"
        )


def plan_carry(target: Architecture, source: Architecture, *, new_head: bool = False) -> CarryPlan:
    """Find which tensors of a network can begin with those of another: by path, and by prefix of channels.

    A pure function of the two architectures. Kernels must have one size and convolutions as many groups; a layer whose
    weight begins anew begins anew as a whole, its norm too.

    Args:
        target: The network that begins.
        source: The network that the weights are of.
        new_head: Begin the classifiers anew, whatever would fit.

    Returns:
        What becomes of each tensor of ``target``.

    Raises:
        ArchitectureError: The layers of one of them do not fit together.
    """
    ours, theirs = _tensor_layouts(target), _tensor_layouts(source)
    heads = tuple(f"{path.replace('/', '.')}." for path in edit.classifiers(target)) if new_head else ()
    found: dict[str, CarriedTensor] = {}
    for name, mine in ours.items():
        given, reason = theirs.get(name), ""
        pieces: tuple[tuple[Piece, ...], ...] = ()
        if name.startswith(heads or "\0"):
            reason = "a new head for the classes of the data"
        elif given is None:
            reason = "the weights have no such tensor"
        else:
            reason, pieces = _match(mine, given)
        source_shape = None if given is None else given.shape
        found[name] = CarriedTensor(
            name=name, shape=mine.shape, source_shape=source_shape, pieces=pieces, reason=reason
        )
    for name, tensor in found.items():
        leader = next((found[each] for each in _leaders(name) if each in found and each != name), None)
        if leader is not None and leader.reason and not tensor.reason:
            found[name] = replace(tensor, pieces=(), reason="its layer begins anew")
    return CarryPlan(tensors=tuple(found.values()), left_out=tuple(name for name in theirs if name not in ours))


@torch.no_grad()
def carry_over(plan: CarryPlan, target: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> None:
    """Copy what a plan takes.

    Args:
        plan: What ``plan_carry`` gave for the two networks.
        target: State dict of the network that begins; changed in place, and only where something is taken.
        source: State dict of the weights.
    """
    for tensor in plan.tensors:
        if not tensor.taken:
            continue
        ours, theirs = target[tensor.name], source[tensor.name]
        for pieces in product(*tensor.pieces):
            here = tuple(slice(each.target, each.target + each.length) for each in pieces)
            there = tuple(slice(each.source, each.source + each.length) for each in pieces)
            ours[here].copy_(theirs[there])


def _match(mine: _LaidOut, given: _LaidOut) -> tuple[str, tuple[tuple[Piece, ...], ...]]:
    """(why nothing is taken, '' where something is; the pieces along each axis) of a tensor that both have."""
    if len(mine.shape) != len(given.shape) or mine.shape[2:] != given.shape[2:]:
        before, now = (compact_shape(each.shape[2:] or each.shape) for each in (given, mine))
        return f"{before} became {now}", ()
    if mine.groups != given.groups:
        return f"groups {given.groups} became {mine.groups}", ()
    pieces = [match_runs(ours, theirs) for ours, theirs in zip(mine.axes, given.axes, strict=True)]
    if not all(pieces):
        return "its features come from maps of another size", ()
    return "", (*pieces, *((Piece(0, 0, size),) for size in mine.shape[2:]))


def match_runs(target: Layout, source: Layout) -> tuple[Piece, ...]:
    """Find which places along an axis are taken from which.

    Runs of one origin give their first channels to each other, and those whose origin only one side has are matched in
    order; where no origin is shared, all channels count as one run.
    """
    if target == source:
        return (Piece(0, 0, _size(target)),)
    shared = {run.origin for run in target} & {run.origin for run in source}
    if not shared:
        places = {run.places for run in (*target, *source)}
        return (Piece(0, 0, min(_size(target), _size(source))),) if len(places) == 1 else ()
    starts = list(zip(source, _starts(source), strict=True))
    known = {run.origin: (run, start) for run, start in starts}
    others = iter([each for each in starts if each[0].origin not in shared])
    pieces = []
    for run, start in zip(target, _starts(target), strict=True):
        partner = known[run.origin] if run.origin in shared else next(others, None)
        if partner is not None and partner[0].places == run.places:
            pieces.append(Piece(start, partner[1], min(run.size, partner[0].size)))
    return tuple(pieces)


def _size(layout: Iterable[ChannelRun]) -> int:
    return sum(run.size for run in layout)


def _starts(layout: Sequence[ChannelRun]) -> list[int]:
    starts = [0]
    for run in layout[:-1]:
        starts.append(starts[-1] + run.size)
    return starts


def _leaders(name: str) -> tuple[str, str]:
    """The weights that a tensor goes with: that of its module, and that of the convolution before its norm."""
    module = name.rpartition(".")[0]
    block = module.rpartition(".")[0]
    return f"{module}.weight", f"{block}.conv.weight"


# ---- where channels come from ---------------------------------------------------------------------------------------


class _LaidOut(NamedTuple):
    """A tensor of a network."""

    shape: tuple[int, ...]
    axes: tuple[Layout, ...]
    """Of its first two axes, outputs and inputs."""
    groups: int | str
    """Of its convolution; 1 for all else."""


@lru_cache(maxsize=32)
def _tensor_layouts(architecture: Architecture) -> dict[str, _LaidOut]:
    """Each tensor of a network by its name in the state dict."""
    layers = analyze(architecture).by_path
    around: dict[str, tuple[Layout, Layout]] = {}
    layout: Layout = (ChannelRun("", architecture.input_shape[0]),)
    for node in architecture.trunk.nodes:
        layout = _visit(node, node.name, layout, layers, around)
    nodes = dict(walk(architecture))
    found: dict[str, _LaidOut] = {}
    for name, shape in network_shapes(architecture).items():
        path = owner(name, nodes)
        before, after = around[path]
        around_axes = ((after, before), (before, after))
        found[name] = _LaidOut(
            shape=shape,
            axes=tuple(_axis(size, *layouts) for size, layouts in zip(shape, around_axes, strict=False)),
            groups=_groups(nodes[path], before) if len(shape) > 2 else 1,
        )
    return found


def owner(name: str, nodes: Mapping[str, Any]) -> str:
    """Find the node that a tensor or a module of a network belongs to.

    Args:
        name: In the state dict, or of the module.
        nodes: The nodes of its architecture by path.

    Returns:
        The path of the innermost node; '' for the network itself.
    """
    path = name.replace(".", "/")
    while path and path not in nodes:
        path = path.rpartition("/")[0]
    return path


def _axis(size: int, *layouts: Layout) -> Layout:
    return next((each for each in layouts if _size(each) == size), (ChannelRun("", size),))


def _groups(node: Any, before: Layout) -> int | str:
    groups: int | str = getattr(node, "groups", 1)
    return "depthwise" if groups in ("depthwise", _size(before)) and groups != 1 else groups


def _visit(
    node: Any, path: str, before: Layout, layers: dict[str, Layer], around: dict[str, tuple[Layout, Layout]]
) -> Layout:
    """The layout behind a node; ``around`` is told of all within it."""
    children = [(f"{path}/{child.name}", child) for child in node.nodes]
    after = before
    if node.op == "parallel":
        outputs = [(below, _visit(child, below, before, layers, around)) for below, child in children]
        if node.fuse == "concat":
            after = tuple(
                run._replace(origin=f"{below} {run.origin}".strip()) for below, layout in outputs for run in layout
            )
        else:  # what is added up is alike; of a gate and a map the map counts
            after = max((layout for _, layout in outputs), key=_size)
    elif children:
        for below, child in children:
            after = _visit(child, below, after, layers, around)
        if node.op == "auxiliary" or (node.op == "residual" and node.shortcut == "identity"):
            after = before
        elif node.op == "residual":
            after = (ChannelRun("", _size(after)),)
    elif (layer := layers.get(path)) is not None:
        after = _behind(node, before, layer)
    around[path] = before, after
    return after


def _behind(node: Any, before: Layout, layer: Layer) -> Layout:
    """The layout behind a leaf."""
    (in_channels, *size), out = layer.input_shape, layer.output_shape[0]
    if node.op == "conv" and (groups := _groups(node, before)) != 1:
        if isinstance(groups, str):
            return _repeat(before, out // in_channels)
        return tuple(ChannelRun(f"group {number + 1} of {groups}", out // groups) for number in range(groups))
    if node.op == "flatten":
        return _repeat(before, math.prod(size))
    keeps = out == in_channels and node.op not in ("conv", "linear")
    return before if keeps else (ChannelRun("", out),)


def _repeat(layout: Layout, times: int) -> Layout:
    return tuple(run._replace(places=run.places * times) for run in layout)
