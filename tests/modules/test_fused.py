"""Execution as it is quick: the same numbers, gradients, statistics and names as of layer after layer."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer import analysis, catalog
from explorer.architecture import Architecture, Conv, Parallel, Pool, Sequence, edit
from explorer.modules import Network, Outputs, build
from explorer.modules._containers import ParallelBlock
from explorer.modules._layers import ConvBlock, RectifiedMaxPool
from tests.sizes import examples
from tests.strategies import images, parallels

torch.set_num_threads(1)  # small tensors: threads would only wait for each other
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}


def pair(architecture: Architecture) -> tuple[Network, Network]:
    """Plain and fused execution of the same weights, in float64: what is left are mistakes, not roundings."""
    plain = build(architecture).double()
    joint = build(architecture, fused=True).double()
    joint.load_state_dict(plain.state_dict())
    return plain, joint


def groups(network: Network) -> list[tuple[str, ...]]:
    return [names for module in network.modules() if isinstance(module, ParallelBlock) for names in module.joint]


def scores(output: Tensor | Outputs) -> list[Tensor]:
    return [output.logits, *(each for _, each in output.auxiliary)] if isinstance(output, Outputs) else [output]


def passed(network: Network, images: Tensor) -> list[Tensor]:
    """Outputs and all gradients of one pass; dropout draws the same numbers every time."""
    torch.manual_seed(0)
    x = images.clone().requires_grad_()
    outputs = scores(network(x))
    network.zero_grad()
    torch.autograd.backward([(each * torch.cos(torch.arange(each.numel())).view_as(each)).sum() for each in outputs])
    return [*outputs, x.grad, *(parameter.grad for parameter in network.parameters())]


def check(architecture: Architecture) -> None:
    plain, joint = pair(architecture)
    images = torch.rand(3, *architecture.input_shape, dtype=torch.float64)
    for training in (True, False):
        plain.train(training)
        joint.train(training)
        for a, b in zip(passed(plain, images), passed(joint, images), strict=True):
            torch.testing.assert_close(a, b, **CLOSE)
    assert plain.state_dict().keys() == joint.state_dict().keys()
    for name, value in plain.state_dict().items():  # running statistics too
        torch.testing.assert_close(value, joint.state_dict()[name], **CLOSE, msg=name)


FORMS: tuple[dict[str, Any], ...] = (
    {"norm": "batch", "activation": "relu"},
    {"norm": "batch", "activation": "silu", "norm_eps": 1e-3, "bias": True},
    {"norm": "none", "activation": "relu"},
    {"norm": "none", "activation": "none", "bias": False},
)


@st.composite
def reduced(draw: Any) -> Architecture:
    """A random block whose branches, and those of blocks within, mostly begin with a 1×1 that keeps the channels."""
    shape = draw(images())
    block, _ = draw(parallels("block", shape, False, 1))
    architecture = Architecture(
        name="block", input_shape=shape, trunk=Sequence(name="trunk", children=(block,))
    )
    assume(not analysis.problems(architecture))
    layers = analysis.analyze(architecture).by_path

    def begun(branch: Any, channels: int) -> Any:
        form = draw(st.sampled_from((*FORMS[:2], FORMS[0], None, FORMS[2], FORMS[3])))
        if form is None:
            return branch
        if not branch.nodes and branch.op == "sequence":  # an empty branch: the convolution is the whole of it
            return Conv(name=branch.name, out_channels=channels, **form)
        rest = branch.model_copy(update={"name": "rest"})
        return Sequence(name=branch.name, children=(Conv(name="reduce", out_channels=channels, **form), rest))

    def visit(node: Any, path: str) -> Any:
        if not node.nodes:
            return node
        nodes = tuple(visit(child, f"{path}/{child.name}".lstrip("/")) for child in node.nodes)
        if isinstance(node, Parallel) and len(layers[path].input_shape) == 3:
            nodes = tuple(begun(branch, layers[path].input_shape[0]) for branch in nodes)
        return node.with_nodes(nodes)

    return edit.replace(architecture, "", trunk=visit(architecture.trunk, ""))


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(reduced())
def test_joint_execution_is_plain_execution(architecture: Architecture) -> None:
    assume(not analysis.problems(architecture))
    assume(groups(build(architecture, device="meta", fused=True)))
    check(architecture)


def test_which_convolutions_run_together() -> None:
    """One form, one group: stride, bias, norm and its eps, activation. Larger kernels and groups stay alone."""
    branches = (
        Conv(name="a", out_channels=3, stride=2),
        Sequence(name="b", children=(Conv(name="reduce", out_channels=2, stride=2), Conv(name="c", out_channels=3))),
        Sequence(name="c", children=(Conv(name="reduce", out_channels=2, stride=2, activation="silu"),)),
        Conv(name="d", out_channels=2, stride=2, norm="batch"),
        Conv(name="e", out_channels=4, stride=2, groups=2),
        Conv(name="f", out_channels=4, kernel_size=3, stride=2),
        Pool(name="g", stride=2, padding=1),
        Conv(name="h", out_channels=2, stride=2, norm="batch", norm_eps=1e-3),
    )
    architecture = Architecture(
        name="strided",
        input_shape=(4, 9, 9),
        trunk=Sequence(name="trunk", children=(Parallel(name="block", branches=branches),)),
    )
    assert groups(build(architecture, device="meta", fused=True)) == [("a", "b")]
    assert groups(build(architecture, device="meta")) == []
    check(architecture)


@pytest.mark.parametrize("name", ["inception-net-32", "cifar-inception-residual-cbam"])
def test_blocks_of_the_catalogue_begin_jointly(name: str) -> None:
    architecture = catalog.get(name)
    found = groups(build(architecture, device="meta", fused=True))
    assert len(found) == len(edit.blocks(architecture))
    assert all(len(names) == 3 for names in found)
    check(architecture)


def test_parameters_stay_whose_they_are() -> None:
    """No new tensors: the same names, and a copy (the running average) has parts of its own that work."""
    plain, joint = pair(catalog.get("cifar-inception"))
    assert [name for name, _ in plain.named_parameters()] == [name for name, _ in joint.named_parameters()]
    twin = copy.deepcopy(joint)
    storages = {each.untyped_storage().data_ptr() for each in (*joint.parameters(), *twin.parameters())}
    assert len(storages) == 2 * len(list(joint.parameters()))
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
        image = torch.rand(2, 3, 32, 32, dtype=torch.float64)
        assert twin.eval()(image).abs().max() == 0
        assert joint.eval()(image).abs().max() > 0


@settings(max_examples=examples(40))
@given(
    norm=st.sampled_from(["none", "batch"]),
    activation=st.sampled_from(["relu", "relu6", "none"]),
    pool=st.builds(
        lambda kernel, stride, pad, ceil, kind: Pool(
            name="pool", kernel_size=kernel, stride=stride, padding=min(pad, kernel // 2), ceil_mode=ceil, kind=kind
        ),
        st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.booleans(), st.sampled_from(["max", "avg"]),
    ),
)  # fmt: skip
def test_relu_after_max_pooling_is_relu_before_it(norm: Any, activation: Any, pool: Pool) -> None:
    children = (Conv(name="conv", out_channels=5, kernel_size=3, norm=norm, activation=activation), pool)
    trunk = Sequence(name="trunk", children=(*children, Conv(name="end", out_channels=2)))
    architecture = Architecture(name="pooled", input_shape=(2, 9, 8), trunk=trunk)
    moved = isinstance(build(architecture, "meta", fused=True)._modules["pool"], RectifiedMaxPool)
    assert moved == (activation == "relu" and pool.kind == "max")
    check(architecture)


@settings(max_examples=examples(40))
@given(
    form=st.sampled_from(FORMS),
    channels=st.integers(1, 6),
    pool=st.builds(
        lambda kernel, stride, pad, ceil, counted: Pool(
            name="pool", kind="avg", kernel_size=kernel, stride=stride, padding=min(pad, kernel // 2), ceil_mode=ceil,
            count_include_pad=counted,
        ),
        st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.booleans(), st.booleans(),
    ),
)  # fmt: skip
def test_reduction_before_average_is_reduction_after_it(form: Any, channels: int, pool: Pool) -> None:
    children = (pool, Conv(name="project", out_channels=channels, **form))
    trunk = Sequence(name="trunk", children=(*children, Conv(name="end", out_channels=2)))
    architecture = Architecture(name="pooled", input_shape=(4, 9, 8), trunk=trunk)
    found = build(architecture, "meta", fused=True)._modules["project"]
    assert isinstance(found, ConvBlock)
    assert (found.pool is not None) == (pool.stride == 1 and channels < 4 and found.conv.bias is None)
    check(architecture)
