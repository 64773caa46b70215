"""Exact receptive fields as data for the drawing: masks as runs, boxes, branches in their colours, numbers as text."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..analysis import analyze
from ..analysis.support import (
    UnitSupport,
    count_paths,
    find_branch_supports,
    find_projective_field,
    find_unit_support,
)
from ..architecture import Architecture, edit
from ..text import format_count, format_coverage, format_extent, format_number
from ._colours import kind_of_branch
from ._maps import draw_heatmap

_SAME_UNITS = (
    "attention", "norm", "scale", "slice", "channel_shuffle", "activation", "dropout", "local_response_norm",
)  # fmt: skip
"""Kinds of nodes whose units stand where those stand that they read; a gate of attention is left aside."""

Unit = tuple[int, int]
Extent = tuple[int, int]


def lay_out_mask(mask: Any) -> list[dict[str, list[list[int]]]]:
    """Lay out a mask as few rectangles: rows that are alike are put together.

    Args:
        mask: A bool array (height, width).

    Returns:
        For each pattern of columns that rows have: ``rows`` and ``columns`` as runs (first, length). What is True are
        the pixels of a row of one of its runs and a column of one of its runs; no pixel is in two patterns.
    """
    import numpy as np

    alike: dict[bytes, list[int]] = {}
    for row, packed in enumerate(np.packbits(mask, axis=1)):
        alike.setdefault(packed.tobytes(), []).append(row)
    laid = []
    for rows in alike.values():
        columns = _runs(mask[rows[0]].nonzero()[0])
        if columns:
            laid.append({"rows": _runs(np.array(rows)), "columns": columns})
    return laid


def _runs(places: Any) -> list[list[int]]:
    """Rising numbers as runs (first, length)."""
    import numpy as np

    ends = np.flatnonzero(np.diff(places) > 1)
    firsts = [0, *(ends + 1)] if len(places) else []
    lasts = [*ends, len(places) - 1]
    return [[int(places[first]), int(places[last] - places[first]) + 1]
            for first, last in zip(firsts, lasts, strict=False)]  # fmt: skip


class Lattice(NamedTuple):
    """How the units of one map lie over another map: the centres of what they see."""

    size: Extent
    """(rows, columns) of units."""
    first: tuple[float, float]
    """Where the first unit's centre lies, in pixels; 0 is the centre of the first pixel."""
    step: tuple[float, float]
    """Pixels from one centre to the next; 0 where there is one unit."""
    start: Unit
    """First row and column that the first unit sees; negative where that is padding."""

    def centre(self, unit: Unit) -> tuple[float, float]:
        """Where the centre of a unit's field lies, (row, column)."""
        down, across = (self.first[axis] + self.step[axis] * unit[axis] for axis in (0, 1))
        return down, across

    def nearest(self, place: tuple[float, float]) -> Unit:
        """The unit whose centre is nearest to a place."""
        row, column = (
            min(max(round((place[axis] - self.first[axis]) / self.step[axis]), 0), self.size[axis] - 1)
            if self.step[axis]
            else self.size[axis] // 2
            for axis in (0, 1)
        )
        return row, column


def find_lattice(architecture: Architecture, path: str, source: str = "") -> Lattice:
    """Find where the units of a node lie over the image, or over the map of an earlier node.

    Args:
        architecture: The network.
        path: Of the node.
        source: Of the earlier node; '' for the image.

    Returns:
        The lattice of the centres of their fields. Behind branches of unequal stride it is that of the first and last.

    Raises:
        ArchitectureError: The network does not work.
        ValueError: There is no such node, or it does not depend on ``source``.
    """
    rows, columns = find_unit_support(architecture, path, source=path).shape
    first = _seen(find_unit_support(architecture, path, source=source))
    last = _seen(find_unit_support(architecture, path, (rows - 1, columns - 1), source=source))
    begin, end = _middle(first), _middle(last)
    step = [(end[axis] - begin[axis]) / max(1, (rows, columns)[axis] - 1) for axis in (0, 1)]
    return Lattice((rows, columns), begin, (step[0], step[1]), (first[0], first[1]))


def _seen(support: UnitSupport) -> tuple[int, int, int, int]:
    """The box of a field with the padding that is seen; where nothing is known, the whole map."""
    if support.convolutional is not None:
        support = support.convolutional
    return support.unclipped or support.box or (0, 0, *support.shape)


