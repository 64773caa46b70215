"""Ways out of an edit that is not possible: others in its place; each was tried and gives a working network."""

from __future__ import annotations

import contextlib
import difflib
import re
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice, product
from posixpath import commonpath
from typing import Any

from ..analysis import Sweep, problems, repair
from ..architecture import (
    MAX_CHANNELS,
    MAX_FEATURES,
    MAX_IMAGE,
    MAX_KERNEL,
    Architecture,
    ArchitectureError,
    Repair,
    branches,
    edit,
    field_label,
)
from ..text import format_setting
from ._commands import MOST_TOGETHER, Command, apply, parse_set
from ._first_changes import Changes, list_companions, list_first_changes, merge
from ._insert import list_parts
from ._typed import as_plain, is_decimal, list_words, parse_number, parse_size

MOST_OFFERS = 3
_MOST_TRIES = 100
"""Neighbours of a number that are tried at most."""
_LOCKED = "No other value fits its neighbours."
_MOST_SECONDS = 0.5
_MOST_LOCKED = 3
"""Positions of a locked slider for which a way is sought."""
_MOST_PAIRS = 16
_MOST_BOTH = 8
_FACTORS = (0.01, 0.1, 0.25, 0.5, 0.75, 1.25, 1.5, 2, 4, 10)
_DECIMALS = (0, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1, 2, 10, 100, 1000)
"""Usual values, among which those nearest to a refused one are tried."""
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
    return list(islice(_all(architecture, command, sweep or Sweep()), MOST_OFFERS))


