"""What each kind of leaf is in PyTorch source: what is called, and with which arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .. import architecture as arch
from ..analysis import projection_stride

Role = Literal["in", "out", "channels", "number"]
"""Channels that come in; channels that go out; other counts of channels; anything else."""
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Setting:
    """An argument of a layer, with the value that it has in one place."""

    name: str
    value: Any
    role: Role = "number"
    default: Any = None
    """What is left out of a call."""
    by_name: bool = True


@dataclass(frozen=True)
class ConvForm:
    """What a convolution of ours is made of, whatever its numbers are; each form is a class of its own."""

    norm: str
    activation: str
    padding: Literal["", "border", "same"]

    @property
    def class_name(self) -> str:
        """Such as ConvBnRelu."""
        norm = {"none": "", "batch": "Bn", "layer": "Ln", "group": "Gn"}[self.norm]
        before = {"": "", "border": "Padded", "same": "Same"}[self.padding]
        return f"{before}Conv{norm}{name_activation(self.activation)}"

    def describe(self) -> str:
        """A sentence."""
        before = {"": "", "border": ", padded more at one end", "same": ", padded as TensorFlow's SAME"}[self.padding]
        norm = {"none": "", "batch": ", batch norm", "layer": ", layer norm", "group": ", group norm"}[self.norm]
        return f"Convolution{before}{norm}{_describe_activation(self.activation)}."


@dataclass(frozen=True)
class LinearForm:
    """A linear layer with an activation."""

    activation: str

    @property
    def class_name(self) -> str:
        """Such as LinearRelu."""
        return f"Linear{name_activation(self.activation)}"

    def describe(self) -> str:
        """A sentence."""
        return f"Linear layer{_describe_activation(self.activation)}."


@dataclass(frozen=True)
class Leaf:
    """A leaf as a call."""

    callee: str | ConvForm | LinearForm
    settings: tuple[Setting, ...] = ()


ACTIVATIONS = {
    "none": "nn.Identity()", "relu": "nn.ReLU()", "relu6": "nn.ReLU6()", "leaky_relu": "nn.LeakyReLU()",
    "elu": "nn.ELU()", "gelu": "nn.GELU()", "gelu_tanh": 'nn.GELU(approximate="tanh")', "silu": "nn.SiLU()",
    "mish": "nn.Mish()", "hard_swish": "nn.Hardswish()", "sigmoid": "nn.Sigmoid()",
    "hard_sigmoid": "nn.Hardsigmoid()", "tanh": "nn.Tanh()",
}  # fmt: skip
"""What makes an activation, by the name that nodes give it."""


def activation_behind(kind: str) -> str:
    """What makes an activation at the end of a layer, where a ReLU may work in place."""
    return "nn.ReLU(inplace=True)" if kind == "relu" else ACTIVATIONS[kind]


def name_activation(kind: str) -> str:
    """An activation as a part of a class's name; '' of none."""
    return "" if kind == "none" else "".join(word.capitalize() for word in kind.split("_"))


def _describe_activation(kind: str) -> str:
    return "" if kind == "none" else f", {ACTIVATIONS[kind][3:].partition('(')[0]}"


def simplify(size: tuple[int, ...]) -> Any:
    """One number where both axes have the same."""
    return size[0] if size[0] == size[-1] else size


def _conv(node: arch.Conv, before: Shape, after: Shape) -> Leaf:
    return conv_leaf(
        before[0], after[0], node.geometry, is_sized=node.is_sized, norm=node.norm, eps=node.norm_eps,
        norm_groups=node.norm_groups, bias=node.has_bias, activation=node.activation, groups=node.groups,
        keeps_channels=node.out_channels == "same",
    )  # fmt: skip


def conv_leaf(
    in_channels: int, out_channels: int, g: arch.Geometry, *, is_sized: bool, norm: str, eps: float, norm_groups: int,
    bias: bool, activation: str, groups: int | str, keeps_channels: bool = False,
) -> Leaf:  # fmt: skip
    """A convolution of ours with its norm and activation."""
    padding: Literal["", "border", "same"] = "same" if is_sized else "" if g.is_symmetric else "border"
    # As torch is asked for it in ``modules``: what both ends have is left to the convolution.
    common = (0, 0) if is_sized else (min(g.pad[0], g.pad_end[0]), min(g.pad[1], g.pad_end[1]))
    (top, left), (bottom, right) = g.pad, g.pad_end
    depthwise = groups == "depthwise"
    settings = [
        Setting("in_channels", in_channels, "in", by_name=False),
        Setting("out_channels", out_channels, "in" if keeps_channels else "out", by_name=False),
        Setting("kernel_size", simplify(g.kernel), default=1, by_name=False),
        Setting("stride", simplify(g.stride), default=1),
        Setting("padding", simplify(common), default=0),
        Setting("dilation", simplify(g.dilation), default=1),
        Setting("groups", in_channels if depthwise else groups, "in" if depthwise else "number", default=1),
        Setting("bias", bias),
    ]
    if norm != "none":
        settings.append(Setting("eps", eps, default=1e-5))
    if norm == "group":
        settings.append(Setting("norm_groups", norm_groups))
    if padding == "border":
        border = (left - common[1], right - common[1], top - common[0], bottom - common[0])
        settings.append(Setting("border", border))
    return Leaf(ConvForm(norm, activation, padding), tuple(settings))


