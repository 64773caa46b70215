"""Networks that neither torchvision nor timm has, against modules of plain torch, written here from the papers.

Both list their layers in the order in which they run, so weights go over by their place, and must fit there.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import AvgPool2d, Conv2d, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from torch.utils.flop_counter import FlopCounterMode

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit
from explorer.modules import build
from tests.inspection.parts import shaken
from tests.sizes import THOROUGH


class Concat(nn.Module):
    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return torch.cat([branch(x_BCHW) for branch in self.branches], 1)


class Add(nn.Module):
    """relu(x + scale · f(x))."""

    def __init__(self, scale: float, *layers: nn.Module) -> None:
        super().__init__()
        self.scale, self.f = scale, Sequential(*layers)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return torch.relu(x_BCHW + self.scale * self.f(x_BCHW))


def normed(*shape: int, kernel: int | tuple[int, int] = 1, stride: int = 1, pad: bool = True) -> Sequential:
    """Convolution, batch normalisation, ReLU; half the kernel of padding, or none."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (sides[0] // 2, sides[1] // 2) if pad else (0, 0)
    conv = Conv2d(shape[0], shape[1], sides, stride, padding, bias=False)
    return Sequential(conv, nn.BatchNorm2d(shape[1], eps=1e-3), ReLU())


def chain(first: int, *steps: tuple[int, int | tuple[int, int]]) -> Sequential:
    """Convolutions one after another: (channels, kernel) of each."""
    layers = []
    for channels, kernel in steps:
        layers.append(normed(first, channels, kernel=kernel))
        first = channels
    return Sequential(*layers)


def lenet_5() -> nn.Module:
    return Sequential(
        Conv2d(1, 6, 5, padding=2), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5), ReLU(), MaxPool2d(2), Flatten(),
        Linear(400, 120), ReLU(), Linear(120, 84), ReLU(), Linear(84, 10),
    )  # fmt: skip


