"""Our GoogLeNet and Inception v3 against torchvision's, tensor by tensor, with the same random weights."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from explorer import analysis, catalog
from explorer.modules import Network, Outputs, build

GOOGLENET = {
    "conv1": "conv1",
    "conv2": "conv2_reduce",
    "conv3": "conv2",
    "aux1": "auxiliary_1",
    "aux2": "auxiliary_2",
    "branch1": "branch_1x1",
    "branch2.0": "branch_3x3.reduce",
    "branch2.1": "branch_3x3.conv",
    "branch3.0": "branch_5x5.reduce",
    "branch3.1": "branch_5x5.conv",
    "branch4.1": "branch_pool.project",
}

# torchvision's blocks are flat; ours hold each branch, and each split, as a node of its own.
INCEPTION_V3 = {
    r"branch(5x5|7x7|3x3dbl|7x7dbl|7x7x3)_(\d)\.": r"branch\1.branch\1_\2.",
    r"branch3x3_([12])\.": r"branch3x3.branch3x3_\1.",
    r"branch3x3(dbl)?_([23])([ab])\.": r"branch3x3\1.split.branch3x3\1_\2_\3.",
    r"branch_pool\.": r"branch_pool.branch_pool.",
}


def googlenet_key(key: str) -> str:
    """torchvision's name of a tensor as ours."""
    block = re.fullmatch(r"inception(\d\w)\.(branch\d(?:\.\d)?)\.(.*)", key)
    if block:
        name, branch, rest = block.groups()
        return f"inception_{name}.{GOOGLENET[branch]}.{rest}"
    first, _, rest = key.partition(".")
    first = GOOGLENET.get(first, first)
    rest = re.sub(r"^(fc\d?)\.", r"\1.linear.", rest) if first.startswith("auxiliary") else rest
    return f"fc.linear.{rest}" if first == "fc" else f"{first}.{rest}"


def inception_v3_key(key: str) -> str:
    """torchvision's name of a tensor as ours."""
    if re.match(r"(AuxLogits\.)?fc\.", key):
        return re.sub(r"fc\.", "fc.linear.", key)
    return next((re.sub(pattern, ours, key) for pattern, ours in INCEPTION_V3.items() if re.search(pattern, key)), key)


def transfer(theirs: nn.Module, ours: Network, rename: Callable[[str], str]) -> None:
    """Every tensor of torchvision's into exactly one of ours, none left over on either side."""
    weights = theirs.state_dict()
    renamed = {rename(key): tensor for key, tensor in weights.items()}
    assert len(renamed) == len(weights), "two tensors got one name"
    ours.load_state_dict(renamed, strict=True)


def shaken(network: nn.Module) -> nn.Module:
    """Random statistics and affine weights too, so that a swapped or forgotten tensor cannot hide behind 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.uniform_(-0.2, 0.2, generator=generator)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.7, 1.3, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
    return network


def without_dropout(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


@pytest.fixture(scope="module", params=["googlenet-torchvision", "inception-v3"])
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, Network, Tensor]:
    torch.manual_seed(0)
    if request.param == "inception-v3":
        theirs: nn.Module = torchvision.models.inception_v3(weights=None, aux_logits=True, init_weights=False)
        rename, side = inception_v3_key, 299
    else:
        theirs = torchvision.models.googlenet(weights=None, aux_logits=True, init_weights=False)
        rename, side = googlenet_key, 224
    ours = build(catalog.get(request.param))
    transfer(shaken(theirs), ours, rename)
    return without_dropout(theirs), without_dropout(ours), torch.randn(2, 3, side, side)  # type: ignore[return-value]


def test_logits_are_equal(pair: tuple[nn.Module, Network, Tensor]) -> None:
    theirs, ours, images = pair
    with torch.no_grad():
        expected, given = theirs.eval()(images), ours.eval()(images)
    assert expected.std() > 1e-3, "logits that are all alike would prove nothing"
    assert torch.equal(expected, given)


def test_training_outputs_and_heads_are_equal(pair: tuple[nn.Module, Network, Tensor]) -> None:
    theirs, ours, images = pair
    with torch.no_grad():
        expected, given = theirs.train()(images), ours.train()(images)
    assert isinstance(given, Outputs)
    assert torch.equal(expected.logits, given.logits)
    heads = [expected.aux_logits1, expected.aux_logits2] if hasattr(expected, "aux_logits1") else [expected.aux_logits]
    assert len(given.auxiliary) == len(heads)
    for (_, scores), head in zip(given.auxiliary, heads, strict=True):
        assert torch.equal(scores, head)


@pytest.mark.parametrize("name", ["googlenet-torchvision", "inception-v3"])
def test_counts_are_torchvisions(name: str) -> None:
    model = torchvision.models.inception_v3 if name == "inception-v3" else torchvision.models.googlenet
    with torch.device("meta"):
        with_heads = model(weights=None, aux_logits=True, init_weights=False)
        without = model(weights=None, aux_logits=False, init_weights=False)
    totals = analysis.analyze(catalog.get(name)).totals
    assert totals.training_params == sum(p.numel() for p in with_heads.parameters())
    assert totals.params == sum(p.numel() for p in without.parameters())
