"""Carrying weights over, by path and by prefix of channels: against plain loops, and by what the network computes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer import catalog
from explorer.architecture import (
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Norm,
    Parallel,
    Pool,
    Residual,
    Sequence,
    edit,
)
from explorer.modules import build, carry_over, plan_carry
from tests import strategies


def trained(architecture: Architecture, seed: int = 0) -> nn.Module:
    """A network whose weights and statistics are all random."""
    torch.manual_seed(seed)
    network = build(architecture)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif tensor.is_floating_point():
            tensor.normal_()
    return network.eval()


def chain(widths: tuple[int, ...], kernels: tuple[int, ...], classes: int) -> Architecture:
    convs = [
        Conv(name=f"conv{place}", out_channels=width, kernel_size=kernel, norm="batch")
        for place, (width, kernel) in enumerate(zip(widths, kernels, strict=True))
    ]
    tail = (GlobalPool(name="pool"), Flatten(name="flat"), Linear(name="fc", out_features=classes))
    return Architecture(name="chain", input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=(*convs, *tail)))


def wide(first: int, second: int, third: int = 3) -> Architecture:
    """Two branches side by side, and a layer that reads both."""
    branches = (
        Conv(name="ones", out_channels=first),
        Sequence(name="threes", children=(Conv(name="reduce", out_channels=2), Conv(name="conv", out_channels=second))),
    )
    nodes = (
        Parallel(name="mixed", branches=branches),
        Conv(name="after", out_channels=third),
        GlobalPool(name="pool"), Flatten(name="flat"), Linear(name="fc", out_features=4),
    )  # fmt: skip
    return Architecture(name="wide", input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=nodes))


@given(
    before=st.tuples(*[st.integers(1, 5)] * 3), after=st.tuples(*[st.integers(1, 5)] * 3),
    kernels=st.tuples(*[st.sampled_from((1, 3))] * 3), others=st.tuples(*[st.sampled_from((1, 3))] * 3),
    classes=st.integers(1, 5),
)  # fmt: skip
def test_of_layers_in_a_row_the_first_channels_are_taken(before, after, kernels, others, classes) -> None:  # type: ignore[no-untyped-def]
    """Number by number: what both have, under one name, at one place; where a kernel changed, nothing of its layer."""
    old, new = chain(before, kernels, 3), chain(after, others, classes)
    source, target = trained(old).state_dict(), trained(new, seed=1).state_dict()
    expected = {name: tensor.clone() for name, tensor in target.items()}
    changed = tuple(f"conv{place}." for place in range(3) if kernels[place] != others[place])
    for name, tensor in expected.items():
        if name.startswith(changed):
            continue
        for place in itertools.product(*(range(size) for size in tensor.shape)):
            if all(at < size for at, size in zip(place, source[name].shape, strict=True)):
                tensor[place] = source[name][place]
    plan = plan_carry(new, old)
    carry_over(plan, target, source)
    assert all(torch.equal(target[name], tensor) for name, tensor in expected.items())
    for each in plan.tensors:
        kept = math.prod(map(min, each.shape, source[each.name].shape))
        assert each.taken == (0 if each.name.startswith(changed) else kept)


@given(architecture=strategies.architectures())
def test_a_network_takes_all_of_itself(architecture: Architecture) -> None:
    plan = plan_carry(architecture, architecture)
    assert plan.count("taken") == len(plan.tensors)
    assert plan.left_out == ()


def woven(w: tuple[int, ...]) -> Architecture:
    """Branches within branches, one of them a pool, and what keeps, adds up and flattens the channels behind them."""
    split = Parallel(
        name="split",
        branches=(
            Conv(name="across", out_channels=w[3], kernel_size=(1, 3)),
            Conv(name="down", out_channels=w[4], kernel_size=(3, 1)),
        ),
    )
    branches = (
        Conv(name="ones", out_channels=w[1], norm="batch"),
        Sequence(name="threes", children=(Conv(name="reduce", out_channels=w[2]), split)),
        Pool(name="pool", kind="max", kernel_size=3, stride=1, padding=1),
    )
    nodes = (
        Conv(name="stem", out_channels=w[0], kernel_size=3, stride=2, norm="batch"),
        Parallel(name="mixed", branches=branches),
        Conv(name="depthwise", out_channels="same", kernel_size=3, groups="depthwise", norm="batch"),
        Norm(name="norm"),
        Residual(name="residual", body=Conv(name="body", out_channels=w[5], norm="batch"), shortcut="projection"),
        Flatten(name="flat"),
        Linear(name="fc", out_features=4),
    )
    return Architecture(name="woven", input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=nodes))


@given(before=st.tuples(*[st.integers(1, 4)] * 6), more=st.tuples(*[st.integers(0, 3)] * 6))
def test_wider_layers_compute_the_same_where_what_is_new_is_zero(before, more) -> None:  # type: ignore[no-untyped-def]
    """An oracle that knows nothing of layouts: what is not carried over is 0, and so is what it adds."""
    old, new = woven(before), woven(tuple(map(sum, zip(before, more, strict=True))))
    wider = trained(new)
    for name, tensor in wider.state_dict().items():
        tensor.fill_(1.0 if name.endswith("running_var") else 0.0)
    carry_over(plan_carry(new, old), wider.state_dict(), trained(old).state_dict())
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(wider(x), trained(old)(x), rtol=1e-4, atol=1e-4)


def test_a_wider_branch_shifts_nobody_elses_channels() -> None:
    old, new = wide(2, 3), wide(4, 3)
    source, target = trained(old).state_dict(), trained(new, seed=1).state_dict()
    before = target["after.conv.weight"].clone()
    carry_over(plan_carry(new, old), target, source)
    after = target["after.conv.weight"]
    assert torch.equal(after[:, :2], source["after.conv.weight"][:, :2])
    assert torch.equal(after[:, 2:4], before[:, 2:4])
    assert torch.equal(after[:, 4:], source["after.conv.weight"][:, 2:])


def test_a_branch_that_is_gone_takes_its_channels_with_it() -> None:
    old = wide(2, 3)
    new = edit.remove(old, "mixed/ones")
    source, target = trained(old).state_dict(), trained(new, seed=1).state_dict()
    plan = plan_carry(new, old)
    carry_over(plan, target, source)
    assert torch.equal(target["after.conv.weight"], source["after.conv.weight"][:, 2:])
    assert plan.left_out == ("mixed.ones.conv.weight", "mixed.ones.conv.bias")


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        ({"kernel_size": 3}, "after.conv.weight", "1×1 became 3×3"),
        ({"groups": 3, "out_channels": 3}, "after.conv.weight", "groups 1 became 3"),
    ],
)
def test_what_cannot_be_taken_begins_anew_and_says_why(change: dict[str, Any], name: str, reason: str) -> None:
    old = wide(3, 3)
    new = edit.replace(old, "after", **change)
    plan = {each.name: each for each in plan_carry(new, old).tensors}
    assert plan[name].reason == reason
    assert plan[name.replace("weight", "bias")].reason == "its layer begins anew"
    assert plan["fc.linear.weight"].fate == "taken"


def test_features_of_maps_of_another_size_begin_anew() -> None:
    old = edit.remove(chain((2,), (3,), 4), "pool")
    new = edit.replace(old, "", input_shape=(3, 10, 10))
    plan = {each.name: each for each in plan_carry(new, old).tensors}
    assert "maps of another size" in plan["fc.linear.weight"].reason
    assert plan["conv0.conv.weight"].fate == "taken"


def test_a_new_head_begins_anew_also_where_its_shape_is_the_same() -> None:
    net = catalog.get("inception-v3")
    plan = plan_carry(net, net, new_head=True)
    anew = [each.name for each in plan.tensors if each.fate == "new"]
    assert anew == [f"{head}.linear.{word}" for head in ("AuxLogits.fc", "fc") for word in ("weight", "bias")]
