"""The analysis against torch on random architectures: parameters, shapes, MACs, memory. Equal to the last byte."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings

from explorer import analysis, catalog
from explorer.architecture import Architecture
from explorer.modules import build
from explorer.modules._containers import AuxiliaryBlock
from tests.analysis import measuring
from tests.strategies import architectures

FAST = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}


def check_counts(architecture: Architecture, device: str) -> None:
    """``device``: 'meta' computes shapes alone, which is quicker for large networks and slower for small ones."""
    found = analysis.analyze(architecture)
    network = build(architecture, device=device)
    modules = dict(network.named_modules())  # get_submodule would stumble over a node that is called 'forward'
    in_heads = {p for module in modules.values() if isinstance(module, AuxiliaryBlock) for p in module.parameters()}
    assert found.training_params == sum(p.numel() for p in network.parameters())
    assert found.auxiliary_params == sum(p.numel() for p in in_heads)
    for layer in found.layers:
        module = modules[layer.path.replace("/", ".")]
        if layer.op == "residual":
            module = module._modules.get("shortcut", torch.nn.Identity())
        elif layer.op == "parallel":
            module = torch.nn.Identity()  # its branches have rows of their own
        split = measuring.parameter_split(module)
        assert (layer.weight_params, layer.bias_params, layer.norm_params) == split, layer.path
    image = torch.empty((2, *architecture.input_shape), device=device)
    assert found.macs * 2 == measuring.macs(network, image)
    with torch.no_grad():
        shapes = measuring.output_shapes(network.train(), image)
    for layer in found.layers:
        assert shapes[layer.path] == layer.output_shape, layer.path
    assert tuple(network.eval()(image).shape[1:]) == found.output_shape


def check_memory(architecture: Architecture) -> None:
    found = analysis.analyze(architecture)
    network = build(architecture)
    assert found.training_bytes == measuring.saved_bytes(network, torch.randn(1, *architecture.input_shape))
    assert found.inference_bytes == measuring.peak_bytes(network, torch.randn(1, *architecture.input_shape))


@settings(max_examples=1000, **FAST)
@given(architectures())
def test_parameters_macs_shapes_and_memory_are_torchs(architecture: Architecture) -> None:
    assume(not analysis.problems(architecture))
    check_counts(architecture, "cpu")
    check_memory(architecture)


@pytest.mark.parametrize("name", catalog.names())
def test_catalogue_counts_are_torchs(name: str) -> None:
    check_counts(catalog.get(name), "meta")


@pytest.mark.parametrize("name", catalog.names())
def test_catalogue_memory_is_torchs(name: str) -> None:
    check_memory(catalog.get(name))
