"""Strides that leave gaps: positions of a map that nothing behind it reads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from ...architecture import Architecture, Geometry, Pool, edit
from ...text import format_extent, format_percent
from .._containers import projection_stride
from ..support._axes import pull_window
from ._findings import Finding, Fix
from ._lines import WINDOWS, Element, Network, flatten, leaves
from ._patterns import Product, count_holes
from ._proof import Changes, change, describe, one_or_two, prove


def find_stride_gaps(network: Network) -> Iterator[Finding]:
    """Find maps with positions between others that no unit of the next element reads."""
    for line in network.lines:
        source = line.source
        for index, element in enumerate(line.elements):
            if index or line is network.lines[0]:  # what goes into a block is judged for all its branches together
                finding = _judge(network, source, element)
                if finding is not None:
                    yield finding
            source = element.path


def _judge(network: Network, source: str, element: Element) -> Finding | None:
    shape = network.input_shape(element)
    if len(shape) != 3:
        return None
    read = _reads(network, element)
    gaps = count_holes(read) if read else 0
    if not gaps:
        return None
    layers = [leaf for leaf in _first_leaves(element) if leaf.node.op in WINDOWS]
    layers = [leaf for leaf in layers if leaf.node.geometry.stride != (1, 1)]
    strides = ", ".join(f"{each.path} (stride {format_extent(each.node.geometry.stride)})" for each in layers)
    what = f"the output of {source}" if source else "the image"
    total = shape[1] * shape[2]
    wasted = ""
    if source and network.analysis.by_path[source].macs:
        wasted = f"; what {source} computes there is for nothing"
    return Finding(
        rule="stride-gap",
        severity="warning",
        path=element.path,
        layers=tuple(each.path for each in layers) or (element.path,),
        summary=f"{format_percent(gaps, total)} of {what} is read by nothing",
        message=(
            f"No unit of {element.path} reads {gaps:,} of the {total:,} positions of {what} "
            f"({format_percent(gaps, total)}), which lie between others that are read{wasted}. "
            f"The steps of {strides or element.path} are larger than what the taps cover."
        ),
        numbers={"source": source, "positions": total, "unread": gaps, "share": gaps / total},
    )


def _reads(network: Network, element: Element) -> list[Product]:
    """The positions of its input that an element reads, as products; () for all of them."""
    path, node = element
    layers = network.analysis.below(path)
    if not layers or len(layers[0].input_shape) != 3:
        return []
    _, height, width = layers[0].input_shape
    if node.op in WINDOWS:
        window = node.geometry_on((height, width))
        return _read_window(window, layers[0].input_shape, layers[-1].output_shape)
    if node.op not in ("parallel", "residual"):
        return []
    found: list[Product] = []
    for child in node.nodes:
        inside = flatten(child, f"{path}/{child.name}")
        products = _reads(network, inside[0]) if inside else []
        if not products:
            return []
        found += products
    if node.op == "residual":
        if node.shortcut == "identity":
            return []
        steps = projection_stride((height, width), layers[-1].output_shape[1:])
        shortcut = Geometry((1, 1), steps, (1, 1), (0, 0), (0, 0))
        found += _read_window(shortcut, layers[0].input_shape, layers[-1].output_shape)
    return found


def _read_window(geometry: Geometry, given: tuple[int, ...], made: tuple[int, ...]) -> list[Product]:
    sets = []
    for axis in (0, 1):
        pull = pull_window(geometry, axis, given[1 + axis])
        every = (1 << made[1 + axis]) - 1
        sets.append(every if pull is None else pull(every))
    return [(sets[0], sets[1])]


def _first_leaves(element: Element) -> list[Element]:
    """The layers that read what goes into an element."""
    path, node = element
    if node.op not in ("parallel", "residual"):
        return leaves(element)
    heads = [flatten(child, f"{path}/{child.name}") for child in node.nodes]
    return [leaf for head in heads if head for leaf in _first_leaves(head[0])]


def find_stride_fixes(network: Network, finding: Finding) -> tuple[tuple[Fix, ...], str]:
    """Let average pooling take the step, or a pooling window grow to its stride."""
    found = []
    for path in finding.layers:
        node = edit.find(network.architecture, path)
        if node.op == "pool":
            found += _grow_pool(network, finding, path, node)
        elif node.op == "conv":
            found += _pool_before(network, finding, path, node)
    names = ", ".join(finding.layers)
    searched = (
        f"for each of {names}: average pooling by its stride before it, over just that step or an odd window, and "
        "stride 1 in it, with padding 'same' or none; for pooling, a window as large as its stride"
    )
    return tuple(found), searched


def _grow_pool(network: Network, finding: Finding, path: str, node: Any) -> list[Fix]:
    kernel = one_or_two([max(each) for each in zip(node.geometry.kernel, node.geometry.stride, strict=True)])
    for ceil_mode in (node.ceil_mode, True):
        for padding in (node.padding, 0):
            changes: Changes = {path: {"kernel_size": kernel, "padding": padding, "ceil_mode": ceil_mode}}
            words = describe(network.architecture, changes)
            fix = _prove(network, change(network.architecture, changes), finding, path, words)
            if fix:
                return [fix]
    return []


def _pool_before(network: Network, finding: Finding, path: str, node: Any) -> list[Fix]:
    """Pooling exactly over the step, else an odd window whose centre is where the layer's was."""
    stride = node.geometry.stride
    odd = [2 * (step // 2) + 1 for step in stride]
    for kernel, pad, padding in product((stride, odd), ((0, 0), [step // 2 for step in stride]), ("same", 0)):
        try:
            pool = Pool(
                name="pool", kind="avg", kernel_size=one_or_two(kernel), stride=one_or_two(stride),
                padding=one_or_two(pad), ceil_mode=pad == (0, 0), count_include_pad=False,
            )  # fmt: skip
            changed = edit.replace(network.architecture, path, stride=1, padding=padding)
            changed = edit.insert_at(changed, "before", path, (pool,))
        except ValueError:
            continue
        before = f"average pooling {format_extent(tuple(kernel))} before it"
        fix = _prove(network, changed, finding, path, [f"{path}: {before}, stride {format_extent(stride)} → 1"])
        if fix:
            return [fix]
    return []


def _prove(network: Network, changed: Architecture | None, finding: Finding, path: str, words: list[str]) -> Fix | None:
    before = len(list(find_stride_gaps(network)))

    def mends(after: Network) -> bool:
        left = list(find_stride_gaps(after))
        return len(left) < before and all(each.path != finding.path for each in left)

    return prove(network, changed, finding.path, label=words[0], changes=words, mends=mends, free=(path,))
