"""Ways out of an edit that is not possible: others in its place; each was tried and gives a working network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from posixpath import commonpath
from typing import Any

from ..analysis import Sweep, analyze, problems, repair
from ..architecture import (
    MAX_CHANNELS,
    MAX_FEATURES,
    MAX_IMAGE,
    MAX_KERNEL,
    Architecture,
    ArchitectureError,
    Parallel,
    Repair,
    edit,
    field_label,
    walk,
)
from ..text import format_setting
from ._commands import Command, apply, parse_set
from ._typed import as_plain, parse_integer

Changes = dict[str, dict[str, Any]]
"""Values of fields by the path of their node."""

MOST_OFFERS = 3
_MOST_TRIES = 100
"""Neighbours of a number that are tried at most."""
_LOCKED = "No other value fits its neighbours."
_MOST_SECONDS = 0.5
_MOST_LOCKED = 3
"""Positions of a locked slider for which a way is sought."""
_LIMITS = (MAX_FEATURES, MAX_CHANNELS, MAX_IMAGE, MAX_KERNEL)


def find_ways_out(architecture: Architecture, command: Command, sweep: Sweep | None = None) -> list[dict[str, Any]]:
    """Find edits in the place of one that was refused.

    Args:
        architecture: A working network.
        command: What could not be done.
        sweep: Values of variants, where they are known already.

    Returns:
        At most three buttons as plain data, each with its label and its command: the same value with what must change
        with it, and the nearest values that are possible. The result of each is a working network.
    """
    sweep = sweep or Sweep()
    try:
        found = [*_with_companions(architecture, command, sweep), *_nearest(architecture, command, sweep)]
    except ArchitectureError:  # the command makes no sense at all
        return []
    return list({str(offer["command"]): offer for offer in found}.values())[:MOST_OFFERS]


def explain_lock(
    architecture: Architecture, command: Command, value: Any, values: list[Any], sweep: Sweep
) -> dict[str, Any]:
    """Say why a slider has no other value, and find what must change first.

    Args:
        architecture: A working network.
        command: What the slider sends, without its value.
        value: Where it stands.
        values: Its positions.
        sweep: Values of variants, where they are known already.

    Returns:
        {"text": why, "offers": buttons}: what makes other positions possible, and one of them together with what must
        change with it; each where there is one.
    """
    text = _LOCKED
    first = together = None
    for other in sorted((each for each in values if each != value), key=lambda each: abs(each - value))[:_MOST_LOCKED]:
        wanted = {**command, "value": other}
        try:
            why = problems(apply(architecture, wanted))
            first = first or next(_openers(architecture, wanted, values, sweep), None)
            together = together or next(_with_companions(architecture, wanted, sweep), None)
        except ArchitectureError as error:  # such as an even window, which nothing else makes right
            why = error.problems
        if why and text is _LOCKED:
            text = f"No other value fits as it is: {why[0]}."
        if first and together:
            break
    return {"text": text, "offers": [offer for offer in (first, together) if offer]}


def _with_companions(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """What was asked for, together with what must change with it."""
    if command["do"] != "set":
        return
    path, fields = parse_set(architecture, command)
    for more in (
        *_paddings(architecture, path, fields),
        *_joined_channels(architecture, path, fields),
        *(_merge({path: fields}, first) for first in _first_changes(architecture, command)),
    ):
        changed = _try(architecture, _merge({path: fields}, more), sweep)
        if changed is not None and all(getattr(edit.find(changed, path), name) == fields[name] for name in fields):
            yield _offer(architecture, _merge({path: fields}, more), path)


def _openers(
    architecture: Architecture, command: Command, values: list[Any], sweep: Sweep
) -> Iterator[dict[str, Any]]:
    """Changes of other fields after which a slider has more than one position."""
    for first in _first_changes(architecture, command):
        changed = _try(architecture, first, sweep)
        if changed is None:
            continue
        possible = (each for each in values if _works(changed, {**command, "value": each}, sweep))
        if len(list(islice(possible, 2))) == 2:
            offer = _offer(architecture, first, str(command["path"]))
            yield {**offer, "label": f"first: {offer['label']}"}


def _first_changes(architecture: Architecture, command: Command) -> Iterator[Changes]:
    """What others may have to change before: repairs that are known, sizes kept by a block's windows, its fusion."""
    path = str(command["path"])
    try:
        _, found = repair(apply(architecture, command))
    except ArchitectureError:
        found = ()
    known = _merge(*({at: dict(fields)} for each in found if each.repair for at, fields in each.repair.replacements))
    if known:
        yield known
    for at in _parents(path):
        parallel = edit.find(architecture, at)
        if isinstance(parallel, Parallel):
            windows = {p: n for p, n in walk(parallel, at) if getattr(n, "padding", "same") != "same"}
            if windows:
                yield {each: {"padding": "same"} for each in windows}
            if parallel.fuse != "concat":
                yield {at: {"fuse": "concat"}}


