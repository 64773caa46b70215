"""The linter against plain sets of pixels and exhaustive searches that share no code with it."""

from __future__ import annotations

import re
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from explorer import catalog
from explorer.analysis import analyze
from explorer.analysis.lint import Finding, Fix, apply_fixes, find_fixes, judge_chains, lint, measure_hdc
from explorer.analysis.lint._hdc import fills
from explorer.analysis.lint._patterns import count_holes, find_period
from explorer.analysis.lint._solve import Window, solve
from explorer.architecture import (
    Activation,
    Architecture,
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
from tests.sizes import examples
from tests.strategies import analysis_or_skip, feature_architectures, pick, whole

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
Cells = set[tuple[int, int]]


def network(*nodes: Any, shape: tuple[int, int, int] = (3, 32, 32)) -> Architecture:
    return Architecture(name="net", input_shape=shape, trunk=Sequence(name="trunk", children=nodes))


def conv(name: str, kernel: Any = 3, **fields: Any) -> Conv:
    return Conv(name=name, **{"out_channels": 4, "kernel_size": kernel, **fields})


def chain(*dilations: Any, **fields: Any) -> Architecture:
    return network(*[conv(f"conv{i}", dilation=each, **fields) for i, each in enumerate(dilations, 1)])


def of_rule(architecture: Architecture, rule: str, **options: Any) -> list[Finding]:
    return [finding for finding in lint(architecture, **options) if finding.rule == rule]


# ---- judges -----------------------------------------------------------------------------------------------------


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def follow(node: Any, cells: Cells, jump: tuple[int, int]) -> tuple[Cells, tuple[int, int]]:
    """What unit 0 behind a node sees, from what unit 0 before it sees; without borders."""
    if node.op == "sequence":
        for child in node.children:
            cells, jump = follow(child, cells, jump)
    elif node.op in ("conv", "pool"):
        (kh, kw), (sh, sw) = both(node.kernel_size), both(node.stride)
        dh, dw = both(getattr(node, "dilation", 1))
        ph, pw = (dh * (kh - 1) // 2, dw * (kw - 1) // 2) if node.padding == "same" else both(node.padding)
        steps = [((a * dh - ph) * jump[0], (b * dw - pw) * jump[1]) for a, b in product(range(kh), range(kw))]
        cells = {(y + dy, x + dx) for y, x in cells for dy, dx in steps}
        jump = (jump[0] * sh, jump[1] * sw)
    elif node.op == "parallel":
        found = [follow(branch, cells, jump) for branch in node.branches]
        assert len({each for _, each in found}) == 1
        cells, jump = set().union(*(each for each, _ in found)), found[0][1]
    elif node.op == "residual":
        inner, after = follow(node.body, cells, jump)
        cells, jump = inner | cells, after
    return cells, jump


def seen_by(architecture: Architecture, finding: Finding) -> Cells:
    """What a unit of the finding's node sees of the map that the finding is about."""
    cells, jump = {(0, 0)}, (1, 1)
    for path in finding.numbers["elements"]:
        cells, jump = follow(edit.find(architecture, path), cells, jump)
        if path == finding.path:
            return cells
    raise AssertionError(finding.path)


def box(cells: Cells) -> tuple[int, int]:
    height, width = (max(each[axis] for each in cells) - min(each[axis] for each in cells) + 1 for axis in (0, 1))
    return height, width


def share(cells: Cells) -> float:
    height, width = box(cells)
    return len(cells) / (height * width)


def count_as_torch(architecture: Architecture) -> tuple[int, int, tuple[int, ...]]:
    """(MACs, parameters, output shape), as torch counts them on the built network."""
    module = build(architecture).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        out = module(torch.empty(1, *architecture.input_shape, device="meta"))
    return counter.get_total_flops() // 2, sum(each.numel() for each in module.parameters()), tuple(out.shape)


def check_fix(architecture: Architecture, fix: Fix) -> None:
    """A fix is no more expensive, and the network gives the same shape; by torch."""
    before, after = count_as_torch(architecture), count_as_torch(fix.architecture)
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert after[2] == before[2]
    assert (fix.macs, fix.params) == ((before[0], after[0]), (before[1], after[1]))


# ---- gridding ---------------------------------------------------------------------------------------------------


@st.composite
def gridded(draw: Any) -> tuple[Architecture, list[str]]:
    """A network with a chain of two or three windows, in the trunk, a branch or a body, and their paths."""
    kernels = pick(draw, (3,), (3,), (2, 3, 5), ((1, 3), (3, 1), 3))
    padding = pick(draw, "same", "same", "number")
    shortcut_or_branch = pick(draw, "trunk", "trunk", "nested", "branch", "body")
    nodes: list[Any] = []
    paths = []
    for index in range(whole(draw, 2, 3)):
        kernel = pick(draw, *kernels)
        dilation = pick(draw, whole(draw, 1, 6), whole(draw, 1, 6), (whole(draw, 1, 4), whole(draw, 1, 4)))
        reach = [d * (k - 1) for d, k in zip(both(dilation), both(kernel), strict=True)]
        even = all(each % 2 == 0 for each in reach)
        pads: Any = (reach[0] // 2, reach[1] // 2) if padding == "number" and even else "same"
        nodes.append(conv(f"c{index}", kernel, dilation=dilation, padding=pads))
        paths.append(f"c{index}")
        if pick(draw, True, False):
            nodes.append(pick(draw, Activation(name=f"a{index}"), conv(f"p{index}", 1)))
    before = pick(draw, (), (), (conv("stem", 3, stride=2),), (conv("stem", 7, stride=2), Pool(name="pool", stride=2)))
    lane = Sequence(name="lane", children=tuple(nodes))
    if shortcut_or_branch == "trunk":
        return network(*before, *nodes), paths
    if shortcut_or_branch == "nested":
        return network(*before, Sequence(name="outer", children=(lane,))), [f"outer/lane/{each}" for each in paths]
    if shortcut_or_branch == "branch":
        return network(*before, Parallel(name="b", branches=(conv("one", 1), lane))), [f"b/lane/{e}" for e in paths]
    return network(*before, Residual(name="r", body=lane, shortcut="projection")), [f"r/lane/{each}" for each in paths]


def is_filled(windows: list[tuple[int, int]]) -> bool:
    """Whether a chain of (kernel, distance between taps) sees every place of an axis; bit by bit."""
    seen = 1
    for kernel, distance in windows:
        before = seen
        for tap in range(1, kernel):
            seen |= before << tap * distance
    return seen & (seen + 1) == 0


@settings(max_examples=examples(1000), **SLOW)
@given(gridded())
def test_fixes_of_gridded_networks_are_true_and_complete(drawn: tuple[Architecture, list[str]]) -> None:
    architecture, paths = drawn
    layers = [edit.find(architecture, path) for path in paths]
    windows = [[(both(n.kernel_size)[axis], both(n.dilation)[axis]) for n in layers] for axis in (0, 1)]
    found = of_rule(architecture, "gridding")
    at_the_end = [each for each in found if each.path == paths[-1] and each.numbers["source"] in ("", "stem", "pool")]
    if not all(map(is_filled, windows)):
        assert any(set(each.layers) & set(paths) for each in found)
    elif paths[0].startswith("c") and edit.find(architecture, "c0") is architecture.trunk.children[0]:
        assert not at_the_end
    for finding in found:
        before = seen_by(architecture, finding)
        assert finding.numbers["touched"] == len(before)
        assert finding.numbers["size"] == list(box(before))
        assert finding.numbers["coverage"] == pytest.approx(share(before))
        assert finding.fixes == find_fixes(architecture, finding)
        for fix in finding.fixes:
            after = seen_by(fix.architecture, finding)
            assert share(after) == 1, fix.label
            assert all(new >= old for old, new in zip(box(before), box(after), strict=True))
            assert fix.coverage == (pytest.approx(share(before)), 1)
            check_fix(architecture, fix)
        if not finding.fixes and finding.path == paths[-1] and "every dilation" in finding.searched:
            own = [path for path in paths if path in finding.searched]
            assert not any_filled(architecture, own, finding)


def any_filled(architecture: Architecture, paths: list[str], finding: Finding) -> bool:
    """Whether any dilations from 1 to 31 that keep each layer's size leave no hole, tried one after another."""
    layers = [edit.find(architecture, path) for path in paths]
    fixed = [
        edit.find(architecture, path)
        for path in finding.numbers["elements"][: finding.numbers["elements"].index(finding.path) + 1]
        if path not in paths
    ]
    for axis in (0, 1):
        jump = 1
        rest = []
        for node in fixed:
            if node.op in ("conv", "pool"):
                rest.append((both(node.kernel_size)[axis], jump * both(getattr(node, "dilation", 1))[axis]))
                jump *= both(node.stride)[axis]
        choices = []
        for node in layers:
            kernel, old = both(node.kernel_size)[axis], both(node.dilation)[axis]
            kept = [
                each
                for each in range(1, 32)
                if node.padding == "same"
                or ((each - old) * (kernel - 1) % 2 == 0
                    and both(node.padding)[axis] + (each - old) * (kernel - 1) // 2 >= 0)
            ]  # fmt: skip
            choices.append(kept if kernel > 1 else [old])
        need = sum((both(n.kernel_size)[axis] - 1) * both(n.dilation)[axis] * jump for n in layers)
        kernels = [both(node.kernel_size)[axis] for node in layers]
        choices = [[d * jump for d in each] for each in choices]
        if not any(
            sum((k - 1) * d for k, d in zip(kernels, steps, strict=True)) >= need
            and is_filled([*rest, *zip(kernels, steps, strict=True)])
            for steps in product(*choices)
        ):
            return False
    return True


@settings(max_examples=examples(1000), **SLOW)
@given(st.data())
def test_the_solver_finds_the_fewest_changes(data: Any) -> None:
    """Against all dilations of a small range, tried one after another."""
    count = data.draw(st.integers(1, 4))
    windows = []
    for _ in range(count):
        allowed = tuple(sorted(data.draw(st.sets(st.integers(1, 6), min_size=1))))
        times, jump = data.draw(st.integers(1, 3)), data.draw(st.sampled_from((1, 1, 2, 4)))
        windows.append(Window(times, jump, data.draw(st.sampled_from(allowed)), allowed))
    fixed = data.draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=2))
    need = data.draw(st.integers(0, 30))
    exact = data.draw(st.booleans())
    found = solve(windows, fixed, need, exact=exact)
    best = None
    for values in product(*(each.allowed for each in windows)):
        steps = [(times + 1, distance) for distance, times in fixed]
        steps += [(w.times + 1, v * w.jump) for v, w in zip(values, windows, strict=True)]
        reach = sum((taps - 1) * distance for taps, distance in steps)
        if (reach == need if exact else reach >= need) and is_filled(steps):
            changed = sum(v != w.dilation for v, w in zip(values, windows, strict=True))
            best = min(best or (changed, reach), (changed, reach))
    if found is None:
        assert best is None
    else:
        steps = [(times + 1, distance) for distance, times in fixed]
        steps += [(w.times + 1, v * w.jump) for v, w in zip(found, windows, strict=True)]
        reach = sum((taps - 1) * distance for taps, distance in steps)
        assert is_filled(steps)
        assert (sum(v != w.dilation for v, w in zip(found, windows, strict=True)), reach) == best


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 4)), max_size=5))
def test_the_closed_form_says_whether_a_chain_is_filled(coins: list[tuple[int, int]]) -> None:
    assert fills(coins) == is_filled([(times + 1, distance) for distance, times in coins])


