"""Gridding: holes in what a unit sees, the layers that leave them, and the pattern's period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from ...architecture import Architecture, ArchitectureError
from ...text import compact_shape, format_percent
from ..support import LayerSupport
from ._dilations import Judge, Stretch, find_dilations, replaced
from ._findings import Finding, Fix
from ._hdc import Chain, judge_network
from ._lines import WINDOWS, Element, Network, Run, is_chain, leaves, supports_of, windows
from ._patterns import count_holes, find_period, has_holes


class Place(NamedTuple):
    """A stretch of elements whose units' fields have holes, up to the last of them."""

    run: Run
    """What the field is judged on: its input, and the elements up to there and further."""
    first: int
    """The first element with holes."""
    last: int
    """The last window with holes."""
    support: LayerSupport
    """The field at the last one."""
    closed_by: str
    """Path of the element behind which there are no more holes; '' where none closes them."""


def find_gridding(network: Network) -> Iterator[Finding]:
    """Find holes in fields: of the last feature map on the image, and of runs on their own input."""
    chains = {chain.layers[-1]: chain for chain in judge_network(network)}
    shifted = not network.analysis.receptive_field.aligned
    runs = [run for run in network.runs if shifted or may_have_gaps(run.elements)]
    found = [place for run in runs for place in _look(run, supports_of(network.architecture, run))]
    found = [place for place in found if len(windows(place.run.elements[: place.last + 1])) > 1]
    whole = _look_at_the_whole(network) if shifted or may_have_gaps(network.features()) else None
    if whole is not None:
        found = [whole, *(place for place in found if not _is_same(place, whole))]
    told = [_tell(network, place, chains) for place in found]
    for index, finding in enumerate(told):  # of two of the same layers the later one: its node lies within the other's
        layers = set(finding.layers)
        within = any(layers < set(other.layers) for other in told)
        if not within and not any(layers == set(other.layers) for other in told[index + 1 :]):
            yield finding


def find_gridding_fixes(network: Network, finding: Finding) -> tuple[tuple[Fix, ...], str]:
    """Find dilations that close the holes of a finding."""
    runs = [*network.runs, *_whole_run(network)]
    run = next(each for each in runs if _key(each) == (finding.numbers["source"], finding.numbers["elements"][-1]))
    names = [each.path for each in run.elements]
    upto = run.elements[: names.index(finding.path) + 1]
    near = [each for each in network.runs if set(each.elements) & set(upto)]
    near = [each for each in near if {leaf.path for leaf in windows(each.elements)} & set(finding.layers)]
    changeable = [
        leaf.path
        for each in near
        for leaf in windows(tuple(element for element in each.elements if element in upto))
        if leaf.node.op == "conv"
    ]
    if not changeable:
        return (), "dilations, but no convolution there has one to change; for strides see the rule stride-gap"
    support = _support(run.shape, upto, network.architecture)
    work = len([leaf for each in upto for leaf in leaves(each)]) * len(support.products if support else ())
    judge = Judge(partial(_is_full, run.shape, upto), partial(_cover, run.shape, upto), max(1, work))
    return find_dilations(network, finding.path, Stretch(upto, tuple(changeable)), judge)


def _is_full(shape: tuple[int, ...], elements: Sequence[Element], architecture: Architecture) -> bool:
    support = _support(shape, elements, architecture)
    return support is not None and not has_holes(support.products)


def _cover(shape: tuple[int, ...], elements: Sequence[Element], architecture: Architecture) -> float:
    support = _support(shape, elements, architecture)
    return (support.coverage or 0.0) if support else 0.0


def _support(shape: tuple[int, ...], elements: Sequence[Element], architecture: Architecture) -> LayerSupport | None:
    """The field at the last of some elements, on what goes into the first, which has this shape."""
    try:
        return supports_of(architecture, Run("", shape, replaced(architecture, elements)))[-1]
    except ArchitectureError:  # a window that no longer fits
        return None


