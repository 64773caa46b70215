"""Our counts beside those of other tools, every difference itemised: ours + the items = theirs, exactly.

The items are computed from our own analysis and the architecture, never by subtraction; the tests hold the sum against
what torchinfo and FlopCounterMode report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ..analysis import BYTES, CONVENTIONS, Analysis, Layer, analyze
from ..architecture import Architecture, Auxiliary, edit, walk
from ._meta_counts import FLOP_COUNTER, TORCHINFO, flops_by_node
from ._summary import Summary, summarize
from ._tool_counts import LayerSums
from .conventions import Count, CountItem, count_by_convention, keep_items

NOT_RUN = ("fvcore", "ptflops_modules", "ptflops", "ptflops_functions", "thop", "thop_functions", "torchvision")
"""Conventions whose totals are worked out from the architecture alone: the tools are not needed."""


@dataclass(frozen=True, kw_only=True)
class ToolComparison:
    """One number of ours and the same of a tool."""

    metric: str
    """'params', 'mult_adds', 'flops', 'pass_bytes' or 'param_bytes'."""
    unit: str
    """'parameters', 'multiply-adds', 'operations' or 'bytes'."""
    tool: str
    """The tool, with its version where that matters."""
    their_name: str
    """What the tool calls its number."""
    ours: int
    """Our number."""
    our_convention: str
    """Our rule in one sentence."""
    items: tuple[CountItem, ...]
    """The differences between the two, each with its rule."""
    theirs: int
    """What the tool reports."""

    @property
    def explained(self) -> int:
        """Our number with all items added."""
        return self.ours + sum(item.value for item in self.items)

    @property
    def exact(self) -> bool:
        """Whether the items explain the tool's number to the last digit."""
        return self.explained == self.theirs


class NodeCounts(NamedTuple):
    """One node in all three counts. An auxiliary head is one row: inference never runs it."""

    path: str
    """Path of the node."""
    op: str
    """Kind of the node."""
    params: int
    """Ours, of the inference network."""
    torchinfo_params: int
    """torchinfo's parameters."""
    macs: int
    """Ours: multiply-adds of convolution and linear, bias not counted."""
    torchinfo_mult_adds: int
    """torchinfo's mult-adds."""
    flopcounter_flops: int
    """FlopCounterMode's: 2 for each multiply-add."""


@dataclass(frozen=True, kw_only=True)
class CountReconciliation:
    """All comparisons of one network for one image in inference."""

    name: str
    """Title of the network."""
    input_shape: tuple[int, int, int]
    """(channels, height, width) of the image."""
    comparisons: tuple[ToolComparison, ...]
    """Each number beside a tool's."""
    rows: tuple[NodeCounts, ...]
    """By node, in execution order; each column adds up to its total."""
    conventions: tuple[Count, ...] = ()
    """The MACs in the conventions of tools that are not run here."""

    def __getitem__(self, metric: str) -> ToolComparison:
        """The comparison of a metric. Raises KeyError with the metrics that there are."""
        for comparison in self.comparisons:
            if comparison.metric == metric:
                return comparison
        raise KeyError(f"{metric!r}; there are {', '.join(each.metric for each in self.comparisons)}")

    @property
    def exact(self) -> bool:
        """Whether every difference is explained to the last digit."""
        return all(comparison.exact for comparison in self.comparisons)

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "exact": self.exact,
            "comparisons": [
                {**asdict(each), "items": [asdict(item) for item in each.items], "exact": each.exact}
                for each in self.comparisons
            ],
            "rows": [row._asdict() for row in self.rows],
            "conventions": [count.to_data() for count in self.conventions],
        }


