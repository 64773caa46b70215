"""What the lessons draw is what torch's gradients reach, and what the exact support says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from explorer.analysis.support import find_layer_supports
from explorer.architecture import Conv, Pool
from explorer.comparison import make_chain
from explorer.figures import lay_out_chain, lay_out_window
from tests.sizes import examples


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(1, 7), st.integers(1, 6), st.integers(1, 4), st.integers(0, 8) | st.just("same"), st.integers(5, 24))
def test_taps_of_a_window_are_those_of_torch(
    kernel: int, dilation: int, stride: int, padding: int | str, image: int
) -> None:
    if padding == "same" and (stride > 1 and dilation * (kernel - 1) % 2):
        stride = 1
    conv = Conv(name="conv", out_channels=1, kernel_size=kernel, dilation=dilation, stride=stride, padding=padding)
    before, after = conv.geometry.pad[0], conv.geometry.pad_end[0]
    pixels = torch.ones(1, 1, image, dtype=torch.float64, requires_grad=True)
    padded = nn.functional.pad(pixels, (before, after))
    weight = torch.ones(1, 1, kernel, dtype=torch.float64)
    if padded.shape[-1] < dilation * (kernel - 1) + 1:
        with pytest.raises(ValueError, match="does not fit"):
            lay_out_window(conv, image)
        return
    found = lay_out_window(conv, image)
    output = nn.functional.conv1d(padded, weight, stride=stride, dilation=dilation)
    assert found["out"] == output.shape[-1] == len(found["taps"])
    used = torch.zeros(image, dtype=torch.float64)
    for unit in range(found["out"]):
        (reached,) = torch.autograd.grad(output[0, 0, unit], pixels, retain_graph=True)
        used += reached[0, 0]
        taps = found["taps"][unit]
        assert [tap for tap in taps if 0 <= tap < image] == reached[0, 0].nonzero().flatten().tolist()
        assert taps[-1] - taps[0] + 1 == found["reach"]
    assert found["used"] == used.nonzero().flatten().tolist()


def test_the_arithmetic_of_a_window_has_its_numbers() -> None:
    conv = Conv(name="conv2", out_channels=32, kernel_size=3, padding=2, dilation=2)
    assert lay_out_window(conv, 16)["equations"] == [
        "k_eff = d·(k − 1) + 1 = 2·(3 − 1) + 1 = 5",
        "output = ⌊(n + 2·p − k_eff) / s⌋ + 1 = ⌊(16 + 2·2 − 5) / 1⌋ + 1 = 16",
        "pixels read = k² = 9, of k_eff² = 25 in the box",
    ]
    pool = Pool(name="pool", kernel_size=2, stride=2, padding=0)
    assert lay_out_window(pool, 16)["taps"][1] == [2, 3]


CHAINS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), min_size=1, max_size=4)


@settings(max_examples=examples(200), deadline=None)
@given(CHAINS)
def test_a_chain_is_counted_as_torch_counts(layers: list[tuple[int, int]]) -> None:
    """With all weights 1 the gradient of a unit counts the ways from each unit of each map to it."""
    network = make_chain(layers, channels=1, size=28, name="chain")
    found = lay_out_chain(network)
    maps, (first, last) = found["maps"], found["box"]
    room = last - first + 4
    values = [torch.zeros(1, 1, 2 * room + 1, dtype=torch.float64, requires_grad=True)]
    for conv in network.trunk.nodes:
        padded = nn.functional.pad(values[-1], (conv.geometry.pad[0], conv.geometry.pad_end[0]))
        weight = torch.ones(1, 1, conv.geometry.kernel[0], dtype=torch.float64)
        values.append(nn.functional.conv1d(padded, weight, dilation=conv.geometry.dilation[0]))
    for value, drawn in zip(values, reversed(maps), strict=True):
        (ways,) = torch.autograd.grad(values[-1][0, 0, room], value, retain_graph=True)
        places = ways[0, 0].nonzero().flatten()
        assert drawn["positions"] == (places - room).tolist()
        assert drawn["counts"] == ways[0, 0, places].long().tolist()
    assert [each["label"] for each in maps][-1] == "image"

    support = find_layer_supports(network)[f"conv_{len(layers)}"]
    row = np.zeros(last - first + 1, dtype=bool)
    row[np.array(maps[-1]["positions"]) - first] = True
    assert (np.outer(row, row) == support.mask()).all()
    assert (support.start[0], support.size[0]) == (first, last - first + 1)


def test_two_3x3_fill_a_5x5() -> None:
    found = lay_out_chain(make_chain([(3, 1), (3, 1)], channels=8, size=28, name="two"))
    assert [(each["label"], each["positions"], each["counts"]) for each in found["maps"]] == [
        ("output", [0], [1]),
        ("layer 1", [-1, 0, 1], [1, 1, 1]),
        ("image", [-2, -1, 0, 1, 2], [1, 2, 3, 2, 1]),
    ]
    assert found["equations"] == ["r = 1 + (3 − 1)·1·1 = 3", "r = 3 + (3 − 1)·1·1 = 5"]
