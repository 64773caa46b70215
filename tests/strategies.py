"""Random architectures of every node kind for property tests, valid most of the time, small enough to run.

``architectures()`` draws whole networks, ``feature_architectures()`` networks that end in a feature map. Shapes are
followed here by a few lines of arithmetic of their own, so that layers fit together without asking the analysis.
"""

from __future__ import annotations

import functools
from typing import Any, get_args

from hypothesis import assume
from hypothesis import strategies as st

from explorer.analysis import Analysis, analyze
from explorer.architecture import (
    Activation,
    ActivationKind,
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
)

Shape = tuple[int, int, int]
Draw = Any

ACTIVATIONS = get_args(ActivationKind)
# The last ones are also attributes of torch modules and of our own: names must not be confused with them.
NAMES = (
    "a", "b", "conv", "Branch_1x1", "0", "3x3", "_", "forward", "training", "weight", "fuse", "children", "body",
    "scores",
)  # fmt: skip
TITLES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
MAX_CHANNELS = 8


# Hypothesis takes longer to make such a strategy than to draw from it.
_one_of = functools.lru_cache(None, typed=True)(lambda *options: st.sampled_from(options))
_between = functools.cache(st.integers)


@functools.cache
def _some_names(low: int, high: int) -> Any:
    return st.lists(st.sampled_from(NAMES), min_size=low, max_size=high, unique=True)


def pick(draw: Draw, *options: Any) -> Any:
    return draw(_one_of(*options))


def whole(draw: Draw, low: int, high: int) -> int:
    return int(draw(_between(low, high)))


