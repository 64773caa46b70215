"""What an analysis returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

BYTES = 4
"""Bytes of one activation: memory is stated for float32."""

CONVENTIONS = {
    "params": "learnable parameters of the inference network; auxiliary heads are counted apart",
    "macs": "multiply-adds of convolutions and linear layers for one image, bias not counted; FLOPs = 2 × MACs",
    "training_bytes": "tensors that autograd keeps for the backward pass of one image, float32, each storage once; "
    "without weights, gradients and optimizer state",
    "inference_bytes": "largest sum of activations alive at one time, one image, float32, eager execution; "
    "without weights and workspaces",
    "receptive_field": "pixels of the input that one unit of the last feature map can depend on, height × width, "
    "not clipped by the image (Araujo, Norris & Sim, Distill 2019)",
}
"""Each metric's convention in one sentence, shown wherever the number is shown."""


class ReceptiveField(NamedTuple):
    """The part of the input that a unit depends on, (height, width) each, in pixels (Araujo et al. 2019).

    The unit at index i sees pixels ``start + stride·i`` to ``start + stride·i + size - 1`` of an axis; ``start`` is
    negative where padding is seen. Over branches ``size`` is the box around all paths, ``min_size`` the shortest path.
    """

    size: tuple[int, int] = (1, 1)
    """Pixels that a unit depends on: the box around all paths."""
    stride: tuple[int, int] = (1, 1)
    """Pixels between the fields of neighbouring units."""
    start: tuple[int, int] = (0, 0)
    """First pixel that the unit at index 0 sees; negative where padding is seen."""
    min_size: tuple[int, int] = (1, 1)
    """Pixels that a unit depends on over the path with the smallest windows."""
    aligned: bool = True
    """Whether all branches so far had one stride and centre. If their strides differ, the box is the first unit's."""
    whole_input: bool = False
    """Global pooling or attention came before: the unit sees everything; size is then the convolutional field."""

    @property
    def centre(self) -> tuple[float, float]:
        """Position of the first unit's centre; half-pixels come from even kernels."""
        return (self.start[0] + (self.size[0] - 1) / 2, self.start[1] + (self.size[1] - 1) / 2)


class Layer(NamedTuple):
    """One primitive layer, in execution order."""

    path: str
    """Path of its node."""
    op: str
    """Kind of its node, such as 'conv'."""
    input_shape: tuple[int, ...]
    """(channels, height, width) of what comes in, or (features,)."""
    output_shape: tuple[int, ...]
    """(channels, height, width) of what goes out, or (features,)."""
    weight_params: int
    """Learnable weights, without biases and norms."""
    bias_params: int
    """Learnable biases."""
    norm_params: int
    """Learnable scales and shifts of its normalisation."""
    macs: int
    """Multiply-adds for one image, bias not counted."""
    training_bytes: int
    """Bytes that autograd keeps because of this layer and no earlier one."""
    receptive_field: ReceptiveField
    """What one unit of its output depends on."""
    training_only: bool
    """Part of an auxiliary head, absent in inference."""

    @property
    def params(self) -> int:
        """All learnable parameters: weight, bias and norm."""
        return self.weight_params + self.bias_params + self.norm_params

    @property
    def activation_elements(self) -> int:
        """Numbers in the output of one image."""
        count = 1
        for extent in self.output_shape:
            count *= extent
        return count


