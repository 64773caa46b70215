"""The linter against plain sets of pixels and exhaustive searches that share no code with it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from explorer.analysis.lint import Finding, Fix, find_fixes, lint
from explorer.analysis.lint._hdc import fills
from explorer.analysis.lint._solve import Window, solve
from explorer.architecture import (
    Activation,
    Architecture,
    Conv,
    Parallel,
    Pool,
    Residual,
    Sequence,
    edit,
)
from explorer.modules import build
from tests.sizes import examples
from tests.strategies import pick, whole

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
    with torch.device("meta"):
        module = build(architecture).eval()
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
