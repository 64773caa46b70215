"""How each node kind is shown: its words, its box, its column and its colour. A new kind is one more row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..text import format_extent

_STAGE_PREFIXES = ("inception_", "inception", "Mixed_", "Conv2d_", "auxiliary_")


def short_name(name: str) -> str:
    """Shorten a name so that it fits under a narrow column: 'inception_3a' → '3a'.

    Args:
        name: A node's name.

    Returns:
        At most 12 characters.
    """
    for prefix in _STAGE_PREFIXES:
        if name.startswith(prefix) and len(name) > len(prefix):
            name = name[len(prefix) :]
            break
    return name if len(name) <= 12 else name[:11] + "…"


def _words(node: Any) -> str:
    return str(node.op).replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Look:
    """How nodes of one kind are shown; every field has a default that suits a kind without settings."""

    describe: Callable[[Any], str] = _words
    """What a node is, in the field's words."""
    box: Callable[[Any], tuple[str, str]] = lambda node: (node.op, "")
    """(caption, small remark) of its box within a block."""
    column: Callable[[Any], str] = lambda node: short_name(node.name)
    """What stands under its column in the overview."""
    colour: Callable[[Any], str] = lambda _: "other"
    """Key of ``KINDS``, the kind of operation that gives the colour."""
    table: str = ""
    """Its name in the layer table; the op where it is ''."""
    minor: bool = False
    """Whether its column is narrow, since it changes numbers but no shape."""


def _size(extent: tuple[int, int]) -> str:
    return f"{extent[0]}×{extent[1]}"


def _window(node: Any) -> str:
    g = node.geometry
    text = _size(g.kernel)
    if g.dilation != (1, 1):
        text += f", dilation {format_extent(g.dilation)}"
    if g.stride != (1, 1):
        text += f", stride {format_extent(g.stride)}"
    return text


def _conv_box(node: Any) -> tuple[str, str]:
    g = node.geometry
    remarks = [f"d{format_extent(g.dilation)}"] if g.dilation != (1, 1) else []
    remarks += [f"/{format_extent(g.stride)}"] if g.stride != (1, 1) else []
    remarks += ["dw"] if node.groups == "depthwise" else [f"g{node.groups}"] if node.groups != 1 else []
    return _size(g.kernel), " ".join(remarks)


def _conv_colour(node: Any) -> str:
    height, width = node.geometry.kernel
    if height != width:
        return "factorised"
    return "1x1" if height == 1 else "3x3" if height <= 3 else "5x5" if height <= 5 else "larger"


def _pool_box(node: Any) -> tuple[str, str]:
    g = node.geometry
    return f"{node.kind} {_size(g.kernel)}", f"/{format_extent(g.stride)}" if g.stride != (1, 1) else ""


def name_norm(kind: str, groups: int) -> str:
    """'batch norm', 'group norm of 8 groups'."""
    return f"{kind} norm" + (f" of {groups:,} group{'' if groups == 1 else 's'}" if kind == "group" else "")


def _taken(node: Any) -> str:
    """Which channels a slice takes, counted from 0: '0–31', 'from 32'."""
    return f"from {node.start:,}" if node.stop == "end" else f"{node.start:,}–{node.stop - 1:,}"


_ATTENTIONS = {"se": "squeeze-and-excitation", "cbam": "CBAM", "eca": "efficient channel attention"}
_SCALED = {"channel": "each channel", "single": "all channels together"}


def _residual_words(node: Any) -> str:
    scale = f", scale {node.scale:g}" if node.scale != 1 else ""
    return f"residual, {node.shortcut} shortcut{scale}" + (f", drop path {node.drop_path:g}" if node.drop_path else "")


LOOKS: dict[str, Look] = {
    "conv": Look(
        describe=lambda node: f"{'depthwise ' * (node.groups == 'depthwise')}convolution {_window(node)}",
        box=_conv_box, column=lambda node: _size(node.geometry.kernel), colour=_conv_colour,
    ),
    "pool": Look(
        describe=lambda node: f"{node.kind} pooling {_window(node)}", box=_pool_box, column=lambda _: "",
        colour=lambda _: "pooling",
    ),
    "global_pool": Look(
        describe=lambda node: f"global {node.kind} pooling", box=lambda node: (f"global {node.kind}", ""),
        column=lambda node: str(node.kind), colour=lambda _: "pooling", table="global pool",
    ),
    "flatten": Look(minor=True),
    "linear": Look(colour=lambda _: "linear"),
    "dropout": Look(minor=True),
    "local_response_norm": Look(box=lambda _: ("LRN", ""), table="LRN", minor=True),
    "norm": Look(
        describe=lambda node: name_norm(node.kind, node.groups),
        box=lambda node: (f"{node.kind[0].upper()}N", f"g{node.groups}" if node.kind == "group" else ""), minor=True,
    ),
    "scale": Look(
        describe=lambda node: (
            f"a factor of {node.init:g}" + " and a learned summand for each channel" * node.bias
            if node.kind == "fixed"
            else "a learned factor" + " and summand" * node.bias + f" for {_SCALED[node.kind]}"
        ),
        box=lambda node: ("scale", f"{node.init:g}" if node.kind == "fixed" else ""), minor=True,
    ),
    "slice": Look(
        describe=lambda node: f"channels {_taken(node)}", box=lambda node: ("slice", _taken(node)), minor=True
    ),
    "channel_shuffle": Look(
        describe=lambda node: f"channel shuffle, {node.groups} groups", box=lambda node: ("shuffle", f"g{node.groups}"),
        minor=True,
    ),
    "activation": Look(describe=lambda node: str(node.kind), box=lambda node: (node.kind, ""), minor=True),
    "attention": Look(
        describe=lambda node: _ATTENTIONS[node.kind], box=lambda node: (node.kind.upper(), ""),
        colour=lambda _: "attention",
    ),
    "sequence": Look(describe=lambda node: f"{len(node.children)} layers"),
    "parallel": Look(
        describe=lambda node: f"{len(node.branches)} branches, {node.fuse}" + ", one of them a gate" * bool(node.gates),
        colour=lambda node: "attention" if node.gates else "fuse",
    ),
    "residual": Look(describe=_residual_words, colour=lambda _: "shortcut"),
    "auxiliary": Look(),
}  # fmt: skip
"""For each op how such nodes are shown."""


def look_of(op: str) -> Look:
    """How a kind is shown; plain words for one without a row."""
    return LOOKS.get(op) or Look()
