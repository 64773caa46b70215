"""Models of random weights that the tests of inspection share."""

from __future__ import annotations

import torch
from hypothesis import assume
from torch import Tensor, nn

from explorer.analysis import analyze, problems
from explorer.architecture import Architecture
from explorer.inspection import Preprocessing
from explorer.inspection.models import Model, model_of
from explorer.modules import build
from tests.training.parts import network as tiny

SHAPE = (3, 16, 16)


def shaken(network: nn.Module, seed: int = 1) -> nn.Module:
    """Random statistics and affine weights too, so that a swapped or forgotten tensor cannot hide behind 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.uniform_(-0.2, 0.2, generator=generator)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.7, 1.3, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
    return network


def model_with(architecture: Architecture, seed: int = 1, **fields: object) -> Model:
    """An architecture with random weights."""
    torch.manual_seed(seed)
    settings: dict[str, object] = {
        "name": "random",
        "classes": (),
        "preprocessing": Preprocessing(shape=architecture.input_shape),
        "provenance": "random",
    }
    return model_of(architecture, shaken(build(architecture), seed), **{**settings, **fields})  # type: ignore[arg-type]


def classifier(architecture: Architecture) -> Model:
    """A model of a drawn architecture, where it is a classifier of pictures."""
    assume(architecture.input_shape[0] in (1, 3) and not problems(architecture))
    assume(len(analyze(architecture).totals.output_shape) == 1)
    return model_with(architecture)


def tiny_model(seed: int = 1, **fields: object) -> Model:
    """A stem, an Inception block, a residual block and four classes, on 12×12 pixels."""
    return model_with(tiny(), seed, **fields)


def input_for(model: Model, count: int = 1, seed: int = 2) -> Tensor:
    """Inputs (N, C, H, W) of random numbers."""
    return torch.randn(count, *model.architecture.input_shape, generator=torch.Generator().manual_seed(seed))