def projection_leaf(node: arch.Residual, before: Shape, after: Shape) -> Leaf:
    """The convolution on the shortcut of a residual."""
    step = projection_stride(before[1:], after[1:])
    return conv_leaf(
        before[0], after[0], arch.Geometry((1, 1), step, (1, 1), (0, 0), (0, 0)), is_sized=False, norm=node.norm,
        eps=node.norm_eps, norm_groups=node.norm_groups, bias=node.norm == "none", activation="none", groups=1,
    )  # fmt: skip


def _linear(node: arch.Linear, before: Shape, _: Shape) -> Leaf:
    return Leaf(
        LinearForm(node.activation),
        (
            Setting("in_features", before[0], "in", by_name=False),
            Setting("out_features", node.out_features, "out", by_name=False),
            Setting("bias", node.bias, default=True),
        ),
    )


def _pool(node: arch.Pool, _before: Shape, _after: Shape) -> Leaf:
    g = node.geometry
    kind = "MaxPool" if node.kind == "max" else "AvgPool"
    if node.is_sized or not g.is_symmetric:
        settings = [Setting("kernel_size", g.kernel, by_name=False), Setting("stride", g.stride)]
        if not node.is_sized:
            (top, left), (bottom, right) = g.pad, g.pad_end
            settings.append(Setting("border", (left, right, top, bottom)))
        if node.kind == "avg":
            settings.append(Setting("count_include_pad", node.count_include_pad, default=True))
        return Leaf(f"Padded{kind}", tuple(settings))
    settings = [
        Setting("kernel_size", simplify(g.kernel), by_name=False),
        Setting("stride", simplify(g.stride)),
        Setting("padding", simplify(g.pad), default=0),
        Setting("ceil_mode", node.ceil_mode, default=False),
    ]
    if node.kind == "avg":
        settings.append(Setting("count_include_pad", node.count_include_pad, default=True))
    return Leaf(f"nn.{kind}2d", tuple(settings))


def _global_pool(node: arch.GlobalPool, _before: Shape, _after: Shape) -> Leaf:
    kind = "Max" if node.kind == "max" else "Avg"
    size = simplify(arch.pair(node.output_size))
    return Leaf(f"nn.Adaptive{kind}Pool2d", (Setting("output_size", size, by_name=False),))


def _norm(node: arch.Norm, before: Shape, _: Shape) -> Leaf:
    return norm_leaf(node.kind, before[0], node.eps, node.groups)


def norm_leaf(kind: str, channels: int, eps: float, groups: int) -> Leaf:
    """A norm by itself."""
    width = Setting("channels", channels, "in", by_name=False)
    small = Setting("eps", eps, default=1e-5)
    if kind == "group":
        return Leaf("nn.GroupNorm", (Setting("groups", groups, by_name=False), width, small))
    return Leaf("nn.BatchNorm2d" if kind == "batch" else "LayerNorm2d", (width, small))


def _attention(node: arch.Attention, before: Shape, _: Shape) -> Leaf:
    if node.kind == "eca":
        return Leaf("ChannelAttention", (Setting("kernel_size", node.channel_kernel_of(before[0]), by_name=False),))
    settings = [
        Setting("channels", before[0], "in", by_name=False),
        Setting("reduction", node.reduction, default=16),
    ]
    if node.kind == "cbam":
        settings.append(Setting("spatial_kernel", node.spatial_kernel, default=7))
    return Leaf("SqueezeExcitation" if node.kind == "se" else "CBAM", tuple(settings))


def _scale(node: arch.Scale, before: Shape, _: Shape) -> Leaf:
    single = node.kind == "single"
    return Leaf(
        "ChannelScale",
        (
            Setting("channels", 1 if single else before[0], "number" if single else "in", by_name=False),
            Setting("init", float(node.init), default=1.0),
            Setting("bias", node.bias, default=False),
            Setting("learned", node.kind != "fixed", default=True),
        ),
    )


def _slice(node: arch.Slice, _: Shape, after: Shape) -> Leaf:
    stop = node.start + after[0]
    return Leaf(
        "ChannelSlice",
        (
            Setting("start", node.start, "channels", by_name=False),
            Setting("stop", stop, "out" if node.start == 0 else "channels", by_name=False),
        ),
    )


def _shuffle(node: arch.ChannelShuffle, before: Shape, _: Shape) -> Leaf:
    if 1 < node.groups < before[0]:
        return Leaf("nn.ChannelShuffle", (Setting("groups", node.groups, by_name=False),))
    return Leaf("nn.Identity")


def _local_response_norm(node: arch.LocalResponseNorm, _before: Shape, _after: Shape) -> Leaf:
    return Leaf(
        "nn.LocalResponseNorm",
        (
            Setting("size", node.size, by_name=False),
            Setting("alpha", float(node.alpha), default=1e-4),
            Setting("beta", float(node.beta), default=0.75),
            Setting("k", float(node.k), default=1.0),
        ),
    )


LEAVES: dict[str, Callable[[Any, Shape, Shape], Leaf]] = {
    "conv": _conv,
    "pool": _pool,
    "global_pool": _global_pool,
    "flatten": lambda *_: Leaf("nn.Flatten"),
    "linear": _linear,
    "dropout": lambda node, *_: Leaf("nn.Dropout", (Setting("p", float(node.p), by_name=False),)),
    "local_response_norm": _local_response_norm,
    "norm": _norm,
    "scale": _scale,
    "slice": _slice,
    "channel_shuffle": _shuffle,
    "activation": lambda node, *_: Leaf(ACTIVATIONS[node.kind].removesuffix("()")),
    "attention": _attention,
}
"""For each kind of leaf what it is: ``describe(node, shape before, shape behind)``."""
