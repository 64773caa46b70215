"""Branches that meet with other centres or strides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, NamedTuple

from ...architecture import Pool, edit, pair
from ...text import format_number
from .._containers import projection_stride
from .._readings import ReceptiveField
from ._findings import Finding, Fix
from ._lines import WINDOWS, Element, Network, flatten, is_chain
from ._proof import Changes, change, describe, one_or_two, prove

MOST_TRIES = 600
"""Paddings of one branch that are worked out at most, by arithmetic alone."""
MOST_PROOFS = 20
"""Ways that align whose network is analysed at most."""


class View(NamedTuple):
    """Where the units of a branch look, (height, width)."""

    stride: tuple[int, int]
    centre: tuple[float, float]


def find_misaligned(network: Network) -> Iterator[Finding]:
    """Find blocks of which two branches differ in stride or centre, the innermost ones."""
    found = [
        finding
        for line in network.lines
        for element in line.elements
        if element.node.op in ("parallel", "residual") and (finding := _judge(network, element))
    ]
    for finding in found:
        if not any(other.path.startswith(f"{finding.path}/") for other in found):
            yield finding


def _judge(network: Network, element: Element) -> Finding | None:
    views = _views(network, element)
    if len(set(views.values())) < 2:
        return None
    usual = _rank_views(network, element, views)[0]
    odd = {path: view for path, view in views.items() if view != usual}
    words = []
    for path, view in odd.items():
        if view.stride != usual.stride:
            words.append(f"{path} has stride {_both(view.stride)} of the image, not {_both(usual.stride)}")
        else:
            down, right = (own - other for own, other in zip(view.centre, usual.centre, strict=True))
            where = f"{_way(down, 'below', 'above')} and {_way(right, 'right', 'left')}"
            words.append(f"{path} looks {where} of the others")
    strides = any(view.stride != usual.stride for view in odd.values())
    shift = max(
        abs(own - other) / step
        for view in odd.values()
        for own, other, step in zip(view.centre, usual.centre, usual.stride, strict=True)
    )
    return Finding(
        rule="misaligned",
        severity="warning" if strides or shift > 0.5 else "note",
        path=element.path,
        layers=tuple(odd),
        summary="; ".join(words),
        message=f"At {element.path} units of one place look at different places: {'; '.join(words)}.",
        numbers={
            "branches": {
                path: {"stride": list(view.stride), "centre": list(view.centre)} for path, view in views.items()
            }
        },
    )


def _rank_views(network: Network, element: Element, views: dict[str, View]) -> list[View]:
    """The different views, that of most branches first, then that nearest to the input's own places."""
    given = _incoming(network, element)
    counts = Counter(views.values())

    def rank(view: View) -> tuple[float, ...]:
        return -counts[view], max(abs(own - other) for own, other in zip(view.centre, given.centre, strict=True))

    return sorted(counts, key=rank)


def _both(sizes: tuple[int, int]) -> str:
    return str(sizes[0]) if sizes[0] == sizes[1] else f"{sizes[0]}×{sizes[1]}"


def _way(pixels: float, plus: str, minus: str) -> str:
    return f"{format_number(abs(pixels))} px {plus if pixels >= 0 else minus}"


def _views(network: Network, element: Element) -> dict[str, View]:
    """Where the units of each branch look; a shortcut is the branch 'shortcut'. () for vectors."""
    path, node = element
    own = network.analysis.by_path.get(path)
    if own is None or len(own.output_shape) != 3 or len(network.input_shape(element)) != 3:
        return {}
    given = _incoming(network, element)
    views = {}
    for child in node.nodes:
        at = f"{path}/{child.name}"
        if child.name in node.gates:  # it has no place of its own
            continue
        inside = flatten(child, at)
        views[at] = _view(network.analysis.by_path[inside[-1].path].receptive_field if inside else given)
    if node.op == "residual":
        steps = (1, 1)
        if node.shortcut == "projection":
            steps = projection_stride(network.input_shape(element)[1:], own.output_shape[1:])
        stride = (given.stride[0] * steps[0], given.stride[1] * steps[1])
        views[f"{path}/shortcut"] = View(stride, given.centre)
    sizes = network.input_shape(element)[1:], own.output_shape[1:]
    return {at: _forget_single_places(view, given, *sizes) for at, view in views.items()}


def _forget_single_places(view: View, given: ReceptiveField, read: tuple[int, ...], made: tuple[int, ...]) -> View:
    """A view as if it made no step on an axis where one unit is made, and looked nowhere else where one is read: such
    units have no neighbours, so nothing is lost."""
    stride = [view.stride[axis] if made[axis] > 1 else given.stride[axis] for axis in (0, 1)]
    centre = [view.centre[axis] if read[axis] > 1 else given.centre[axis] for axis in (0, 1)]
    return View((stride[0], stride[1]), (centre[0], centre[1]))


def _view(field: ReceptiveField) -> View:
    return View(field.stride, field.centre)


