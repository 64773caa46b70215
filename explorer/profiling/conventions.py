"""One network under every convention in which people quote its multiply-adds.

Each tool's total is ours with itemised differences, computed here from the architecture; the tools themselves are not
needed, and the tests hold every total against what they print. All is for one image in inference, so auxiliary heads
do not run. What a tool counts can depend on how the same network is written, with modules of torch.nn as ``build`` does
or with functions as torchvision does in part; where it does, the tool has a convention for each way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from ..analysis import CONVENTIONS as OURS
from ..analysis import Analysis, Layer, analyze
from ..architecture import Architecture
from ._tool_counts import LayerSums, elements


@dataclass(frozen=True, kw_only=True)
class CountItem:
    """One difference between our count and a tool's."""

    label: str
    """What it is, in a few words."""
    convention: str
    """The tool's rule in one sentence."""
    value: int
    """What the rule adds to our number, in the comparison's unit; never 0."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """A network's cost in one convention: ours + the items."""

    key: str
    """Key of ``CONVENTIONS``."""
    tool: str
    """The tool, with its version where that matters."""
    their_name: str
    """What the tool calls its number."""
    ours: int
    """Our MACs."""
    items: tuple[CountItem, ...]
    """The differences of the tool's number from ours."""

    @property
    def total(self) -> int:
        """The tool's number."""
        return self.ours + sum(item.value for item in self.items)

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {**asdict(self), "total": self.total}


def keep_items(*found: CountItem) -> tuple[CountItem, ...]:
    """Keep the items that make a difference."""
    return tuple(item for item in found if item.value)


def _double(sums: LayerSums) -> tuple[CountItem, ...]:
    return keep_items(
        CountItem(
            label="the addition of each multiply-add",
            convention="a multiplication and an addition are two operations; biases and all else are free",
            value=sums.analysis.macs,
        )
    )


def _torchinfo(sums: LayerSums) -> tuple[CountItem, ...]:
    """What torchinfo's "total mult-adds" has beyond ours: parameters × positions, so biases and norms too."""
    return keep_items(
        CountItem(
            label="biases of convolutions",
            convention="a bias counts once for each output position, as if adding it were a multiply-add",
            value=sums.biases("conv"),
        ),
        CountItem(
            label="biases of projection shortcuts",
            convention="a projection is a 1×1 convolution: its bias counts once for each output position",
            value=sums.biases("residual"),
        ),
        CountItem(
            label="biases of linear layers",
            convention="a bias counts once for each image",
            value=sums.biases("linear"),
        ),
        CountItem(
            label="biases of squeeze-and-excitation",
            convention="its two small convolutions work on a 1×1 map, so each bias counts once for each image",
            value=sum(layer.bias_params for layer in sums.of("attention")),
        ),
        CountItem(
            label="batch normalisation",
            convention="its 2 parameters a channel count once for each image, however large the map is",
            value=sum(layer.norm_params for layer in sums.normed("batch")),
        ),
        CountItem(
            label="layer and group normalisation",
            convention="its 2 parameters a channel count once for each image, too",
            value=sum(layer.norm_params for layer in sums.normed("layer", "group")),
        ),
        CountItem(
            label="learned factors of channels",
            convention="each factor, and each number that is added, counts once for each image",
            value=sum(layer.params for layer in sums.of("scale")),
        ),
    )


def _fvcore(sums: LayerSums) -> tuple[CountItem, ...]:
    return keep_items(
        CountItem(
            label="batch normalisation",
            convention="in inference a multiplication and an addition for each element, counted as 2",
            value=2 * sums.normalised("batch"),
        ),
        CountItem(
            label="layer and group normalisation",
            convention="mean, variance, scaling and shift, counted as 5 for each element",
            value=5 * sums.normalised("layer", "group"),
        ),
        CountItem(
            label="global average pooling",
            convention="adaptive pooling counts 1 for each element of its input; other pooling is free",
            value=elements(sums.of("global_pool", kind="avg"), "input"),
        ),
    )


def _thop(sums: LayerSums) -> tuple[CountItem, ...]:
    return _thop_with(sums, sums.of("pool", kind="avg"))


def _thop_functions(sums: LayerSums) -> tuple[CountItem, ...]:
    return _thop_with(sums, sums.outside_blocks(sums.of("pool", kind="avg")))


def _thop_with(sums: LayerSums, pools: list[Layer]) -> tuple[CountItem, ...]:
    """``pools``: the average pools that are modules, since thop does not see functions."""
    averages = sums.of("global_pool", kind="avg")
    return keep_items(
        CountItem(
            label="batch normalisation",
            convention="subtract, divide, scale and shift: 4 for each element",
            value=4 * sums.normalised("batch"),
        ),
        CountItem(
            label="average pooling",
            convention="1 for each element of the output, where it is a module and not a function",
            value=elements(pools),
        ),
        CountItem(
            label="global average pooling",
            convention="1 for each element of the input and 1 for each of the output",
            value=elements(averages, "input") + elements(averages),
        ),
    )


_FUNCTIONS = ("relu", "relu6", "elu", "gelu", "gelu_tanh", "silu")
"""Activations that ptflops counts where they are functions."""
_AGAIN = ("relu", "elu", "gelu", "gelu_tanh", "leaky_relu")
"""Those that count once more as modules: LeakyReLU only there; ReLU6 and SiLU once either way."""


def _ptflops(sums: LayerSums) -> tuple[CountItem, ...]:
    return _ptflops_with(sums, sums.of("pool", "global_pool"))


