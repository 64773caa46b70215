"""Networks with random weights, and the catalogue made small, for the tests of slimming."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, ArchitectureError, edit
from explorer.modules import Network, build


def random_network(architecture: Architecture, seed: int = 0) -> Network:
    """With random statistics, factors and shifts in every norm and scale."""
    generator = torch.Generator().manual_seed(seed)
    network = build(architecture)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.uniform_(0.3, 1.2, generator=generator)
            tensor.mul_(torch.where(torch.rand(tensor.shape, generator=generator) < 0.5, -1.0, 1.0))
        elif tensor.is_floating_point():
            nn.init.kaiming_uniform_(tensor, generator=generator)
    return network.eval()


@cache
def small(name: str) -> Architecture:
    """A network of the catalogue with a quarter of its channels, where they fit together so, on a small image."""
    architecture = catalog.get(name)
    for factor in (0.25, 0.5, 1):
        for side in (64, 96, 160, architecture.input_shape[1]):
            try:
                made = edit.scale_width(architecture, factor)
                made = edit.replace(made, "", input_shape=(architecture.input_shape[0], side, side))
                analyze(made)
            except ArchitectureError:
                continue
            return made
    return architecture