def _incoming(network: Network, element: Element) -> ReceptiveField:
    """The field of what goes into an element."""
    for line in network.lines:
        source = line.source
        for each in line.elements:
            if each.path == element.path:
                return network.analysis.by_path[source].receptive_field if source else ReceptiveField()
            source = each.path
    return ReceptiveField()


def find_alignments(network: Network, finding: Finding) -> tuple[tuple[Fix, ...], str]:
    """Search paddings, and windows of poolings, that let all branches look at one place."""
    searched = (
        f"for the branches of {finding.path} that are chains: 'same' and every number as padding of each window, and a "
        f"pooling window one larger, rounding up or down; of long branches the last windows, up to {MOST_TRIES} ways a "
        f"branch, and the first {MOST_PROOFS} of those that align"
    )
    element = Element(finding.path, edit.find(network.architecture, finding.path))
    views = _views(network, element)
    shape, given = network.input_shape(element), _incoming(network, element)
    inside = [flatten(child, f"{element.path}/{child.name}") for child in element.node.nodes]
    ends = [elements[-1].path for elements in inside if elements]
    proofs = 0
    for target in _rank_views(network, element, views):
        odd = [path for path, view in views.items() if view != target]
        choices = [list(_branch_changes(network, path, shape, given, target)) for path in odd]
        for chosen in product(*choices):
            changes: Changes = {path: fields for each in chosen for path, fields in each.items()}
            changed = change(network.architecture, changes)
            proofs += 1
            words = describe(network.architecture, changes)
            fix = prove(
                network, changed, finding.path, label="; ".join(words), changes=words, fields=ends, free=list(changes),
                mends=lambda after: all(each.path != finding.path for each in find_misaligned(after)),
            )  # fmt: skip
            if fix:
                return (fix,), searched
            if proofs >= MOST_PROOFS:
                return (), searched
    return (), searched


def _branch_changes(
    network: Network, path: str, shape: tuple[int, ...], given: ReceptiveField, target: View
) -> Iterator[Changes]:
    """Changes of one branch with which its units look where the target does, and its output has the same size."""
    if path.endswith("/shortcut"):
        return
    elements = flatten(edit.find(network.architecture, path), path)
    steps = [each for each in elements if each.node.op in WINDOWS]
    if not is_chain(elements) or not steps:
        return
    made = network.analysis.by_path[elements[-1].path].output_shape[1:]
    options = [list(_options(node)) for _, node in steps]
    while prod(map(len, options)) > MOST_TRIES:  # the first layers keep what they have
        first = next(index for index, each in enumerate(options) if len(each) > 1)
        options[first] = [{}]
    for chosen in sorted(product(*options), key=lambda each: sum(map(len, each))):
        nodes = [edit.copy_without_checks(node, **fields) for (_, node), fields in zip(steps, chosen, strict=True)]
        found = _follow(nodes, shape[1:], given)
        if found and found[0] == tuple(made) and _forget_single_places(found[1], given, shape[1:], made) == target:
            yield {at: fields for (at, _), fields in zip(steps, chosen, strict=True) if fields}


def _options(node: Any) -> Iterator[dict[str, Any]]:
    """Other paddings of a window, and of a pooling other windows; {} leaves it as it is."""
    yield {}
    geometry = node.geometry
    reach = max(dilation * (kernel - 1) for kernel, dilation in zip(geometry.kernel, geometry.dilation, strict=True))
    if not isinstance(node, Pool):
        for padding in ("same", *range(reach + 1)):
            if padding != node.padding:
                yield {"padding": padding}
        return
    for more in (0, 1):
        kernel = (geometry.kernel[0] + more, geometry.kernel[1] + more)
        for padding in range(min(kernel) // 2 + 1):
            for ceil_mode in (False, True):
                fields = {"kernel_size": one_or_two(kernel), "padding": padding, "ceil_mode": ceil_mode}
                new = {name: value for name, value in fields.items() if _differs(getattr(node, name), value)}
                if new:
                    yield new


def _differs(old: Any, new: Any) -> bool:
    return bool(old != new) if isinstance(old, bool | str) else pair(old) != pair(new)


def _follow(nodes: list[Any], size: tuple[int, ...], given: ReceptiveField) -> tuple[tuple[int, ...], View] | None:
    """(height and width of a chain's output, where its units look); None where a window does not fit."""
    strides, centres, sizes = [], [], []
    for axis in (0, 1):
        n, jump, centre = size[axis], given.stride[axis], given.centre[axis]
        for node in nodes:
            kernel, stride, dilation, before, after = (side[axis] for side in node.geometry_on((n, n)))
            reach = dilation * (kernel - 1)
            room = n + before + after - reach - 1
            if room < 0:
                return None
            made = room // stride + 1
            if getattr(node, "ceil_mode", False) and room % stride and made * stride < n + before:
                made += 1
            n, centre, jump = made, centre + jump * (reach / 2 - before), jump * stride
        sizes.append(n)
        strides.append(jump)
        centres.append(centre)
    return tuple(sizes), View((strides[0], strides[1]), (centres[0], centres[1]))