# ---- where branches meet ----------------------------------------------------------------------------------------


@settings(max_examples=examples(200), **SLOW)
@given(st.data())
def test_fixes_where_branches_meet_are_true_and_complete(data: Any) -> None:
    """Residual blocks and branches one after another; all edits that are said to be searched are tried here."""
    draw = data.draw
    nodes: list[Any] = []
    for index in range(draw(st.integers(1, 2))):
        dilations = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
        lane = Sequence(name="lane", children=tuple(conv(f"c{i}", dilation=d) for i, d in enumerate(dilations)))
        if draw(st.booleans()):
            nodes.append(Residual(name=f"n{index}", body=lane, shortcut="projection"))
        else:
            other = conv("other", 3, dilation=draw(st.integers(1, 3)))
            nodes.append(Parallel(name=f"n{index}", branches=(lane, other)))
    architecture = network(*nodes)
    for finding in of_rule(architecture, "gridding"):
        before = seen_by(architecture, finding)
        assert finding.numbers["touched"] == len(before)
        for fix in finding.fixes:
            after = seen_by(fix.architecture, finding)
            assert share(after) == 1
            assert all(new >= old for old, new in zip(box(before), box(after), strict=True))
            check_fix(architecture, fix)
        if not finding.fixes and "equal on both axes" in finding.searched:
            most, together, paths = read_search(finding.searched)
            for chosen in combinations(paths, together):
                for dilations in product(range(1, most + 1), repeat=together):
                    changed = architecture
                    for path, dilation in zip(chosen, dilations, strict=True):
                        changed = edit.replace(changed, path, dilation=dilation)
                    cells = seen_by(changed, finding)
                    larger = all(new >= old for old, new in zip(box(before), box(cells), strict=True))
                    assert not (larger and share(cells) == 1), (chosen, dilations)


