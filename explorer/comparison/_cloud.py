"""The Pareto cloud: thousands of variants around a network, analysed, and those that no other one beats.

A variant is drawn by a generator that belongs to its number alone, so any point can be made again from (seed, number).
Nodes are validated once for each value that a layer can take and then shared by all variants; a variant is put together
from them without validation, since no rule of a container depends on its children's numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import is_
from typing import Any, NamedTuple

from ..analysis import METRICS, Direction, Totals, analyze
from ..architecture import MAX_CHANNELS, Architecture, ArchitectureError, Conv, edit, walk
from ._pareto import pareto_front

MAX_VARIANTS = 100_000
"""Variants of one cloud."""
_PARTS = 8


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """How far variants may go from the network."""

    width: tuple[float, float] = (0.5, 2.0)
    """Least and greatest factor of a convolution's channels."""
    kernels: tuple[int, ...] = (3, 5, 7)
    """Windows for convolutions that have a square one, keep the size and are not 1×1; () leaves them as they are."""
    dilations: tuple[int, ...] = (1, 2)
    """Dilations for the same convolutions; () leaves them as they are."""
    below: tuple[str, ...] = ("",)
    """Paths under which layers may change; ('',) is the whole network."""

    def __post_init__(self) -> None:
        low, high = self.width
        if not 0.01 <= low <= high <= 100:
            raise ValueError(f"width (={low:g} to {high:g}) must rise from at least 0.01 to at most 100")


@dataclass(frozen=True, slots=True)
class CloudPoint:
    """One variant: its number within the cloud, and its totals."""

    number: int
    """From 1 on; it and the cloud's seed give the variant again."""
    totals: Totals
    """What the variant costs."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Variants of one network, in the order of their numbers; those that do not work are left out."""

    architecture: Architecture
    """The network in the middle."""
    ranges: Ranges
    """How far variants could go."""
    seed: int
    """Of the generators."""
    points: tuple[CloudPoint, ...]
    """The variants that work."""
    refused: int
    """Variants whose layers did not fit together."""
    _space: Space = field(repr=False)

    def variant(self, number: int) -> Architecture:
        """Make the network of a point again.

        Args:
            number: ``number`` of the point.

        Returns:
            The network, validated, named after the network and its number.
        """
        trunk = self._space.trunk(self._space.draw(self.seed, number))
        origin = f"variant {number:,} of the cloud around {self.architecture.name} with seed {self.seed}"
        return edit.replace(
            self.architecture, "", name=f"{self.architecture.name[:80]}, variant {number}", trunk=trunk, notes=origin
        )

    def front(self, **metrics: Direction) -> list[CloudPoint]:
        """Find the Pareto front of some metrics, as ``front(macs='least', receptive_field='most')``.

        Args:
            metrics: Keys of ``analysis.METRICS``, each with the direction that is better.

        Returns:
            The points that no other point dominates, ordered by the first metric.

        Raises:
            ValueError: A name is not a metric, or not one that can be read from totals.
        """
        reads = {name: read_metric(name) for name in metrics}
        rows = [[read(point.totals) for read in reads.values()] for point in self.points]
        kept = pareto_front(rows, list(metrics.values()))
        return [self.points[index] for index in sorted(kept, key=lambda index: (rows[index], index))]


def read_metric(name: str) -> Callable[[Totals], int]:
    """How a metric is read from totals. Raises ValueError for one that is not a number of theirs."""
    metric = METRICS.get(name)
    if metric is None or metric.of_totals is None:
        raise ValueError(f"metric (={name!r}) is not one that a variant has")
    return metric.of_totals