def _look(run: Run, supports: Sequence[LayerSupport | None]) -> Iterator[Place]:
    """Every stretch of elements with holes."""
    holes = [each is not None and has_holes(each.products) for each in supports]
    start = 0
    while start < len(holes):
        if not holes[start]:
            start += 1
            continue
        end = start
        while end < len(holes) and holes[end]:
            end += 1
        last = max(index for index in range(start, end) if index == start or windows(run.elements[index : index + 1]))
        support = supports[last]
        if support is not None:
            yield Place(run, start, last, support, run.elements[end].path if end < len(holes) else "")
        start = end


def _whole_run(network: Network) -> list[Run]:
    elements = network.features()
    return [Run("", network.architecture.input_shape, elements)] if elements else []


def _look_at_the_whole(network: Network) -> Place | None:
    """The stretch with holes that the last feature map ends, on the image."""
    for run in _whole_run(network):
        supports: list[LayerSupport | None] = [network.supports.get(each.path) for each in run.elements]
        supports = [each if each is not None and each.known else None for each in supports]
        return next((place for place in _look(run, supports) if not place.closed_by), None)
    return None


def _is_same(place: Place, whole: Place) -> bool:
    return not place.run.source and place.run.elements[place.last] == whole.run.elements[whole.last]


def _key(run: Run) -> tuple[str, str]:
    return run.source, run.elements[-1].path


def _tell(network: Network, place: Place, chains: dict[str, Chain]) -> Finding:
    run, support = place.run, place.support
    at = run.elements[place.last]
    causes = _causes(run.elements[place.first : place.last + 1])
    size, seen = support.size, support.touched or 0
    share = format_percent(seen, size[0] * size[1])
    holes = count_holes(support.products)
    period = tuple(find_period([each[axis] for each in support.products], size[axis]) for axis in (0, 1))
    unit = "pixels of the image" if not run.source else f"positions of the output of {run.source}"
    text = (
        f"A unit of {at.path} sees {seen:,} of the {size[0] * size[1]:,} {unit} in its field of {compact_shape(size)} "
        f"({share}); {holes:,} holes lie between those that it sees{_describe_period(period)}. "
        f"They come from {_describe_causes(causes)}."
    )
    if place.closed_by:
        text += f" {place.closed_by} closes them."
    elif run.source:
        seen_of_image = network.supports.get(at.path)
        if seen_of_image is not None and seen_of_image.known and not has_holes(seen_of_image.products):
            text += " Of the image no pixel is lost, since the fields of neighbouring units overlap."
    chain = chains.get(windows(run.elements)[-1].path) if is_chain(run.elements) and not place.closed_by else None
    text += _describe_rule(chain, run)
    return Finding(
        rule="gridding",
        severity="note" if place.closed_by else "warning",
        path=at.path,
        layers=tuple(each.path for each in causes),
        summary=f"sees {seen:,} of {size[0] * size[1]:,} {'pixels' if not run.source else 'positions'} ({share})",
        message=text,
        numbers={
            "source": run.source,
            "size": list(size),
            "touched": seen,
            "coverage": support.coverage,
            "holes": holes,
            "period": list(period),
            "dilations": [list(each.node.geometry.dilation) for each in causes],
            "closed_by": place.closed_by,
            "hdc": chain.to_data() if chain else None,
            "elements": [each.path for each in run.elements],
        },
    )


def _causes(elements: tuple[Element, ...]) -> list[Element]:
    """The dilated windows, and those whose stride is larger than they are; all windows where there is none."""
    inner = [leaf for element in elements for leaf in leaves(element) if leaf.node.op in WINDOWS]
    found = [leaf for leaf in inner if leaf.node.geometry.dilation != (1, 1) or _skips(leaf.node.geometry)]
    found = [leaf for leaf in found if leaf.node.geometry.kernel != (1, 1) or _skips(leaf.node.geometry)]
    return found or [leaf for leaf in inner if leaf.node.geometry.kernel != (1, 1)] or inner


