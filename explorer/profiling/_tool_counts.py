"""The sums over a network's layers of which every convention's differences are made."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from ..analysis import Analysis, Layer
from ..architecture import Architecture, walk


class LayerSums:
    """Sums over the layers of the inference network."""

    def __init__(self, architecture: Architecture, analysis: Analysis) -> None:
        self.analysis = analysis
        self.nodes: dict[str, Any] = dict(walk(architecture))
        self.layers = [layer for layer in analysis.layers if not layer.training_only]
        self._blocks = tuple(f"{path}/" for path, node in self.nodes.items() if node.op == "parallel")

    def of(self, *ops: str, kind: str = "") -> list[Layer]:
        """The layers of these kinds, all or with a certain ``kind`` field."""
        found = [layer for layer in self.layers if layer.op in ops]
        return [layer for layer in found if not kind or self.nodes[layer.path].kind == kind]

    def outside_blocks(self, layers: Iterable[Layer]) -> list[Layer]:
        """Those that stand in no branch of a block."""
        return [layer for layer in layers if not layer.path.startswith(self._blocks)]

    def biases(self, *ops: str) -> int:
        """Biases × output positions."""
        return sum(layer.bias_params * prod(layer.output_shape[1:]) for layer in self.of(*ops))

    def normed(self, *kinds: str) -> list[Layer]:
        """The layers with a norm of these kinds, those of projections too."""
        return [layer for layer in self.layers if self.nodes[layer.path].norm_kind in kinds]

    def normalised(self, *kinds: str) -> int:
        """Elements that go through a norm of these kinds."""
        return elements(self.normed(*kinds))

    def pooled(self, layers: Iterable[Layer], *, calls: bool = False) -> int:
        """Elements that poolings read, with the border that a step before them lays around where its sides may differ.

        With ``calls`` also what is pooled to find the share of each window that lies on the map.
        """
        found = 0
        for layer in layers:
            node, channels = self.nodes[layer.path], layer.input_shape[0]
            read = prod(layer.input_shape)
            if layer.op == "pool" and (node.is_sized or not node.geometry.is_symmetric):
                g = node.geometry_on(layer.input_shape[1:])
                sides = zip(layer.input_shape[1:], g.pad, g.pad_end, strict=True)
                area = prod(size + before + behind for size, before, behind in sides)
                shared = calls and node.kind == "avg" and not node.count_include_pad and any((*g.pad, *g.pad_end))
                read = area * (channels + int(shared))
            found += read
        return found

    def activated(self, *kinds: str) -> int:
        """Elements that go through an activation of these kinds, wherever it stands; attention's own are apart."""
        found = 0
        for layer in self.layers:
            node = self.nodes[layer.path]
            kind = node.kind if layer.op == "activation" else getattr(node, "activation", "none")
            found += layer.activation_elements if kind in kinds else 0
        return found


def elements(layers: Iterable[Layer], side: str = "output") -> int:
    """Numbers in the outputs, or inputs, of layers."""
    return sum(prod(layer.output_shape if side == "output" else layer.input_shape) for layer in layers)