def read_search(text: str) -> tuple[int, int, list[str]]:
    """(greatest dilation, how many layers at a time, the layers) of what is said to have been searched in vain."""
    found = re.match(r"dilations from 1 to (\d+) of (?:up to (\d+) of )?(.*?)(, all together)?, equal on both", text)
    assert found is not None, text
    paths = found[3].split(", ")
    assert (found[2] is None) == (bool(found[4]) or len(paths) == 1)
    return int(found[1]), int(found[2] or len(paths)), paths


def test_where_branches_meet_all_layers_are_tried_together() -> None:
    """Two residual blocks of dilations 2, 2: no two other dilations close the pattern, three do."""
    bodies = [Sequence(name="lane", children=(conv("a", dilation=2), conv("b", dilation=2))) for _ in range(2)]
    blocks = [Residual(name=f"r{index}", body=body, shortcut="projection") for index, body in enumerate(bodies)]
    (finding,) = of_rule(network(*blocks), "gridding")
    (fix,) = finding.fixes
    assert share(seen_by(fix.architecture, finding)) == 1
    check_fix(network(*blocks), fix)


# ---- named cases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dilations", "m2", "passes", "seen", "size"),
    [
        ((1, 2, 5), 2, True, 17, 17),  # the paper's good one
        ((1, 2, 9), 5, False, 21, 25),  # and its bad one
        ((2, 2, 2), 2, True, 7, 13),  # the rule lets it pass
        ((1, 2, 3), 2, True, 13, 13),
        ((2, 1, 7), 5, False, 21, 21),  # the rule refuses it, and it has no hole
        ((9, 2, 1), 3, True, 21, 25),
    ],
)
def test_hdc_beside_the_exact_answer(dilations: tuple[int, ...], m2: int, passes: bool, seen: int, size: int) -> None:
    assert measure_hdc(dilations) == m2
    (judged,) = judge_chains(chain(*dilations))
    assert judged.hdc == (m2, m2)
    assert judged.passes == (passes, passes)
    assert (judged.seen, judged.size) == ((seen, seen), (size, size))
    found = lint(chain(*dilations), fixes=False)
    assert [each.rule for each in found] == (
        ["gridding"] if seen < size else ["hdc"] if not passes else []
    )  # the message of gridding has the rule's verdict, too