def reconcile_counts(
    architecture: Architecture, input_shape: tuple[int, int, int] | None = None
) -> CountReconciliation:
    """Compare our counts with torchinfo's and FlopCounterMode's for one image in inference, on the meta device.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) instead of the architecture's own.

    Returns:
        Parameters, multiply-adds, operations and bytes, each with every difference itemised, in all and by node.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    if input_shape is not None:
        architecture = edit.replace(architecture, "", input_shape=tuple(input_shape))
    ours, theirs, flops = analyze(architecture), summarize(architecture), flops_by_node(architecture)
    inference = [layer for layer in ours.layers if not layer.training_only]
    known = {count.key: count for count in count_by_convention(architecture, ours)}
    comparisons = (
        ToolComparison(
            metric="params",
            unit="parameters",
            tool=TORCHINFO,
            their_name="Total params",
            ours=ours.params,
            our_convention=CONVENTIONS["params"],
            items=_params_items(ours),
            theirs=theirs.total_params,
        ),
        ToolComparison(
            metric="mult_adds",
            unit="multiply-adds",
            tool=TORCHINFO,
            their_name="Total mult-adds",
            ours=ours.macs,
            our_convention=CONVENTIONS["macs"],
            items=known["torchinfo"].items,
            theirs=theirs.total_mult_adds,
        ),
        ToolComparison(
            metric="flops",
            unit="operations",
            tool=FLOP_COUNTER,
            their_name="total FLOPs",
            ours=ours.macs,
            our_convention=CONVENTIONS["macs"],
            items=known["flops"].items,
            theirs=flops[""],
        ),
        ToolComparison(
            metric="pass_bytes",
            unit="bytes",
            tool=TORCHINFO,
            their_name="Forward/backward pass size",
            ours=ours.training_bytes,
            our_convention=CONVENTIONS["training_bytes"],
            items=_pass_items(architecture, ours, inference),
            theirs=theirs.total_output_bytes,
        ),
        ToolComparison(
            metric="param_bytes",
            unit="bytes",
            tool=TORCHINFO,
            their_name="Params size, which leaves out the auxiliary heads that Total params has",
            ours=ours.params * BYTES,
            our_convention=f"parameters of the inference network × {BYTES} bytes (float32)",
            items=(),
            theirs=theirs.total_param_bytes,
        ),
    )
    return CountReconciliation(
        name=architecture.name,
        input_shape=architecture.input_shape,
        comparisons=comparisons,
        rows=_rows(architecture, inference, theirs, flops),
        conventions=tuple(known[key] for key in NOT_RUN),
    )


def _params_items(ours: Analysis) -> tuple[CountItem, ...]:
    return keep_items(
        CountItem(
            label="auxiliary heads",
            convention="every module's parameters are counted, those of heads that inference never runs too",
            value=ours.auxiliary_params,
        )
    )


def _of(layers: Iterable[Layer], *ops: str) -> list[Layer]:
    return [layer for layer in layers if layer.op in ops]


def _attention_outputs(architecture: Architecture, layer: Layer) -> int:
    """Output elements of the convolutions inside an attention, each run counted."""
    node = edit.find(architecture, layer.path)
    channels, height, width = layer.input_shape
    if node.kind == "eca":
        return channels
    small: int = max(1, channels // node.reduction) + channels
    return small if node.kind == "se" else 2 * small + height * width  # CBAM's shared MLP runs on mean and maximum


def _pass_items(architecture: Architecture, ours: Analysis, layers: list[Layer]) -> tuple[CountItem, ...]:
    def twice(elements: Iterable[int]) -> int:
        return 2 * BYTES * sum(elements)

    sums = LayerSums(architecture, ours)
    # A residual's projection and its norm have the shape of the residual itself.
    projected = [layer for layer in _of(layers, "residual") if layer.weight_params]
    return keep_items(
        CountItem(
            label="without what autograd keeps",
            convention="the tensors that the backward pass needs are not looked at",
            value=-ours.training_bytes,
        ),
        CountItem(
            label="outputs of convolutions",
            convention="the output of each convolution counts twice: once forward, once for its gradient",
            value=twice(layer.activation_elements for layer in [*_of(layers, "conv"), *projected]),
        ),
        CountItem(
            label="outputs of linear layers",
            convention="the output of each linear layer counts twice",
            value=twice(layer.activation_elements for layer in _of(layers, "linear")),
        ),
        CountItem(
            label="outputs of batch normalisation",
            convention="the output of each batch normalisation counts twice; activations, pooling and fusions are free",
            value=twice(layer.activation_elements for layer in sums.normed("batch")),
        ),
        CountItem(
            label="outputs of layer and group normalisation",
            convention="the output of each counts twice, too",
            value=twice(layer.activation_elements for layer in sums.normed("layer", "group")),
        ),
        CountItem(
            label="outputs of learned factors",
            convention="what is multiplied by learned factors counts twice",
            value=twice(layer.activation_elements for layer in _of(layers, "scale") if layer.params),
        ),
        CountItem(
            label="outputs inside attention",
            convention="the outputs of its small convolutions count twice, each time that they run",
            value=twice(_attention_outputs(architecture, layer) for layer in _of(layers, "attention")),
        ),
    )


def _rows(
    architecture: Architecture, layers: list[Layer], theirs: Summary, flops: dict[str, int]
) -> tuple[NodeCounts, ...]:
    params: dict[str, int] = {}
    mult_adds: dict[str, int] = {}
    for row in theirs.rows:
        params[row.node] = params.get(row.node, 0) + row.params
        mult_adds[row.node] = mult_adds.get(row.node, 0) + row.mult_adds
    of_layer = {layer.path: layer for layer in layers}

    def row_of(path: str, op: str) -> NodeCounts:
        layer = of_layer.get(path)
        return NodeCounts(
            path=path,
            op=op,
            params=layer.params if layer else 0,
            torchinfo_params=params.get(path, 0),
            macs=layer.macs if layer else 0,
            torchinfo_mult_adds=mult_adds.get(path, 0),
            flopcounter_flops=flops.get(path, 0),
        )

    return tuple(
        row_of(path, node.op) for path, node in walk(architecture) if path in of_layer or isinstance(node, Auxiliary)
    )
