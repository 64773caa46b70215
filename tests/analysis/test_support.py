"""The exact support of units against the gradients of the linear twin, pixel by pixel."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from explorer.analysis import analyze
from explorer.analysis.support import (
    EXACT,
    WHOLE_INPUT,
    count_paths,
    find_branch_supports,
    find_layer_supports,
    find_projective_field,
    find_unit_support,
)
from explorer.architecture import Architecture, Conv, Parallel, Sequence, walk
from tests.sizes import examples

from .linear_twin import LinearTwin
from .random_networks import Maker

pytestmark = pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel:UserWarning")
CHUNKS = 10
UNITS = 6
"""Units that are asked of each network."""


def ask(architecture: Architecture, twin: LinearTwin, rng: Random, count: int) -> list[tuple[str, tuple[int, int]]]:
    """Random nodes, and units of them, at the border often; but for auxiliary heads that do not fit the image."""
    unfit = tuple(f"{head.path}/" for head in analyze(architecture).auxiliary if not head.fits)
    found = []
    for path in rng.choices([path for path in twin.outputs if path and not path.startswith(unfit)], k=count):
        height, width = twin.size(path)
        found.append((path, (rng.choice((0, height - 1, rng.randrange(height))), rng.randrange(width))))
    return found


def left_out_by_a_slice(architecture: Architecture, *found: Any) -> bool:
    """Whether an answer is refused because a slice leaves out what sees more than the channels that it takes."""
    refused = any("leaves out all channels" in each.status for each in found)
    assert not refused or any(node.op == "slice" for _, node in walk(architecture))
    return refused


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_mask_is_the_support_of_the_gradient(chunk: int) -> None:
    """Of every node kind, nesting and head; of the image and from layer to layer."""
    for seed in range(chunk, examples(10_000), CHUNKS):
        architecture = Maker(seed).network()
        rng, twin = Random(seed), LinearTwin(architecture, UNITS)
        questions = ask(architecture, twin, rng, UNITS)
        between = rng.choice([path for path in twin.outputs if path])
        gradients = twin.gradients(questions, ["", between])
        for index, (path, unit) in enumerate(questions):
            found = find_unit_support(architecture, path, unit)
            if left_out_by_a_slice(architecture, found):
                continue
            expected = gradients[""][index].numpy() > 0
            assert found.status in (EXACT, WHOLE_INPUT), (seed, path, unit)
            assert np.array_equal(found.mask, expected), (seed, path, unit)
            assert found.touched == expected.sum()
            part = gradients[between][index].numpy() > 0
            try:
                found = find_unit_support(architecture, path, unit, source=between)
            except ValueError:
                assert not part.any(), (seed, path, unit, between)
            else:
                if left_out_by_a_slice(architecture, found):
                    continue
                assert np.array_equal(found.mask, part), (seed, path, unit, between)


def test_branches_make_up_the_unit() -> None:
    asked = 0
    for seed in range(examples(600)):
        architecture = Maker(seed).network()
        rng, twin = Random(seed), LinearTwin(architecture, 1)
        for path, node in walk(architecture):
            if node.op not in ("parallel", "residual"):
                continue
            asked += 1
            height, width = twin.size(path)
            unit = (rng.randrange(height), rng.randrange(width))
            found = find_branch_supports(architecture, path, unit)
            if any(left_out_by_a_slice(architecture, each) for each in found.values()):
                continue
            assert [*found] == [each.name for each in node.nodes] + ["shortcut"] * (node.op == "residual")
            whole = find_unit_support(architecture, path, unit).mask
            assert np.array_equal(np.any([each.mask for each in found.values()], axis=0), whole), (seed, path)
            for each in node.nodes:
                branch = f"{path}/{each.name}"
                repeated = [0 if side == 1 else at for side, at in zip(twin.size(branch), unit, strict=True)]
                alone = find_unit_support(architecture, branch, (repeated[0], repeated[1]))
                assert np.array_equal(found[each.name].mask, alone.mask), (seed, path)
    assert asked > examples(600) / 3


def test_counts_of_paths_are_gradients_of_the_single_channel_twin() -> None:
    for seed in range(examples(1500)):
        architecture = Maker(seed).network()
        rng, twin = Random(seed), LinearTwin(architecture, 3, single=True)
        questions = ask(architecture, twin, rng, 3)
        between = rng.choice([path for path, made in twin.outputs.items() if made.dim() == 4])
        gradients = twin.gradients(questions, ["", between])
        for index, (path, unit) in enumerate(questions):
            expected = gradients[""][index].numpy()
            try:
                counts = count_paths(architecture, path, unit)
            except ValueError as error:
                assert "leaves out all channels" in str(error)  # noqa: PT017
                continue
            assert counts.dtype == np.float64
            assert np.allclose(counts, expected, rtol=1e-12, atol=0), (seed, path, unit)
            if index == 0:
                exact = count_paths(architecture, path, unit, exact=True)
                assert exact.dtype == object
                assert np.array_equal(exact.astype(float), counts), (seed, path, unit)
            try:
                part = count_paths(architecture, path, unit, source=between)
            except ValueError:
                part = 0 * gradients[between][index].numpy()
            assert np.allclose(part, gradients[between][index].numpy(), rtol=1e-12, atol=0), (seed, path, between)


def test_the_projective_field_is_the_reverse() -> None:
    """A unit is in a pixel's projective field if and only if the pixel is in the unit's support."""
    for seed in range(examples(300)):
        architecture = Maker(seed).network(image=9)
        rng, twin = Random(seed), LinearTwin(architecture, 1)
        path = rng.choice([path for path in twin.outputs if path])
        height, width = twin.size(path)
        if height * width > 100:
            continue
        source = rng.choice([path for path in twin.outputs if path] + [""] * 10)
        pixel = tuple(rng.randrange(side) for side in twin.size(source))
        try:
            found = find_projective_field(architecture, pixel, path, source=source)
        except ValueError:
            with pytest.raises(ValueError, match="does not depend on"):
                find_unit_support(architecture, path, (0, 0), source=source)
            continue
        for row in range(height):
            for column in range(width):
                seen = find_unit_support(architecture, path, (row, column), source=source)
                if left_out_by_a_slice(architecture, seen, found):
                    continue
                assert seen.mask[pixel] == found.mask[row, column], (seed, path, (row, column), pixel)
                assert seen.status == found.status or not seen.touched or not found.touched


def test_forward_is_backward_where_no_border_is_near() -> None:
    """Each layer's pattern is what a unit sees whose paths all stay within the maps."""
    compared = unequal = 0
    for seed in range(examples(1500)):
        architecture = Maker(seed).network()
        analysis = analyze(architecture)
        supports = find_layer_supports(architecture, analysis=analysis)
        assert [*supports] == [*analysis.by_path]
        for path, pattern in supports.items():
            layer = analysis.by_path[path]
            field = layer.receptive_field
            assert (pattern.size, pattern.stride, pattern.start) == (field.size, field.stride, field.start)
            if left_out_by_a_slice(architecture, pattern):
                continue
            if not pattern.known:
                assert not field.aligned
                assert pattern.coverage is None
                unequal += 1
                continue
            assert pattern.status == (WHOLE_INPUT if field.whole_input else EXACT)
            mask = pattern.mask()
            assert mask.shape == field.size
            assert mask.sum() == pattern.touched == round(pattern.coverage * mask.size)
            assert all(mask.any(axis)[[0, -1]].all() for axis in (0, 1)), "the box is the least one"
            height, width = layer.output_shape[1:] if len(layer.output_shape) == 3 else (1, 1)
            unit = (height // 2, width // 2)
            seen = find_unit_support(architecture, path, unit)
            if pattern.status == EXACT:
                corner = [
                    start + stride * at for start, stride, at in zip(field.start, field.stride, unit, strict=True)
                ]
                inside = np.zeros_like(seen.mask)
                rows, columns = np.nonzero(mask)
                rows, columns = rows + corner[0], columns + corner[1]
                fits = (rows >= 0) & (columns >= 0) & (rows < inside.shape[0]) & (columns < inside.shape[1])
                inside[rows[fits], columns[fits]] = True
                assert not (seen.mask & ~inside).any(), (seed, path)
                assert seen.unclipped == (*corner, corner[0] + mask.shape[0], corner[1] + mask.shape[1])
                if seen.clipped_to is None:
                    compared += 1
                    assert seen.box == seen.unclipped
                    assert np.array_equal(inside, seen.mask), (seed, path)
    assert compared > examples(1500) / 2
    assert unequal > examples(1500) / 50


@pytest.mark.parametrize(
    ("dilations", "size", "touched"), [((2, 2, 2), 13, 7), ((1, 2, 3), 13, 13), ((1, 2, 9), 25, 21), ((1, 2, 1), 9, 9)]
)
def test_dilations_of_the_literature(dilations: tuple[int, ...], size: int, touched: int) -> None:
    layers = tuple(Conv(name=f"c{at}", out_channels=2, kernel_size=3, dilation=d) for at, d in enumerate(dilations))
    stack = Architecture(name="stack", input_shape=(1, 32, 32), trunk=Sequence(name="trunk", children=layers))
    pattern = find_layer_supports(stack)["c2"]
    assert pattern.size == (size, size)
    assert pattern.touched == touched**2
    assert pattern.coverage == touched**2 / size**2
    assert find_unit_support(stack, "c2", (16, 16)).touched == touched**2


def test_a_cross() -> None:
    branches = (Conv(name="a", out_channels=2, kernel_size=(1, 3)), Conv(name="b", out_channels=2, kernel_size=(3, 1)))
    split = Parallel(name="split", branches=branches)
    network = Architecture(name="split", input_shape=(1, 8, 8), trunk=Sequence(name="trunk", children=(split,)))
    assert find_layer_supports(network)["split"].mask().tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert find_unit_support(network, "split", (0, 0)).mask[:2, :2].tolist() == [[1, 1], [1, 0]]
    seen = find_branch_supports(network, "split", (4, 4))
    assert {name: each.box for name, each in seen.items()} == {"a": (4, 3, 5, 6), "b": (3, 4, 6, 5)}
