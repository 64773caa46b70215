"""What modules write in other operators than ours: each small form is imported whole, with its own numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.architecture import Attention, Conv, Norm, Pool, Scale, walk
from explorer.importing import from_module
from tests.importing.parts import check_import


class Net(nn.Module):
    """A stem of 8 channels, what is to be understood, and a head."""

    def __init__(self, middle: Callable[[Tensor], Tensor], *, width: int = 8, **parts: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.middle = middle
        self.head = nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.head(self.middle(torch.relu(self.stem(x))).mean((2, 3)))
        return score


class Standardised(nn.Conv2d):
    """Weights of mean 0 and variance 1, with a gain of each filter."""

    def __init__(self, gain: bool) -> None:
        super().__init__(8, 8, 3, padding=1)
        self.gain = nn.Parameter(torch.rand(8, 1, 1, 1) + 0.5) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        gain = None if self.gain is None else (self.gain * 0.3).view(-1)
        weight = F.batch_norm(self.weight.reshape(1, 8, -1), None, None, weight=gain, training=True, momentum=0.0)
        return F.conv2d(x, weight.reshape_as(self.weight), self.bias, padding=1)


@pytest.mark.parametrize("gain", [True, False])
def test_standardised_weights(gain: bool) -> None:
    found = check_import(Net(Standardised(gain)))
    nodes = [node for _, node in walk(found.architecture)]  # type: ignore[arg-type]
    assert len([node for node in nodes if isinstance(node, Scale)]) == gain
    assert len([node for node in nodes if isinstance(node, Conv)]) == 2
    assert any("computes" in note for note in found.notes)


class Affine(nn.Module):
    """One learned factor and summand for a whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.rand(1)), nn.Parameter(torch.rand(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x + self.shift


class Shift(nn.Module):
    """A learned summand for each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.rand(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift


class Mixer(nn.Module):
    """A pool less what it pools."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) - x


@pytest.mark.parametrize(
    ("middle", "kinds"),
    [
        (Affine(), ["single"]), (Shift(), ["fixed"]), (lambda x: x * 1.7, ["fixed"]), (lambda x: -0.5 * x, ["fixed"]),
        (lambda x: x + 0.2 * torch.tanh(x), []), (lambda x: x - 2 * torch.tanh(x), ["fixed"]),
        (lambda x: (torch.tanh(x) + x) / 2, ["fixed"]), (Mixer(), ["fixed"]),
    ],
)  # fmt: skip
def test_factors_and_summands(middle: Callable[[Tensor], Tensor], kinds: list[str]) -> None:
    found = check_import(Net(middle))
    nodes = [node for _, node in walk(found.architecture)]  # type: ignore[arg-type]
    assert [node.kind for node in nodes if isinstance(node, Scale)] == kinds


def test_padding_of_zeros_before_a_maximum_of_what_is_not_negative() -> None:
    def pools(x: Tensor) -> Tensor:
        padded = F.pad(x, (0, 1, 0, 1))
        return torch.cat([F.max_pool2d(padded, 2, 1, ceil_mode=True), F.avg_pool2d(padded, 2, 1)], 1)

    found = check_import(Net(pools, width=16))
    nodes = [node for _, node in walk(found.architecture)]  # type: ignore[arg-type]
    assert [node.padding for node in nodes if isinstance(node, Pool)] == ["tf_same"] * 2
    negative = from_module(Net(lambda x: F.max_pool2d(F.pad(x - torch.sigmoid(x), (1, 1, 1, 1)), 3)), (3, 12, 12))
    assert negative.status == "partial"
    assert negative.obstacle
    assert "padding" in negative.obstacle.reason


class Heads(nn.Module):
    """Two heads with norms of vectors, averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.one = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 5))
        self.two = nn.Sequential(nn.Linear(8, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x)).mean((2, 3))
        total: Tensor = (self.one(x) + self.two(x)) / 2
        return total


def test_norms_of_vectors_and_two_heads() -> None:
    found = check_import(Heads())
    assert {"batch", "layer"} <= {
        node.kind if isinstance(node, Norm) else node.norm_kind
        for _, node in walk(found.architecture)  # type: ignore[arg-type]
    }


class ChannelAttention(nn.Module):
    """As ECA-Net's authors write it, with a gate of one's choice."""

    def __init__(self, kernel: int, bias: bool = False, gate: Callable[[Tensor], Tensor] = torch.sigmoid) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=bias)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * self.gate(y).expand_as(x)


def test_efficient_channel_attention() -> None:
    timm = pytest.importorskip("timm.layers")
    for module, kernel in ((timm.EcaModule(8), "auto"), (timm.EcaModule(kernel_size=5), 5), (ChannelAttention(7), 7)):
        found = check_import(Net(module))
        nodes = [node for _, node in walk(found.architecture)]  # type: ignore[arg-type]
        assert [(node.kind, node.channel_kernel) for node in nodes if isinstance(node, Attention)] == [("eca", kernel)]
    for module in (ChannelAttention(3, bias=True), ChannelAttention(3, gate=torch.tanh)):
        odd = from_module(Net(module), (3, 12, 12))
        assert odd.status == "partial"
        assert odd.obstacle
        assert odd.obstacle.module == "middle"


def test_the_usual_kernel_of_efficient_channel_attention_is_timms() -> None:
    timm = pytest.importorskip("timm.layers")
    node = Attention(name="eca", kind="eca")
    for channels in (*range(1, 70), 127, 128, 511, 512, 2048, 8191, 8192):
        assert timm.EcaModule(channels).conv.kernel_size == (node.channel_kernel_of(channels),)