class Weighed(nn.Module):
    """A learned factor and bias for each map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels))
        self.bias = nn.Parameter(torch.rand(channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW * self.weight.reshape(-1, 1, 1) + self.bias.reshape(-1, 1, 1)


class Wired(nn.Module):
    """C3: each map reads the maps of S2 that are crossed in its column of table I."""

    ROWS = (
        "X...XXX..XXXX.XX", "XX...XXX..XXXX.X", "XXX...XXX..X.XXX", ".XXX..XXXX..X.XX", "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.reads = [[row for row in range(6) if self.ROWS[row][column] == "X"] for column in range(16)]
        self.convs = nn.ModuleList(Conv2d(len(maps), 1, 5) for maps in self.reads)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        read = zip(self.reads, self.convs, strict=True)
        return torch.cat([conv(x_BCHW[:, maps]) for maps, conv in read], 1)


def lenet_5_1998() -> nn.Module:
    def subsample(channels: int) -> list[nn.Module]:
        return [AvgPool2d(2), Weighed(channels), nn.Tanh()]

    return Sequential(
        Conv2d(1, 6, 5), nn.Tanh(), *subsample(6), Wired(), nn.Tanh(), *subsample(16), Conv2d(16, 120, 5), nn.Tanh(),
        Flatten(), Linear(120, 84), nn.Tanh(), Linear(84, 10),
    )  # fmt: skip


def alexnet_2012() -> nn.Module:
    def norm() -> nn.Module:  # torch divides α by n, the paper does not
        return LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2)

    return Sequential(
        Conv2d(3, 96, 11, 4), ReLU(), norm(), MaxPool2d(3, 2),
        Conv2d(96, 256, 5, padding=2, groups=2), ReLU(), norm(), MaxPool2d(3, 2),
        Conv2d(256, 384, 3, padding=1), ReLU(), Conv2d(384, 384, 3, padding=1, groups=2), ReLU(),
        Conv2d(384, 256, 3, padding=1, groups=2), ReLU(), MaxPool2d(3, 2),
        Flatten(), Linear(9216, 4096), ReLU(), Linear(4096, 4096), ReLU(), Linear(4096, 1000),
    )  # fmt: skip


def nin() -> nn.Module:
    def block(before: int, out: int, kernel: int, stride: int, padding: int, last: int = 0) -> list[nn.Module]:
        return [
            Conv2d(before, out, kernel, stride, padding), ReLU(), Conv2d(out, out, 1), ReLU(),
            Conv2d(out, last or out, 1), ReLU(),
        ]  # fmt: skip

    return Sequential(
        *block(3, 96, 11, 4, 0), MaxPool2d(3, 2, ceil_mode=True),
        *block(96, 256, 5, 1, 2), MaxPool2d(3, 2, ceil_mode=True),
        *block(256, 384, 3, 1, 1), MaxPool2d(3, 2, ceil_mode=True),
        *block(384, 1024, 3, 1, 1, last=1000), nn.AdaptiveAvgPool2d(1), Flatten(),
    )  # fmt: skip


def _bn_inception(*stem: nn.Module) -> nn.Module:
    """Figure 5 of the paper, table of the architecture, as TF-Slim numbers it."""

    def block(before: int, a: int, b: int, c: int, d: int, e: int, f: int, pool: nn.Module | None = None) -> nn.Module:
        pool = pool or AvgPool2d(3, 1, 1, count_include_pad=False)
        return Concat(
            chain(before, (a, 1)), chain(before, (b, 1), (c, 3)), chain(before, (d, 1), (e, 3), (e, 3)),
            Sequential(pool, normed(before, f)),
        )  # fmt: skip

    def halve(before: int, b: int, c: int, d: int, e: int) -> nn.Module:
        return Concat(
            Sequential(normed(before, b), normed(b, c, kernel=3, stride=2)),
            Sequential(normed(before, d), normed(d, e, kernel=3), normed(e, e, kernel=3, stride=2)),
            MaxPool2d(3, 2, 1),
        )

    return Sequential(
        *stem, MaxPool2d(3, 2, 1), normed(64, 64), normed(64, 192, kernel=3), MaxPool2d(3, 2, 1),
        block(192, 64, 64, 64, 64, 96, 32), block(256, 64, 64, 96, 64, 96, 64), halve(320, 128, 160, 64, 96),
        block(576, 224, 64, 96, 96, 128, 128), block(576, 192, 96, 128, 96, 128, 128),
        block(576, 160, 128, 160, 128, 160, 96), block(576, 96, 128, 192, 160, 192, 96), halve(576, 128, 192, 192, 256),
        block(1024, 352, 192, 320, 160, 224, 128), block(1024, 352, 192, 320, 192, 224, 128, MaxPool2d(3, 1, 1)),
        nn.AdaptiveAvgPool2d(1), Flatten(), Linear(1024, 1000),
    )  # fmt: skip


def bn_inception() -> nn.Module:
    pointwise = Sequential(Conv2d(24, 64, 1, bias=False), nn.BatchNorm2d(64, eps=1e-3), ReLU())
    return _bn_inception(Conv2d(3, 24, 7, 2, 3, groups=3, bias=False), pointwise)


def bn_inception_plain() -> nn.Module:
    return _bn_inception(normed(3, 64, kernel=7, stride=2))


def _shrink(before: int, *numbers: int) -> nn.Module:
    """Figure 7: Reduction-A."""
    k, l, m, n = numbers  # noqa: E741
    return Concat(
        normed(before, n, kernel=3, stride=2, pad=False),
        Sequential(normed(before, k), normed(k, l, kernel=3), normed(l, m, kernel=3, stride=2, pad=False)),
        MaxPool2d(3, 2),
    )


def _shrink_again(before: int, *numbers: int) -> nn.Module:
    """Figures 12 and 18: Reduction-B."""
    b, c, d = numbers
    return Concat(
        Sequential(normed(before, 256), normed(256, 384, kernel=3, stride=2, pad=False)),
        Sequential(normed(before, 256), normed(256, b, kernel=3, stride=2, pad=False)),
        Sequential(normed(before, 256), normed(256, c, kernel=3), normed(c, d, kernel=3, stride=2, pad=False)),
        MaxPool2d(3, 2),
    )


Numbers = tuple[int, ...]


def _inception_resnet(
    widths: Numbers, a: Numbers, b: Numbers, c: Numbers, stem: list[nn.Module], reductions: tuple[Numbers, Numbers]
) -> nn.Module:
    """Figure 15: 5, 10 and 5 residual blocks at 35×35, 17×17 and 8×8."""

    def block_a(x: int) -> nn.Module:
        branches = Concat(chain(x, (32, 1)), chain(x, (32, 1), (32, 3)), chain(x, (32, 1), (a[0], 3), (a[1], 3)))
        return Add(0.17, branches, Conv2d(64 + a[1], x, 1))

    def block_b(x: int) -> nn.Module:
        branches = Concat(chain(x, (b[0], 1)), chain(x, (128, 1), (b[1], (1, 7)), (b[2], (7, 1))))
        return Add(0.10, branches, Conv2d(b[0] + b[2], x, 1))

    def block_c(x: int) -> nn.Module:
        branches = Concat(chain(x, (192, 1)), chain(x, (192, 1), (c[0], (1, 3)), (c[1], (3, 1))))
        return Add(0.20, branches, Conv2d(192 + c[1], x, 1))

    first, second, third = widths
    return Sequential(
        *stem, *(block_a(first) for _ in range(5)), _shrink(first, *reductions[0]),
        *(block_b(second) for _ in range(10)), _shrink_again(second, *reductions[1]),
        *(block_c(third) for _ in range(5)), nn.AdaptiveAvgPool2d(1), Flatten(), Linear(third, 1000),
    )  # fmt: skip


def inception_resnet_v1() -> nn.Module:
    stem = [
        normed(3, 32, kernel=3, stride=2, pad=False), normed(32, 32, kernel=3, pad=False), normed(32, 64, kernel=3),
        MaxPool2d(3, 2), normed(64, 80), normed(80, 192, kernel=3, pad=False),
        normed(192, 256, kernel=3, stride=2, pad=False),
    ]  # fmt: skip
    return _inception_resnet(
        (256, 896, 1792), (32, 32), (128, 128, 128), (192, 192), stem, ((192, 192, 256, 384), (256, 256, 256))
    )


def inception_resnet_v2_paper() -> nn.Module:
    stem = [
        normed(3, 32, kernel=3, stride=2, pad=False), normed(32, 32, kernel=3, pad=False), normed(32, 64, kernel=3),
        Concat(MaxPool2d(3, 2), normed(64, 96, kernel=3, stride=2, pad=False)),
        Concat(
            Sequential(normed(160, 64), normed(64, 96, kernel=3, pad=False)),
            Sequential(
                normed(160, 64), normed(64, 64, kernel=(1, 7)), normed(64, 64, kernel=(7, 1)),
                normed(64, 96, kernel=3, pad=False),
            ),
        ),
        Concat(normed(192, 192, kernel=3, stride=2, pad=False), MaxPool2d(3, 2)),
    ]  # fmt: skip
    return _inception_resnet(
        (384, 1152, 2144), (48, 64), (192, 160, 192), (224, 256), stem, ((256, 256, 384, 384), (288, 288, 320))
    )


@pytest.mark.parametrize(
    ("make", "side"),
    [
        (lenet_5, 28), (lenet_5_1998, 32), (alexnet_2012, 227), (nin, 64), (bn_inception, 64),
        (inception_resnet_v1, 107),
        pytest.param(bn_inception_plain, 64, marks=THOROUGH),
        pytest.param(inception_resnet_v2_paper, 107, marks=THOROUGH),
    ],
)  # fmt: skip
def test_a_network_is_what_its_paper_says(make: Callable[[], nn.Module], side: int) -> None:
    torch.manual_seed(0)
    architecture = catalog.get(make.__name__.replace("_", "-"))
    architecture = edit.replace(architecture, "", input_shape=(architecture.input_shape[0], side, side))
    found = analyze(architecture)
    theirs = shaken(make()).eval()
    ours = build(architecture, "meta").to_empty(device="cpu").eval()
    with torch.no_grad():
        pairs = list(zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
        assert [mine.shape for mine, _ in pairs] == [other.shape for _, other in pairs]
        for mine, other in pairs:
            mine.copy_(other)
        x_BCHW = torch.randn(2, *architecture.input_shape)
        with FlopCounterMode(display=False) as counter:
            expected = theirs(x_BCHW)
        assert found.params == sum(parameter.numel() for parameter in theirs.parameters())
        assert found.macs == counter.get_total_flops() // 4
        spread = max(1.0, float(expected.std()))
        assert torch.allclose(ours(x_BCHW), expected, rtol=0, atol=1e-5 * spread)
