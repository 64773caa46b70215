"""Random networks of all node kinds by the thousand, in a fraction of a millisecond each.

The strategies of hypothesis take fifty times as long to draw one; these follow shapes by their arithmetic.
"""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

from explorer.analysis import problems
from explorer.architecture import (
    Activation,
    Architecture,
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
from tests.strategies import after, both, padded

Shape = tuple[int, int, int]


class Maker:
    """Draws nodes; every method that makes one returns it with the shape of its output."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def size(self, low: int, high: int) -> Any:
        one = self.rng.randint(low, high)
        other = self.rng.randint(low, high)
        return one if one == other or self.chance(0.6) else (one, other)

    def padding(self, most: tuple[int, ...], otherwise: Any) -> Any:
        """For each side its own, TensorFlow's, or mostly what is given otherwise."""
        if self.chance(0.7):
            return otherwise
        sides = tuple((self.rng.randint(0, each), self.rng.randint(0, each)) for each in most)
        return self.rng.choice((sides, "tf_same"))

    def conv(self, name: str, shape: Shape, keep: bool, out: int | None = None) -> tuple[Any, Shape]:
        c, h, w = shape
        dilation, stride = self.size(1, 3), 1
        padding = self.rng.choice(("same", "same", "tf_same"))
        kernel = self.size(1, 4)
        if not keep and self.chance(0.7):
            stride, padding = self.size(1, 3), self.padding((3, 3), self.size(0, 3))
        filters: Any = out or self.rng.randint(1, 4)
        groups: Any = self.rng.choice([g for g in range(1, 5) if c % g == 0 == filters % g])
        if out is None and self.chance(0.2):
            filters, groups = "same", "depthwise"
        node = Conv(
            name=name, out_channels=filters, kernel_size=kernel, stride=stride, padding=padding, dilation=dilation,
            groups=groups, **self.norm(c if filters == "same" else filters),
        )  # fmt: skip
        sides = [
            after(n, k, s, d, padded(n, k, s, d, padding, axis))
            for axis, (n, k, s, d) in enumerate(zip((h, w), both(kernel), both(stride), both(dilation), strict=True))
        ]
        if min(sides) < 1:
            return self.conv(name, shape, True, out)
        return node, (c if filters == "same" else filters, sides[0], sides[1])

    def norm(self, channels: int) -> dict[str, Any]:
        """Fields of a norm behind a convolution."""
        groups = self.rng.choice([g for g in range(1, channels + 1) if channels % g == 0])
        kind = self.rng.choice(("none", "none", "none", "none", "batch", "layer", "group"))
        return {"norm": kind, "norm_groups": groups}

    def pool(self, name: str, shape: Shape, keep: bool) -> tuple[Any, Shape]:
        c, h, w = shape
        kernel: Any = self.rng.choice((1, 3, (3, 1), 5)) if keep else self.size(1, 4)
        stride = 1 if keep else self.size(1, 4)
        padding: Any = tuple(k // 2 if keep else self.rng.randint(0, k // 2) for k in both(kernel))
        if not keep:
            padding = self.padding(tuple(k - 1 for k in both(kernel)), padding)
        elif self.chance(0.3):
            kernel, padding = self.size(1, 4), "tf_same"
        unequal = isinstance(padding[0], tuple) and any(before != behind for before, behind in padding)
        if isinstance(padding[0], tuple) and not unequal:
            padding = (0, 0)  # what is equal at both ends may be half the window at most
        ceil = self.chance(0.5) and not unequal
        sides = [
            after(n, k, s, 1, padded(n, k, s, 1, padding, axis), ceil and padding != "tf_same")
            for axis, (n, k, s) in enumerate(zip((h, w), both(kernel), both(stride), strict=True))
        ]
        if min(sides) < 1:
            return self.pool(name, shape, True)
        kind = self.rng.choice(("max", "avg"))
        node = Pool(name=name, kind=kind, kernel_size=kernel, stride=stride, padding=padding, ceil_mode=ceil)
        return node, (c, sides[0], sides[1])

    def node(self, name: str, shape: Shape, keep: bool, depth: int) -> tuple[Any, Shape]:
        """Any node from a feature map to one."""
        kinds = ["conv"] * 6 + ["pool"] * 3 + ["same"] * 2
        kind = self.rng.choice(kinds + ["sequence", "parallel", "parallel", "uneven", "residual", "head"] * (depth > 0))
        if kind == "conv":
            return self.conv(name, shape, keep)
        if kind == "pool":
            return self.pool(name, shape, keep)
        if kind == "sequence":
            children, out = self.chain(shape, keep, depth - 1, self.rng.randint(0, 3))
            return Sequence(name=name, children=children), out
        if kind == "parallel":
            return self.parallel(name, shape, depth - 1)
        if kind == "uneven" and not keep:
            return self.uneven(name, shape)
        if kind == "residual":
            return self.residual(name, shape, keep, depth - 1)
        if kind == "head":
            first, _ = self.conv("conv", shape, True)
            return Auxiliary(name=name, children=(first, *self.ending())), shape
        c, h, w = shape
        if self.chance(0.4):
            start = self.rng.randrange(c)
            stop = self.rng.randint(start + 1, c)
            node = Slice(name=name, start=start, stop=self.rng.choice((stop, "end")))
            return node, ((c if node.stop == "end" else stop) - start, h, w)
        groups = self.rng.choice([g for g in range(1, c + 1) if c % g == 0])
        options = [
            Norm(name=name), Norm(name=name, kind="layer"), Norm(name=name, kind="group", groups=groups),
            Scale(name=name, kind=self.rng.choice(("channel", "single", "fixed")), bias=self.chance(0.5)),
            ChannelShuffle(name=name, groups=groups),
            Activation(name=name), Dropout(name=name), LocalResponseNorm(name=name),
            Attention(name=name, kind=self.rng.choice(("se", "cbam", "eca"))),
        ]  # fmt: skip
        return self.rng.choice(options), shape

    def chain(self, shape: Shape, keep: bool, depth: int, count: int) -> tuple[tuple[Any, ...], Shape]:
        children = []
        for index in range(count):
            node, shape = self.node(f"n{index}", shape, keep, depth)
            children.append(node)
        return tuple(children), shape

    def parallel(self, name: str, shape: Shape, depth: int) -> tuple[Any, Shape]:
        """Branches that keep the size."""
        fuse = self.rng.choice(("concat", "concat", "add", "multiply"))
        if fuse != "concat" and self.chance(0.4):
            return self.repeated(name, shape, depth, fuse)
        branches, channels = [], []
        for index in range(self.rng.randint(1, 4)):
            children, made = self.chain(shape, True, depth, self.rng.randint(0, 2))
            if fuse != "concat" and made[0] != shape[0]:
                last, made = self.conv("last", made, True, shape[0])
                children += (last,)
            branches.append(Sequence(name=f"b{index}", children=children))
            channels.append(made[0])
        out = sum(channels) if fuse == "concat" else shape[0]
        return Parallel(name=name, branches=tuple(branches), fuse=fuse), (out, *shape[1:])

    def repeated(self, name: str, shape: Shape, depth: int, fuse: Any) -> tuple[Any, Shape]:
        """Branches of which some have one channel, one row, one column, or one unit in all, which torch repeats."""
        branches, made = [], []
        for index in range(self.rng.randint(2, 3)):
            children, (c, h, w) = self.chain(shape, True, depth, self.rng.randint(0, 2))
            if c != shape[0] or self.chance(0.2):
                c = self.rng.choice((1, shape[0]))
                children += (Conv(name="last", out_channels=c),)
            sizes = [(1, 1)] * 3 + [(1, w), (h, 1)] + [(h, w)] * 2
            size = self.rng.choice(sizes)
            if size != (h, w) and self.chance(0.5):
                children += (GlobalPool(name="pool", output_size=size),)
            elif size != (h, w):  # by a window as large as the map
                window = tuple(min(1 if made == side else side, 31) for made, side in zip(size, (h, w), strict=True))
                children += (Conv(name="pool", out_channels="same", groups="depthwise", kernel_size=window, padding=0),)
            h, w = size
            branches.append(Sequence(name=f"b{index}", children=children))
            made.append((c, h, w))
        out = tuple(max(sides) for sides in zip(*made, strict=True))
        return Parallel(name=name, branches=tuple(branches), fuse=fuse), out  # type: ignore[return-value]

    def uneven(self, name: str, shape: Shape) -> tuple[Any, Shape]:
        """Branches of unlike windows, strides too, that all make the same size."""
        windows: dict[int, list[dict[str, Any]]] = {}
        side = min(shape[1:])
        for kernel, stride, padding, dilation in itertools.product((1, 2, 3), (1, 2, 3), (0, 1, 2), (1, 2)):
            made = after(side, kernel, stride, dilation, 2 * padding)
            if made > 0 and made == after(max(shape[1:]), kernel, stride, dilation, 2 * padding):
                form = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
                windows.setdefault(made, []).append(form)
        if not windows:
            return self.conv(name, shape, True)
        made = self.rng.choice(sorted(windows))
        forms = [self.rng.choice(windows[made]) for _ in range(self.rng.randint(2, 3))]
        branches = tuple(Conv(name=f"b{index}", out_channels=2, **form) for index, form in enumerate(forms))
        return Parallel(name=name, branches=branches), (2 * len(forms), made, made)

    def residual(self, name: str, shape: Shape, keep: bool, depth: int) -> tuple[Any, Shape]:
        children, out = self.chain(shape, True, depth, self.rng.randint(0, 2))
        shortcut = "projection" if self.chance(0.6) else "identity"
        if shortcut == "projection" and not keep:
            stride = self.rng.choice((1, 2, 3))
            children += (Conv(name="down", out_channels=3, kernel_size=3, stride=stride, padding=1),)
            out = (3, after(out[1], 3, stride, 1, 2), after(out[2], 3, stride, 1, 2))
        elif shortcut == "identity" and out[0] != shape[0]:
            last, out = self.conv("last", out, True, shape[0])
            children += (last,)
        norm = self.norm(out[0])
        return Residual(name=name, body=Sequence(name="body", children=children), shortcut=shortcut, **norm), out

    def ending(self) -> tuple[Any, ...]:
        pooled = (GlobalPool(name="pool", output_size=self.rng.choice((1, 2, (2, 1), 5))),) * self.chance(0.7)
        return (*pooled, Flatten(name="flatten"), Linear(name="fc", out_features=2))

    def network(self, depth: int = 2, image: int = 14) -> Architecture:
        """A network that works; its last nodes may make a vector."""
        while True:
            shape = (self.rng.randint(1, 2), self.rng.randint(8, image), self.rng.randint(8, image))
            nodes, _ = self.chain(shape, False, depth, self.rng.randint(1, 4))
            nodes += self.rng.choice(((), (), self.ending()))
            if self.chance(0.1):
                nodes += (Parallel(name="last", branches=(Activation(name="a"), Dropout(name="b"))),)
            found = Architecture(name="random", input_shape=shape, trunk=Sequence(name="trunk", children=nodes))
            if not problems(found):
                return found
