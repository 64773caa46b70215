"""The analysis against torch on random architectures: parameters, shapes, MACs, memory. Equal to the last byte."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from explorer import catalog
from explorer.analysis import Analysis, analyze
from explorer.architecture import Architecture
from explorer.modules import Network, build
from explorer.modules._containers import AuxiliaryBlock
from tests.analysis import measuring
from tests.networks import EACH_NETWORK
from tests.sizes import examples
from tests.strategies import analysis_or_skip, architectures

FAST = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}


def check_counts(found: Analysis, network: Network) -> None:
    """On a network on 'meta' only shapes are computed: quicker for a large one, slower for a small one."""
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
    image = torch.empty((2, *found.input_shape), device=next(network.parameters(), torch.empty(0)).device)
    output, macs = measuring.infer(network, image)
    assert found.macs * 2 == macs
    assert tuple(output.shape[1:]) == found.output_shape


def check_memory_and_shapes(found: Analysis, network: Network) -> None:
    """Of a training forward, in which alone auxiliary heads run, and of an inference; leaves hooks in the network."""
    shapes = measuring.watch_shapes(network)
    assert found.training_bytes == measuring.saved_bytes(network, torch.randn(1, *found.input_shape))
    for layer in found.layers:
        assert shapes[layer.path] == layer.output_shape, layer.path
    assert found.inference_bytes == measuring.peak_bytes(network, torch.randn(1, *found.input_shape))


@settings(max_examples=examples(1000), **FAST)
@given(architectures())
def test_parameters_macs_shapes_and_memory_are_torchs(architecture: Architecture) -> None:
    found = analysis_or_skip(architecture)
    network = build(architecture)
    check_counts(found, network)
    check_memory_and_shapes(found, network)


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_catalogue_counts_are_torchs(name: str) -> None:
    check_counts(analyze(catalog.get(name)), build(catalog.get(name), device="meta"))


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_catalogue_memory_and_shapes_are_torchs(name: str) -> None:
    check_memory_and_shapes(analyze(catalog.get(name)), build(catalog.get(name)))
