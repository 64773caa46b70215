"""Padding that differs from end to end, and TensorFlow's SAME: against plain torch, TensorFlow's rule and timm."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import Conv2dSame
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor
from torch.nn import functional as F

from explorer.analysis import analyze
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Conv,
    Parallel,
    Pool,
    Sequence,
    edit,
    from_json,
    to_json,
)
from explorer.modules import build
from tests.sizes import examples

SIZES = st.integers(1, 4) | st.tuples(st.integers(1, 4), st.integers(1, 4))


def network(node: Any, height: int, width: int) -> Architecture:
    return Architecture(name="one", input_shape=(3, height, width), trunk=Sequence(name="trunk", children=(node,)))


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def tensorflow_ends(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """As TensorFlow's manual has it ("Notes on padding", tf.nn)."""
    window = (k - 1) * d + 1
    total = max(window - s, 0) if n % s == 0 else max(window - n % s, 0)
    return total // 2, total - total // 2


def average_of_pixels(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], ends: Any, counts: bool) -> Tensor:
    """Pixel by pixel, in plain loops."""
    (top, bottom), (left, right) = ends
    wide = F.pad(x, (left, right, top, bottom))
    rows = range(0, wide.shape[2] - kernel[0] + 1, stride[0])
    columns = range(0, wide.shape[3] - kernel[1] + 1, stride[1])
    inside = F.pad(torch.ones_like(x), (left, right, top, bottom))
    y = x.new_zeros(*x.shape[:2], len(rows), len(columns))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            window = (..., slice(row, row + kernel[0]), slice(column, column + kernel[1]))
            count = kernel[0] * kernel[1] if counts else inside[window][0, 0].sum()
            y[..., i, j] = wide[window].sum((2, 3)) / count
    return y


def ends_of(padding: Any, size: tuple[int, int], kernel: Any, stride: Any, dilation: Any = 1) -> Any:
    if padding != "tf_same":
        return padding
    sides = zip(size, both(kernel), both(stride), both(dilation), strict=True)
    return [tensorflow_ends(*each) for each in sides]


ENDS = st.tuples(st.integers(0, 3), st.integers(4, 5)), st.tuples(st.integers(0, 5), st.integers(0, 5))
PADDINGS = st.just("tf_same") | st.tuples(*ENDS)


@settings(max_examples=examples(150), deadline=None)
@given(SIZES, SIZES, SIZES, PADDINGS, st.integers(8, 17), st.integers(8, 17), st.integers(8, 17))
def test_a_convolution_is_torchs_on_the_padded_map(
    kernel: Any, stride: Any, dilation: Any, padding: Any, height: int, width: int, other: int
) -> None:
    """At the size that the network is built for and at another: module, shapes and the start of the field."""
    conv = Conv(
        name="conv", out_channels=2, kernel_size=kernel, stride=stride, dilation=dilation, padding=padding,
        activation="none",
    )  # fmt: skip
    ends = ends_of(padding, (height, width), kernel, stride, dilation)
    try:
        found = analyze(network(conv, height, width))
    except ArchitectureError:
        spans = [d * (k - 1) + 1 for k, d in zip(both(kernel), both(dilation), strict=True)]
        assert any(n + sum(end) < span for n, end, span in zip((height, width), ends, spans, strict=True))
        return
    module = build(network(conv, height, width))
    for shape in ((height, width), (height, other)):
        x = torch.randn(2, 3, *shape)
        (top, bottom), (left, right) = ends_of(padding, shape, kernel, stride, dilation)
        wide = F.pad(x, (left, right, top, bottom))
        if min(n - d * (k - 1) for n, k, d in zip(wide.shape[2:], both(kernel), both(dilation), strict=True)) < 1:
            continue
        inner = module.get_submodule("conv.conv")
        expected = F.conv2d(wide, inner.weight, inner.bias, stride, 0, dilation)
        torch.testing.assert_close(module(x), expected)
        assert tuple(expected.shape[1:]) == analyze(network(conv, *shape)).output_shape
    field = found.by_path["conv"].receptive_field
    assert field.start == (-ends[0][0], -ends[1][0])
    assert from_json(to_json(network(conv, height, width))) == network(conv, height, width)


@settings(max_examples=examples(100), deadline=None)
@given(SIZES, SIZES, st.booleans(), st.integers(8, 14), st.integers(8, 14), st.data())
def test_a_pooling_is_torchs_on_the_padded_map(
    kernel: Any, stride: Any, counts: bool, height: int, width: int, data: st.DataObject
) -> None:
    """Maxima see -inf in the padding; averages count it or not."""
    sides = [st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)) for k in both(kernel)]
    padding = data.draw(st.just("tf_same") | st.tuples(*sides).filter(lambda each: any(a != b for a, b in each)))
    x = torch.randn(2, 3, height, width)
    ends = (top, bottom), (left, right) = ends_of(padding, (height, width), kernel, stride)
    fields: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding}
    most = Pool(name="pool", kind="max", **fields)
    wide = F.pad(x, (left, right, top, bottom), value=float("-inf"))
    made = build(network(most, height, width))(x)
    torch.testing.assert_close(made, F.max_pool2d(wide, kernel, stride))
    assert made.isfinite().all()
    mean = Pool(name="pool", kind="avg", count_include_pad=counts, **fields)
    expected = average_of_pixels(x, both(kernel), both(stride), ends, counts)
    torch.testing.assert_close(build(network(mean, height, width))(x), expected)
    assert tuple(expected.shape[1:]) == analyze(network(mean, height, width)).output_shape


