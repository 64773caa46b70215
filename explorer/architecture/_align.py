"""Which node of one network is which of another, and the networks between the two.

A match is a ``Pair``; the differences are ``Change``s with a bit each, and ``Pair.render`` gives the node with any
subset of them applied. Names cost nothing, so the networks in between carry the later network's names, and a dash
before those of nodes that only the earlier one has.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pydantic

from . import edit
from ._architecture import Architecture
from ._changes import Change, ChangeKind, Record
from ._matching import Census, find_core, match_siblings
from ._node_base import settings_of
from ._problems import ArchitectureError, Problem


class Alignment:
    """What became of each node of a network in another, and all networks in between."""

    def __init__(self, before: Architecture, after: Architecture) -> None:
        record = Record(Census.of(before.trunk, after.trunk))
        self._before, self._after = before, after
        self._size = 0
        if before.input_shape != after.input_shape:
            shapes = (before.input_shape, after.input_shape)
            self._size = record.add(kind="changed", path="", field="input_shape", before=shapes[0], after=shapes[1])
        self._trunk = _align(before.trunk, after.trunk, "", record)
        self.changes: tuple[Change, ...]
        """In path order; the place of each is its bit in ``render``."""
        self.changes, self._bits = record.join_moves()

    def render(self, applied: int) -> Architecture:
        """Make the network with some of the changes.

        Args:
            applied: A bit for each change that is made.

        Returns:
            The network, under the later one's names; its layers need not fit together.

        Raises:
            ArchitectureError: The fields of a node contradict one another.
        """
        bits = sum(each for place, each in enumerate(self._bits) if applied >> place & 1)
        shape = (self._after if bits & self._size else self._before).input_shape
        return edit.copy_without_checks(self._after, input_shape=shape, trunk=self._trunk.render(bits))


def _rename(node: Any, name: str) -> Any:
    """The same node under another name, unchecked."""
    return node if node.name == name else edit.copy_without_checks(node, name=name)


def _with_nodes(node: Any, nodes: tuple[Any, ...], **fields: Any) -> Any:
    """The same container around other nodes, unchecked."""
    children = nodes[0] if node.child_field == "body" else nodes
    return edit.copy_without_checks(node, **{**fields, node.child_field: children})


class _Move(NamedTuple):
    """A change among the children of a container."""

    bit: int
    what: Literal["add", "move", "remove"]
    entry: Any
    """The pair that moves, or the node that comes or goes."""
    anchor: _Pair | None
    """The last child before its new place that stays where it is; None if it comes first."""


class _Shell(NamedTuple):
    """A container that was put around a node, or taken away from around it."""

    bit: int
    outer: Any
    place: int
    """Of the node among the children of ``outer``."""
    core: _Pair
    """The node without what is around it."""
    there_when: bool
    """Whether the container is there when the change is applied, or when it is not."""


@dataclass
class _Pair:
    """A node of the earlier network, under the later one's name, and the node of the later network that it became."""

    old: Any
    new: Any
    mask: int = 0
    """Bits of all changes in it."""
    swap: int = 0
    """Bit of the change that puts the new node in the old one's place as a whole; 0 if the node itself is kept."""
    shell: _Shell | None = None
    """What was put around the node or taken away."""
    fields: dict[str, int] = field(default_factory=dict)
    """Bits by changed field."""
    order: list[_Move] = field(default_factory=list)
    """Changes among the children, in the later network's order."""
    inside: _Pair | None = None
    """The same two as sequences, where one of them was a layer that has become one among others, or the reverse."""
    start: list[Any] = field(default_factory=list)
    """The earlier children: pairs, and nodes that will be removed."""
    _last: tuple[int, Any] = (0, None)

    def render(self, applied: int) -> Any:
        """The node with these changes applied. Raises ArchitectureError where its fields contradict."""
        now = applied & self.mask
        if not now:
            return self.old
        if now == self.mask:
            return self.new
        if self._last[0] != now:
            self._last = (now, self._between(now))
        return self._last[1]

    def _between(self, now: int) -> Any:
        if self.swap:
            return self.new if now & self.swap else self.old
        if self.inside:
            return self.inside.render(now)
        if self.shell:
            core = self.shell.core.render(now)
            if bool(now & self.shell.bit) != self.shell.there_when:
                return _rename(core, self.new.name)
            return _fill(self.shell, core, self.new.name)
        values = {name: getattr(self.new, name) for name, bit in self.fields.items() if bit & now}
        if not self.new.child_field:
            try:
                return edit.with_fields(self.old, **values)
            except pydantic.ValidationError as error:
                raise ArchitectureError([Problem(path="", message=str(error))]) from None
        nodes = tuple(each.render(now) if isinstance(each, _Pair) else each for each in self._children(now))
        if self.new.op == "parallel" and not nodes:  # its old branches gone, the new ones not yet come
            raise ArchitectureError([Problem(path="", message="a block needs at least one branch")])
        return _with_nodes(self.old, nodes, **values)

    def _children(self, now: int) -> list[Any]:
        """The entries in the order that the applied changes give. All applied is the later network's order."""
        gone = {id(step.entry) for step in self.order if step.bit & now and step.what != "add"}
        behind: dict[int, list[Any]] = {}
        for step in self.order:
            if step.bit & now and step.what != "remove":
                behind.setdefault(id(step.anchor), []).append(step.entry)
        entries = behind.get(id(None), [])
        for entry in self.start:
            entries += [entry] if id(entry) not in gone else []
            entries += behind.get(id(entry), [])
        return entries


def _fill(shell: _Shell, core: Any, name: str) -> Any:
    children = list(shell.outer.nodes)
    children[shell.place] = _rename(core, children[shell.place].name)
    return _with_nodes(shell.outer, tuple(children), name=name)