def sample_cloud(
    architecture: Architecture,
    count: int = 1000,
    seed: int = 0,
    ranges: Ranges | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Cloud:
    """Draw and analyse random variants of a network. The same seed gives the same points.

    Args:
        architecture: The network in the middle.
        count: Variants to draw, 1 to ``MAX_VARIANTS``.
        seed: Of the generators; each variant has its own, from the seed and its number.
        ranges: How far variants may go; by default ``Ranges()``.
        stop: Asked after each hundred; True ends the cloud early.

    Returns:
        The variants that work, with their totals.

    Raises:
        ArchitectureError: The network itself does not work.
        ValueError: A count outside its limits, or nothing may change within the ranges.
    """
    if not 1 <= count <= MAX_VARIANTS:
        raise ValueError(f"count (={count:,}) must be from 1 to {MAX_VARIANTS:,}")
    ranges = ranges or Ranges()
    space = Space(architecture, ranges)
    points: list[CloudPoint] = []
    number = 0
    for number in range(1, count + 1):
        totals = space.totals(space.draw(seed, number))
        if totals is not None:
            points.append(CloudPoint(number, totals))
        if number % 100 == 0 and stop():
            break
    return Cloud(
        architecture=architecture, ranges=ranges, seed=seed, points=tuple(points), refused=number - len(points),
        _space=space,
    )  # fmt: skip


Choice = dict[str, Any]
"""For each path the node that stands there in a variant."""


class Space:
    """The layers of a network that may change, and the values that each can take."""

    def __init__(self, architecture: Architecture, ranges: Ranges) -> None:
        self._architecture, self._ranges = architecture, ranges
        analyze(architecture)  # says what is wrong with it
        convs = {
            path: node
            for path, node in walk(architecture)
            if isinstance(node, Conv) and any(not top or f"{path}/".startswith(f"{top}/") for top in ranges.below)
        }
        self._wide = {path: node for path, node in convs.items() if self._can_widen(path, node)}
        self._windows = {path: options for path, node in convs.items() if len(options := self._options(path, node)) > 1}
        if not self._wide and not self._windows:
            raise ValueError("no layer may change within these ranges; widen them, or choose other layers")
        self._paths = sorted({*self._wide, *self._windows}, key=list(convs).index)
        self._made: dict[tuple[str, int, int, int], Any] = {}
        self._nodes = convs
        self._plan = _plan(architecture.trunk, "", set(self._paths))

    def _can_widen(self, path: str, node: Conv) -> bool:
        """Whether its channels may change alone: nothing behind it needs a certain number of them."""
        low, high = self._ranges.width
        if not isinstance(node.out_channels, int) or low == high == 1:
            return False
        step = node.groups if isinstance(node.groups, int) else 1
        return self._works(path, out_channels=min(node.out_channels + step, MAX_CHANNELS // step * step))

    def _options(self, path: str, node: Conv) -> list[tuple[int, int]]:
        """(kernel, dilation) that the layer may have; only where both keep the size of the map."""
        kernel, dilation = node.kernel_size, node.dilation
        g = node.geometry
        keeps = g.stride == (1, 1) and g.is_symmetric and all(
            2 * pad == each * (size - 1) for pad, each, size in zip(g.pad, g.dilation, g.kernel, strict=True)
        )
        if not isinstance(kernel, int) or not isinstance(dilation, int) or kernel == 1 or not keeps:
            return []
        kernels = {kernel, *self._ranges.kernels}
        dilations = {dilation, *self._ranges.dilations}
        return [
            (k, d) for k in sorted(kernels) for d in sorted(dilations)
            if (k, d) == (kernel, dilation) or self._works(path, kernel_size=k, dilation=d, padding="same")
        ]  # fmt: skip

    def _works(self, path: str, **fields: Any) -> bool:
        try:
            analyze(edit.replace(self._architecture, path, **fields))
        except ArchitectureError:
            return False
        return True

    def draw(self, seed: int, number: int) -> Choice:
        """The nodes of a variant that differ from the network's.

        All layers change, or a share that is drawn too. Their widths have one factor in common and one of their own; of
        their windows a share is one and the same, the others any. So the cloud spreads over its whole range instead of
        gathering where many independent choices cancel out.
        """
        draw = random.Random(f"{seed}/{number}").random
        low, high = self._ranges.width
        share, common = min(1.0, 2 * draw()), low * (high / low) ** draw()
        alike, window = draw(), draw()
        chosen: Choice = {}
        for path in self._paths:
            if draw() >= share:
                continue
            node = self._nodes[path]
            channels, kernel, dilation = 0, 0, 0
            if path in self._wide:
                factor = min(high, max(low, common * 2 ** (draw() - 0.5)))
                step = _step(node)
                channels = min(max(step, round(node.out_channels * factor / step) * step), MAX_CHANNELS // step * step)
            options = self._windows.get(path)
            if options:
                kernel, dilation = options[int((window if draw() < alike else draw()) * len(options))]
            chosen[path] = self._node(path, node, channels, kernel, dilation)
        return chosen

    def _node(self, path: str, node: Any, channels: int, kernel: int, dilation: int) -> Any:
        key = (path, channels, kernel, dilation)
        if key not in self._made:
            fields: dict[str, Any] = {"out_channels": channels} if channels else {}
            if kernel and (kernel, dilation) != (node.kernel_size, node.dilation):
                fields |= {"kernel_size": kernel, "dilation": dilation, "padding": "same"}
            self._made[key] = edit.with_fields(node, **fields)
        return self._made[key]

    def trunk(self, chosen: Choice) -> Any:
        """The trunk with these nodes in it."""
        return _filled(self._plan, chosen)

    def totals(self, chosen: Choice) -> Totals | None:
        """What the variant costs; None where its layers do not fit together."""
        try:
            return analyze(edit.copy_without_checks(self._architecture, trunk=self.trunk(chosen))).totals
        except ArchitectureError:
            return None


def _step(node: Any) -> int:
    """Widths of a layer are multiples of this: about an eighth of its own, so that each takes a handful of values."""
    groups = node.groups if isinstance(node.groups, int) else 1
    eighth: int = node.out_channels // _PARTS // groups * groups
    return max(groups, eighth)


class _Plan(NamedTuple):
    """A container in which layers may change, and where in it."""

    node: Any
    places: tuple[tuple[int, str, _Plan | None], ...]
    """(place among the children, path, the plan of a container; None for a layer)."""


def _plan(node: Any, path: str, paths: set[str]) -> _Plan:
    prefix = f"{path}/" if path else ""
    places: list[tuple[int, str, _Plan | None]] = []
    for place, child in enumerate(node.nodes):
        below = prefix + child.name
        if below in paths:
            places.append((place, below, None))
        elif child.nodes and (inner := _plan(child, below, paths)).places:
            places.append((place, below, inner))
    return _Plan(node, tuple(places))


def _filled(plan: _Plan, chosen: Choice) -> Any:
    """The container with the chosen nodes in it; itself where nothing in it was chosen."""
    old = plan.node.nodes
    nodes = list(old)
    for place, path, inner in plan.places:
        if inner is not None:
            nodes[place] = _filled(inner, chosen)
        elif path in chosen:
            nodes[place] = chosen[path]
    if all(map(is_, nodes, old)):
        return plan.node
    field = plan.node.child_field
    return edit.copy_without_checks(plan.node, **{field: nodes[0] if field == "body" else tuple(nodes)})
