"""A network cut into stages: the parts that work at one resolution, each with its blocks and their branches.

Networks differ in names, depth and input size; what they share is that they halve the resolution step by step. A stage
is therefore named by its stride, the input pixels from one unit to its neighbour: 147 × 147 of a 299-pixel image and
112 × 112 of a 224-pixel image both are stride 2. What comes from global pooling or flattening on is the *head*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..analysis import Analysis, Layer
from ..architecture import Architecture, edit, walk
from ._amounts import Amounts, sum_layers

HEAD = (0, 0)
"""Key of the stage that sees the whole input: global pooling or flattening, and all behind it."""

_HEAD_OPS = ("global_pool", "flatten", "linear")
Key = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Part(Amounts):
    """What a stage, a block or a branch costs, in the conventions of ``analysis.METRICS``; ``part.macs`` is one."""

    path: str
    """Path of the node; '' for a stage."""
    amounts: dict[str, int]
    """By metric, of those that add up over layers."""
    output_shape: tuple[int, ...]
    """(channels, height, width) at its end, or (features,)."""
    receptive_field: tuple[int, int]
    """(height, width) at its end, in input pixels."""
    shortest: tuple[int, int]
    """The same over the shortest path."""

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON, each metric by its key."""
        return {
            "path": self.path, **self.amounts, "output_shape": list(self.output_shape),
            "receptive_field": list(self.receptive_field), "shortest": list(self.shortest),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Block(Part):
    """A node of the trunk, split into its branches where it has parallel ones."""

    branches: tuple[Part, ...] = ()
    """Its branches in order; () where it has none."""

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON, the branches included."""
        return {**super().to_data(), "branches": [branch.to_data() for branch in self.branches]}


@dataclass(frozen=True, kw_only=True)
class Stage(Part):
    """Everything at one stride."""

    key: Key
    """Stride (height, width); ``HEAD`` for the head."""
    blocks: tuple[Block, ...]
    """Its nodes of the trunk, in order."""

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON, the blocks included."""
        return {**super().to_data(), "key": list(self.key), "blocks": [block.to_data() for block in self.blocks]}

    @property
    def label(self) -> str:
        """'stride 8', 'stride 8×4' or 'head'."""
        return stage_label(self.key)


def stage_label(key: Key) -> str:
    """A stage's key in words."""
    if key == HEAD:
        return "head"
    return f"stride {key[0]}" if key[0] == key[1] else f"stride {key[0]}×{key[1]}"


def ordered(keys: Iterable[Key]) -> list[Key]:
    """Keys of several networks in one order: growing strides, the head last."""
    return sorted(set(keys), key=lambda key: (key == HEAD, key[0] * key[1], key))


def find_stages(architecture: Architecture, analysis: Analysis) -> tuple[Stage, ...]:
    """Split a network into stages, the parts that work at one stride.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.

    Returns:
        The stages in order. Their params, MACs and training bytes add up to the network's totals.
    """
    keys = _keys(analysis, _gates(architecture))
    groups: dict[Key, list[tuple[str, Any]]] = {}
    key: Key = (1, 1)
    for path, node in _units(architecture.trunk.nodes, "", analysis, keys):
        own = [keys[layer.path] for layer in analysis.below(path) if not layer.training_only]
        key = own[-1] if own else key
        groups.setdefault(key, []).append((path, node))
    shape: tuple[int, ...] = architecture.input_shape
    field = ((1, 1), (1, 1))
    found = []
    for key, nodes in groups.items():
        blocks = []
        for path, node in nodes:
            block = _block(node, path, analysis, shape, field)
            blocks.append(block)
            shape, field = block.output_shape, (block.receptive_field, block.shortest)
        layers = [layer for block in blocks for layer in analysis.below(block.path)]
        found.append(Stage(key=key, blocks=tuple(blocks), **_costs("", layers, shape, field)))
    return tuple(found)


def _gates(architecture: Architecture) -> tuple[str, ...]:
    """Beginnings of the paths within gates: what they pool is repeated over the map, so that no head begins there."""
    return tuple(f"{path}/{name}" for path, node in walk(architecture) for name in node.gates)


def _keys(analysis: Analysis, gates: tuple[str, ...]) -> dict[str, Key]:
    """The stage of each layer's output."""
    keys: dict[str, Key] = {}
    head = False
    for layer in analysis.layers:
        begins = layer.op in _HEAD_OPS and not layer.training_only
        head = head or (begins and not (gates and layer.path.startswith(gates)))
        keys[layer.path] = HEAD if head else layer.receptive_field.stride
    return keys


def _units(
    nodes: tuple[Any, ...], prefix: str, analysis: Analysis, keys: dict[str, Key]
) -> Iterator[tuple[str, Any]]:
    """The nodes of the trunk; a plain sequence that spans several stages, as 'features' may, is opened."""
    for node in nodes:
        path = f"{prefix}{node.name}"
        if node.op == "sequence":
            inner = {keys[layer.path] for child in node.nodes
                     for layer in analysis.below(f"{path}/{child.name}")[-1:]}  # fmt: skip
            if len(inner) > 1:
                yield from _units(node.nodes, f"{path}/", analysis, keys)
                continue
        yield path, node


def _costs(path: str, layers: Iterable[Layer], shape: tuple[int, ...], field: tuple[Any, Any]) -> dict[str, Any]:
    layers = tuple(layers)
    last = next((layer for layer in reversed(layers) if not layer.training_only), None)
    if last is not None:
        shape, field = last.output_shape, (last.receptive_field.size, last.receptive_field.min_size)
    amounts = sum_layers(layers)
    return {"path": path, "amounts": amounts, "output_shape": shape, "receptive_field": field[0], "shortest": field[1]}


def _block(node: Any, path: str, analysis: Analysis, shape: tuple[int, ...], field: tuple[Any, Any]) -> Block:
    parallel = edit.block_parallel(node, path)
    branches: list[Part] = []
    if parallel is not None:
        inner = node
        for name in parallel[len(path) + 1 :].split("/") if parallel != path else ():
            inner = next(child for child in inner.nodes if child.name == name)
        before = _before(analysis, parallel, shape, field)
        branches = [
            Part(**_costs(branch, analysis.below(branch), *before))
            for branch in (f"{parallel}/{each.name}" for each in inner.branches)
        ]
    return Block(branches=tuple(branches), **_costs(path, analysis.below(path), shape, field))


def _before(analysis: Analysis, parallel: str, shape: tuple[int, ...], field: tuple[Any, Any]) -> tuple[Any, Any]:
    """What the branches of a block read: where a branch is the identity, that is its output too."""
    block = parallel.partition("/")[0]
    for layer in analysis.below(block):
        if layer.path.startswith(f"{parallel}/") or layer.path == parallel:
            break
        if not layer.training_only:
            shape, field = layer.output_shape, (layer.receptive_field.size, layer.receptive_field.min_size)
    return shape, field
