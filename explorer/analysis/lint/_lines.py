"""A network as lines of elements, and the runs of a line: what lies between two strides."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from ...architecture import Architecture, Sequence, edit
from .._analyze import analyze
from .._readings import Analysis
from ..support import LayerSupport, find_layer_supports

WINDOWS = ("conv", "pool")
PASSING = (
    "dropout", "local_response_norm", "norm", "scale", "slice", "channel_shuffle", "activation", "attention",
)  # fmt: skip
"""Layers of which each unit reads the one at its place; the gate of an attention, and the sums of a norm over the whole
map, are left aside."""
_CONTAINERS = ("sequence", "parallel", "residual", "auxiliary")


class Element(NamedTuple):
    """A layer, or a node with branches: a step of a line."""

    path: str
    """Path of its node."""
    node: Any
    """The node."""


class Run(NamedTuple):
    """Neighbouring elements of a line of which none but the last has a stride."""

    source: str
    """Path of the node whose output goes in; '' for the image."""
    shape: tuple[int, ...]
    """(channels, height, width) of what goes in."""
    elements: tuple[Element, ...]
    """Its elements in order."""


class Line(NamedTuple):
    """What stands one after another: the trunk, a branch, the body of a residual; sequences within are taken apart."""

    source: str
    """Path of the node whose output goes in; '' for the image."""
    elements: tuple[Element, ...]
    """Its elements in order, without auxiliary heads."""


class Network:
    """An architecture with its readings, each made once and only when a rule asks for it."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.analysis: Analysis = analyze(architecture)

    @cached_property
    def supports(self) -> dict[str, LayerSupport]:
        """What one unit of each layer sees of the image."""
        return find_layer_supports(self.architecture, analysis=self.analysis)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The trunk, then all branches and bodies, parents before children."""
        return tuple(_lines(flatten(self.architecture.trunk, ""), ""))

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs of all lines."""
        return tuple(run for line in self.lines for run in self._cut(line))

    def input_shape(self, element: Element) -> tuple[int, ...]:
        """Shape of what goes into an element."""
        layers = self.analysis.below(element.path)
        return layers[0].input_shape if layers else ()

    def _cut(self, line: Line) -> Iterator[Run]:
        source, taken = line.source, []
        for element in (*line.elements, None):
            if element is not None and not ends_maps(element.node):
                taken.append(element)
                if stride_of(element.node) == (1, 1):
                    continue
            if taken:
                yield Run(source, self.input_shape(taken[0]), tuple(taken))
                source, taken = taken[-1].path, []
            if element is None or ends_maps(element.node):
                return

    def features(self) -> tuple[Element, ...]:
        """The elements of the trunk before global pooling, flattening or the end."""
        found = []
        for element in self.lines[0].elements:
            if ends_maps(element.node):
                break
            found.append(element)
        return tuple(found)


def flatten(node: Any, path: str) -> tuple[Element, ...]:
    """The elements of a node: sequences are taken apart, auxiliary heads left out."""
    if node.op != "sequence":
        return () if node.op == "auxiliary" else (Element(path, node),)
    prefix = f"{path}/" if path else ""
    return tuple(each for child in node.nodes for each in flatten(child, prefix + child.name))


def _lines(elements: tuple[Element, ...], source: str) -> Iterator[Line]:
    yield Line(source, elements)
    for path, node in elements:
        if node.op in ("parallel", "residual"):
            for child in node.nodes:
                yield from _lines(flatten(child, f"{path}/{child.name}"), source)
        source = path


def leaves(element: Element) -> list[Element]:
    """The layers of an element, itself if it is one; auxiliary heads left out."""
    path, node = element
    if node.op not in _CONTAINERS:
        return [element]
    if node.op == "auxiliary":
        return []
    return [each for child in node.nodes for each in leaves(Element(f"{path}/{child.name}", child))]


def windows(elements: tuple[Element, ...]) -> list[Element]:
    """The convolutions and poolings of elements that are larger than 1×1."""
    return [
        leaf
        for element in elements
        for leaf in leaves(element)
        if leaf.node.op in WINDOWS and leaf.node.geometry.kernel != (1, 1)
    ]


def is_chain(elements: tuple[Element, ...]) -> bool:
    """Whether all elements are layers: one path, no branches."""
    return all(node.op in WINDOWS or node.op in PASSING for _, node in elements)


def stride_of(node: Any) -> tuple[int, int]:
    """Stride of a node as a whole; of unequal branches the largest."""
    if node.op in WINDOWS:
        return node.geometry.stride  # type: ignore[no-any-return]
    if node.op == "auxiliary" or not node.nodes:
        return (1, 1)
    strides = [stride_of(child) for child in node.nodes]
    if node.op == "sequence":
        height = width = 1
        for h, w in strides:
            height, width = height * h, width * w
        return height, width
    return max(h for h, _ in strides), max(w for _, w in strides)


def ends_maps(node: Any) -> bool:
    """Whether feature maps end here: something in it is no window and does not pass units on; gates are left aside."""
    if node.op == "auxiliary":
        return False
    if not node.nodes:
        return node.op not in (*WINDOWS, *PASSING, *_CONTAINERS)
    return any(ends_maps(child) for child in node.nodes if child.name not in node.gates)


def part_of(architecture: Architecture, run: Run) -> Architecture:
    """A run as a network of its own, whose image is the run's input; its elements are named e0, e1 ..."""
    nodes = [edit.copy_without_checks(node, name=f"e{index}") for index, (_, node) in enumerate(run.elements)]
    trunk = edit.copy_without_checks(Sequence(name=architecture.trunk.name), children=tuple(nodes))
    return edit.copy_without_checks(architecture, input_shape=run.shape, trunk=trunk)


def supports_of(architecture: Architecture, run: Run) -> list[LayerSupport | None]:
    """What one unit of each element of a run sees of the run's input; None where there is no one pattern."""
    part = part_of(architecture, run)
    found = find_layer_supports(part, analysis=analyze(part))
    supports = [found.get(f"e{index}") for index in range(len(run.elements))]
    return [each if each is not None and each.known else None for each in supports]