def test_the_classic_pattern_and_its_fix() -> None:
    (finding,) = lint(chain(2, 2, 2))
    assert (finding.rule, finding.severity, finding.path) == ("gridding", "warning", "conv3")
    assert finding.layers == ("conv1", "conv2", "conv3")
    assert (finding.numbers["period"], finding.numbers["holes"]) == ([2, 2], 120)
    (fix,) = finding.fixes
    assert fix.label == "dilations 2, 2, 2 → 1, 2, 3"
    assert fix.changes == ("conv1: dilation 2 → 1", "conv3: dilation 2 → 3")
    mended, applied, left = apply_fixes(chain(2, 2, 2))
    assert mended == fix.architecture
    assert [each.path for each, _ in applied] == ["conv3"]
    assert left == ()


def test_a_stem_hides_the_pattern_from_the_image_but_not_from_the_linter() -> None:
    stem = (conv("stem", 7, stride=2), Pool(name="pool", stride=2))
    (finding,) = of_rule(network(*stem, *[conv(f"c{i}", dilation=2) for i in range(3)]), "gridding")
    assert finding.numbers["source"] == "pool"
    assert "Of the image no pixel is lost" in finding.message


def test_what_a_later_layer_closes_is_a_note_and_a_lone_dilation_is_none() -> None:
    (finding,) = lint(chain(2, 2, 1))
    assert (finding.severity, finding.path, finding.numbers["closed_by"]) == ("note", "conv2", "conv3")
    assert lint(chain(2, 1)) == ()
    block = Parallel(name="b", branches=(conv("one", 1), conv("three", 3), conv("five", 3, dilation=2)))
    assert lint(network(conv("stem", 3), block)) == ()
    assert [each.path for each in lint(network(block, shape=(3, 32, 32)))] == ["b"]  # on the image nothing fills it


