"""Unproductive layers: those whose input already sees more than the image (Richter et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator

from ...text import compact_shape
from ._findings import Finding, Fix
from ._lines import Element, Network, windows
from ._proof import Changes, change, describe, prove


def find_unproductive(network: Network) -> Iterator[Finding]:
    """Find the layers behind the border layer.

    Source:
        Richter, Schöning, Wiedenroth & Krumnack, "Should You Go Deeper? Optimizing Convolutional Neural Network
        Architectures without Training by Receptive Field Analysis", ICMLA 2021 (arXiv 2106.12307); with branches by the
        shortest path, as their tool rfa_toolbox has it.
    """
    image = network.architecture.input_shape[1:]
    layers = windows(network.lines[0].elements)
    found = [each for each in layers if _exceeds(_incoming(network, each, "min_size"), image)]
    if not found:
        return
    border = found[0]
    by_largest = next((each for each in layers if _exceeds(_incoming(network, each, "size"), image)), border)
    seen = _incoming(network, border, "min_size")
    others = f", and likewise {len(found) - 1} more" if len(found) > 1 else ""
    yield Finding(
        rule="unproductive",
        severity="note",
        path=border.path,
        layers=tuple(each.path for each in found),
        summary=f"the input already sees {compact_shape(seen)}, more than the image{others}",
        message=(
            f"What goes into {border.path} already sees {compact_shape(seen)} pixels by its shortest path, more than "
            f"the image of {compact_shape(image)}: its window adds no context{others}. "
            f"By the longest path that begins at {by_largest.path}."
        ),
        numbers={
            "image": list(image),
            "incoming_min_size": list(seen),
            "border_by_largest": by_largest.path,
            "count": len(found),
        },
    )


def _incoming(network: Network, element: Element, which: str) -> tuple[int, int]:
    """The field of a window's input: that of the window less what it adds."""
    field = network.analysis.by_path[element.path].receptive_field
    height, width = (
        size - dilation * (kernel - 1) * stride // step
        for size, stride, kernel, step, dilation in zip(
            getattr(field, which), field.stride, *element.node.geometry[:3], strict=True
        )
    )
    return height, width


def _exceeds(size: tuple[int, int], image: tuple[int, ...]) -> bool:
    return size[0] > image[0] and size[1] > image[1]


def find_depth_fixes(network: Network, finding: Finding) -> tuple[tuple[Fix, ...], str]:
    """Make the convolutions 1×1, all of them or the last ones."""
    searched = (
        f"1×1 kernels for the convolutions of stride 1 among these {len(finding.layers)}, where the field stays larger "
        "than the image"
    )
    layers = [each for each in windows(network.lines[0].elements) if each.path in finding.layers]
    changes: Changes = {
        path: {"kernel_size": 1, "dilation": 1, "padding": "same"}
        for path, node in layers
        if node.op == "conv" and node.geometry.stride == (1, 1)
    }
    if not changes:
        return (), searched
    changed = change(network.architecture, changes)

    def mends(after: Network) -> bool:
        left = [path for each in find_unproductive(after) for path in each.layers]
        return not changes.keys() & set(left)

    label = f"1×1 {'kernel' if len(changes) == 1 else 'kernels'} in {', '.join(changes)}"
    fix = prove(
        network,
        changed,
        finding.path,
        label=label,
        changes=describe(network.architecture, changes),
        mends=mends,
        within=network.architecture.input_shape[1:],
    )
    return ((fix,) if fix else ()), searched