def _align(old: Any, new: Any, path: str, record: Record) -> _Pair:
    """Match two nodes at a path of the later network, and note what differs between them."""
    if old.op != new.op:
        return _align_exchanged(old, new, path, record)
    pair = _Pair(old=old, new=new)
    if old is new:
        return pair
    was, now = settings_of(old), settings_of(new)
    for name in was:
        if was[name] != now[name]:
            kind = "rewritten" if old.meaning[name] == new.meaning[name] else "changed"
            pair.fields[name] = record.add(
                kind=kind, path=path, op=new.op, field=name, before=was[name], after=now[name]
            )
            pair.mask |= pair.fields[name]
    if not old.child_field:
        pair.old = _rename(old, new.name)
        return pair
    _align_children(pair, path, record)
    nodes = tuple(each.old if isinstance(each, _Pair) else each for each in pair.start)
    pair.old = _with_nodes(old, nodes, name=new.name)
    return pair


def _align_exchanged(old: Any, new: Any, path: str, record: Record) -> _Pair:
    """Two nodes of different kinds: one is the other with something around it, or stands in its place."""
    if _is_one_of(new, old) or _is_one_of(old, new):
        lane, other = (new, old) if new.op == "sequence" else (old, new)
        alone = _with_nodes(lane, (other,))
        inside = _align(*((alone, new) if lane is new else (old, alone)), path, record)
        return _Pair(_rename(old, new.name), new, mask=inside.mask, inside=inside)
    place = find_core(new, old)
    if place is not None:
        bit = record.add(path=path, **_describe_shell("wrapped", new, place, old, new))
        child = new.nodes[place]
        core = _align(old, child, f"{path}/{child.name}" if path else child.name, record)
        shell = _Shell(bit, new, place, core, there_when=True)
        return _Pair(_rename(shell.core.old, new.name), new, mask=bit | shell.core.mask, shell=shell)
    place = find_core(old, new)
    if place is not None:
        bit = record.add(path=path, **_describe_shell("unwrapped", old, place, old, new))
        shell = _Shell(bit, old, place, _align(old.nodes[place], new, path, record), there_when=False)
        return _Pair(_fill(shell, shell.core.old, new.name), new, mask=bit | shell.core.mask, shell=shell)
    bit = record.add(kind="replaced", path=path, op=old.op, before=old.op, after=new.op)
    return _Pair(_rename(old, new.name), new, mask=bit, swap=bit)


def _is_one_of(lane: Any, layer: Any) -> bool:
    """Whether a sequence holds what was a layer alone, and others beside it. An attention behind it is told as such."""
    place = find_core(lane, layer) if lane.op == "sequence" and len(lane.nodes) > 1 else None
    if place is None:
        return False
    return [child.op for at, child in enumerate(lane.nodes) if at != place] != ["attention"]


def _describe_shell(kind: ChangeKind, outer: Any, place: int, old: Any, new: Any) -> dict[str, Any]:
    """The change in the words of the editor, where it has some: a shortcut, or attention behind the node."""
    around = [child for at, child in enumerate(outer.nodes) if at != place]
    if outer.op == "residual":
        words = ("shortcut", outer.shortcut)
    elif outer.op == "sequence" and [child.op for child in around] == ["attention"]:
        words = ("attention", around[0].kind)
    else:
        return {"kind": kind, "op": old.op, "before": old.op, "after": new.op}
    core = outer.nodes[place]
    before, after = ("off", words[1]) if kind == "wrapped" else (words[1], "off")
    return {"kind": kind, "op": core.op, "field": words[0], "before": before, "after": after}


def _align_children(pair: _Pair, path: str, record: Record) -> None:
    old, new = pair.old.nodes, pair.new.nodes
    partner = match_siblings(old, new, record.census)  # place in new → place in old
    stay = _longest_rise([partner[place] for place in sorted(partner)])
    kept = set(partner.values())
    gone = [place for place in range(len(old)) if place not in kept]
    entries: dict[int, Any] = {place: _rename(old[place], f"-{old[place].name}") for place in gone}

    anchor: _Pair | None = None

    def remove(place: int) -> None:
        was = f"{path}/{old[place].name}" if path else old[place].name
        note(record.remove(was, old[place]), "remove", entries[place])

    def note(bit: int, what: Literal["add", "move", "remove"], entry: Any) -> None:
        pair.order.append(_Move(bit, what, entry, anchor))
        pair.mask |= bit

    for place, node in enumerate(new):
        below = f"{path}/{node.name}" if path else node.name
        mine = partner.get(place)
        if mine is None:
            note(record.insert(below, node), "add", node)
            continue
        while gone and mine in stay and gone[0] < mine:
            remove(gone.pop(0))
        if old[mine].name != node.name:
            record.add(kind="renamed", path=below, op=node.op, before=old[mine].name, after=node.name)
        places = {"before": mine + 1, "after": place + 1}
        moved = None if mine in stay else record.add(kind="moved", path=below, op=node.op, **places)
        inner = _align(old[mine], node, below, record)
        pair.mask |= inner.mask
        entries[mine] = inner
        if moved is None:
            anchor = inner
        else:
            note(moved, "move", inner)
    for place in gone:
        remove(place)
    pair.start = [entries[place] for place in range(len(old))]


def _longest_rise(numbers: list[int]) -> set[int]:
    """The most numbers that stand in rising order: those that did not move."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        place = bisect_left(tails, number)
        before.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(number)
            ends.append(index)
        else:
            tails[place], ends[place] = number, index
    kept = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        kept.add(numbers[index])
        index = before[index]
    return kept
