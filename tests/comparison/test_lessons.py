"""The worked example of the course, and the same for any network."""

from __future__ import annotations

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Conv, edit, walk
from explorer.comparison import compute_saving, find_reductions, list_stacks, read_chain, with_reduction


def test_the_worked_example() -> None:
    lesson = compute_saving(192, 96, 128, positions=28 * 28)
    assert (lesson.direct, lesson.through) == (221_184, 129_024)
    assert lesson.saved == pytest.approx(0.4167, abs=1e-4)
    assert lesson.direct_macs == 221_184 * 784
    most = int(lesson.break_even)
    assert compute_saving(192, most, 128).saved > 0 > compute_saving(192, most + 1, 128).saved
    with pytest.raises(ValueError, match="reduced"):
        compute_saving(192, 0, 128)


@pytest.mark.parametrize("name", ["googlenet", "inception-v3", "cifar10-inception"])
def test_reductions_of_a_network(name: str) -> None:
    network = catalog.get(name)
    analysis = analyze(network)
    found = find_reductions(network)
    assert found
    for each in found:
        without = analyze(edit.remove(network, each.reduce))
        assert each.delta.params == without.params - analysis.params
        pair = analysis.by_path[each.reduce].weight_params + analysis.by_path[each.conv].weight_params
        assert each.saving.through == pair
        assert each.saving.direct == without.by_path[each.conv].weight_params
        assert each.saving.through_macs == (
            analysis.by_path[each.conv].macs + analysis.by_path[each.reduce].weight_params * each.saving.positions
        )
    if name == "googlenet":
        lesson = next(each for each in found if each.conv == "inception_3a/branch_3x3/conv")
        assert (lesson.saving.direct, lesson.saving.through) == (221_184, 129_024)
        assert {each.conv for each in found} == {
            path for path, node in walk(network)
            if isinstance(node, Conv) and path.endswith("/conv") and not path.startswith("auxiliary")
        } | {"conv2"}  # fmt: skip


def test_with_and_without_are_inverse() -> None:
    network = catalog.get("googlenet")
    without = edit.remove(network, "inception_3a/branch_3x3/reduce")
    again = with_reduction(without, "inception_3a/branch_3x3/conv", 96)
    assert analyze(again).totals == analyze(network).totals
    bare = edit.put(network, "inception_3a/branch_3x3", Conv(name="branch_3x3", out_channels=128, kernel_size=3))
    assert analyze(with_reduction(bare, "inception_3a/branch_3x3", 96)).totals == analyze(network).totals
    with pytest.raises(ValueError, match="stands before a convolution"):
        with_reduction(network, "inception_3a", 5)


@pytest.mark.parametrize("kernel", [3, 5, 7, 9, 31])
def test_stacks_see_the_same(kernel: int) -> None:
    found = list_stacks(kernel, channels=8)
    for stack in found:
        assert stack.totals.receptive_field.size == (kernel, kernel)
        assert stack.totals.output_shape == (8, 28, 28)
    assert [stack.coverage for stack in found[:-1]] == [1.0] * (len(found) - 1)
    if kernel > 3:
        assert (found[-1].touched, found[-1].layers) == (9, 1)
    assert found[0].totals.params == 8 * 8 * kernel**2
    if kernel == 5:
        assert found[1].totals.params * 25 == found[0].totals.params * 18
    with pytest.raises(ValueError, match="odd"):
        list_stacks(kernel + 1)


@pytest.mark.parametrize(
    ("dilations", "side", "seen"),
    [((1, 2, 1), 9, 9), ((1, 1, 1), 7, 7), ((2, 2, 2), 13, 7), ((1, 2, 3), 13, 13), ((1, 2, 5), 17, 17),
     ((1, 2, 9), 25, 21)],
)  # fmt: skip
def test_dilations_of_the_notes_and_their_relatives(dilations: tuple[int, ...], side: int, seen: int) -> None:
    """Pixels an axis, counted by hand: of 2, 2, 2 every second; of 1, 2, 9 all but two between groups of 7."""
    chain = read_chain([(3, dilation) for dilation in dilations], channels=16)
    assert (chain.side, chain.touched) == (side, seen**2)
    assert chain.coverage == pytest.approx((seen / side) ** 2)
    assert chain.totals.params == 3 * 9 * 16**2
    assert chain.weights == "9·C² + 9·C² + 9·C² = 27·C² = 6,912"
    assert chain.single is not None
    assert chain.single.params == side**2 * 16**2
    assert chain.single_weights == f"{side**2}·C² = {side**2 * 256:,}"


def test_a_field_larger_than_any_kernel_has_no_single_one() -> None:
    chain = read_chain([(7, 9), (7, 9)])
    assert chain.side == 109
    assert (chain.single, chain.single_weights) == (None, "")
