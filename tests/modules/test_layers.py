"""Layers that we write ourselves where torch has one: the same numbers, and what they are there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorer.architecture import Activation, ActivationKind, Architecture, Conv, Sequence
from explorer.modules import build
from explorer.modules._layers import AveragePool

FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "none": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "hard_swish": F.hardswish,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "tanh": torch.tanh,
}


@pytest.mark.parametrize("kind", get_args(ActivationKind))
def test_an_activation_is_torchs_function_of_that_name(kind: Any) -> None:
    """On its own and at the end of a layer, to the last bit, with its gradient."""
    nodes = (Activation(name="alone", kind=kind), Conv(name="conv", out_channels=2, activation=kind))
    network = build(Architecture(name=kind, input_shape=(2, 8, 8), trunk=Sequence(name="trunk", children=nodes)))
    x = torch.linspace(-8, 8, 256).reshape(2, 2, 8, 8)
    mine, theirs = (x.clone().requires_grad_() for _ in range(2))
    conv = network.get_submodule("conv.conv")
    made, expected = network(mine), FUNCTIONS[kind](conv(FUNCTIONS[kind](theirs)))
    assert torch.equal(made, expected)
    gradients = [torch.autograd.grad(y.square().sum(), of)[0] for y, of in ((made, mine), (expected, theirs))]
    assert torch.equal(*gradients)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (3, 1, 2, 2), (2, 6, 1, 1)])
def test_average_pool_is_torchs_and_keeps_the_memory_format(
    shape: tuple[int, ...], memory_format: torch.memory_format
) -> None:
    ours = torch.rand(shape).contiguous(memory_format=memory_format).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    weights = torch.rand(shape[0], shape[1], 1, 1)
    for module, x in ((AveragePool(), ours), (nn.AdaptiveAvgPool2d(1), theirs)):
        y = module(x)
        assert y.shape == weights.shape
        (y * weights).sum().backward()
    torch.testing.assert_close(AveragePool()(ours), nn.AdaptiveAvgPool2d(1)(ours))
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_gradients_arrive_as_the_maps_lie() -> None:
    """A gradient in another format than its map makes every step before it slow."""
    maps = torch.rand(2, 8, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    before = maps * 1.0
    formats = []
    before.register_hook(lambda gradient: formats.append(gradient.is_contiguous(memory_format=torch.channels_last)))
    AveragePool()(before).sum().backward()
    assert formats == [True]