def _paddings(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """Padding as a number: first that which keeps the output's size, then half the window and none."""
    node = edit.find(architecture, path)
    if not hasattr(node, "padding") or "padding" in fields or not fields.keys() & {"kernel_size", "dilation", "stride"}:
        return
    layer = analyze(architecture).by_path[path]
    new = edit.copy_without_checks(node, **{**fields, "padding": 0}).geometry
    kept, half = [], []
    for axis, (given, wanted) in enumerate(zip(layer.input_shape[1:], layer.output_shape[1:], strict=True)):
        reach = new.dilation[axis] * (new.kernel[axis] - 1)
        fits = [p for p in range(reach + 1) if (given + 2 * p - reach - 1) // new.stride[axis] + 1 == wanted]
        kept.append(fits[0] if fits else None)
        half.append(reach // 2)
    for h, w in (kept, half, [0, 0]):
        if h is not None and w is not None:
            yield {path: {"padding": h if h == w else (h, w)}}


def _joined_channels(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """The same channels for all branches that are added or multiplied."""
    channels = fields.get("out_channels")
    for at in _parents(path):
        parallel = edit.find(architecture, at)
        if not isinstance(channels, int) or not isinstance(parallel, Parallel) or parallel.fuse == "concat":
            continue
        ends = [edit.output_conv(branch, f"{at}/{branch.name}") for branch in parallel.branches]
        own = next((end for end in ends if end and end[0] == path), None)
        if own and all(end and channels * own[1] % end[1] == 0 for end in ends):
            yield {end[0]: {"out_channels": channels * own[1] // end[1]} for end in ends if end}


def _nearest(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """The nearest whole numbers on both sides that are possible."""
    if command["do"] not in ("set", "input", "outputs", "classes", "stride") or "value" not in command:
        return
    what = field_label(str(command.get("field") or f"{command['do']} {command.get('axis', '')}".strip()))
    try:
        wanted = parse_integer(command["value"], "", what)
    except ArchitectureError:  # two numbers, or none: there is nothing near it
        return
    below = [*range(wanted - 1, max(-1, wanted - _MOST_TRIES), -1), *(most for most in _LIMITS if most < wanted)]
    until = time.monotonic() + _MOST_SECONDS
    for numbers in (below, range(wanted + 1, wanted + _MOST_TRIES)):
        for number in numbers:
            if time.monotonic() > until:  # of the largest networks a single try takes long
                return
            tried = {**command, "value": number}
            if _works(architecture, tried, sweep):
                if apply(architecture, tried) != architecture:
                    label = f"{what} {number:,}"
                    yield {"label": label, "command": tried, "hint": label, "off": False}
                break


def _parents(path: str) -> list[str]:
    """Paths of the nodes around a node, the nearest first."""
    names = path.split("/")[:-1]
    return ["/".join(names[:end]) for end in range(len(names), 0, -1)]


def _merge(*several: Changes) -> Changes:
    merged: Changes = {}
    for changes in several:
        for path, fields in changes.items():
            merged[path] = {**merged.get(path, {}), **fields}
    return merged


def _try(architecture: Architecture, changes: Changes, sweep: Sweep) -> Architecture | None:
    """The network after the changes, None where they do not give another one that works."""
    replacements = tuple((path, tuple(fields.items())) for path, fields in changes.items())
    try:
        changed = edit.apply_repair(architecture, Repair(label="", replacements=replacements))
    except ArchitectureError:
        return None
    return changed if changed != architecture and sweep.totals(changed) is not None else None


def _works(architecture: Architecture, command: Command, sweep: Sweep) -> bool:
    try:
        return sweep.totals(apply(architecture, command)) is not None
    except ArchitectureError:
        return False


def _offer(architecture: Architecture, changes: Changes, own: str) -> dict[str, Any]:
    """A button for changes of several fields; what changes at the node ``own`` comes first."""
    alike: dict[str, list[str]] = {}
    for path in sorted(changes, key=lambda path: path != own):
        op = edit.find(architecture, path).op
        text = ", ".join(f"{field_label(name, op)} {format_setting(value)}" for name, value in changes[path].items())
        alike.setdefault(text, []).append(path)
    parts = []
    for text, paths in alike.items():
        together = f"{len(paths)} layers of {commonpath(paths) or 'the network'}"
        where = f" of {paths[0]}" if len(paths) == 1 else f" in {together}"
        parts.append(text if paths == [own] else text + where)
    label = "; ".join(parts)
    rows = [
        {"path": path, "fields": {name: as_plain(value) for name, value in fields.items()}}
        for path, fields in changes.items()
    ]
    return {"label": label, "command": {"do": "change", "changes": rows}, "hint": label, "off": False}