def _all(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Every way out once, the best first."""
    known = set()
    for ways in (
        _with_companions, _after_others, _with_more_inputs, _elsewhere, _other_words, _nearest,
        _nearest_with_companions,
    ):  # fmt: skip
        # Some ways make no sense for a command, and one that was made by hand may hold anything.
        with contextlib.suppress(ArchitectureError, KeyError, TypeError, ValueError, AttributeError):
            for offer in ways(architecture, command, sweep):
                if str(offer["command"]) not in known:
                    known.add(str(offer["command"]))
                    yield offer


def explain_misfit(architecture: Architecture, command: Command) -> dict[str, Any] | None:
    """Say why a choice does not fit as it is, and find what must change first.

    Args:
        architecture: A working network.
        command: What the choice sends.

    Returns:
        {"text": why, "offers": buttons}; None where it fits.
    """
    try:
        why = problems(apply(architecture, command))
    except ArchitectureError as error:
        why = error.problems
    if not why:
        return None
    return {"text": f"Not changed: {why[0]}.", "offers": find_ways_out(architecture, command)}


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
    beside, first = list(list_companions(architecture, path, fields)), list(_all_first_changes(architecture, command))
    both = (merge(*each) for each in product(beside, first))
    for more in chain(beside, first, islice(both, _MOST_BOTH)):
        changes = merge({path: fields}, more)
        changed = _try(architecture, changes, sweep)
        if changed is not None and all(getattr(edit.find(changed, path), name) == fields[name] for name in fields):
            yield _offer(architecture, changes, path)


def _with_more_inputs(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """As many channels of the image as the groups of the first layer divide."""
    if command["do"] != "set" or command.get("field") != "groups":
        return
    _, fields = parse_set(architecture, command)
    groups, channels = fields["groups"], architecture.input_shape[0]
    if not isinstance(groups, int) or groups < 1 or channels % groups == 0:
        return
    more = -(-channels // groups) * groups
    both = {"do": "together", "commands": [{"do": "input", "axis": "channels", "value": more}, command]}
    if _works(architecture, both, sweep):
        label = f"input channels {more:,}, then groups {groups:,}"
        yield {"label": label, "command": both, "hint": label, "off": False}


def _nearest_with_companions(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """A number beside the one that was asked for, with what must change with it."""
    if command["do"] != "set":
        return
    _, fields = parse_set(architecture, command)
    (value,) = fields.values() if len(fields) == 1 else (None,)
    for number in (value - 1, value + 1) if isinstance(value, int) and not isinstance(value, bool) else ():
        yield from islice(_with_companions(architecture, {**command, "value": number}, sweep), 1)


def _all_first_changes(architecture: Architecture, command: Command) -> Iterator[Changes]:
    """Each alone, then the first two together."""
    found = list(list_first_changes(architecture, command))
    yield from found
    if len(found) > 1:
        yield merge(*found[:2])


def _after_others(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """What was asked for after others have changed, or with the repairs that are known."""
    if command["do"] in ("set", "change", "together"):
        return
    for first in _all_first_changes(architecture, command):
        offer = _offer(architecture, first, "")
        yield from _with_repairs(architecture, [offer["command"]], command, [offer["label"]], sweep)
    yield from _with_repairs(architecture, [], command, [], sweep)


def _with_repairs(
    architecture: Architecture, before: list[Command], command: Command, told: list[str], sweep: Sweep
) -> Iterator[dict[str, Any]]:
    """A command after others; where that does not fit, with the known repairs if they leave it in force."""
    try:
        changed = apply(architecture, {"do": "together", "commands": [*before, command]})
        repaired, found = repair(changed)
        if found and apply(repaired, command) != repaired:
            return
    except ArchitectureError:
        return
    repairs = [each.repair for each in found if each.repair]
    rows: list[Command] = [
        {"do": "change", "changes": [{"path": at, "fields": {name: as_plain(value) for name, value in fields}}]}
        for each in repairs for at, fields in each.replacements
    ]  # fmt: skip
    commands = [*before, command, *rows]
    together = {"do": "together", "commands": commands}
    if repaired == architecture or len(commands) > MOST_TOGETHER or not _works(architecture, together, sweep):
        return
    after = dict.fromkeys(f"{each.label} in {', '.join(at for at, _ in each.replacements[:2])}" for each in repairs)
    label = "; ".join([", then ".join([*told, _describe(command)]), *after])
    yield {"label": label, "command": together, "hint": label, "off": False}


def _elsewhere(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """The nearest other places where what was to be inserted, pasted or moved can stand; for a linear layer a head."""
    if command["do"] not in ("insert", "paste", "relocate"):
        return
    what = _describe(command)
    if command["do"] == "insert" and command.get("value") == "linear":
        head = {**command, "value": "head"}
        if _works(architecture, head, sweep):
            label = "insert a head here: global pooling, flatten, linear"
            yield {"label": label, "command": head, "hint": label, "off": False}
    names = [node.name for node in architecture.trunk.nodes]
    if not names:
        return
    key = "target" if command["do"] == "relocate" else "path"
    beside = str(command.get(key, "")).partition("/")[0]
    at = names.index(beside) + (command.get("place") == "after") if beside in names else len(names)
    until = time.monotonic() + 3 * _MOST_SECONDS
    for gap in sorted(range(len(names) + 1), key=lambda gap: abs(gap - at)):
        if time.monotonic() > until:
            return
        place = {"place": "before", key: names[gap]} if gap < len(names) else {"place": "after", key: names[-1]}
        tried = {**command, **place}
        if "/" not in str(command.get(key, "")) and gap == at:
            continue
        if _works(architecture, tried, sweep) and apply(architecture, tried) != architecture:
            label = f"{what} {place['place']} {place[key]}"
            yield {"label": label, "command": tried, "hint": label, "off": False}
            return


def _other_words(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """A name of the letters that names may have; what else is removed with a layer; a projection for an identity."""
    found: list[tuple[str, Command]] = []
    if command["do"] == "rename":
        name = re.sub(r"\W+", "_", str(command["value"]).strip(), flags=re.ASCII).strip("_")[:60] or "layer"
        parent, _, own = str(command["path"]).rpartition("/")
        taken = {child.name for child in edit.find(architecture, parent).nodes} - {own}
        name = edit.free_name(name, taken)
        found = [(f"rename to {name}", {**command, "value": name})]
    elif command["do"] == "remove":
        parent, _, own = str(command["path"]).rpartition("/")
        names = [child.name for child in edit.find(architecture, parent).nodes]
        most = len(names) - names.index(own)
        counts = range(int(command.get("count", 1)) + 1, most + 1)
        found = [(f"remove {count} layers, from {own} on", {**command, "count": count}) for count in counts]
    elif command.get("value") == "identity":
        found = [(f"{_describe({**command, 'value': 'projection'})}", {**command, "value": "projection"})]
    for label, tried in found:
        if _works(architecture, tried, sweep) and apply(architecture, tried) != architecture:
            yield {"label": label, "command": tried, "hint": label, "off": False}
            return


def _describe(command: Command) -> str:
    """What a command does, in a few words that follow 'then'."""
    verb, value = command["do"], command.get("value")
    if verb == "insert":
        return f"insert {list_parts()[str(value)][0].partition(':')[0]}"
    if verb in ("add_branch", "change_kind"):
        return f"{'add' if verb == 'add_branch' else 'change into'} {branches.BRANCH_KINDS[str(value)][0]}"
    if verb == "wrap":
        return f"wrap in a {'split' if value == 'parallel' else value}"
    if verb in ("residual", "attention", "norm", "activation", "stride", "outputs"):
        return f"{'channels of every branch' if verb == 'outputs' else verb} {format_setting(value)}"
    if verb == "input":
        return f"input {command.get('axis', '')} {value}"
    if verb == "set":
        return f"{field_label(str(command['field']))} {format_setting(value)}"
    words = {"fuse": "fusion", "relocate": "move it", "paste": "paste", "apply_to_all": "apply to all blocks"}
    return " ".join(str(each) for each in (words.get(verb, verb), value if verb in ("fuse", "width") else "") if each)


def _openers(architecture: Architecture, command: Command, values: list[Any], sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Changes of other fields after which a slider has more than one position."""
    for first in list_first_changes(architecture, command):
        changed = _try(architecture, first, sweep)
        if changed is None:
            continue
        possible = (each for each in values if _works(changed, {**command, "value": each}, sweep))
        if len(list(islice(possible, 2))) == 2:
            offer = _offer(architecture, first, str(command["path"]))
            yield {**offer, "label": f"first: {offer['label']}"}


def _nearest(architecture: Architecture, command: Command, sweep: Sweep) -> Iterator[dict[str, Any]]:
    """The nearest values on both sides that are possible."""
    if command["do"] not in ("set", "input", "outputs", "classes", "stride", "width") or "value" not in command:
        return
    op = ""
    if command["do"] == "set":
        op = edit.find(architecture, str(command["path"])).op
    what = field_label(str(command.get("field") or f"{command['do']} {command.get('axis', '')}".strip()), op)
    until = time.monotonic() + _MOST_SECONDS
    for values in _list_nearest(architecture, command):
        for value in values:
            if time.monotonic() > until:  # of the largest networks a single try takes long
                return
            tried = {**command, "value": as_plain(value)}
            if _works(architecture, tried, sweep):
                if apply(architecture, tried) != architecture:
                    label = f"{what} {format_setting(value)}"
                    yield {"label": label, "command": tried, "hint": label, "off": False}
                break


def _list_nearest(architecture: Architecture, command: Command) -> Iterator[Iterable[Any]]:
    """Values to try instead of one, the nearest first: for each side of it, or of all kinds that there are."""
    value = command["value"]
    kind = type(edit.find(architecture, str(command["path"]))) if command["do"] == "set" else None
    try:
        if command["do"] == "width":
            wanted = parse_number(value, "", "")
            yield sorted(_FACTORS, key=lambda factor: abs(factor - wanted))
            return
        if kind is not None and is_decimal(kind, str(command["field"])):
            wanted = parse_number(value, "", "")
            yield sorted(_DECIMALS, key=lambda decimal: abs(decimal - wanted))
            return
        size = parse_size(value, "", "")
    except ArchitectureError:  # no number: a word that is near
        words = list_words(kind, str(command["field"])) if kind is not None else ()
        yield difflib.get_close_matches(str(value)[:40].lower(), words, n=1, cutoff=0.5)
        return
    if isinstance(size, tuple):
        for step in (-1, 1):
            yield [(size[0] + step * far, size[1] + step * far) for far in range(1, _MOST_PAIRS)]
        yield from ([(each, size[1])] for each in (size[0] - 1, size[0] + 1))
        yield from ([(size[0], each)] for each in (size[1] - 1, size[1] + 1))
        return
    below = range(size - 1, max(-1, size - _MOST_TRIES), -1)
    yield chain(below, (most for most in _LIMITS if most < size))
    yield range(max(size + 1, 0), max(size, 0) + _MOST_TRIES)
    if kind is not None and command["field"] == "groups":
        yield ["depthwise"]


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