@pytest.mark.parametrize("size", [15, 16, 17, 24])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (5, 2), (3, 1), (3, 3), (7, 4), (1, 2)])
def test_tf_same_is_timms(kernel: int, stride: int, size: int) -> None:
    x = torch.randn(2, 3, size, size)
    conv = Conv(
        name="conv", out_channels=4, kernel_size=kernel, stride=stride, padding="tf_same", activation="none"
    )
    module = build(network(conv, size, size))
    theirs = Conv2dSame(3, 4, kernel, stride)
    theirs.load_state_dict({name.removeprefix("conv.conv."): each for name, each in module.state_dict().items()})
    torch.testing.assert_close(module(x), theirs(x))
    for kind, pool in (("max", MaxPool2dSame(kernel, stride)), ("avg", AvgPool2dSame(kernel, stride))):
        node = Pool(name="pool", kind=kind, kernel_size=kernel, stride=stride, padding="tf_same")
        torch.testing.assert_close(build(network(node, size, size))(x), pool(x))


def test_exported_by_torch_as_it_runs() -> None:
    nodes = (
        Conv(name="conv", out_channels=4, kernel_size=3, stride=2, padding="tf_same"),
        Pool(name="pool", kind="avg", kernel_size=2, stride=2, padding=((0, 1), (1, 0)), count_include_pad=False),
    )
    network_of = Architecture(name="two", input_shape=(3, 15, 14), trunk=Sequence(name="trunk", children=nodes))
    module, x = build(network_of).eval(), torch.randn(1, 3, 15, 14)
    exported = torch.export.export(module, (x,)).module()
    torch.testing.assert_close(exported(x), module(x))


def test_fused_execution_pads_alike() -> None:
    """A 1×1 with padding is merged with no other, and a ReLU waits for no pooling that pads with -inf itself."""
    branches = (
        Conv(name="a", out_channels=2, padding=((0, 1), (0, 1))),
        Conv(name="b", out_channels=2, kernel_size=2, padding=1),
        Sequence(name="c", children=(
            Conv(name="conv", out_channels=2, kernel_size=2, padding=1),
            Pool(name="pool", kernel_size=2, padding="tf_same"),
        )),
        Conv(name="d", out_channels=2, padding=((0, 1), (0, 1))),
    )  # fmt: skip
    architecture = network(Parallel(name="block", branches=branches), 9, 8)
    plain, fused = build(architecture).eval(), build(architecture, fused=True).eval()
    fused.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(plain(x), fused(x))


@pytest.mark.parametrize(
    ("padding", "same_as"),
    [([[1, 1], [2, 2]], (1, 2)), (((3, 3), (3, 3)), 3), (((0, 1), (2, 2)), ((0, 1), (2, 2)))],
)
def test_equal_ends_are_written_as_one_number(padding: Any, same_as: Any) -> None:
    assert Conv(name="conv", out_channels=1, kernel_size=7, padding=padding).padding == same_as


@pytest.mark.parametrize(
    "padding", ["SAME", "valid", ((0, 1),), ((0, 1), 2), ((0, 1), (0, -1)), ((0, 1, 2), (0, 1)), ((0, True), (0, 1))]
)
def test_what_is_no_padding_is_refused_by_its_rule(padding: Any) -> None:
    with pytest.raises(ValueError, match="four of them"):
        Conv(name="conv", out_channels=1, padding=padding)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kernel_size": 2, "padding": ((0, 2), (0, 0))}, r"padding 0\+2×0 must be less than the kernel of 2"),
        ({"kernel_size": 3, "padding": ((0, 1), (0, 1)), "ceil_mode": True}, r"add to the padding behind instead"),
    ],
)
def test_a_window_that_would_see_padding_alone_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pool(name="pool", **fields)


def test_tf_same_follows_the_size_of_the_input() -> None:
    """An edit of the image is enough: nothing is frozen at the first size."""
    conv = Conv(name="conv", out_channels=1, kernel_size=3, stride=2, padding="tf_same")
    starts = {}
    for size in (224, 225):
        architecture = edit.replace(network(conv, 64, 64), "", input_shape=(3, size, size))
        found = analyze(architecture)
        assert found.output_shape == (1, 112 + size % 2, 112 + size % 2)
        starts[size] = found.by_path["conv"].receptive_field.start
    assert starts == {224: (0, 0), 225: (-1, -1)}
