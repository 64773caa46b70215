"""The verb ``receptive-field``: exactly which pixels a unit can depend on."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..analysis.support import (
    Box,
    UnitSupport,
    count_paths,
    find_branch_supports,
    find_default_node,
    find_layer_support,
    find_output_shape,
    find_unit_support,
)
from ..architecture import Architecture
from ..runs import atomic_write
from ..text import compact_shape, format_count, format_decimal, quote_path
from ._arguments import parse_unit, read_architecture
from ._growth import add_option, describe_steps, list_steps, steps_data
from ._text import escape, format_coverage, format_notes, format_table, print_json, wrap


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "Exactly which pixels of the image a unit can depend on: box, holes, border, branches, paths."
    sub = verb("receptive-field", _receptive_field, text, arch=True, shape=True)
    sub.add_argument("--node", metavar="PATH", help="such as inception_3a/branch_3x3; default: the last with a map")
    sub.add_argument("--unit", metavar="ROW,COLUMN", help="of the node's map, counted from 0; default: the middle one")
    sub.add_argument("--branches", action="store_true", help="also through each branch of the node alone")
    add_option(sub)
    sub.add_argument("--mask", metavar="FILE.npy", help="write the pixels there: a bool array, height × width")


def _receptive_field(args: argparse.Namespace) -> None:
    architecture = read_architecture(args)
    unit = parse_unit(args.unit)
    if args.mask is not None and not args.mask.endswith(".npy"):
        raise ValueError(f"--mask {quote_path(args.mask)} must end in .npy, which is what is written")
    path = args.node if args.node is not None else find_default_node(architecture)
    if not path and args.node is None:
        raise ValueError("name a node with --node; none of the trunk outputs a map of more than one unit")
    shape = find_output_shape(architecture, path)
    height, width = shape[1:] if len(shape) == 3 else (1, 1)
    support = find_unit_support(architecture, path, unit or (height // 2, width // 2))
    branches = find_branch_supports(architecture, path, support.unit) if args.branches else {}
    if args.mask is not None:
        _write_mask(args.mask, support)
    data = _data(architecture, support) | {
        "branches": {name: _support_data(each) for name, each in branches.items()}
    }
    steps = list_steps(architecture, path, args.steps) if args.steps else None
    if args.json:
        print_json(data | ({} if steps is None else {"steps": steps_data(steps)}))
        return
    _print(architecture, support, branches, data, shape)
    if steps is not None:
        print(f"\n{args.steps} path\n\n{describe_steps(steps)}")


def _write_mask(name: str, support: UnitSupport) -> None:
    import numpy as np

    kept = io.BytesIO()
    np.save(kept, support.mask, allow_pickle=False)
    try:
        atomic_write(Path(name), kept.getvalue())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"cannot write {quote_path(name)}: {reason}") from None


def _data(architecture: Architecture, support: UnitSupport) -> dict[str, Any]:
    """What ``--json`` gives; sizes and places are [row, column], boxes [top, left, bottom, right]."""
    layer = find_layer_support(architecture, support.path)
    seen = support.convolutional or support
    try:
        paths: int | None = int(count_paths(architecture, support.path, support.unit, exact=True).sum())
    except ValueError:  # there are too many, or it is not known; the status says the latter
        paths = None
    return {
        "name": architecture.name,
        "input_shape": list(architecture.input_shape),
        "node": support.path,
        "unit": list(support.unit),
        "size": list(layer.size),
        "stride": list(layer.stride),
        "start": list(layer.start),
        "center": None if seen.unclipped is None else _centre(seen.unclipped),
        "min_size": list(layer.min_size),
        "pattern": {"status": layer.status, "touched": layer.touched, "coverage": layer.coverage},
        **_support_data(support),
        "paths": paths,
    }


def _support_data(support: UnitSupport) -> dict[str, Any]:
    found: dict[str, Any] = {
        "status": support.status,
        "box": _list(support.box),
        "touched": support.touched,
        "coverage": support.coverage,
        "unclipped": _list(support.unclipped),
        "clipped_to": _list(support.clipped_to),
    }
    if support.convolutional is not None:
        found["convolutional"] = _support_data(support.convolutional)
    return found


def _list(box: Box | None) -> list[int] | None:
    return None if box is None else list(box)


def _centre(box: Box) -> list[float]:
    return [(box.top + box.bottom - 1) / 2, (box.left + box.right - 1) / 2]


def _print(
    architecture: Architecture,
    support: UnitSupport,
    branches: dict[str, UnitSupport],
    data: dict[str, Any],
    shape: tuple[int, ...],
) -> None:
    unit = ", ".join(map(str, support.unit))
    print(f"{escape(architecture.name)}: unit {unit} of {escape(support.path)}, which gives {compact_shape(shape)}")
    print(f"{wrap(_describe_status(support))}\n")
    pattern = data["pattern"]
    rows = [
        ("size", compact_shape(data["size"]), "px of the box around all paths, borders left aside"),
        ("shortest path", compact_shape(data["min_size"]), "px"),
        ("stride", compact_shape(data["stride"]), "px from one unit to the next"),
        ("start", _place(data["start"]), "row, column where the box of the first unit begins; negative is padding"),
    ]
    if data["center"] is not None:
        rows.append(("centre", _place(data["center"]), "of this unit's box, with its padding"))
    words = "of the box" if pattern["coverage"] is not None else pattern["status"]
    rows.append(("touched", format_coverage(pattern["coverage"]), words))
    if data["paths"] is not None:
        rows.append(("paths", format_count(data["paths"]), "from the image to the unit, channels not told apart"))
    print(format_notes(rows))
    seen = [("on the image", support)]
    if support.convolutional:
        seen.append(("windows alone", support.convolutional))
    seen += [(f"through {escape(name)}", each) for name, each in branches.items()]
    print()
    header = ("", "rows", "columns", "touched", "of the box", "cut off at the border")
    print(format_table(header, [(name, *_line(each)) for name, each in seen], "<>>>><"))


def _describe_status(support: UnitSupport) -> str:
    if support.convolutional is not None:
        return (
            "whole input: attention, a gate, group norm, global pooling or flattening has the unit depend on all of a "
            "map; beside it stands what convolutions and pooling windows alone see, with gates open and the middle "
            "unit of a pooling"
        )
    return support.status


def _line(support: UnitSupport) -> tuple[str, ...]:
    if support.box is None or support.touched is None:
        return "–", "–", "0" if support.known else "–", "–", "" if support.known else support.status
    top, left, bottom, right = support.box
    around = support.unclipped
    cut = "" if support.clipped_to is None or around is None else (
        f"of {around.bottom - around.top:,}×{around.right - around.left:,} with padding"
    )  # fmt: skip
    touched = format_count(support.touched), format_coverage(support.coverage)
    return f"{top}–{bottom - 1}", f"{left}–{right - 1}", *touched, cut


def _place(place: list[float]) -> str:
    return ", ".join(format_decimal(each, 0 if each == int(each) else 1) for each in place)
