"""Fixes of gridding: other dilations, with the padding that keeps sizes and centres.

A chain of layers is solved on each axis without trying all (``_solve``): what is found there is complete. Where
branches meet, every dilation up to a bound is tried, of all layers together where these are few enough, else of some at
a time: complete for the edits that are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from math import comb
from typing import Any, NamedTuple

from ...architecture import MAX_KERNEL, MAX_PADDING, Architecture, Sides, Size, edit, write_padding
from ...text import format_setting
from ._findings import Fix
from ._hdc import Coin
from ._lines import WINDOWS, Element, Network, is_chain, stride_of, windows
from ._proof import Changes, change, describe, one_or_two, prove
from ._solve import Window, count_states, solve

_FOLLOWING = ("same", "tf_same")
"""Paddings that follow the dilation by themselves."""


class Judge(NamedTuple):
    """How a changed network is judged."""

    is_full: Callable[[Architecture], bool]
    """Whether there are no holes any more."""
    cover: Callable[[Architecture], float]
    """Share of the box that is seen."""
    work: int
    """What judging takes: layers times products of the pattern."""

    def prove(self, network: Network, changed: Architecture | None, path: str, **words: Any) -> Fix | None:
        """Prove a fix; the quick question first."""
        if changed is None or not self.is_full(changed):
            return None
        shares = self.cover(network.architecture), self.cover(changed)
        return prove(network, changed, path, mends=lambda _: True, coverage=shares, **words)


MOST_TRIES = 400
"""Networks that are analysed at most where branches meet; fewer where each takes long."""
_MOST_WORK = 12_000
"""Layers times products of the patterns of all these networks."""
MOST_STATES = 20_000
"""Ways to have set some layers of a chain, beyond which only its last layers are changed."""


class Stretch(NamedTuple):
    """Where dilations are sought."""

    elements: tuple[Element, ...]
    """All elements from the map on which the field is judged to the finding's node."""
    changeable: tuple[str, ...]
    """Paths of the convolutions whose dilations may change."""


def find_dilations(network: Network, path: str, stretch: Stretch, judge: Judge) -> tuple[tuple[Fix, ...], str]:
    """Find dilations without holes.

    Args:
        network: What is mended.
        path: Path of the finding's node.
        stretch: Where dilations may change.
        judge: Says whether a changed network has no holes there.

    Returns:
        (fixes, which edits were searched).
    """
    if is_chain(stretch.elements):
        return _solve_chain(network, path, stretch, judge)
    return _try_all(network, path, stretch, judge)


# ---- a chain ---------------------------------------------------------------------------------------------------


def _solve_chain(network: Network, path: str, stretch: Stretch, judge: Judge) -> tuple[tuple[Fix, ...], str]:
    while any(count_states([window for _, window in _axis_of(stretch, axis)[0]]) > MOST_STATES for axis in (0, 1)):
        stretch = stretch._replace(changeable=stretch.changeable[1:])  # of very long chains the last layers
    together = ", all together and on each axis" if len(stretch.changeable) > 1 else " on each axis"
    searched = (
        f"every dilation from 1 to {MAX_KERNEL} of {', '.join(stretch.changeable)}{together}, with the padding that "
        "keeps the size of each layer's output, and its centre where branches meet"
    )
    ways = ["size", "centre"]
    if all(node.padding not in _FOLLOWING for _, node in _changeable(stretch)):
        searched += "; then, with the paddings as they are, the same field from as few changes, the largest first"
        ways.append("padding")
    for keep in ways:
        changes = _chain_changes(stretch, keep)
        free = [each.path for each in stretch.elements[:-1]] if keep == "padding" else []
        fix = _prove_chain(network, path, changes, judge, stretch, free)
        if fix:
            return (fix,), searched
    return (), searched


def _changeable(stretch: Stretch) -> list[Element]:
    return [each for each in windows(stretch.elements) if each.path in stretch.changeable]


def _prove_chain(
    network: Network, path: str, changes: Changes | None, judge: Judge, stretch: Stretch, free: Sequence[str]
) -> Fix | None:
    if not changes:
        return None
    changed = change(network.architecture, changes)
    if changed is None:
        return None
    dilations = [
        ", ".join(format_setting(edit.find(each, at).dilation) for at in stretch.changeable)
        for each in (network.architecture, changed)
    ]
    label = f"dilation{'s' if len(stretch.changeable) > 1 else ''} {dilations[0]} → {dilations[1]}"
    words = describe(network.architecture, changes)
    return judge.prove(network, changed, path, label=label, changes=words, free=free)


def _chain_changes(stretch: Stretch, keep: str) -> Changes | None:
    """The fewest new dilations that keep sizes, also centres, or paddings (``keep``: 'size', 'centre', 'padding').

    Where paddings stay, the field does, too, and the largest dilation comes first.
    """
    layers = _changeable(stretch)
    heights, widths = (_solve_axis(stretch, axis, keep) for axis in (0, 1))
    if heights is None or widths is None:
        return None
    changes: Changes = {}
    for path, node in layers:
        height, width = heights.get(path, 0), widths.get(path, 0)  # 0: the kernel is 1 on that axis
        new = height or width, width or height
        if new != node.geometry.dilation:
            changes[path] = {"dilation": one_or_two(new)}
            if keep != "padding" and node.padding not in _FOLLOWING:
                changes[path]["padding"] = _kept_padding(node, new)
    return changes


