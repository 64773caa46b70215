"""Data of the pictures that show which pixels a window reads: one window, and convolutions one after another."""

from __future__ import annotations

from typing import Any

from ..analysis import analyze, explain_growth
from ..architecture import Architecture, Conv, Pool


def lay_out_window(window: Conv | Pool, image: int) -> dict[str, Any]:
    """Lay out what each output of one convolution or pooling reads, along one axis.

    Args:
        window: The layer, with a square window; the size of a pool's output is rounded down.
        image: Side of the image in pixels.

    Returns:
        ``image`` and ``out`` are sides in pixels and outputs, ``padding`` the border before the image; ``taps`` has for
        each output the pixels of an axis that it reads, those below 0 and from ``image`` on being padding; ``used``
        those of the image that any output reads; ``kernel``, ``dilation``, ``stride``, ``reach`` (the effective
        kernel); ``equations`` the arithmetic with these numbers.

    Raises:
        ValueError: The window is larger than the padded image.
    """
    k, s, d, p, end = (each[0] for each in window.geometry_on((image, image)))
    reach = d * (k - 1) + 1
    if reach > image + p + end:
        raise ValueError(f"a window that reaches over {reach} pixels does not fit the {image + p + end} of the image")
    out = (image + p + end - reach) // s + 1
    border = f"2·{p}" if p == end else f"{p} + {end}"
    taps = [[s * unit - p + d * tap for tap in range(k)] for unit in range(out)]
    return {
        "image": image, "padding": p, "out": out, "taps": taps,
        "used": sorted({pixel for unit in taps for pixel in unit if 0 <= pixel < image}),
        "kernel": k, "dilation": d, "stride": s, "reach": reach,
        "equations": [
            f"k_eff = d·(k − 1) + 1 = {d}·({k} − 1) + 1 = {reach}",
            f"output = ⌊(n + 2·p − k_eff) / s⌋ + 1 = ⌊({image} + {border} − {reach}) / {s}⌋ + 1 = {out}",
            f"pixels read = k² = {k * k}, of k_eff² = {reach * reach} in the box",
        ],
    }  # fmt: skip


def lay_out_chain(architecture: Architecture) -> dict[str, Any]:
    """Lay out what one unit behind convolutions in a row reads of each map, from its own map down to the image.

    Args:
        architecture: A network of convolutions of stride 1 with square windows, one after another.

    Returns:
        ``layers`` from the image on: name, kernel, dilation, padding. ``maps`` from the unit's own map to the image:
        ``label``, and along one axis ``positions`` (beside the unit's own place, 0) and ``counts`` (in how many ways
        the unit reaches each; in the plane both multiply). ``box`` is the first and last position; ``equations`` the
        growth of the field with these numbers.
    """
    found = analyze(architecture)
    steps = explain_growth(architecture)
    counts = {0: 1}
    maps = [{"label": "output", **_axis(counts)}]
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        below: dict[int, int] = {}
        for position, ways in counts.items():
            for tap in range(step.kernel):
                place = position + step.dilation * tap - step.padding
                below[place] = below.get(place, 0) + ways
        counts = below
        maps.append({"label": f"layer {number}" if number else "image", **_axis(counts)})
    start, size = found.receptive_field.start[0], found.receptive_field.size[0]
    return {
        "layers": [
            {"name": step.path, "kernel": step.kernel, "dilation": step.dilation, "padding": step.padding}
            for step in steps
        ],
        "maps": maps,
        "box": [start, start + size - 1],
        "equations": [f"r = {step.equations['r']}" for step in steps],
    }


def _axis(counts: dict[int, int]) -> dict[str, list[int]]:
    positions = sorted(counts)
    return {"positions": positions, "counts": [counts[each] for each in positions]}
