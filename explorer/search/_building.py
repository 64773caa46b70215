"""From a point of a space to its network and training, thousands a second, or to the reason why there is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..analysis import Sweep, Totals, repair
from ..architecture import Architecture, edit, to_json
from ..experiments import factor_edits as edits
from ..training import TrainConfig
from ._limits import Limit, measure
from ._space import OF_TRAINING, Dimension, Point, Space, Value

_MAX_COLUMNS = 20_000
"""Variants of columns that are remembered at most; then all are forgotten at once."""


class Rejected(ValueError):
    """There is no network at a point, or it breaks a limit; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A point with what it stands for."""

    point: Point
    """Where it is in its space."""
    network: Architecture
    """The network, whose layers fit together."""
    totals: Totals
    """Its parameters, MACs, memory and receptive field."""
    base: TrainConfig
    """How the given network is trained."""
    settings: dict[str, Value]
    """What is changed in that."""

    @cached_property
    def config(self) -> TrainConfig:
        """How it is trained. Made when it is asked for: checking every setting takes as long as judging the network.

        Raises ValueError where the settings do not fit together.
        """
        return self.base.changed(**self.settings) if self.settings else self.base

    @property
    def texts(self) -> tuple[str, str]:
        """The network and its training as a run stores them."""
        return to_json(self.network, indent=None), self.config.model_dump_json()


class Builder:
    """Builds the points of one space and judges them by limits; remembers what it has built.

    Args:
        space: What varies.
        limits: What every sample has to keep.
    """

    def __init__(self, space: Space, limits: Sequence[Limit] = ()) -> None:
        self.space, self.limits = space, tuple(limits)
        self._sweep = Sweep()
        self._variants: dict[tuple[str, tuple[int, ...]], tuple[Any, ...]] = {}
        self._columns: dict[str, list[tuple[int, Dimension]]] = defaultdict(list)
        self._switches: dict[str, list[int]] = defaultdict(list)
        self._settings: list[tuple[int, Dimension]] = []
        for place, dimension in enumerate(space.dimensions):
            if dimension.group in OF_TRAINING:
                self._settings.append((place, dimension))
            else:
                column = edit.column_of(space.network, dimension.path)
                self._columns[column].append((place, dimension))
                if dimension.group == "branches":
                    self._switches[dimension.path.rpartition("/")[0]].append(place)
        self._layers: dict[tuple[int, float, Any, Any], Any] = {}
        # By identity, as the space keeps them alive: classifiers, whose widths are the data's.
        self._kept = frozenset(id(edit.find(space.network, path)) for path in edit.classifiers(space.network))

    def build(self, point: Point) -> Sample:
        """Build the network and the training of a point, and judge the network by the limits.

        Args:
            point: One of the space.

        Returns:
            The sample; at the given point the network is the given one, as far as it keeps the limits.

        Raises:
            Rejected: The layers do not fit together and cannot be repaired, or a limit is broken.
        """
        for block, switches in self._switches.items():
            if not any(point[at] for at in switches):
                raise Rejected(f"every branch of {block} is off")
        try:
            network = self._compose(point)
            totals = self._sweep.totals(network)
            if totals is None:
                network, _ = repair(network)
                totals = self._sweep.totals(network)
                assert totals is not None  # that is what a repair is
        except ValueError as error:  # layers that do not fit, or more of them than a network may have
            raise Rejected(f"no network: {error}") from None
        for limit in self.limits:
            if reason := limit.reason_broken(measure(limit.key, network, totals)):
                raise Rejected(reason)
        changed = {each.path: each.values[point[at]] for at, each in self._settings if point[at] != each.given}
        return Sample(point=point, network=network, totals=totals, base=self.space.config, settings=changed)

    def _compose(self, point: Point) -> Architecture:
        """The network with the variant of each column in its place; what has not changed is shared."""
        base = self.space.network
        changed: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
        for column, dimensions in self._columns.items():
            parent, _, name = column.rpartition("/")
            places = tuple(point[at] for at, _ in dimensions)
            if any(point[at] != each.given for at, each in dimensions):
                changed[parent][name] = self._vary(column, places)
        for parent, variants in sorted(changed.items(), reverse=True):  # a column's parent before the trunk
            container = edit.find(base, parent)
            whole = container.with_nodes(
                tuple(new for node in container.nodes for new in variants.get(node.name, (node,)))
            )
            base = edit.put(base, parent, whole) if parent else edit.replace(base, "", trunk=whole)
        return base

    def _vary(self, column: str, places: tuple[int, ...]) -> tuple[Any, ...]:
        """What stands in the place of a column: nothing, its variant, or that and copies of it."""
        known = self._variants.get((column, places))
        if known is None:
            if len(self._variants) >= _MAX_COLUMNS:
                self._variants.clear()
            chosen = zip(self._columns[column], places, strict=True)
            wanted = [(each, each.values[place]) for (_, each), place in chosen if place != each.given]
            known = self._variants[column, places] = self._make_variant(column, wanted)
        return known

    def _make_variant(self, column: str, wanted: list[tuple[Dimension, Value]]) -> tuple[Any, ...]:
        """Made in a network of this column alone, since an edit costs as much as its network is large."""
        parent, _, name = column.rpartition("/")
        cut = len(parent) + 1 if parent else 0
        chosen: dict[str, dict[str, Any]] = defaultdict(dict)
        for dimension, value in wanted:
            chosen[dimension.group][dimension.path[cut:]] = value
        widths, kernels, dilations = (chosen[group] for group in ("widths", "kernels", "dilations"))
        node = self._change_layers(edit.find(self.space.network, column), name, (widths, kernels, dilations))
        base = _take_out(self.space.network, node)
        for branch in chosen["branches"]:
            base = edit.remove(base, branch)
        for kind in chosen["attention"].values():
            for block in edits.find_blocks(self.space.network, column):
                base = edit.set_attention(base, block[cut:], None if kind == "none" else kind)
        for wraps in chosen["residual"].values():
            base = edit.set_residual(base, name, "identity") if wraps else edits.remove_residuals(base, name)
        siblings = {node.name for node in edit.find(self.space.network, parent).nodes}
        for path, times in chosen["depth"].items():
            base = _repeat(base, path, times, siblings if path == name else set())
        return base.trunk.nodes

    def _change_layers(self, node: Any, path: str, chosen: tuple[dict[str, Any], ...]) -> Any:
        """A node with its layers' widths, windows and dilations as they were chosen.

        Containers are not validated anew: a number in a layer breaks no rule of theirs.
        """
        if node.op == "auxiliary":
            return node
        if node.child_field:
            nodes = tuple([self._change_layers(each, f"{path}/{each.name}", chosen) for each in node.nodes])
            if all(new is old for new, old in zip(nodes, node.nodes, strict=True)):
                return node
            held: Any = nodes[0] if node.child_field == "body" else nodes
            return edit.copy_without_checks(node, **{node.child_field: held})
        widths, kernels, dilations = chosen
        factor = next((f for part, f in widths.items() if path == part or path.startswith(f"{part}/")), 1.0)
        key = (id(node), factor, kernels.get(path), dilations.get(path))
        if key[1:] == (1.0, None, None):
            return node
        if key not in self._layers:
            self._layers[key] = _change_layer(node, *key[1:]) if id(node) not in self._kept else node
        return self._layers[key]


def _change_layer(layer: Any, factor: float, kernel: Any, dilation: Any) -> Any:
    fields: dict[str, Any] = {}
    if kernel is not None:
        fields["kernel_size"] = tuple(1 if side == 1 else kernel for side in layer.geometry.kernel)
    if dilation is not None:
        fields["dilation"] = dilation
    if fields and layer.padding != "tf_same" and edits.is_padded_to_size(layer):
        fields["padding"] = "same"
    return edit.widen(edit.with_fields(layer, **fields), factor)


def _take_out(network: Architecture, node: Any) -> Architecture:
    """A network of one column. Its layers need not fit the image; edits do not ask."""
    trunk = edit.copy_without_checks(network.trunk, children=(node,))
    return edit.copy_without_checks(network, trunk=trunk)


def _repeat(network: Architecture, path: str, times: int, taken: set[str]) -> Architecture:
    """Let a node stand so many times, one after another, or not at all; copies keep the size of the map."""
    if not times:
        return edit.remove(network, path)
    parent, node = path.rpartition("/")[0], edit.find(network, path)
    siblings = edit.find(network, parent).nodes
    place, taken = siblings.index(node), taken | {each.name for each in siblings}
    for number in range(2, times + 1):
        name = edit.free_name(f"{node.name}_{number}", taken)
        taken.add(name)
        copy = edit.with_fields(edits.at_stride_1(node), name=name)
        network = edit.insert(network, parent, copy, place + number - 1)
    return network