def _middle(box: tuple[int, int, int, int]) -> tuple[float, float]:
    return (box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2


def find_joint(architecture: Architecture, path: str) -> str:
    """Find where the branches meet whose union a node's output is.

    Args:
        architecture: The network.
        path: Of the node.

    Returns:
        The path of a parallel or residual node: the node itself or the end of its sequence, behind which at most
        attention, norms and activations stand; '' where there is none.
    """
    node = edit.find(architecture, path)
    while node.op == "sequence":
        node = next((child for child in reversed(node.nodes) if child.op not in _SAME_UNITS), None)
        if node is None:
            return ""
        path = f"{path}/{node.name}"
    return path if node.op in ("parallel", "residual") else ""


def draw_field(
    architecture: Architecture, path: str, unit: Unit, *, source: str = "", branches: bool = True, paths: bool = False
) -> dict[str, Any]:
    """Draw what one unit sees.

    Args:
        architecture: The network.
        path: Of the node whose unit it is.
        unit: (row, column) in the node's map.
        source: Of the earlier node on whose map the field lies; '' for the image.
        branches: Whether the field through each branch is drawn, too, where the node joins branches.
        paths: Whether the paths from each pixel are counted.

    Returns:
        Plain data for the component: both maps' extents, the mark on the one and the field on the other, branches,
        heat, ``facts`` (name, value, meaning) and a sentence that says it all.

    Raises:
        ArchitectureError: The network does not work.
        ValueError: There is no such node or unit, or it does not depend on ``source``.
    """
    support = find_unit_support(architecture, path, unit, source=source)
    lattice = find_lattice(architecture, path, source)
    joint = find_joint(architecture, path) if branches else ""
    counts = count_paths(architecture, path, unit, source=source) if paths and support.known else None
    data = {
        **_lay_out_maps(lattice, support.shape, source),
        "mode": "unit", "at": list(unit), "field": _lay_out_support(support),
        "branches": _lay_out_branches(architecture, joint, unit, source) if joint else [],
        "heat": None if counts is None else {**draw_heatmap(counts), "unit": "paths"},
        "facts": _describe_unit(architecture, path, source, support, lattice, counts),
    }  # fmt: skip
    place = f"The unit in row {unit[0]}, column {unit[1]} of {path}"
    return {**data, "said": _say(place, support, "units" if source else "pixels")}


def draw_projection(architecture: Architecture, path: str, pixel: Unit, *, source: str = "") -> dict[str, Any]:
    """Draw the reverse: which units of a node one pixel touches.

    Args:
        architecture: The network.
        path: Of the node whose units they are.
        pixel: (row, column) of the image, or of the map of ``source``.
        source: Of an earlier node whose unit is meant instead of a pixel; '' for the image.

    Returns:
        As ``draw_field``, with the field on the node's own map.

    Raises:
        ArchitectureError: The network does not work.
        ValueError: There is no such node or pixel, or it does not depend on ``source``.
    """
    support = find_projective_field(architecture, pixel, path, source=source)
    lattice = find_lattice(architecture, path, source)
    size = find_unit_support(architecture, path, source=source).shape
    what = f"The unit in row {pixel[0]}, column {pixel[1]} of {source}" if source else (
        f"The pixel in row {pixel[0]}, column {pixel[1]}"
    )  # fmt: skip
    return {
        **_lay_out_maps(lattice, size, source),
        "mode": "pixel", "at": list(pixel), "field": _lay_out_support(support), "branches": [], "heat": None,
        "facts": _describe_support(support, "units", f"the map of {path}"),
        "said": _say(what, support, "units").replace(" sees ", " touches "),
    }  # fmt: skip


def tabulate_field(
    architecture: Architecture, path: str, at: Unit, *, source: str = "", reverse: bool = False, paths: bool = False
) -> list[list[int]]:
    """Write a field as a table, one line for each row of the map on which it lies.

    Args:
        architecture: The network.
        path: Of the node.
        at: (row, column) of the unit; with ``reverse`` of the pixel.
        source: Of an earlier node; '' for the image.
        reverse: Whether the units that a pixel touches are meant.
        paths: Whether paths are counted; not with ``reverse``.

    Returns:
        1 for what is touched and 0 for the rest, or the exact number of paths.

    Raises:
        ArchitectureError: The network does not work.
        ValueError: There is no such node, unit or pixel, or no answer.
    """
    if paths and not reverse:
        return count_paths(architecture, path, at, exact=True, source=source).tolist()  # type: ignore[no-any-return]
    if reverse:
        return find_projective_field(architecture, at, path, source=source).mask.astype(int).tolist()  # type: ignore[no-any-return]
    return find_unit_support(architecture, path, at, source=source).mask.astype(int).tolist()  # type: ignore[no-any-return]


def _lay_out_maps(lattice: Lattice, size: Extent, source: str) -> dict[str, Any]:
    return {
        "source": {"rows": size[0], "columns": size[1], "name": source or "image"},
        "units": {"rows": lattice.size[0], "columns": lattice.size[1], "first": lattice.first, "step": lattice.step},
    }


def _lay_out_support(support: UnitSupport) -> dict[str, Any]:
    """A support as data; of one that is the whole input the convolutional field, which is more to look at."""
    whole = support.convolutional is not None
    drawn = support.convolutional or support
    if not drawn.known:
        return {"mask": [], "box": None, "outside": None, "whole": whole}
    outside = drawn.unclipped if drawn.unclipped != drawn.box else None
    return {
        "mask": lay_out_mask(drawn.mask), "whole": whole,
        "box": drawn.box and list(drawn.box), "outside": outside and list(outside),
    }  # fmt: skip


def _lay_out_branches(architecture: Architecture, joint: str, unit: Unit, source: str) -> list[dict[str, Any]]:
    children = {child.name: child for child in edit.find(architecture, joint).nodes}
    laid = []
    try:
        supports = find_branch_supports(architecture, joint, unit, source=source)
    except ValueError:  # the source lies within one of the branches
        return []
    for name, support in supports.items():
        drawn = support.convolutional or support
        kind = kind_of_branch(children[name]) if name in children else "shortcut"
        laid.append({
            "name": name, "kind": kind, "text": _describe_size(support, "units" if source else "px"),
            **_lay_out_support(drawn),
        })  # fmt: skip
    return laid


def _describe_size(support: UnitSupport, what: str) -> str:
    drawn = support.convolutional or support
    if not drawn.known:
        return support.status
    if drawn.box is None:
        return "padding alone"
    whole = ", then the whole input" if support is not drawn else ""
    top, left, bottom, right = _seen(drawn)
    size = format_extent((bottom - top, right - left))
    return f"{size} {what} · {format_count(drawn.touched or 0)} touched{whole}"


def _describe_unit(
    architecture: Architecture, path: str, source: str, support: UnitSupport, lattice: Lattice, counts: Any
) -> list[list[str]]:
    top, left, bottom, right = _seen(support)
    what = "px" if not source else "units"
    rows = [["size", f"{format_extent((bottom - top, right - left))} {what}",
             "Height × width of the box around all that the unit sees, with the padding outside"]]  # fmt: skip
    if not source and (layers := analyze(architecture).below(path)):
        shortest = layers[-1].receptive_field.min_size
        rows.append(["shortest path", f"{format_extent(shortest)} px", "The same over the path with the least windows"])
    centre = lattice.centre(support.unit)
    rows += [
        ["stride", " × ".join(map(format_number, lattice.step)) + f" {what}" if any(lattice.step) else "–",
         "From the field of one unit to that of its neighbour, down × across"],
        ["start", f"{format_count(lattice.start[0])}, {format_count(lattice.start[1])}",
         "First row and column that the unit (0, 0) sees; below 0 it is padding"],
        ["centre", f"{format_number(centre[0])}, {format_number(centre[1])}",
         "Row and column of the middle of this unit's field"],
        *_describe_support(support, what, "the image" if not source else f"the map of {source}"),
    ]  # fmt: skip
    if counts is not None:
        rows.append(["paths", format_number(float(counts.sum())),
                     "Ways from the pixels to the unit: one for each tap of each window on each branch"])  # fmt: skip
    return rows


def _describe_support(support: UnitSupport, what: str, where: str) -> list[list[str]]:
    drawn = support.convolutional or support
    if not drawn.known:
        return [["status", support.status, "Why there is no answer"]]
    rows = []
    if drawn.box is not None:
        box, clipped = drawn.box, drawn.clipped_to is not None
        inside = f"rows {box.top} to {box.bottom - 1}, columns {box.left} to {box.right - 1}"
        rows.append(["clipped" if clipped else "place", inside,
                     f"What the border of {where} leaves" if clipped else f"Where it lies in {where}"])  # fmt: skip
    coverage = format_coverage(drawn.touched or 0, drawn.box.area) if drawn.box is not None else "–"
    rows += [
        ["touched", f"{format_count(drawn.touched or 0)} {what}", "How many of them can change its value at all"],
        ["coverage", coverage, f"The share of the box within {where} that is touched; the rest are holes"],
        ["status", support.status,
         "Attention, a gate, group norm, global pooling or flattening lies before it; drawn is what convolutions and "
         "poolings see"
         if support is not drawn else "Every one of them is known, borders and padding included"],
    ]  # fmt: skip
    return rows


def _say(place: str, support: UnitSupport, what: str) -> str:
    drawn = support.convolutional or support
    if not drawn.known:
        return f"{place}: {support.status}"
    if drawn.box is None:
        return f"{place} sees none of the {what}, padding alone"
    whole = "the whole input; its convolutional field is " if support is not drawn else ""
    box = drawn.box
    return (
        f"{place} sees {whole}{format_count(drawn.touched or 0)} {what} in rows {box.top} to {box.bottom - 1}, "
        f"columns {box.left} to {box.right - 1}: {format_coverage(drawn.touched or 0, box.area)} of that box"
    )

