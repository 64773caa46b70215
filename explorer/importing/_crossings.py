"""Graph → graph: branches that read one another become series-parallel, by carrying what they read along as channels.

Where a value is read in two branches, it and all else that is read later are concatenated, and later readers take their
channels out of that. It moves numbers and computes none: scores, parameters and multiply-adds stay the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ._graph import Graph, Operation
from ._patterns import NORMS, users_of
from ._problem import Crosses, DoesNotFit
from ._reduce import Item, Join, Reduction

_MOST = 8
"""Values that are carried together: a parallel node has so many branches."""
_DEEPEST = 5
"""Joins within one another, two containers each, that are left so: in one-shot aggregation every layer nests."""


def untangle(graph: Graph) -> Graph:
    """Carry what crosses branches, as far as that makes the graph series-parallel.

    Args:
        graph: After ``simplify``.

    Returns:
        The same graph where nothing crosses, else one that computes the same.
    """
    if _first_crossing(Reduction(graph)) is None:
        return graph
    graph = _read_from_concats(_slice_for_each_user(graph))
    while True:
        reduction = Reduction(graph)
        segment = _first_crossing(reduction)
        better = next(_cuts(reduction, *segment), None) if segment else None
        if better is None:
            return _join_slices(graph)
        graph = better


def _first_crossing(reduction: Reduction) -> tuple[str, str, bool] | None:
    """Between which two values, through which everything passes, branches cross first, or nest too deep (True)."""
    at = Graph.INPUT
    for end in reduction.trunk():
        try:
            if _nesting(reduction.between(at, end)) > _DEEPEST:
                return at, end, True
        except Crosses:
            return at, end, False
        except DoesNotFit:
            return None
        at = end
    return None


def _nesting(items: Iterable[Item]) -> int:
    """How many joins stand within one another."""
    joins = [each for each in items if isinstance(each, Join)]
    return max((1 + max(map(_nesting, each.branches)) for each in joins), default=0)


def _slice_of(source: Operation, name: str, start: int, stop: int, user: Operation) -> Operation:
    return Operation(
        name=name, kind="slice", inputs=(source.name,), shape=(stop - start, *source.shape[1:]),
        settings={"start": start, "stop": stop}, scope=user.scope[:-1], source=source.source,
    )  # fmt: skip


def _slice_for_each_user(graph: Graph) -> Graph:
    """Slices stand before each of those that read them: their source is what crosses."""
    slices: dict[str, Operation] = {}
    operations = []
    for each in graph.operations:
        if each.kind == "slice":
            whole = slices.get(each.inputs[0])
            if whole:
                settings = {side: whole.settings["start"] + each.settings[side] for side in ("start", "stop")}
                each = replace(each, inputs=whole.inputs, settings=settings)
            slices[each.name] = each
            if each.name != graph.output:
                continue
        reads = []
        for number, name in enumerate(each.inputs):
            part = slices.get(name)
            if part is not None:
                copy = replace(part, name=f"{name}_for_{each.name}_{number}")
                operations.append(copy)
                name = copy.name
            reads.append(name)
        operations.append(replace(each, inputs=tuple(reads)))
    return replace(graph, operations=tuple(operations))


def _read_from_concats(graph: Graph) -> Graph:
    """What is read again behind a concatenation of it is read out of that."""
    by_name = {each.name: each for each in graph.operations}
    within: dict[str, tuple[str, int]] = {}
    """For each value the last concatenation that holds it, and its first channel there."""
    operations: list[Operation] = []
    for each in graph.operations:
        reads = []
        for number, name in enumerate(each.inputs):
            if name in within and each.kind != "slice":
                whole, start = within[name]
                part = _slice_of(
                    by_name[whole], f"{name}_again_{each.name}_{number}", start, start + by_name[name].shape[0], each
                )
                operations.append(part)
                name = part.name
            reads.append(name)
        other = replace(each, inputs=tuple(reads))
        if each.kind == "slice" and each.inputs[0] in within:
            whole, start = within[each.inputs[0]]
            settings = {side: start + each.settings[side] for side in ("start", "stop")}
            other = replace(each, inputs=(whole,), settings=settings)
        operations.append(other)
        if each.kind == "concat":
            start = 0
            for name in each.inputs:
                part_of = by_name.get(name)
                if part_of is not None and part_of.kind != "slice" and each.inputs.count(name) == 1:
                    within[name] = each.name, start
                start += part_of.shape[0] if part_of else graph.input_shape[0]
    return replace(graph, operations=tuple(operations))


def _cuts(reduction: Reduction, begin: str, end: str, deep: bool) -> Iterator[Graph]:
    """Graphs in which all that is read behind some place between two values is carried through it, the best first.

    A place is what leads to a value that is read in several branches; where none will do, any in the model's order.
    """
    inside = reduction.collect(begin, end)
    block = [each for each in reduction.graph.operations if each.name in inside]
    index = {each.name: number for number, each in enumerate(block)}
    read = [each for each in block[:-1] if each.kind != "slice"]
    several = [each for each in read if len({user.name for user in reduction.users[each.name]}) > 1]
    places = [
        (each, reduction.collect(begin, each.name))
        for each in several
        if deep or not _closes(reduction, each.name, index)
    ]
    for each in read:
        after = reduction.users[each.name]
        if len(after) > 1 or after[0].kind not in (*NORMS, "activation"):  # that belongs to its layer
            places.append((each, {other.name for other in block[: index[each.name] + 1]}))
    for last, before in places:
        alive = [
            name
            for name in (begin, *(each.name for each in block if each.name in before))
            if any(user.name in inside and user.name not in before for user in reduction.users[name])
        ]
        graph = _carry(reduction, alive, inside - before, last)
        if graph is None or len(alive) < 2:
            continue
        try:
            Reduction(graph).between(begin, f"{last.name}_carried")
        except DoesNotFit:
            continue
        yield graph


def _closes(reduction: Reduction, name: str, index: dict[str, int]) -> bool:
    """Whether all branches on a value meet again in one that nothing else leads to, without crossing."""
    reached = {name}
    todo = [name]
    while todo:
        for user in reduction.users[todo.pop()]:
            if user.name in index and user.name not in reached:
                reached.add(user.name)
                todo.append(user.name)
    for meeting in sorted(reached - {name}, key=index.__getitem__):
        if reduction.dominator[meeting] == name and len(reduction.by_name[meeting].inputs) > 1:
            try:
                reduction.between(name, meeting)
            except DoesNotFit:
                continue
            between = reduction.collect(name, meeting)
            if all(user.name in between for user in reduction.users[name]):
                return True
    return False


def _carry(reduction: Reduction, alive: list[str], later: set[str], operation: Operation) -> Graph | None:
    """Concatenate values behind an operation, and have later ones read that; None where they do not fit together."""
    graph, by_name = reduction.graph, reduction.by_name
    carried = f"{operation.name}_carried"
    if carried in by_name:  # it was tried there, and the branches cross or nest all the same
        return None
    parts: list[tuple[str, int, int]] = []
    for name in alive:
        shape = by_name[name].shape if name in by_name else graph.input_shape
        if len(shape) != 3 or shape[1:] != operation.shape[1:]:
            return None
        users = [user for user in reduction.users[name] if user.name in later]
        if all(user.kind == "slice" for user in users):
            for start, stop in _merge([(user.settings["start"], user.settings["stop"]) for user in users]):
                parts.append((name, start, stop))
        else:
            parts.append((name, 0, shape[0]))
    if len(parts) > _MOST:
        return None
    made, inputs, offset, offsets = [], [], 0, {}
    for number, (name, start, stop) in enumerate(parts):
        source = by_name.get(name)
        offsets[name, start, stop] = offset
        offset += stop - start
        if source is not None and stop - start < source.shape[0]:
            made.append(_slice_of(source, f"{carried}_{number}", start, stop, operation))
            inputs.append(made[-1].name)
        else:
            inputs.append(name)
    whole = replace(
        operation, name=carried, kind="concat", inputs=tuple(inputs), shape=(offset, *operation.shape[1:]), settings={},
        tensors={}, scope=operation.scope[:-1],
    )  # fmt: skip
    made.append(whole)

    def place(name: str, start: int, stop: int) -> int:
        holds = (part for part in parts if part[0] == name and part[1] <= start and stop <= part[2])
        return next(offsets[part] + start - part[1] for part in holds)

    at = next(number for number, each in enumerate(graph.operations) if each.name == operation.name)
    early = [each for each in graph.operations[: at + 1] if each.name not in later]
    late = [each for each in graph.operations[: at + 1] if each.name in later]
    operations: list[Operation] = [*early, *made]
    for each in (*late, *graph.operations[at + 1 :]):
        if each.name in later and each.kind == "slice" and each.inputs[0] in alive:
            start = place(each.inputs[0], each.settings["start"], each.settings["stop"])
            settings = {"start": start, "stop": start + each.shape[0]}
            operations.append(replace(each, inputs=(carried,), settings=settings))
            continue
        reads = []
        for number, name in enumerate(each.inputs):
            if each.name in later and name in alive:
                length = (by_name[name].shape if name in by_name else graph.input_shape)[0]
                start = place(name, 0, length)
                part = _slice_of(whole, f"{carried}_for_{each.name}_{number}", start, start + length, each)
                operations.append(part)
                name = part.name
            reads.append(name)
        operations.append(replace(each, inputs=tuple(reads)))
    return replace(graph, operations=tuple(operations))


def _merge(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch or overlap, as one."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


def _join_slices(graph: Graph) -> Graph:
    """Neighbouring slices that are concatenated again are one slice; a concatenation of one value is that value."""
    by_name = {each.name: each for each in graph.operations}
    users = users_of(graph.operations)
    operations: list[Operation] = []
    dropped: set[str] = set()
    renamed: dict[str, str] = {}
    for each in graph.operations:
        other = replace(each, inputs=tuple(renamed.get(name, name) for name in each.inputs))
        by_name[each.name] = other
        if each.kind == "concat":
            reads: list[str] = []
            for name in other.inputs:
                last, this = by_name.get(reads[-1]) if reads else None, by_name.get(name)
                if (
                    last and this and last.kind == this.kind == "slice" and last.inputs == this.inputs
                    and last.settings["stop"] == this.settings["start"]
                    and len(users[name]) == len(users[last.name]) == 1
                ):  # fmt: skip
                    settings = {"start": last.settings["start"], "stop": this.settings["stop"]}
                    joined = replace(last, settings=settings, shape=(last.shape[0] + this.shape[0], *last.shape[1:]))
                    by_name[joined.name] = joined
                    dropped.add(name)
                else:
                    reads.append(name)
            if len(reads) == 1:
                dropped.add(each.name)
                renamed[each.name] = reads[0]
            other = replace(each, inputs=tuple(reads))
        operations.append(other)
    output = renamed.get(graph.output, graph.output)
    kept = (each for each in operations if each.name not in dropped)
    whole = tuple(by_name[each.name] if each.kind == "slice" else each for each in kept)
    return replace(graph, operations=whole, output=output)
