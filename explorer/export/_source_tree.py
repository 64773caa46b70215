"""A network as its source has it: where each node stands, and which nodes are one class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..analysis import Analysis, analyze
from ..architecture import Architecture
from ..text import quote
from ._source_layers import LEAVES, Leaf, Shape, projection_leaf

_SEQUENCE_USES, _SEQUENCE_LAYERS = 3, 2
"""From so many uses on, of so many layers, a sequence has a class of its own; others are written where they are."""


@dataclass(frozen=True)
class Place:
    """A node in its network."""

    node: Any
    path: str
    before: Shape
    after: Shape
    leaf: Leaf | None
    """None of a container."""
    form: int
    """The same number for nodes that differ in nothing but numbers."""

    @property
    def projects(self) -> bool:
        """Whether it is a residual with a convolution on its shortcut."""
        return getattr(self.node, "shortcut", "") == "projection"


class SourceTree:
    """Every node of a network with its shapes, and the groups of nodes of which each becomes a class.

    Args:
        architecture: The network.

    Raises:
        ArchitectureError: Its layers do not fit together.
        ValueError: A kind of node has no form in source.
    """

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.analysis: Analysis = analyze(architecture)
        self.places: dict[str, Place] = {}
        self.misfits = {head.path: head.describe() for head in self.analysis.auxiliary if not head.fits}
        self._forms: dict[Any, int] = {}
        self._place(architecture.trunk, "", architecture.input_shape)
        self.group_of: dict[str, Any] = {}
        """The key of its class, by path, of nodes that have one."""
        self.groups: dict[Any, list[str]] = defaultdict(list)
        """Paths by that key, in the order of the network."""
        for path, key in self._find_blocks():
            self.group_of[path] = key
            self.groups[key].append(path)

    def children(self, path: str) -> list[str]:
        """Paths of the nodes below one, '' for the network."""
        return [join(path, node.name) for node in self.places[path].node.nodes]

    def leaves(self, path: str = "") -> Iterator[tuple[str, Leaf]]:
        """(path, what it is) of every layer at or below a path, projections included."""
        place = self.places[path]
        if place.leaf:
            yield path, place.leaf
        for child in self.children(path):
            yield from self.leaves(child)
        if place.projects:
            yield f"{path}/shortcut", projection_leaf(place.node, place.before, place.after)

    @cached_property
    def nests_heads(self) -> bool:
        """Whether an auxiliary head stands elsewhere than between the parts of the network."""
        return any(place.node.op == "auxiliary" and "/" in path for path, place in self.places.items())

    def _place(self, node: Any, path: str, before: Shape) -> Place:
        layer = self.analysis.by_path.get(path)
        after = layer.output_shape if layer else before
        leaf, forms, flow = None, [], before
        if node.child_field is None:
            describe = LEAVES.get(node.op)
            if describe is None:
                raise ValueError(
                    f"{quote(path)} is of the kind {quote(node.op)}, which has no row in LEAVES of "
                    "explorer/export/_source_layers.py: add one, or leave the node out"
                )
            leaf = describe(node, before, after)
        for child in node.nodes:
            placed = self._place(child, join(path, child.name), flow)
            forms.append((child.name, placed.form))
            if node.op in ("sequence", "auxiliary"):
                flow = placed.after
        if node.op == "sequence":
            after = flow
        elif node.op == "auxiliary":
            after = before
        form = self._number((*self._traits(node, path, leaf), *forms))
        self.places[path] = place = Place(node, path, before, after, leaf, form)
        return place

    def _traits(self, node: Any, path: str, leaf: Leaf | None) -> tuple[Any, ...]:
        """What two nodes of one form have in common beside their children."""
        if leaf:
            words = [(each.name, each.role) for each in leaf.settings]
            return (node.op, leaf.callee, *words)
        if node.op == "parallel":
            return (node.op, node.fuse)
        if node.op == "residual":
            return (node.op, node.activation)
        if node.op == "auxiliary":
            return (node.op, node.weight, self.misfits.get(path))
        if node.op == "sequence":
            return (node.op,)
        raise ValueError(
            f"{quote(path)} is of the kind {quote(node.op)}, which has no form in PyTorch source yet; "
            "leave the node out"
        )

    def _number(self, form: Any) -> int:
        return self._forms.setdefault(form, len(self._forms))

    def _find_blocks(self) -> Iterator[tuple[str, Any]]:
        """Nodes that become classes: branches, residuals, and sequences and heads that come again; inner ones first."""
        heads = Counter(each.form for each in self.places.values() if each.node.op == "auxiliary" and each.node.nodes)
        norms: dict[int, set[str]] = defaultdict(set)
        for place in self.places.values():
            if place.projects:
                norms[place.form].add(place.node.norm)
        sites: dict[int, set[Any]] = defaultdict(set)
        for path, place in self.places.items():
            if path and place.node.op == "sequence":
                parent = path.rpartition("/")[0]
                sites[place.form].add((self.places[parent].form, place.node.name))
        sizes = Counter({path: sum(1 for _ in self.leaves(path)) for path in self.places if path})
        for path, place in self.places.items():
            op = place.node.op
            if op == "parallel":
                yield path, place.form
            elif op == "residual":
                # One class with and without projection, unless projections themselves are of several forms.
                known = norms[place.form]
                yield path, (place.form, place.node.norm if len(known) > 1 and place.projects else "")
            elif op == "sequence" and path:
                again = len(sites[place.form]) >= _SEQUENCE_USES
                lists_blocks = all(child in self.group_of for child in self.children(path))
                if again and sizes[path] >= _SEQUENCE_LAYERS and not lists_blocks:
                    yield path, place.form
            elif op == "auxiliary" and heads[place.form] > 1 and not self.nests_heads:
                yield path, place.form


def join(path: str, name: str) -> str:
    """The path of a node below another; '' is the network."""
    return f"{path}/{name}" if path and name else path or name