def test_the_corners_of_a_cross_are_no_holes() -> None:
    cross = Parallel(name="cross", branches=(conv("wide", (1, 7)), conv("high", (7, 1))))
    assert lint(network(cross)) == ()


def test_unpadded_layers_are_mended_with_the_largest_dilation_first() -> None:
    (finding,) = of_rule(chain(2, 2, 2, padding=0), "gridding")
    (fix,) = finding.fixes
    assert fix.label == "dilations 2, 2, 2 → 3, 2, 1"
    assert fix.macs[1] < fix.macs[0]


def test_layers_behind_the_border_layer() -> None:
    deep = network(*[conv(f"c{i}") for i in range(20)])
    (finding,) = lint(deep)
    assert (finding.rule, finding.path, finding.layers[-1]) == ("unproductive", "c16", "c19")
    assert finding.numbers["incoming_min_size"] == [33, 33]
    check_fix(deep, finding.fixes[0])
    assert lint(finding.fixes[0].architecture) == ()
    assert lint(deep, (3, 64, 64)) == ()


CATALOGUE = {
    "inception-a-mnist": ["padding"],  # a 5×5 on maps of 4×4
    "googlenet-96": ["padding"],  # two of them on maps of 3×3
    "repvgg-a0-folded": ["unproductive"],  # one 3×3 after another: the last nine see the whole image already
}


@pytest.mark.parametrize("name", catalog.names())
def test_the_catalogue_is_silent_but_for_what_is_known_of_it(name: str) -> None:
    found = lint(catalog.get(name))
    assert [each.rule for each in found] == CATALOGUE.get(name, [])
    assert all(each.severity == "note" for each in found)


# ---- strides, branches, borders ---------------------------------------------------------------------------------


