"""Networks of the profiling tests: one with every kind of node, and random edits of small ones."""

from __future__ import annotations

from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import problems
from explorer.architecture import (
    Activation,
    Architecture,
    ArchitectureError,
    Attention,
    Auxiliary,
    ChannelShuffle,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Norm,
    Parallel,
    Pool,
    Residual,
    Scale,
    Sequence,
    Slice,
    edit,
    walk,
)


def everything() -> Architecture:
    """Every node kind at least once, with the variants that tools count differently."""
    return Architecture(
        name="everything",
        input_shape=(3, 32, 32),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="stem", out_channels=16, kernel_size=(3, 5), stride=2, bias=True, norm="batch"),
                Conv(name="even", out_channels=16, kernel_size=4, bias=False),
                Conv(name="depthwise", out_channels="same", kernel_size=3, groups="depthwise", activation="gelu"),
                LocalResponseNorm(name="lrn"),
                Norm(name="norm"),
                Activation(name="act", kind="silu"),
                ChannelShuffle(name="shuffle", groups=4),
                Scale(name="scale", bias=True),
                Scale(name="half", kind="fixed", init=0.5),
                Scale(name="half_and_more", kind="fixed", init=0.5, bias=True),
                Scale(name="one_for_all", kind="single", bias=True),
                Norm(name="group", kind="group", groups=2),
                Slice(name="slice", start=4, stop=16),
                Residual(
                    name="projected",
                    body=Conv(name="body", out_channels=24, kernel_size=3, stride=2, groups=4),
                    shortcut="projection",
                ),
                Residual(
                    name="normed",
                    body=Conv(name="body", out_channels=32, kernel_size=3, norm="batch"),
                    shortcut="projection",
                    norm="batch",
                    activation="gelu",
                ),
                Attention(name="se", reduction=4),
                Auxiliary(
                    name="aux",
                    children=(
                        Conv(name="conv", out_channels=8, norm="batch"),
                        Attention(name="attention", kind="cbam"),
                        GlobalPool(name="pool"),
                        Flatten(name="flatten"),
                        Linear(name="fc", out_features=10),
                    ),
                ),
                Parallel(
                    name="block",
                    branches=(
                        Sequence(name="empty"),
                        Conv(name="kernel_size", out_channels=32, dilation=2, kernel_size=3),
                        Pool(name="pool", kind="avg"),
                    ),
                    fuse="multiply",
                ),
                Attention(name="cbam", kind="cbam", reduction=5, spatial_kernel=3),
                Attention(name="eca", kind="eca"),
                Residual(name="identity", body=Sequence(name="nothing"), scale=0.1),
                GlobalPool(name="gap", kind="max", output_size=(2, 1)),
                Flatten(name="flatten"),
                Dropout(name="dropout"),
                Linear(name="hidden", out_features=20, bias=False, activation="relu"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )


_SMALL = ("inception-net-32", "inception-block-bn", "dilated-cnn-121", "inception-a-mnist", "residual-mnist")

_FIELDS = {
    "conv": {
        "out_channels": st.integers(1, 40),
        "kernel_size": st.sampled_from([1, 2, 3, (1, 5), (4, 3)]),
        "dilation": st.integers(1, 3),
        "groups": st.sampled_from([1, 2, "depthwise"]),
        "bias": st.sampled_from([True, False, "auto"]),
        "norm": st.sampled_from(["none", "batch"]),
        "activation": st.sampled_from(["none", "relu", "gelu"]),
    },
    "linear": {"out_features": st.integers(1, 50), "bias": st.booleans()},
    "attention": {"kind": st.sampled_from(["se", "cbam", "eca"]), "reduction": st.integers(1, 64)},
    "parallel": {"fuse": st.sampled_from(["concat", "add", "multiply"])},
    "residual": {"norm": st.sampled_from(["none", "batch"]), "shortcut": st.sampled_from(["identity", "projection"])},
}


@st.composite
def edited(draw: st.DrawFn) -> Architecture:
    """A small working network after up to eight random edits; an edit that breaks it is left out."""
    start = draw(st.sampled_from([*_SMALL, ""]))
    architecture = catalog.get(start) if start else everything()
    for _ in range(draw(st.integers(0, 8))):
        try:
            candidate = _one_edit(draw, architecture)
        except ArchitectureError:
            continue
        if not problems(candidate):
            architecture = candidate
    return architecture


def _one_edit(draw: st.DrawFn, architecture: Architecture) -> Architecture:
    blocks = edit.blocks(architecture)
    kind = draw(st.sampled_from(["field", "field", "residual", "attention", "style", "remove", "input"]))
    if kind == "input":
        c = architecture.input_shape[0]
        return edit.replace(architecture, "", input_shape=(c, draw(st.integers(24, 48)), draw(st.integers(24, 48))))
    if kind == "style":
        return edit.set_style(architecture, "", norm=draw(st.sampled_from(["none", "batch"])))
    if blocks and kind in ("residual", "attention"):
        block = draw(st.sampled_from(blocks))
        if kind == "residual":
            return edit.set_residual(architecture, block, draw(st.sampled_from(["identity", "projection", None])))
        return edit.set_attention(architecture, block, draw(st.sampled_from(["se", "cbam", "eca", None])), 8)
    nodes = [each for each in walk(architecture) if kind == "remove" or each[1].op in _FIELDS]
    if not nodes:
        return architecture
    path, node = draw(st.sampled_from(nodes))
    if kind == "remove":
        return edit.remove(architecture, path)
    field = draw(st.sampled_from(sorted(_FIELDS[node.op])))
    return edit.replace(architecture, path, **{field: draw(_FIELDS[node.op][field])})