def size(draw: Draw, low: int, high: int) -> Any:
    """One number, or (h, w)."""
    if pick(draw, True, True, False):
        return whole(draw, low, high)
    return (whole(draw, low, high), whole(draw, low, high))


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def after(n: int, kernel: int, stride: int, dilation: int, padding: int, ceil: bool = False) -> int:
    """Output extent of a window, ``padding`` in all; 0 or less where it does not fit."""
    room = n + padding - dilation * (kernel - 1) - 1
    if not ceil:
        return max(0, room // stride + 1)
    # As ATen/native/Pool.h has it: round up, then drop a last window that would start beyond the image.
    out = (room + stride - 1) // stride + 1
    if (out - 1) * stride >= n + padding // 2:
        out -= 1
    return max(0, out)


@st.composite
def sides(draw: Draw, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)), at most so many at each side."""
    return (
        (whole(draw, 0, height), whole(draw, 0, height)),
        (whole(draw, 0, width), whole(draw, 0, width)),
    )


def padded(n: int, kernel: int, stride: int, dilation: int, padding: Any, axis: int) -> int:
    """Padding in all on one axis."""
    if padding == "same":
        return dilation * (kernel - 1)
    if padding == "tf_same":  # as many as the outputs, one every ``stride`` pixels, need beyond the image
        outputs = len(range(0, n, stride))
        return max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - n)
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        return int(sum(padding[axis]))
    return int(2 * both(padding)[axis])


def divisors(*numbers: int) -> list[int]:
    return [g for g in range(1, max(numbers) + 1) if all(n % g == 0 for n in numbers)]


@st.composite
def convs(draw: Draw, name: str, shape: Shape, keep: bool, out: int | None = None) -> tuple[Conv, Shape]:
    """A convolution for a map of this shape; ``keep`` keeps height and width, ``out`` sets the channels."""
    c, h, w = shape
    dilation = size(draw, 1, 3)
    kernel = size(draw, 1, 4)
    stride: Any = 1
    padding: Any = pick(draw, "same", "same", "tf_same")
    if not keep and pick(draw, True, False):
        stride = size(draw, 1, 3)
        padding = pick(draw, "number", "number", "sides", "tf_same")
        if padding != "tf_same":
            padding = size(draw, 0, 3) if padding == "number" else draw(sides(3, 3))
    if not keep and padding == "same" and pick(draw, True, False):
        kernel, stride = pick(draw, 1, 3, (1, 3), (5, 3)), size(draw, 1, 2)
    filters: Any = out or whole(draw, 1, MAX_CHANNELS)
    groups: Any = 1
    how = pick(draw, "plain", "plain", "grouped", "depthwise")
    if how == "depthwise" and (out is None or out == c):
        groups, filters = "depthwise", "same"
    elif how == "depthwise" and out % c == 0:
        groups = "depthwise"
    elif how == "grouped":
        groups = pick(draw, *divisors(c, filters))
    node = Conv(
        name=name,
        out_channels=filters,
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=pick(draw, "auto", True, False),
        norm=pick(draw, "none", "batch", "layer", "group"),
        norm_eps=pick(draw, 1e-5, 1e-3),
        activation=pick(draw, *ACTIVATIONS),
    )
    (kh, kw), (sh, sw), (dh, dw) = both(kernel), both(stride), both(dilation)
    ph, pw = padded(h, kh, sh, dh, padding, 0), padded(w, kw, sw, dw, padding, 1)
    channels = c if filters == "same" else filters
    node = node.model_copy(update={"norm_groups": pick(draw, *divisors(channels))})
    return node, (channels, after(h, kh, sh, dh, ph), after(w, kw, sw, dw, pw))


@st.composite
def pools(draw: Draw, name: str, shape: Shape, keep: bool) -> tuple[Pool, Shape]:
    c, h, w = shape
    kernel: Any = pick(draw, 1, 3, (3, 1), 5)
    stride: Any = 1
    padding: Any = "same"
    rounds_up = draw(st.booleans())
    if not keep:
        kernel = size(draw, 1, 4)
        stride = size(draw, 1, 3)
        ph, pw = (whole(draw, 0, k // 2) for k in both(kernel))
        padding = pick(draw, (ph, pw), (ph, pw), "sides", "tf_same")
    elif pick(draw, False, False, True):
        kernel, padding = size(draw, 1, 4), "tf_same"
    if padding == "sides":
        kh, kw = both(kernel)
        padding, rounds_up = draw(sides(kh - 1, kw - 1)), False
        assume(all(max(each) <= k // 2 or each[0] != each[1] for each, k in zip(padding, (kh, kw), strict=True)))
    node = Pool(
        name=name,
        kind=pick(draw, "max", "avg"),
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=rounds_up,
        count_include_pad=draw(st.booleans()),
    )
    (kh, kw), (sh, sw) = both(kernel), both(stride)
    ph, pw = padded(h, kh, sh, 1, padding, 0), padded(w, kw, sw, 1, padding, 1)
    rounds_up = rounds_up and padding != "tf_same"
    return node, (c, after(h, kh, sh, 1, ph, rounds_up), after(w, kw, sw, 1, pw, rounds_up))


LEAVES = (
    "conv", "conv", "conv", "conv", "pool", "pool", "norm", "activation", "dropout", "lrn", "attention", "scale",
    "slice", "shuffle",
)  # fmt: skip


@st.composite
def map_nodes(draw: Draw, name: str, shape: Shape, keep: bool, depth: int) -> tuple[Any, Shape]:
    """Any node that turns a feature map into a feature map."""
    kinds = LEAVES + (("sequence", "parallel", "parallel", "residual", "residual", "head") if depth else ())
    kind = pick(draw, *kinds)
    if kind == "conv":
        node, out = draw(convs(name, shape, keep))
        return (node, out) if min(out) > 0 else draw(convs(name, shape, True))
    if kind == "pool":
        node, out = draw(pools(name, shape, keep))
        return (node, out) if min(out) > 0 else draw(pools(name, shape, True))
    if kind == "norm":
        groups = pick(draw, *divisors(shape[0]))
        norm = pick(draw, "batch", "layer", "group")
        return Norm(name=name, kind=norm, groups=groups, eps=pick(draw, 1e-5, 1e-3)), shape
    if kind == "scale":
        kind = pick(draw, "channel", "single", "fixed")
        return Scale(name=name, kind=kind, init=pick(draw, 1.0, 1e-6, -2.0), bias=draw(st.booleans())), shape
    if kind == "shuffle":
        return ChannelShuffle(name=name, groups=pick(draw, *divisors(shape[0]))), shape
    if kind == "slice":
        start = whole(draw, 0, shape[0] - 1)
        stop = pick(draw, "end", whole(draw, start + 1, shape[0]))
        return Slice(name=name, start=start, stop=stop), ((shape[0] if stop == "end" else stop) - start, *shape[1:])
    if kind == "activation":
        return Activation(name=name, kind=pick(draw, *ACTIVATIONS)), shape
    if kind == "dropout":
        return Dropout(name=name, p=pick(draw, 0, 0.2, 0.5)), shape
    if kind == "lrn":
        return LocalResponseNorm(name=name, size=whole(draw, 1, 6), k=pick(draw, 1.0, 2.0)), shape
    if kind == "attention":
        return (
            Attention(
                name=name,
                kind=pick(draw, "se", "cbam", "eca"),
                reduction=pick(draw, 1, 2, 16),
                spatial_kernel=pick(draw, 1, 3, 7),
                channel_kernel=pick(draw, "auto", 1, 5),
            ),
            shape,
        )
    if kind == "sequence":
        children, out = draw(chains(shape, keep, depth - 1))
        return Sequence(name=name, children=children), out
    if kind == "parallel":
        return draw(parallels(name, shape, keep, depth - 1))
    if kind == "residual":
        return draw(residuals(name, shape, keep, depth - 1))
    return draw(heads(name, shape)), shape


@st.composite
def chains(
    draw: Draw, shape: Shape, keep: bool, depth: int, low: int = 0, high: int = 3
) -> tuple[tuple[Any, ...], Shape]:
    """Children of a sequence, with names that differ."""
    count = whole(draw, low, high)
    names = draw(_some_names(count, count))
    children = []
    for name in names:
        node, shape = draw(map_nodes(name, shape, keep, depth))
        children.append(node)
    return tuple(children), shape


@st.composite
def parallels(draw: Draw, name: str, shape: Shape, keep: bool, depth: int) -> tuple[Parallel, Shape]:
    """Branches that keep the size; or, unless it is to be kept, that all halve it in one of two ways that agree."""
    fuse = pick(draw, "concat", "concat", "add", "multiply", "repeat")
    if fuse == "repeat":
        return draw(repeated(name, shape, depth))
    count = whole(draw, 1, 4)
    names = draw(_some_names(count, count))
    halve = not keep and pick(draw, False, False, True)
    equal = None if fuse == "concat" else pick(draw, shape[0], whole(draw, 1, MAX_CHANNELS))
    branches, channels, out = [], [], shape
    for branch in names:
        children: tuple[Any, ...]
        children, made = draw(chains(shape, True, depth, high=2))
        if halve:
            # (n - 1) // 2 + 1 both times
            down = (
                Pool(name="down", kind=pick(draw, "max", "avg"), kernel_size=3, stride=2, padding=1)
                if pick(draw, True, False)
                else Conv(name="down", out_channels=made[0], kernel_size=pick(draw, 1, 3, 5), stride=2)
            )
            children += (down,)
            made = (made[0], (made[1] - 1) // 2 + 1, (made[2] - 1) // 2 + 1)
        if equal is not None and made[0] != equal:
            last, made = draw(convs("last", made, True, equal))
            children += (last,)
        lone = len(children) == 1 and pick(draw, True, False)
        branches.append(
            children[0].model_copy(update={"name": branch}) if lone else Sequence(name=branch, children=children)
        )
        channels.append(made[0])
        out = made
    total = sum(channels) if fuse == "concat" else channels[0]
    return Parallel(name=name, branches=tuple(branches), fuse=fuse), (total, out[1], out[2])


@st.composite
def repeated(draw: Draw, name: str, shape: Shape, depth: int) -> tuple[Parallel, Shape]:
    """Branches added or multiplied of which some have one channel, one row, one column, or one unit in all."""
    branches, made = [], []
    for branch in draw(_some_names(2, 4)):
        children, (c, h, w) = draw(chains(shape, True, depth, high=1))
        if c != shape[0] or pick(draw, True, False):
            c = pick(draw, 1, shape[0])
            children += (Conv(name="last", out_channels=c, activation=pick(draw, *ACTIVATIONS)),)
        size = pick(draw, (h, w), (1, 1), (1, w), (h, 1))
        if max(size) <= 31 and size != (h, w):  # the greatest size that adaptive pooling makes here
            children += (GlobalPool(name="down", kind=pick(draw, "avg", "max"), output_size=size),)
            h, w = size
        branches.append(Sequence(name=branch, children=children))
        made.append((c, h, w))
    out = (max(c for c, _, _ in made), max(h for _, h, _ in made), max(w for _, _, w in made))
    return Parallel(name=name, branches=tuple(branches), fuse=pick(draw, "add", "multiply")), out


@st.composite
def residuals(draw: Draw, name: str, shape: Shape, keep: bool, depth: int) -> tuple[Residual, Shape]:
    projection = pick(draw, True, False)
    halve = projection and not keep and pick(draw, True, False)
    children, out = draw(chains(shape, True, depth, high=2))
    if halve:
        children += (Conv(name="down", out_channels=whole(draw, 1, MAX_CHANNELS), kernel_size=3, stride=2),)
        out = (children[-1].out_channels, (out[1] - 1) // 2 + 1, (out[2] - 1) // 2 + 1)
    elif out[0] != shape[0] and not projection:
        last, out = draw(convs("last", out, True, shape[0]))
        children += (last,)
    node = Residual(
        name=name,
        body=Sequence(name=pick(draw, *NAMES), children=children),
        shortcut="projection" if projection else "identity",
        norm=pick(draw, "none", "batch", "layer", "group"),
        norm_eps=pick(draw, 1e-5, 1e-3),
        scale=pick(draw, 1.0, 0.2),
        drop_path=pick(draw, 0, 0, 0.3),
        activation=pick(draw, *ACTIVATIONS),
    )
    return node, out


@st.composite
def vector_nodes(draw: Draw, name: str) -> Any:
    """Any node that turns a vector into a vector."""
    kind = pick(draw, "linear", "linear", "dropout", "activation", "flatten", "parallel", "residual", "scale")
    if kind == "linear":
        return Linear(
            name=name,
            out_features=whole(draw, 1, 12),
            bias=draw(st.booleans()),
            activation=pick(draw, *ACTIVATIONS),
        )
    if kind == "dropout":
        return Dropout(name=name, p=pick(draw, 0, 0.5))
    if kind == "flatten":
        return Flatten(name=name)
    if kind == "scale":
        return Scale(name=name, kind=pick(draw, "channel", "single", "fixed"), bias=draw(st.booleans()))
    if kind == "parallel":
        fuse, width = pick(draw, "concat", "add", "multiply"), whole(draw, 1, 6)
        branches = tuple(Linear(name=branch, out_features=width) for branch in ("a", "b", "c")[: whole(draw, 1, 3)])
        return Parallel(name=name, branches=branches, fuse=fuse)
    if kind == "residual":
        return Residual(name=name, body=Activation(name="body", kind=pick(draw, *ACTIVATIONS)))
    return Activation(name=name, kind=pick(draw, *ACTIVATIONS))


@st.composite
def endings(draw: Draw, low: int = 0) -> tuple[Any, ...]:
    """From a feature map to a vector."""
    nodes: tuple[Any, ...] = ()
    if pick(draw, True, True, False):
        pooled = GlobalPool(name="pool", kind=pick(draw, "avg", "max"), output_size=pick(draw, 1, 1, 2, (2, 1)))
        nodes = (pooled,)
    nodes += (Flatten(name="flatten"),)
    return nodes + tuple(draw(vector_nodes(f"v{i}")) for i in range(whole(draw, low, 3)))


@st.composite
def heads(draw: Draw, name: str, shape: Shape) -> Auxiliary:
    conv, _ = draw(convs("conv", shape, True))
    first: tuple[Any, ...] = (conv,) if draw(st.booleans()) else ()
    return Auxiliary(name=name, children=first + draw(endings()), weight=pick(draw, 0.3, 1.0))


@st.composite
def images(draw: Draw) -> Shape:
    return (whole(draw, 1, 4), whole(draw, 8, 32), whole(draw, 8, 32))


@st.composite
def feature_architectures(draw: Draw, depth: int = 2, high: int = 4) -> Architecture:
    """Networks that end in a feature map."""
    shape = draw(images())
    nodes, _ = draw(chains(shape, False, depth, low=1, high=high))
    return Architecture(name="feature", input_shape=shape, trunk=Sequence(name="trunk", children=nodes))


@st.composite
def architectures(draw: Draw, depth: int = 2) -> Architecture:
    """Networks of all node kinds; most end in a vector."""
    shape = draw(images())
    nodes, _ = draw(chains(shape, False, depth, high=4))
    if pick(draw, True, True, True, False):
        nodes = (Sequence(name="features", children=nodes),) if pick(draw, True, False) else nodes
        nodes += tuple(draw(endings()))
    return Architecture(
        name=draw(TITLES),
        input_shape=shape,
        trunk=Sequence(name="trunk", children=_distinct(nodes)),
        notes=pick(draw, "", "seen\nin\ttests", "<img src=x onerror=alert(1)>"),
    )


def analysis_or_skip(architecture: Architecture) -> Analysis:
    """The analysis; an example whose layers do not fit together is not one."""
    try:
        return analyze(architecture)
    except ArchitectureError:
        assume(False)
        raise


def _distinct(nodes: tuple[Any, ...]) -> tuple[Any, ...]:
    taken: set[str] = set()
    named = []
    for node in nodes:
        name = node.name
        while name in taken:
            name += "_"
        taken.add(name)
        named.append(node if name == node.name else type(node)(**{**dict(node), "name": name}))
    return tuple(named)
