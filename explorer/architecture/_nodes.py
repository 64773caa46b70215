"""The node kinds: a small recursive algebra of which every Inception-type network is made.

Every node is frozen, strict (no silent conversions) and has a name that is unique among its siblings. A *path* such as
``inception_3a/branch_3x3/reduce`` names a node everywhere: in errors, tables, the diagram and the state dict.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Union, get_args

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema

from ..text import format_setting, quote
from . import _limits as limits
from ._channel_nodes import ChannelShuffle, LocalResponseNorm, Norm, NormGroups, Scale, Slice
from ._fields import (
    IN_PLACE,
    SAVES_OUTPUT,
    ActivationField,
    AttentionKind,
    Channels,
    Dilation,
    FuseKind,
    KernelSize,
    NormKind,
    OutputSize,
    Padding,
    PoolKind,
    Stride,
    as_tuple,
    pair,
)
from ._geometry import POINTWISE
from ._node_base import NodeBase
from ._windowed import Windowed


class Conv(Windowed):
    """Convolution, then normalisation, then activation, each of the latter two optional."""

    op: Literal["conv"] = "conv"
    out_channels: Channels | Literal["same"]
    """Filters, 1 to 8192; 'same' is as many as come in, as a depthwise convolution needs."""
    kernel_size: KernelSize = 1
    """Height and width of the window, 1 to 31."""
    stride: Stride = 1
    """Step of the window."""
    padding: Padding = "same"
    """Zeros at each border, one number, (height, width) or ((top, bottom), (left, right)). 'same' keeps the size at
    stride 1 (dilation·(kernel - 1) zeros in all); 'tf_same' is TensorFlow's SAME, which depends on the input's size."""
    dilation: Dilation = 1
    """Distance between taps of the kernel; 1 has no holes."""
    groups: Annotated[int, Field(ge=1, le=limits.MAX_CHANNELS)] | Literal["depthwise"] = 1
    """Independent channel groups; 'depthwise' is one per input channel."""
    bias: bool | Literal["auto"] = "auto"
    """A number added per filter; 'auto' leaves it out where batch normalisation follows, which would cancel it."""
    norm: NormKind = "none"
    """Normalisation between convolution and activation: 'batch', 'layer' over the channels of a place, 'group'."""
    norm_groups: NormGroups = 32
    """Groups of channels of a group normalisation."""
    norm_eps: Annotated[float, Field(gt=0, le=1)] = 1e-5
    """Added to the variance by the normalisation."""
    activation: ActivationField = "relu"
    """Element-wise function at the end."""

    @cached_property
    def plan(self) -> tuple[Any, ...]:
        """The numbers that the analysis needs, worked out once: it asks hundreds of times while a slider moves.

        (window, None for 1×1 at stride 1 without padding; out_channels, None where only the input tells; out_channels
        and groups as they are given; weights that read one input channel, biases and norm parameters; maps that are
        kept for the backward pass; outputs that are alive at once; whether the last of them, the result, is kept; kind
        and groups of a norm that is another than batch normalisation, else None).
        Where only the input tells how many filters there are, numbers are of one filter, else of all.
        """
        known = self.out_channels if isinstance(self.out_channels, int) and self.groups == 1 else None
        filters = known or 1
        height, width = self.geometry.kernel
        normed = self.norm != "none"
        return (
            None if self.geometry == POINTWISE else self.window(pads_all=self.is_sized),
            known,
            (self.out_channels, self.groups),
            height * width * filters,
            int(self.has_bias) * filters,
            2 * filters if normed else 0,
            (int(normed) + int(self.activation != "none")) * filters,
            2 if normed or self.activation not in IN_PLACE else 1,
            self.activation in SAVES_OUTPUT,
            (self.norm, self.norm_groups) if self.norm in ("layer", "group") else None,
        )

    @property
    def weighted_depth(self) -> int:
        return 1

    @property
    def has_bias(self) -> bool:
        """Whether a bias is learned, with 'auto' resolved."""
        return self.norm != "batch" if self.bias == "auto" else self.bias

    @property
    def norm_kind(self) -> NormKind:
        return self.norm

    @model_validator(mode="after")
    def _same_padding_is_symmetric_when_strided(self) -> Conv:
        g = self.geometry
        if self.padding == "same" and g.pad != g.pad_end and g.stride != (1, 1):
            raise ValueError(
                f"padding 'same' with stride {format_setting(self.stride)} needs dilation × (kernel − 1) to be even; "
                f"give the padding as a number, use an odd kernel, or 'tf_same'"
            )
        return self


class Pool(Windowed):
    """Maximum or average over a sliding window."""

    op: Literal["pool"] = "pool"
    kind: PoolKind = "max"
    """'max' or 'avg'."""
    kernel_size: KernelSize = 3
    """Height and width of the window, 1 to 31."""
    stride: Stride = 1
    """Step of the window."""
    padding: Padding = "same"
    """Border at each side, at most half the window; 'same' needs an odd window. ((top, bottom), (left, right)), each
    less than the window, and 'tf_same' as for a convolution; TensorFlow's average does not count padding."""
    ceil_mode: bool = False
    """Round the output size up: a last window may hang over the border."""
    count_include_pad: bool = True
    """Average pooling divides by the whole window, padding included (torch's default), or by the true pixels only."""

    @cached_property
    def plan(self) -> tuple[Any, ...]:
        """What the analysis needs, worked out once: (window, whether it is max pooling, whether sizes round up, None
        where torch pads by itself, else whether an average counts padding)."""
        pads_all = self.is_sized or not self.geometry.is_symmetric
        counts_padding = self.count_include_pad if pads_all else None
        return self.window(pads_all=pads_all), self.kind == "max", self.ceil_mode, counts_padding

    @model_validator(mode="after")
    def _padding_fits_the_window(self) -> Pool:
        g = self.geometry
        padding, kernel = format_setting(self.padding), format_setting(self.kernel_size)
        if self.padding == "same" and not g.is_symmetric:
            raise ValueError(
                f"padding 'same' needs an odd kernel, not {kernel}; give the padding as a number, or 'tf_same'"
            )
        if g.is_symmetric:
            if any(p > k // 2 for p, k in zip(g.pad, g.kernel, strict=True)):
                raise ValueError(f"padding {padding} is more than half of the kernel of {kernel}")
        elif any(p >= k for p, k in zip((*g.pad, *g.pad_end), g.kernel * 2, strict=True)):
            raise ValueError(f"padding {padding} must be less than the kernel of {kernel} at each side")
        elif self.ceil_mode and self.padding != "tf_same":
            raise ValueError(
                f"rounding sizes up needs as much padding behind as before, not {padding}; add to the padding behind "
                "instead"
            )
        return self


class GlobalPool(NodeBase):
    """Pooling to a fixed size, 1×1 unless said otherwise (torch's adaptive pooling)."""

    op: Literal["global_pool"] = "global_pool"
    kind: PoolKind = "avg"
    """'max' or 'avg'."""
    output_size: OutputSize = 1
    """Height and width of the output."""


class Flatten(NodeBase):
    """Feature maps (channels, height, width) to one vector."""

    op: Literal["flatten"] = "flatten"


class Linear(NodeBase):
    """Fully connected layer on a vector, with an optional activation."""

    op: Literal["linear"] = "linear"
    out_features: Annotated[int, Field(ge=1, le=limits.MAX_FEATURES)]
    """Length of the output vector."""
    bias: bool = True
    """A number added per output."""
    activation: ActivationField = "none"
    """Element-wise function at the end."""

    @cached_property
    def plan(self) -> tuple[Any, ...]:
        """What the analysis needs, worked out once.

        (out_features; biases; outputs that are alive at once; whether there is an activation; whether its output is
        what is kept of it for the backward pass)
        """
        return (
            self.out_features,
            self.out_features if self.bias else 0,
            1 if self.activation in IN_PLACE else 2,
            self.activation != "none",
            self.activation in SAVES_OUTPUT,
        )

    @property
    def weighted_depth(self) -> int:
        return 1


class Dropout(NodeBase):
    """Random zeros in training, identity in inference."""

    op: Literal["dropout"] = "dropout"
    p: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Probability of a zero."""


class Activation(NodeBase):
    """An element-wise function on its own."""

    op: Literal["activation"] = "activation"
    kind: ActivationField = "relu"
    """Which function."""


class Attention(NodeBase):
    """Weights for channels (squeeze-and-excitation, Hu et al. 2018; ECA, Wang et al. 2020), or positions too (CBAM).

    Squeeze-and-excitation has biases as in the paper's code; CBAM's (Woo et al. 2018) shared MLP and its convolution
    have none. Efficient channel attention weighs a channel by the means of its neighbours and its own: a convolution
    over the channels, without bias, then the sigmoid.
    """

    op: Literal["attention"] = "attention"
    kind: AttentionKind = "se"
    """'se', 'cbam' or 'eca'."""
    reduction: Annotated[int, Field(ge=1, le=256)] = 16
    """The MLP's hidden width is channels // reduction, at least 1; ECA has none."""
    spatial_kernel: Annotated[int, Field(ge=1, le=limits.MAX_KERNEL)] = 7
    """CBAM only: odd kernel of the convolution over positions."""
    channel_kernel: Annotated[int, Field(ge=1, le=limits.MAX_KERNEL)] | Literal["auto"] = "auto"
    """ECA only: odd kernel of the convolution over channels; 'auto' is the paper's, by their number."""

    @property
    def weighted_depth(self) -> int:
        return {"se": 2, "cbam": 3, "eca": 1}[self.kind]  # the layers of the MLP, and the convolution

    def channel_kernel_of(self, channels: int) -> int:
        """The kernel over so many channels: (log₂ channels + 1) / 2, made odd, at least 3 (Wang et al. 2020)."""
        if self.channel_kernel != "auto":
            return self.channel_kernel
        reach = channels.bit_length() // 2  # floor(log2(channels) + 1), halved
        return max(3, reach + 1 - reach % 2)

    @model_validator(mode="after")
    def _odd_kernels(self) -> Attention:
        if self.spatial_kernel % 2 == 0:
            raise ValueError(f"the spatial kernel must be odd, so that the size is kept, not {self.spatial_kernel}")
        if self.channel_kernel != "auto" and self.channel_kernel % 2 == 0:
            raise ValueError(f"the channel kernel must be odd, so that channels are kept, not {self.channel_kernel}")
        return self


def _pools_whole(node: Any) -> bool:
    return isinstance(node, GlobalPool) and 1 in pair(node.output_size)


def _unique_names(nodes: tuple[Any, ...], where: str) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise ValueError(f"two {where} are named {quote(node.name)}; names must differ among siblings")
        seen.add(node.name)


class _Container(NodeBase):
    @property
    def nodes(self) -> tuple[Any, ...]:
        nodes: tuple[Any, ...] = getattr(self, self.child_field or "")
        return nodes

    @cached_property
    def steps(self) -> tuple[tuple[str, str, Any], ...]:
        """(op, name, plan) of each child: what a walk needs to go on, worked out once."""
        return tuple([(node.op, node.name, node.plan) for node in self.nodes])

    def with_nodes(self, nodes: tuple[Any, ...]) -> Any:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, self.child_field or "": nodes})

    @model_validator(mode="after")
    def _names_differ(self) -> Any:
        _unique_names(self.nodes, self.child_field or "")
        return self