def _axis_of(stretch: Stretch, axis: int, keep: str = "size") -> tuple[list[tuple[str, Window]], list[Coin], int]:
    """(windows that may change, by path; the others; how far the field reaches) on an axis of a chain."""
    jump, reach = 1, 0
    fixed, wanted = [], []
    for path, node in stretch.elements:
        if node.op not in WINDOWS:
            continue
        times, dilation = node.geometry.kernel[axis] - 1, node.geometry.dilation[axis]
        reach += times * dilation * jump
        if path in stretch.changeable and times:
            wanted.append((path, Window(times, jump, dilation, tuple(_allowed(node, axis, keep)))))
        elif times:
            fixed.append((dilation * jump, times))
        jump *= stride_of(node)[axis]
    return wanted, fixed, reach


def _solve_axis(stretch: Stretch, axis: int, keep: str) -> dict[str, int] | None:
    """A dilation for each layer by path; None if there are none."""
    wanted, fixed, reach = _axis_of(stretch, axis, keep)
    found = solve([window for _, window in wanted], fixed, reach, exact=keep == "padding")
    if found is None:
        return None
    if keep == "padding":  # among equal windows the largest first: the maps between become smaller, not larger
        order: dict[Window, list[int]] = {}
        for (_, window), value in zip(wanted, found, strict=True):
            order.setdefault(window, []).append(value)
        found = [order[window].pop() for _, window in wanted]
    return dict(zip([path for path, _ in wanted], found, strict=True))


def _allowed(node: Any, axis: int, keep: str) -> Iterator[int]:
    """The dilations at which a layer keeps what is to be kept."""
    for value in range(1, MAX_KERNEL + 1):
        more = (value - node.geometry.dilation[axis]) * (node.geometry.kernel[axis] - 1)
        if keep == "padding":
            yield value
        elif node.padding in _FOLLOWING:  # an odd number of zeros in all shifts the centre, and cannot be with a stride
            if more % 2 == 0 or (keep == "size" and node.geometry.stride == (1, 1)):
                yield value
        elif _kept_sides(node, axis, value) is not None:
            yield value


def _kept_padding(node: Any, dilation: tuple[int, int]) -> Size | Sides | None:
    """The padding at which another dilation keeps the output's size and centre; None if there is none."""
    height, width = (_kept_sides(node, axis, dilation[axis]) for axis in (0, 1))
    if height is None or width is None:
        return None
    pad, pad_end = (height[0], width[0]), (height[1], width[1])
    return write_padding(node.geometry._replace(pad=pad, pad_end=pad_end))


def _kept_sides(node: Any, axis: int, dilation: int) -> tuple[int, int] | None:
    """That on one axis, before and behind."""
    geometry = node.geometry
    more = (dilation - geometry.dilation[axis]) * (geometry.kernel[axis] - 1)
    before, behind = geometry.pad[axis] + more // 2, geometry.pad_end[axis] + more // 2
    fits = more % 2 == 0 and min(before, behind) >= 0 and max(before, behind) <= MAX_PADDING
    return (before, behind) if fits else None


# ---- branches --------------------------------------------------------------------------------------------------


def _try_all(network: Network, path: str, stretch: Stretch, judge: Judge) -> tuple[tuple[Fix, ...], str]:
    """Dilations of as many layers together as ``MOST_TRIES`` allow, at least two; of many layers the last ones."""
    layers = _changeable(stretch)
    most = max((max(node.geometry.dilation) for _, node in layers), default=1)
    values = range(1, min(MAX_KERNEL, most + 2) + 1)
    tries = min(MOST_TRIES, _MOST_WORK // judge.work)
    while len(layers) > 2 and _count_tries(len(layers), 2, len(values)) > tries:
        layers = layers[1:]
    together = min(2, len(layers))
    while together < len(layers) and _count_tries(len(layers), together + 1, len(values)) <= tries:
        together += 1
    names = ", ".join(at for at, _ in layers)
    of_them = f"up to {together} of {names}" if together < len(layers) else names
    searched = (
        f"dilations from 1 to {values[-1]} of {of_them}{', all together' if 1 < together == len(layers) else ''}, "
        "equal on both axes, with the padding that keeps the size and centre of each layer's output"
    )
    for count in range(1, together + 1):
        for chosen in combinations(layers, count):
            for dilations in sorted(product(values, repeat=count), key=lambda each: (sum(each), each)):
                changes = _set_dilations(chosen, dilations)
                if not changes:
                    continue
                words = describe(network.architecture, changes)
                changed = change(network.architecture, changes)
                fix = judge.prove(network, changed, path, label="; ".join(words), changes=words)
                if fix:
                    return (fix,), searched
    return (), searched


def _count_tries(layers: int, together: int, values: int) -> int:
    """How many networks have up to so many of the layers changed."""
    return sum(comb(layers, count) * (values - 1) ** count for count in range(1, together + 1))


def _set_dilations(layers: Sequence[Element], dilations: Sequence[int]) -> Changes | None:
    """New dilations; None where a layer keeps its own, or no padding fits."""
    changes: Changes = {}
    for (path, node), dilation in zip(layers, dilations, strict=True):
        if dilation == node.dilation:
            return None
        changes[path] = {"dilation": dilation}
        if node.padding not in _FOLLOWING:
            padding = _kept_padding(node, (dilation, dilation))
            if padding is None:
                return None
            changes[path]["padding"] = padding
    return changes


def replaced(architecture: Architecture, elements: Sequence[Element]) -> tuple[Element, ...]:
    """The same elements as they are in another architecture."""
    return tuple(Element(path, edit.find(architecture, path)) for path, _ in elements)