@settings(max_examples=examples(300), **SLOW)
@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.sampled_from(("same", 0, 1)), st.integers(9, 20),
    st.booleans(),
)  # fmt: skip
def test_stride_gaps_are_the_places_that_nothing_reads(
    kernel: int, stride: int, dilation: int, padding: Any, size: int, pool: bool
) -> None:
    if padding == "same" and dilation * (kernel - 1) % 2:
        padding = 0
    if pool and (dilation > 1 or padding == "same" or padding > kernel // 2):
        pool = False
    node: Any = (
        Pool(name="x", kernel_size=kernel, stride=stride, padding=padding)
        if pool
        else conv("x", kernel, stride=stride, dilation=dilation, padding=padding)
    )
    architecture = network(conv("first"), node, shape=(3, size, size))
    made = analysis_or_skip(architecture).by_path["x"].output_shape[1]
    pad = dilation * (kernel - 1) // 2 if padding == "same" else padding
    read = {unit * stride + tap * (1 if pool else dilation) - pad for unit in range(made) for tap in range(kernel)}
    read &= set(range(size))
    inside = range(min(read), max(read) + 1)
    unread = len(inside) ** 2 - len(read) ** 2
    found = of_rule(architecture, "stride-gap")
    assert [each.numbers["unread"] for each in found] == ([unread] if unread else [])
    for finding in found:
        for fix in finding.fixes:
            assert not of_rule(fix.architecture, "stride-gap")
            check_fix(architecture, fix)
    if found and kernel == 1 and padding in ("same", 0):
        assert found[0].fixes


def test_what_a_sibling_reads_is_no_gap() -> None:
    """The 1×1 projection of stride 2 beside a 3×3 of stride 2; but beside a 1×1 of stride 2 three of four are lost."""
    good = Sequence(name="body", children=(conv("a", 3, stride=2), conv("b", 3)))
    bad = Sequence(name="body", children=(conv("a", 1, stride=2), conv("b", 3)))
    assert lint(network(conv("stem"), Residual(name="r", body=good, shortcut="projection"))) == ()
    wrong = network(conv("stem"), Residual(name="r", body=bad, shortcut="projection"))
    (finding,) = lint(wrong)
    assert (finding.rule, finding.path, finding.layers) == ("stride-gap", "r", ("r/body/a",))
    check_fix(wrong, finding.fixes[0])
    assert lint(finding.fixes[0].architecture) == ()


@settings(max_examples=examples(300), **SLOW)
@given(feature_architectures())
def test_misaligned_branches_are_those_of_the_analysis(architecture: Architecture) -> None:
    analysis = analysis_or_skip(architecture)
    found = lint(architecture)
    misaligned = any(each.rule == "misaligned" for each in found)
    blocks = [layer for layer in analysis.layers if layer.op in ("parallel", "residual")]
    single = any(1 in layer.output_shape[1:] for layer in blocks)  # a unit without neighbours misses nothing by a step
    assert misaligned == (not analysis.receptive_field.aligned) or (single and not misaligned)
    for finding in found:
        for fix in finding.fixes:
            check_fix(architecture, fix)
            if finding.rule == "misaligned":
                left = of_rule(fix.architecture, "misaligned", fixes=False)
                assert finding.path not in [each.path for each in left]


def test_a_projection_that_cannot_keep_up_with_its_body_is_misaligned() -> None:
    """4 places to 2: the body takes every third, the projection every second."""
    block = Residual(name="r", body=conv("body", 3, stride=3, padding=1), shortcut="projection")
    uneven = network(conv("stem", 2, stride=2, padding=0), block, shape=(3, 8, 8))
    assert not analyze(uneven).receptive_field.aligned
    (finding,) = of_rule(uneven, "misaligned")
    assert (finding.path, len(finding.layers)) == ("r", 1)


def test_steps_on_a_map_of_one_place_are_no_finding() -> None:
    """Also an axis of one place; on the other the step counts."""
    block = Residual(name="r", body=conv("body", 3, stride=3, padding=1), shortcut="projection")
    down = [conv(f"down{number}", 3, stride=2) for number in range(3)]
    assert not of_rule(network(*down, block, shape=(3, 8, 8)), "misaligned")
    wide = network(*down, block, shape=(3, 8, 32))  # 1×4 to 1×2
    (finding,) = of_rule(wide, "misaligned")
    strides = {view["stride"][0] for view in finding.numbers["branches"].values()}
    assert strides == {8}


def test_a_pool_beside_a_strided_convolution_is_aligned_by_one_more_row() -> None:
    branches = (conv("c", 3, stride=2, padding=1), Pool(name="p", kernel_size=2, stride=2, padding=0))
    uneven = network(Parallel(name="b", branches=(*branches, conv("d", 5, stride=2))))
    (finding,) = lint(uneven)
    assert (finding.rule, finding.severity, finding.layers) == ("misaligned", "note", ("b/p",))
    (fix,) = finding.fixes
    assert fix.changes == ("b/p: kernel 2 → 3, padding 0 → 1",)
    check_fix(uneven, fix)
    assert analyze(fix.architecture).receptive_field.aligned
    (hopeless,) = lint(network(Parallel(name="b", branches=(conv("even", 4), conv("odd", 3)))))
    assert hopeless.layers == ("b/even",)
    assert (hopeless.fixes, "padding of each window" in hopeless.searched) == ((), True)


@settings(max_examples=examples(100), **SLOW)
@given(st.sampled_from((3, 5, 7)), st.integers(1, 3), st.integers(1, 6))
def test_taps_that_meet_only_padding_can_go(kernel: int, dilation: int, size: int) -> None:
    node = conv("x", kernel, dilation=dilation)
    architecture = network(Pool(name="p", kernel_size=8, stride=8, padding=0), node, shape=(3, 8 * size, 8 * size))
    ones = torch.ones(1, 1, size, size)
    weight = torch.ones(1, 1, kernel, kernel)
    hits = torch.nn.functional.conv2d(ones, weight, padding="same", dilation=dilation)
    share = 1 - float(hits.sum()) / (size * kernel) ** 2
    found = of_rule(architecture, "padding")
    assert bool(found) == (share >= 0.5)
    if not found:
        return
    assert found[0].numbers["share"] == pytest.approx(share)
    assert found[0].numbers["corner_share"] == pytest.approx(1 - float(hits[0, 0, 0, 0]) / kernel**2)
    for fix in found[0].fixes:
        check_fix(architecture, fix)
        before, after = build(architecture).eval(), build(fix.architecture).eval()
        smaller = after.x.conv.weight.shape[2:]
        cut = [(kernel - each) // 2 for each in smaller]
        with torch.no_grad():
            kept = before.x.conv.weight[:, :, cut[0] : kernel - cut[0], cut[1] : kernel - cut[1]]
            after.x.conv.weight.copy_(kept)
            after.x.conv.bias.copy_(before.x.conv.bias)
            image = torch.randn(2, *architecture.input_shape)
            torch.testing.assert_close(after(image), before(image))


# ---- patterns ---------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(1, 255), st.integers(1, 255)), min_size=1, max_size=4))
def test_holes_are_what_the_outline_holds_beyond_the_pattern(products: list[tuple[int, int]]) -> None:
    mask = np.zeros((8, 8), dtype=bool)
    for rows, columns in products:
        mask |= np.outer([rows >> i & 1 for i in range(8)], [columns >> i & 1 for i in range(8)]).astype(bool)
    filled = mask.copy()
    while True:
        grown = filled.copy()
        for lines in (grown, grown.T):
            for line in lines:
                places = np.flatnonzero(line)
                if places.size:
                    line[places[0] : places[-1]] = True
        if (grown == filled).all():
            break
        filled = grown
    assert count_holes(products) == filled.sum() - mask.sum()


def test_periods() -> None:
    assert find_period([0b1010101], 7) == 2
    assert find_period([0b1111], 4) == 1
    assert find_period([0b1001011], 7) is None
    assert find_period([0b11], 2) == 1


def test_lint_looks_at_the_inference_network_with_the_shape_that_is_asked_for() -> None:
    head = (GlobalPool(name="gap"), Flatten(name="flat"), Linear(name="fc", out_features=3))
    architecture = network(conv("a", 3), conv("b", 1, stride=2), *head)
    (finding,) = lint(architecture, (3, 9, 9))
    assert finding.numbers["positions"] == 81