class Sequence(_Container):
    """Children one after another. An empty sequence is the identity."""

    op: Literal["sequence"] = "sequence"
    child_field: ClassVar[str | None] = "children"
    children: Nodes = ()
    """Nodes in order."""

    @property
    def weighted_depth(self) -> int:
        return sum(child.weighted_depth for child in self.children)


class Parallel(_Container):
    """Branches on the same input, then one fusion of their outputs."""

    op: Literal["parallel"] = "parallel"
    child_field: ClassVar[str | None] = "branches"
    branches: Annotated[Nodes, Field(min_length=1, max_length=limits.MAX_BRANCHES)]
    """1 to 8 nodes, each a branch."""
    fuse: FuseKind = "concat"
    """'concat' joins channels; 'add' and 'multiply' work element by element: a branch with 1 channel, or whose map has
    height or width 1, is repeated along that axis, as a gate of 1×1 over a map."""

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the branches that weigh the others as attention does: what they pool is repeated over the map."""
        pooled = [branch.name for branch in self.branches if any(map(_pools_whole, [branch, *branch.nodes]))]
        return tuple(pooled) if self.fuse != "concat" and len(pooled) < len(self.branches) else ()

    @cached_property
    def chains(self) -> tuple[tuple[tuple[str, str, Any], ...], ...]:
        """The steps of each branch by their names below this node: a branch that is no sequence is one step.

        The analysis spares a call for each sequence so.
        """
        return tuple(
            [
                tuple([(op, f"{branch.name}/{name}", plan) for op, name, plan in branch.steps])
                if branch.op == "sequence"
                else ((branch.op, branch.name, branch.plan),)
                for branch in self.branches
            ]
        )

    @property
    def weighted_depth(self) -> int:
        return max(branch.weighted_depth for branch in self.branches)


class Residual(NodeBase):
    """shortcut + scale · body, then an activation (He et al. 2016; the scale is Inception-ResNet's)."""

    op: Literal["residual"] = "residual"
    child_field: ClassVar[str | None] = "body"
    body: Node
    """What is added to the shortcut."""
    shortcut: Literal["identity", "projection"] = "identity"
    """'identity' needs equal shapes; 'projection' is a 1×1 convolution to the body's channels and stride."""
    norm: NormKind = "none"
    """Normalisation after the projection."""
    norm_groups: NormGroups = 32
    """Groups of channels of a group normalisation."""
    norm_eps: Annotated[float, Field(gt=0, le=1)] = 1e-5
    """Added to the variance by the normalisation."""
    scale: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Factor of the body; Inception-ResNet uses 0.1 to 0.2."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Stochastic depth (Huang et al. 2016): how likely the body is left out for an image, in training only."""
    activation: ActivationField = "relu"
    """Element-wise function after the addition."""

    @property
    def nodes(self) -> tuple[Any, ...]:
        return (self.body,)

    @property
    def weighted_depth(self) -> int:
        return max(self.body.weighted_depth, 1 if self.shortcut == "projection" else 0)

    @property
    def norm_kind(self) -> NormKind:
        return self.norm if self.shortcut == "projection" else "none"

    def with_nodes(self, nodes: tuple[Any, ...]) -> Any:
        if len(nodes) != 1:
            raise ValueError(f"a residual has exactly one body, not {len(nodes)}")
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return Residual(**{**fields, "body": nodes[0]})

    @model_validator(mode="after")
    def _shortcut_is_reserved(self) -> Residual:
        if self.body.name == "shortcut":
            raise ValueError("the body may not be named 'shortcut': that is the path of the projection")
        return self


class Auxiliary(_Container):
    """A second classifier that taps the trunk in training only; the trunk's tensor passes through unchanged."""

    op: Literal["auxiliary"] = "auxiliary"
    child_field: ClassVar[str | None] = "children"
    children: Nodes
    """The classifier's nodes in order."""
    weight: Annotated[float, Field(ge=0, le=10)] = 0.3
    """Weight of its loss."""


class _AnyKind:
    """Has pydantic read a node as the kind that its ``op`` names, among all that are known when this is built."""

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        kinds: Any = Union[tuple(NODE_KINDS.values())]  # noqa: UP007
        return handler.generate_schema(Annotated[kinds, Field(discriminator="op")])


_Kinds = Union[  # noqa: UP007  (get_args below reads it)
    Conv, Pool, GlobalPool, Flatten, Linear, Dropout, LocalResponseNorm, Norm, Scale, Slice, ChannelShuffle,
    Activation, Attention, Sequence, Parallel, Residual, Auxiliary,
]  # fmt: skip
Node = Annotated[_Kinds, _AnyKind()]
"""Any node of an architecture; its ``op`` names its kind."""
Nodes = Annotated[tuple[Node, ...], BeforeValidator(as_tuple)]

NODE_KINDS: dict[str, type[NodeBase]] = {kind.model_fields["op"].default: kind for kind in get_args(_Kinds)}
"""Every node kind by its ``op``; tests ask each reading to handle all of them. ``add_node_kind`` adds one."""

for _kind in (Sequence, Parallel, Residual, Auxiliary):
    _kind.model_rebuild()