class AuxiliaryHead(NamedTuple):
    """A classifier that runs in training only. One that does not fit the image makes only training impossible."""

    path: str
    """Path of its node."""
    reason: str = ""
    """Why it does not fit the image, '' where it fits."""

    @property
    def fits(self) -> bool:
        """Whether the network can be trained with it on images of this size."""
        return not self.reason

    def describe(self) -> str:
        """Say in one sentence what a head that does not fit means, and what to change.

        Returns:
            The sentence, without its full stop.
        """
        return (
            f"the auxiliary head {self.path} does not fit the image: {self.reason}; "
            "only training runs it, and needs larger images or the head removed"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The numbers of a whole network that a ribbon, a ranking or a search needs."""

    params: int
    """Learnable parameters of the inference network."""
    auxiliary_params: int
    """Learnable parameters of auxiliary heads, present in training only."""
    macs: int
    """Multiply-adds for one image in inference, convolution and linear, bias not counted."""
    training_bytes: int
    """What autograd keeps of one image's activations in training, auxiliary heads that fit the image included."""
    inference_bytes: int
    """Largest sum of one image's activations alive at once in inference."""
    output_shape: tuple[int, ...]
    """Shape of the prediction."""
    feature_shape: tuple[int, ...]
    """Shape of the last feature map before global pooling or flattening."""
    receptive_field: ReceptiveField
    """That of the last feature map before global pooling or flattening."""

    @property
    def flops(self) -> int:
        """2 × MACs."""
        return 2 * self.macs

    @property
    def training_params(self) -> int:
        """Learnable parameters with the auxiliary heads."""
        return self.params + self.auxiliary_params


def layer_of(row: tuple[Any, ...]) -> Layer:
    """A row of the pass, its field still per axis, as a ``Layer``."""
    return Layer._make((*row[:9], field_of(row[9]), row[10]))


def field_of(field: tuple[Any, ...]) -> ReceptiveField:
    """A field of the pass as a ``ReceptiveField``."""
    (rh, jh, sh, mh), (rw, jw, sw, mw), aligned, whole = field
    return ReceptiveField((rh, rw), (jh, jw), (sh, sw), (mh, mw), aligned, whole)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The shapes, costs and receptive fields of an architecture, found without running it."""

    name: str
    """Title of the network."""
    input_shape: tuple[int, int, int]
    """(channels, height, width) of one image."""
    totals: Totals
    """The numbers of the whole network."""
    rows: list[tuple[Any, ...]] = field(repr=False)
    """The pass's raw rows; read ``layers`` instead."""
    auxiliary: tuple[AuxiliaryHead, ...] = ()
    """Every auxiliary head, in execution order."""
    find_coverage: Callable[[Analysis], dict[str, float | None]] = field(repr=False, compare=False)
    """What ``coverage`` is found by, when it is asked for: hundreds of variants are analysed without it."""

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """One ``Layer`` per primitive layer and per fusion, in execution order.

        Those of auxiliary heads that do not fit the image are left out: they have no shapes.
        """
        absent = tuple(f"{head.path}/" for head in self.auxiliary if not head.fits)
        return tuple([layer for layer in self._drawn if not layer.path.startswith(absent)])

    @cached_property
    def _drawn(self) -> tuple[Layer, ...]:
        """What can be drawn and built: all layers, in heads that do not fit with shapes as if their windows fitted."""
        return tuple(map(layer_of, self.rows))

    def __getattr__(self, name: str) -> Any:
        # analysis.params reads better than analysis.totals.params, and the two can never differ.
        if name.startswith("_") or (name not in Totals.__slots__ and name not in ("flops", "training_params")):
            raise AttributeError(name)
        return getattr(self.totals, name)

    @cached_property
    def by_path(self) -> dict[str, Layer]:
        """Layers by path; also those of heads that do not fit, with shapes as if their windows just fitted."""
        return {layer.path: layer for layer in self._drawn}

    @cached_property
    def coverage(self) -> dict[str, float | None]:
        """The share of its receptive field's box that a unit touches, at most 1, by path of the layer.

        It is below 1 where dilation or stride leaves holes, and where 1×3 stands beside 3×1. None behind branches of
        unequal stride, where no one number holds for all units. ``analysis.support`` has the pixels.
        """
        return self.find_coverage(self)

    @cached_property
    def _spans(self) -> dict[str, tuple[int, int]]:
        """First layer at or below each path, and the first behind them: they follow one another without a gap."""
        spans = {"": (0, len(self._drawn))}
        for index, layer in enumerate(self._drawn):
            path = layer.path
            while path:
                spans[path] = (spans.get(path, (index,))[0], index + 1)
                path = path.rpartition("/")[0]
        return spans

    def below(self, path: str) -> tuple[Layer, ...]:
        """Select the layers at or below a path, of those in ``by_path``.

        Args:
            path: Path of a node; '' for the whole network.

        Returns:
            The layers in execution order; () where the path has none.
        """
        first, end = self._spans.get(path, (0, 0))
        return self._drawn[first:end]

    def below_any(self, paths: Sequence[str]) -> list[Layer]:
        """Select the layers at or below any of several paths; quick for a few where the analysis is not read otherwise.

        Args:
            paths: Paths of nodes.

        Returns:
            The layers in execution order.
        """
        inside = tuple(f"{path}/" for path in paths)
        return [layer_of(row) for row in self.rows if row[0] in paths or row[0].startswith(inside)]

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON; ``size``, ``stride``, ``start`` and ``min_size`` are [height, width]."""
        totals = self.totals
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "output_shape": list(totals.output_shape),
            "params": totals.params,
            "auxiliary_params": totals.auxiliary_params,
            "macs": totals.macs,
            "flops": totals.flops,
            "training_bytes": totals.training_bytes,
            "inference_bytes": totals.inference_bytes,
            "receptive_field": _field_data(totals.receptive_field),
            "auxiliary": [
                {"path": head.path, "fits": head.fits, "reason": head.reason} for head in self.auxiliary
            ],
            "layers": [
                {
                    "path": layer.path,
                    "op": layer.op,
                    "input_shape": list(layer.input_shape),
                    "output_shape": list(layer.output_shape),
                    "params": layer.params,
                    "weight_params": layer.weight_params,
                    "bias_params": layer.bias_params,
                    "norm_params": layer.norm_params,
                    "macs": layer.macs,
                    "training_bytes": layer.training_bytes,
                    "training_only": layer.training_only,
                    "receptive_field": _field_data(layer.receptive_field),
                    "coverage": self.coverage[layer.path],
                }
                for layer in self.layers
            ],
        }


def _field_data(field: ReceptiveField) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in field._asdict().items()}
