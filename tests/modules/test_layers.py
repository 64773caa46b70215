"""Layers that we write ourselves where torch has one: the same numbers, and what they are there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorer.analysis import analyze
from explorer.architecture import (
    Activation,
    ActivationKind,
    Architecture,
    Attention,
    Conv,
    Flatten,
    Linear,
    Residual,
    Sequence,
    blocks,
)
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


def test_squeeze_and_excitation_of_plain_nodes_is_the_attention_of_that_name() -> None:
    """The same numbers and gradients from the same weights, at the same cost; of any image."""
    networks = []
    for node in (Attention(name="se", reduction=4), blocks.squeeze_excitation("se", channels=12, hidden=3)):
        conv = Conv(name="conv", out_channels=12, kernel_size=3)
        trunk = Sequence(name="trunk", children=(conv, node, Conv(name="last", out_channels=2, kernel_size=3)))
        networks.append(Architecture(name="se", input_shape=(3, 9, 11), trunk=trunk))
    first, second = (analyze(network).totals for network in networks)
    assert first == second
    theirs, mine = map(build, networks)
    weights = {name.replace("se.", "se.gate."): value for name, value in theirs.state_dict().items()}
    names = {name.replace("reduce.conv", "reduce").replace("expand.conv", "expand"): name for name in mine.state_dict()}
    mine.load_state_dict({names[name]: value for name, value in weights.items()})
    x = torch.rand(2, 3, 9, 11)
    made = [network(x) for network in (theirs, mine)]
    torch.testing.assert_close(*made, rtol=0, atol=0)
    for y in made:
        y.square().sum().backward()
    gradients = ([p.grad for p in network.parameters()] for network in (theirs, mine))
    torch.testing.assert_close(*gradients)


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


@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("drop_path", [0.0, 0.4, 0.95])
def test_drop_path_is_torchvisions_stochastic_depth(drop_path: float, vectors: bool) -> None:
    """Image by image, in training alone: to the last bit, with its gradient, from the same random numbers."""
    from torchvision.ops import stochastic_depth

    def network_of(p: float) -> Architecture:
        body: Any = Linear(name="body", out_features=64) if vectors else Conv(name="body", out_channels=1)
        residual = Residual(name="residual", body=body, scale=0.5, drop_path=p, activation="none")
        flat = (Flatten(name="flatten"),) if vectors else ()
        trunk = Sequence(name="trunk", children=(*flat, residual))
        return Architecture(name="drop", input_shape=(1, 8, 8), trunk=trunk)

    network, plain = build(network_of(drop_path)), build(network_of(0.0))
    plain.load_state_dict(network.state_dict())
    images = torch.randn(32, 1, 8, 8)
    x = images.flatten(1) if vectors else images
    made, body = images.clone().requires_grad_(), network.get_submodule("residual.body")
    torch.manual_seed(1)
    outputs = network(made)
    torch.manual_seed(1)
    given = x.clone().requires_grad_()
    expected = given + 0.5 * stochastic_depth(body(given), drop_path, "row", training=True)
    assert torch.equal(outputs, expected)
    gradients = [torch.autograd.grad(y.square().sum(), of)[0] for y, of in ((outputs, made), (expected, given))]
    assert torch.equal(gradients[0].flatten(), gradients[1].flatten())
    assert torch.equal(network.eval()(images), plain.eval()(images))
    random = torch.get_rng_state()
    network(images)
    assert torch.equal(random, torch.get_rng_state()), "inference draws no random numbers"


def test_the_projection_of_a_residual_has_the_eps_that_is_asked_for() -> None:
    residual = Residual(
        name="residual", body=Conv(name="body", out_channels=3), shortcut="projection", norm="batch", norm_eps=0.25
    )
    network = build(Architecture(name="eps", input_shape=(2, 8, 8), trunk=Sequence(name="trunk", children=(residual,))))
    assert network.get_submodule("residual.shortcut.bn").eps == 0.25
