"""Layers that we write ourselves where torch has one: the same numbers, and what they are there for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explorer.modules._layers import AveragePool


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
