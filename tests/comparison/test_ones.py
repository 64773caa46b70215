"""Lessons of the notes: operations written out, a 1×1 by hand, a 1×1 in place of a linear head; held against torch."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, Conv, Sequence
from explorer.cli import main
from explorer.comparison import compare_heads, count_layer, list_counted, mix_channels
from explorer.modules import build
from tests.sizes import examples


@pytest.mark.parametrize("name", ["inception-net", "googlenet-torchvision", "mobilenet-v2", "vgg-16", "inception-v3"])
def test_the_numbers_written_out_multiply_to_the_counts(name: str) -> None:
    network = catalog.get(name)
    by_path = analyze(network).by_path
    for path in list_counted(network):
        found = count_layer(network, path)
        for equation, count in ((found.weights_equation, found.weights), (found.macs_equation, found.macs)):
            factors, result = equation.partition(" = ")[2].split(" = ")
            numbers = [int(number.replace(",", "")) for number in factors.split(" · ")]
            assert math.prod(numbers) == int(result.replace(",", "")) == count
        if not by_path[path].training_only:
            assert found.macs == by_path[path].macs


def test_stride_and_groups_are_told() -> None:
    conv = Conv(name="conv", out_channels=8, kernel_size=3, stride=2, groups=2)
    network = Architecture(name="one", input_shape=(4, 16, 16), trunk=Sequence(name="trunk", children=(conv,)))
    found = count_layer(network, "conv")
    assert found.macs_equation == "MACs = 2 · 8 · 3 · 3 · 8 · 8 = 9,216"
    assert "2 of 4 channels" in found.note
    assert "as many only at stride 1" in found.note
    with pytest.raises(ValueError, match="pool"):
        count_layer(catalog.get("googlenet"), "pool1")


def test_the_command_writes_a_layer_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "googlenet", "--count", "inception_3a/branch_3x3/conv"]) == 0
    assert "96 · 128 · 3 · 3 · 28 · 28 = 86,704,128" in capsys.readouterr().out
    assert main(["analyze", "googlenet", "--count", "nowhere"]) == 2


def test_the_notes_example_by_hand() -> None:
    maps = [[1, 3, 5, 7, 9, 11, 13, 15, 17], [2, 4, 6, 8, 10, 12, 14, 16, 18]]
    found = mix_channels(maps, (0.5, -0.5))
    assert set(found.sums) == {-0.5}
    assert set(found.outputs) == {0.0}
    assert found.equations[0] == "0.5 · 1 + (−0.5) · 2 = −0.5, ReLU 0"
    with pytest.raises(ValueError, match="as many weights"):
        mix_channels(maps, (1.0,))


numbers = st.floats(-100, 100, allow_nan=False)


@settings(max_examples=examples(40))
@given(st.data(), st.integers(1, 4), st.integers(1, 9), numbers)
def test_a_1x1_by_hand_is_torchs(data: Any, channels: int, places: int, bias: float) -> None:
    maps = data.draw(
        st.lists(st.lists(numbers, min_size=places, max_size=places), min_size=channels, max_size=channels)
    )
    weights = data.draw(st.lists(numbers, min_size=channels, max_size=channels))
    conv = torch.nn.Conv2d(channels, 1, 1).double()
    conv.weight.data = torch.tensor(weights, dtype=torch.float64).reshape(1, -1, 1, 1)
    conv.bias.data[:] = bias  # type: ignore[union-attr, index]
    expected = conv(torch.tensor(maps, dtype=torch.float64).reshape(1, channels, 1, places)).flatten()
    found = mix_channels(maps, weights, bias)
    torch.testing.assert_close(torch.tensor(found.sums, dtype=torch.float64), expected.detach())
    torch.testing.assert_close(torch.tensor(found.outputs, dtype=torch.float64), expected.relu().detach())


@pytest.mark.parametrize(("made_for", "size"), [(8, 12), (10, 10), (24, 8)])
def test_a_1x1_head_gives_the_pooled_linear_layers_scores(made_for: int, size: int) -> None:
    flat, pooled, mapped = compare_heads(16, 10, made_for, size)
    assert pooled.scores == pytest.approx(mapped.scores, abs=1e-12)
    assert pooled.params == mapped.params == 16 * 10 + 10
    assert flat.params == 16 * made_for**2 * 10 + 10
    assert (flat.problem == "") == (made_for == size)
    assert mapped.macs == pooled.macs * size**2 if pooled.macs else False


def test_the_heads_are_equal_in_torch_for_any_size() -> None:
    _, pooled, mapped = compare_heads(5, 3, 8, 9)
    one, two = (build(head.architecture).double().eval() for head in (pooled, mapped))
    names = zip(one.state_dict().values(), two.state_dict().items(), strict=True)
    two.load_state_dict({name: value.reshape(like.shape) for value, (name, like) in names})
    for size in (8, 11, 30):
        x = torch.randn(2, 5, size, size, dtype=torch.float64)
        torch.testing.assert_close(one(x), two(x))


@pytest.mark.parametrize("wrong", [(0, 10, 8, 8), (16, 1, 8, 8), (16, 10, 7, 8), (16, 10, 8, 25), (33, 10, 8, 8)])
def test_heads_out_of_bounds_are_refused(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=re.escape("must be from")):
        compare_heads(*wrong)
