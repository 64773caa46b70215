"""The growth of a field along one path: its end is what the whole analysis says, and each equation holds."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings

from explorer import catalog
from explorer.analysis import AxisField, GrowthStep, analyze, explain_growth, format_growth
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Attention,
    Conv,
    Flatten,
    GlobalPool,
    Parallel,
    Residual,
    Sequence,
)
from tests.networks import EACH_NETWORK
from tests.sizes import examples
from tests.strategies import analysis_or_skip, feature_architectures

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
AXES: tuple[Literal[0, 1], ...] = (0, 1)


def net(*children: Any, size: int = 32) -> Architecture:
    return Architecture(name="net", input_shape=(3, size, size), trunk=Sequence(name="trunk", children=children))


def value(text: str) -> int:
    """An expression of an equation, worked out by Python."""
    bare = re.sub(r"(?<=\d),(?=\d)", "", text).replace("−", "-").replace("·", "*")
    return int(eval(bare, {"__builtins__": {}}, {"max": max, "min": min}))


def check_equations(steps: tuple[GrowthStep, ...]) -> None:
    field = AxisField()
    for step in steps:
        assert step.before == field
        told = step.equations
        expected = {"r": step.after.size, "j": step.after.stride, "start": step.after.start}
        for name, text in told.items():
            left, right = text.split(" = ")
            assert value(left) == value(right) == expected[name]
        unchanged = {"r": field.size, "j": field.stride, "start": field.start}
        assert {name: expected[name] for name in expected.keys() - told.keys()} == {
            name: unchanged[name] for name in expected.keys() - told.keys()
        }
        field = step.after


def check(architecture: Architecture, paths: list[str]) -> None:
    found = analyze(architecture)
    for path in paths:
        expected = found.by_path[path].receptive_field if path else found.receptive_field
        for axis in AXES:
            steps = explain_growth(architecture, path, axis=axis)
            size, stride, start = steps[-1].after if steps else AxisField()
            assert (size, stride, start) == (expected.size[axis], expected.stride[axis], expected.start[axis]), path
            check_equations(steps)
            shortest = explain_growth(architecture, path, axis=axis, shortest=True)
            assert (shortest[-1].after.size if shortest else 1) == expected.min_size[axis]
            check_equations(shortest)


@settings(max_examples=examples(300), **SLOW)
@given(feature_architectures())
def test_the_end_is_the_analysed_field(architecture: Architecture) -> None:
    """Unequal strides, misaligned branches, even kernels, projections: all of them."""
    analysis_or_skip(architecture)
    check(architecture, ["", *analyze(architecture).by_path])


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_the_end_is_the_analysed_field_in_the_catalogue(name: str) -> None:
    architecture = catalog.get(name)
    paths = list(analyze(architecture).by_path)
    check(architecture, ["", *paths[:: max(1, len(paths) // 12)]])


def test_numbers_of_the_course_network() -> None:
    """The notes' dilations 1, 2, 1 behind a pooling, where one unit is two pixels."""
    steps = explain_growth(catalog.get("dilated-cnn-121"), "conv2")
    assert [f"r = {step.equations['r']}" for step in steps] == [
        "r = 1 + (3 − 1)·1·1 = 3",
        "r = 3 + (2 − 1)·1·1 = 4",
        "r = 4 + (3 − 1)·1·2 = 8",
        "r = 8 + (3 − 1)·2·2 = 16",
        "r = 16 + (3 − 1)·1·2 = 20",
    ]
    assert (steps[3].equations["j"], steps[3].equations["start"]) == ("2·1 = 2", "−3 − 2·2 = −7")
    assert steps[3].effective_kernel == 5


def test_googlenet_by_both_ways() -> None:
    net = catalog.get("googlenet")
    assert explain_growth(net)[-1].after.size == 715
    assert explain_growth(net, shortest=True)[-1].after.size == 75
    last = explain_growth(catalog.get("inception-v3"))[-2]
    assert last.equations["r"].endswith("= 1,311")
    assert all("branch_5x5" in step.path for step in explain_growth(net) if step.path.startswith("inception"))


def test_a_box_around_branches_that_lie_beside_each_other() -> None:
    """Neither branch sees the whole box: the fusion has its own arithmetic."""
    late = tuple(Conv(name=name, out_channels=2, kernel_size=2) for name in "ab")  # no padding before the first pixel
    branches = (Conv(name="early", out_channels=2, kernel_size=3), Sequence(name="late", children=late))
    architecture = net(Parallel(name="split", branches=branches))
    last = explain_growth(architecture)[-1]
    assert (last.path, last.op) == ("split", "parallel")
    assert last.equations == {"r": "2 − (−1) + 1 = 4"}
    check(architecture, [""])


def test_what_makes_the_field_the_whole_input_is_told_once() -> None:
    steps = explain_growth(net(Attention(name="se", reduction=1), GlobalPool(name="pool"), Flatten(name="flatten")))
    assert [step.path for step in steps] == ["se"]
    assert "whole input" in steps[0].note
    assert steps[0].equations == {}


def test_a_shortcut_is_told() -> None:
    block = Residual(name="block", body=Conv(name="body", out_channels=3, kernel_size=3))
    text = format_growth(explain_growth(net(block), shortest=True))
    assert text.splitlines()[-1].strip() == "the shortcut passes its input on: r stays 1"
    assert explain_growth(net(block))[-1].path == "block/body"


def test_the_text_has_a_paragraph_a_step() -> None:
    text = format_growth(explain_growth(catalog.get("far-sighted-cnn"), "conv3"))
    assert text.splitlines()[0] == "image: r = 1, j = 1, start = 0"
    assert "conv3: conv (k 3, d 4, s 1, p 4)\n    r = 7 + (3 − 1)·4·1 = 15" in text


def test_an_unknown_node_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="conv9"):
        explain_growth(catalog.get("dilated-cnn"), "conv9")