def _skips(geometry: Any) -> bool:
    """Whether the stride is larger than the window, so that what lies between is not read."""
    return any(
        stride > dilation * (kernel - 1) + 1
        for stride, dilation, kernel in zip(geometry.stride, geometry.dilation, geometry.kernel, strict=True)
    )


def may_have_gaps(elements: Sequence[Element]) -> bool:
    """Whether there is a dilation, or a stride larger than its window: without them aligned fields are filled."""
    geometries = [leaf.node.geometry for each in elements for leaf in leaves(each) if leaf.node.op in WINDOWS]
    return any(geometry.dilation != (1, 1) or _skips(geometry) for geometry in geometries)


def _describe_period(period: tuple[int | None, ...]) -> str:
    height, width = period
    if height is not None and height == width and height > 1:
        return f", in a pattern that repeats every {height} positions on both axes"
    ways = [f"every {step} {name}" for step, name in ((height, "rows"), (width, "columns")) if step and step > 1]
    return f", in a pattern that repeats {' and '.join(ways)}" if ways else ""


def _describe_causes(causes: Sequence[Element]) -> str:
    dilated = [each for each in causes if each.node.geometry.dilation != (1, 1)]
    skipping = [each for each in causes if each not in dilated and _skips(each.node.geometry)]
    words = []
    if dilated:
        values = ", ".join(compact_shape(_short(each.node.geometry.dilation)) for each in dilated)
        names = ", ".join(each.path for each in dilated)
        words.append(f"the dilation{'s' if len(dilated) > 1 else ''} {values} of {names}")
    if skipping:
        words.append(f"the stride of {', '.join(each.path for each in skipping)}, larger than the window")
    return " and ".join(words) or ", ".join(each.path for each in causes)


def _short(pair: tuple[int, int]) -> tuple[int, ...]:
    return pair[:1] if pair[0] == pair[1] else pair


def _describe_rule(chain: Chain | None, run: Run) -> str:
    """What HDC's rule says of the same chain."""
    if chain is None or chain.source != run.source:
        return ""
    for axis in (0, 1):
        if chain.hdc[axis] is not None and not chain.full[axis]:
            kernel = max(kernel[axis] for kernel in chain.kernels)
            verdict = f"≤ {kernel}, lets it pass" if chain.passes[axis] else f"> {kernel}, refuses it too"
            return f" HDC's rule, M₂ = {chain.hdc[axis]} {verdict}."
    return ""


def find_hdc(network: Network) -> Iterator[Finding]:
    """Find chains of which HDC's rule and the exact answer differ, but for those whose gridding is found anyway."""
    chains = judge_network(network)
    known = [set(finding.layers) for finding in find_gridding(network)] if chains else []
    for chain in chains:
        axis = next((axis for axis in (0, 1) if chain.passes[axis] not in (None, chain.full[axis])), None)
        dilated = {path for path, pair in zip(chain.layers, chain.dilations, strict=True) if pair != (1, 1)}
        if axis is None or any(dilated <= layers for layers in known):
            continue
        said, verdict = ("pass", "so that there are holes") if chain.passes[axis] else ("fail", "and none is missing")
        kernel = max(each[axis] for each in chain.kernels)
        dilations = ", ".join(str(each[axis]) for each in chain.dilations)
        yield Finding(
            rule="hdc",
            severity="note",
            path=chain.layers[-1],
            layers=chain.layers,
            summary=f"the dilations {said} HDC's rule, yet {chain.seen[axis]} of {chain.size[axis]} positions are seen",
            message=(
                f"The dilations {dilations} of {', '.join(chain.layers)} {said} HDC's rule (M₂ = {chain.hdc[axis]}, "
                f"K = {kernel}), but a unit of {chain.layers[-1]} sees {chain.seen[axis]} of {chain.size[axis]} "
                f"positions of an axis, {verdict}. The exact answer counts: the rule is only a rule of thumb."
            ),
            numbers={"axis": ("height", "width")[axis], **chain.to_data()},
        )
