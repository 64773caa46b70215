"""Sizes as torch has them: every small window, extremes of the algebra, and heads that do not fit the image."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from explorer import catalog
from explorer.analysis import Sweep, analyze, problems
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Auxiliary,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Parallel,
    Pool,
    Residual,
    Sequence,
    edit,
)
from explorer.modules import build
from tests.sizes import ALL, examples
from tests.strategies import analysis_or_skip, pick, whole

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}


def behind(size: tuple[int, int], node: Any, channels: int = 1) -> Architecture:
    """A node that gets maps of a size that no image may have."""
    resize = GlobalPool(name="resize", output_size=size)
    return Architecture(
        name="window", input_shape=(channels, 8, 8), trunk=Sequence(name="trunk", children=(resize, node))
    )


def ours(size: tuple[int, int], node: Any) -> tuple[int, ...] | None:
    try:
        return analyze(behind(size, node)).totals.output_shape
    except ArchitectureError:
        return None


def torchs(size: tuple[int, int], module: nn.Module) -> tuple[int, ...] | None:
    try:
        return tuple(module(torch.empty(1, *size, device="meta")).shape)
    except RuntimeError:
        return None


def windows(kernels: int, paddings: int) -> list[tuple[int, int, int, int]]:
    """(size, kernel, stride, padding), every second of them in the quick run, all in the long one."""
    every = list(itertools.product(range(1, 14), range(1, kernels + 1), range(1, 5), range(paddings + 1)))
    return every if ALL else every[::3]


@pytest.mark.parametrize("ceil", [False, True])
def test_every_small_pool_is_torchs(ceil: bool) -> None:
    refused = 0
    for size, kernel, stride, padding in windows(6, 3):
        if padding > kernel // 2:
            continue
        form = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil}
        for kind, module, more in (
            ("max", nn.MaxPool2d, {}),
            ("avg", nn.AvgPool2d, {"count_include_pad": bool(size % 2)}),
        ):
            found = ours((size, 31), Pool(name="pool", kind=kind, **form, **more))
            assert found == torchs((size, 31), module(**form, **more)), (size, kind, form, more)
            refused += found is None
    assert refused


def test_every_small_convolution_is_torchs() -> None:
    refused = 0
    for (size, kernel, stride, padding), dilation in itertools.product(windows(5, 3), (1, 2, 3)):
        form: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        found = ours((31, size), Conv(name="conv", out_channels=2, **form))
        assert found == torchs((31, size), nn.Conv2d(1, 2, **form, device="meta")), (size, form)
        refused += found is None
    assert refused


@st.composite
def pools(draw: Any) -> tuple[tuple[int, int], Pool]:
    """Windows of both axes apart, among them those that hang over a map smaller than themselves."""
    kernel = (whole(draw, 1, 31), whole(draw, 1, 31))
    return (whole(draw, 1, 31), whole(draw, 1, 31)), Pool(
        name="pool",
        kind=pick(draw, "max", "avg"),
        kernel_size=kernel,
        stride=(whole(draw, 1, 31), whole(draw, 1, 31)),
        padding=tuple(whole(draw, 0, each // 2) for each in kernel),
        ceil_mode=draw(st.booleans()),
        count_include_pad=draw(st.booleans()),
    )


@settings(max_examples=examples(1000), **SLOW)
@given(pools())
def test_pools_are_torchs(drawn: tuple[tuple[int, int], Pool]) -> None:
    size, node = drawn
    g = node.geometry
    theirs: nn.Module = nn.MaxPool2d(g.kernel, g.stride, g.pad, ceil_mode=node.ceil_mode)
    if node.kind == "avg":
        theirs = nn.AvgPool2d(
            g.kernel, g.stride, g.pad, ceil_mode=node.ceil_mode, count_include_pad=node.count_include_pad
        )
    assert ours(size, node) == torchs(size, theirs)


def test_a_window_over_a_map_smaller_than_itself_runs_as_in_torch() -> None:
    """3×3 at stride 2 over a single pixel, in ceil mode: legal there."""
    pool = Pool(name="pool", kernel_size=2, stride=2, padding=0, ceil_mode=True)
    architecture = behind((1, 1), pool, channels=3)
    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(build(architecture).eval()(image), image.mean((2, 3), keepdim=True))


@pytest.mark.parametrize(("size", "fits"), [(28, True), (30, True), (15, True), (14, False)])
def test_googlenet_of_torchvision_takes_small_images(size: int, fits: bool) -> None:
    architecture = catalog.get("googlenet-torchvision")
    small = edit.replace(architecture, "", input_shape=(3, size, size))
    assert (problems(small) == ()) == fits
    if fits:
        assert tuple(build(small, "meta").eval()(torch.empty(1, 3, size, size, device="meta")).shape) == (1, 1000)


# ---- extremes: what the analysis accepts, build makes and torch runs -------------------------------------------------


@st.composite
def extreme_nodes(draw: Any, name: str, depth: int) -> Any:
    kind = pick(draw, "conv", "conv", "pool", "point", *(("residual", "parallel") if depth else ()))
    if kind == "conv":
        return Conv(
            name=name,
            out_channels=pick(draw, 1, 7, 8192),
            kernel_size=pick(draw, 1, 2, 31, (1, 31)),
            stride=pick(draw, 1, 1, 2, 31, (31, 1)),
            padding=pick(draw, 0, 1, 1024),
            dilation=pick(draw, 1, 1, 31),
        )
    if kind == "pool":
        kernel = pick(draw, 2, 30, 31)
        return Pool(
            name=name,
            kind=pick(draw, "max", "avg"),
            kernel_size=kernel,
            stride=pick(draw, 1, 2, 31),
            padding=pick(draw, 0, kernel // 2),
            ceil_mode=draw(st.booleans()),
        )
    if kind == "point":
        return GlobalPool(name=name, kind=pick(draw, "max", "avg"), output_size=pick(draw, 1, 2, 31))
    if kind == "residual":
        return Residual(
            name=name,
            body=draw(extreme_nodes(pick(draw, "body", "activation"), depth - 1)),
            shortcut="projection",
            norm=pick(draw, "none", "batch"),
        )
    branch = draw(extreme_nodes("b0", depth - 1))
    copies = tuple(branch.model_copy(update={"name": f"b{number}"}) for number in range(pick(draw, 1, 8)))
    return Parallel(name=name, branches=copies, fuse=pick(draw, "concat", "add"))


@settings(max_examples=examples(400), **SLOW)
@given(st.data())
def test_what_is_accepted_can_be_built_and_run(data: st.DataObject) -> None:
    side = st.sampled_from((8, 33, 64, 1024))
    nodes = tuple(data.draw(extreme_nodes(f"n{number}", 2)) for number in range(data.draw(st.integers(1, 3))))
    architecture = Architecture(
        name="extreme",
        input_shape=(data.draw(st.sampled_from((1, 3))), data.draw(side), data.draw(side)),
        trunk=Sequence(name="trunk", children=nodes),
    )
    found = analysis_or_skip(architecture)
    network = build(architecture, "meta").eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == found.training_params
    output = network(torch.empty(1, *architecture.input_shape, device="meta"))
    assert tuple(output.shape[1:]) == found.totals.output_shape


def test_a_projection_of_a_stride_beyond_a_nodes_own() -> None:
    body = Sequence(name="body", children=(GlobalPool(name="pool"), Conv(name="conv", out_channels=8)))
    block = Residual(name="block", body=body, shortcut="projection", norm="batch")
    architecture = Architecture(name="far", input_shape=(3, 64, 40), trunk=Sequence(name="trunk", children=(block,)))
    network = build(architecture)
    assert network(torch.rand(2, 3, 64, 40)).shape == (2, 8, 1, 1)
    assert network.state_dict()["block.shortcut.conv.weight"].shape == (8, 3, 1, 1)


# ---- auxiliary heads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (299, ""),
        (256, "AuxLogits/conv1: a window of 5×5 does not fit its input of 4×4"),
        (224, "AuxLogits/conv1: a window of 5×5 does not fit its input of 3×3"),
        (75, "AuxLogits/pool: a window of 5×5 does not fit its input of 3×3"),
    ],
)
def test_a_head_that_does_not_fit_hinders_nothing_but_training(size: int, reason: str) -> None:
    architecture = edit.replace(catalog.get("inception-v3"), "", input_shape=(3, size, size))
    found, plain = analyze(architecture), analyze(edit.remove(architecture, "AuxLogits"))
    (head,) = found.auxiliary
    assert (head.path, head.reason, head.fits) == ("AuxLogits", reason, not reason)
    assert found.to_data()["auxiliary"] == [{"path": "AuxLogits", "fits": not reason, "reason": reason}]
    assert (found.macs, found.params, found.inference_bytes) == (plain.macs, plain.params, plain.inference_bytes)
    assert found.auxiliary_params == 3_326_696  # torchvision's, which has the head at every size, too
    assert Sweep().totals(architecture) == found.totals
    network, image = build(architecture, "meta"), torch.empty(2, 3, size, size, device="meta")
    assert network.eval()(image).shape == (2, 1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == found.training_params
    if reason:
        assert found.training_bytes == plain.training_bytes
        assert found.layers == plain.layers
        with pytest.raises(ValueError, match="training runs it, and needs larger images or the head removed"):
            network.train()(image)
    else:
        assert len(network.train()(image).auxiliary) == 1


def test_the_trunk_must_fit() -> None:
    too_small = edit.replace(catalog.get("inception-v3"), "", input_shape=(3, 74, 74))
    assert all(each.path.startswith("Mixed_7a") for each in problems(too_small))


def with_head(*nodes: Any, size: int = 8) -> Architecture:
    stem = Conv(name="stem", out_channels=4)
    head = Auxiliary(name="head", children=(*nodes, Flatten(name="flatten"), Linear(name="fc", out_features=3)))
    rest = (GlobalPool(name="pool"), Flatten(name="flatten"), Linear(name="fc", out_features=3))
    return Architecture(
        name="headed", input_shape=(1, size, size), trunk=Sequence(name="trunk", children=(stem, head, *rest))
    )


ALIKE = (Conv(name="a", out_channels=4), Conv(name="b", out_channels=4, kernel_size=9, padding=0))


@pytest.mark.parametrize(
    "node",
    [
        Conv(name="conv", out_channels=3, kernel_size=9, padding=0),
        Pool(name="pool", kernel_size=9, stride=1, padding=0),
        Parallel(name="parallel", branches=(ALIKE[0], Pool(name="p", kernel_size=2, stride=2, padding=0))),
        Residual(name="residual", body=Conv(name="body", out_channels=4, stride=2)),
        Residual(name="residual", shortcut="projection", body=Conv(name="b", out_channels=5, kernel_size=4, padding=0)),
        Auxiliary(
            name="inner",
            children=(ALIKE[1], Flatten(name="flatten"), Linear(name="fc", out_features=3)),
        ),
    ],
    ids=lambda node: node.op,
)
def test_each_way_in_which_a_head_may_not_fit(node: Any) -> None:
    architecture = with_head(node)
    found = analyze(architecture)
    assert [head.fits for head in found.auxiliary if head.path == "head"] == [False]
    network = build(architecture)
    assert sum(parameter.numel() for parameter in network.parameters()) == found.training_params
    assert network.eval()(torch.rand(1, 1, 8, 8)).shape == (1, 3)
    with pytest.raises(ValueError, match="does not fit the image"):
        network.train()(torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Conv(name="conv", out_channels=4, groups=3), "not divisible by the 3 groups"),
        (Parallel(name="parallel", branches=(ALIKE[0], Conv(name="b", out_channels=5)), fuse="add"), "equal channels"),
        (Residual(name="residual", body=Conv(name="body", out_channels=5)), "equal shapes"),
    ],
)
def test_what_no_image_would_mend_is_refused_in_a_head_too(node: Any, said: str) -> None:
    with pytest.raises(ArchitectureError, match=said):
        analyze(with_head(node))