def _ptflops_functions(sums: LayerSums) -> tuple[CountItem, ...]:
    return _ptflops_with(sums, sums.outside_blocks(sums.of("pool", "global_pool")))


def _ptflops_with(sums: LayerSums, pools: list[Layer]) -> tuple[CountItem, ...]:
    """``pools``: those that are modules; all activations are functions."""
    responses = [(layer, sums.nodes[layer.path].size) for layer in sums.of("local_response_norm")]
    padded = sum(
        (layer.input_shape[0] + size - 1) * prod(layer.input_shape[1:]) for layer, size in responses
    )
    attentions = sum(layer.bias_params for layer in sums.of("attention"))
    return keep_items(
        CountItem(
            label="biases of convolutions",
            convention="a bias counts once for each output position",
            value=sums.biases("conv", "residual") + attentions,
        ),
        CountItem(
            label="biases of linear layers",
            convention="a bias counts once for each image",
            value=sums.biases("linear"),
        ),
        CountItem(
            label="batch normalisation",
            convention="2 for each element",
            value=2 * sums.normalised("batch"),
        ),
        CountItem(
            label="group normalisation",
            convention="2 for each element; layer normalisation of maps is a class of its own, which it does not know",
            value=2 * sums.normalised("group"),
        ),
        CountItem(
            label="activations",
            convention="1 for each element of ReLU, ReLU6, ELU, GELU and SiLU written as functions; others are free",
            value=sums.activated(*_FUNCTIONS),
        ),
        CountItem(
            label="pooling",
            convention="1 for each element of the input, a border included that is laid around beforehand",
            value=sums.pooled(sums.of("pool", "global_pool"), calls=True),
        ),
        CountItem(
            label="pooling again",
            convention="the module is counted and so is the function that it calls; a function alone counts once",
            value=sums.pooled(pools),
        ),
        CountItem(
            label="local response normalisation",
            convention="its square, scaling and shift count 1 for each element, the average of its squares 1 for each "
            "element of its padded input",
            value=padded + 3 * elements(layer for layer, _ in responses),
        ),
        CountItem(
            label="additions of shortcuts",
            convention="1 for each element of the sum",
            value=elements(sums.of("residual")),
        ),
    )


def _ptflops_modules(sums: LayerSums) -> tuple[CountItem, ...]:
    return (
        *_ptflops(sums),
        *keep_items(
            CountItem(
                label="activations again",
                convention="written as modules, ReLU, ELU and GELU are counted as such and as the functions that they "
                "call; LeakyReLU is counted as a module only",
                value=sums.activated(*_AGAIN),
            )
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Convention:
    """A way to count, and how to get there from ours."""

    tool: str
    """The tool, with its version where that matters."""
    their_name: str
    """What the tool calls its number."""
    items: Callable[[LayerSums], tuple[CountItem, ...]]
    """Works out the differences from ours for one network."""


CONVENTIONS: dict[str, Convention] = {
    "ours": Convention(tool="ours", their_name="MACs", items=lambda _: ()),
    "flops": Convention(tool="2 × MACs (FlopCounterMode, Distill)", their_name="FLOPs", items=_double),
    "torchinfo": Convention(tool="torchinfo 1.8", their_name="Total mult-adds", items=_torchinfo),
    "fvcore": Convention(tool="fvcore 0.1.5", their_name="FlopCountAnalysis.total()", items=_fvcore),
    "ptflops_modules": Convention(
        tool="ptflops 0.7, activations and pools as modules (what build makes)",
        their_name="Computational complexity", items=_ptflops_modules,
    ),
    "ptflops": Convention(
        tool="ptflops 0.7, activations as functions, pools as modules (torchvision's GoogLeNet)",
        their_name="Computational complexity", items=_ptflops,
    ),
    "ptflops_functions": Convention(
        tool="ptflops 0.7, activations and the pools in blocks as functions (torchvision's Inception v3)",
        their_name="Computational complexity", items=_ptflops_functions,
    ),
    "thop": Convention(
        tool="thop 0.1.1, pools as modules (what build makes, torchvision's GoogLeNet)", their_name="MACs", items=_thop
    ),
    "thop_functions": Convention(
        tool="thop 0.1.1, pools in blocks as functions (torchvision's Inception v3)",
        their_name="MACs", items=_thop_functions,
    ),
    "torchvision": Convention(
        tool="torchvision's _ops (published as billions, three digits behind the point)",
        their_name="_ops × 10⁹", items=lambda _: (),
    ),
}  # fmt: skip
"""Every convention by its key, ours first. ``torchvision`` and ours are the same rule."""

OUR_CONVENTION = OURS["macs"]
"""What our MACs count, in one sentence."""


def count_by_convention(architecture: Architecture, analysis: Analysis | None = None) -> tuple[Count, ...]:
    """Count a network's multiply-adds, or operations, for one image by every convention.

    Args:
        architecture: The network; auxiliary heads do not run in inference and are not counted.
        analysis: Its analysis where it is at hand.

    Returns:
        One ``Count`` for each of ``CONVENTIONS``, in their order: ours + itemised differences = the tool's number.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    sums = LayerSums(architecture, analysis or analyze(architecture))
    return tuple(
        Count(
            key=key,
            tool=convention.tool,
            their_name=convention.their_name,
            ours=sums.analysis.macs,
            items=convention.items(sums),
        )
        for key, convention in CONVENTIONS.items()
    )
