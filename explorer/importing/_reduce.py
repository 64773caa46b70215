"""Graph → series-parallel tree: what stands behind one another, and what stands side by side and is joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ._graph import Graph, Operation
from ._patterns import users_of
from ._problem import Crosses, DoesNotFit

JOINS = ("add", "multiply", "concat")


@dataclass(frozen=True)
class Step:
    """One operation."""

    operation: Operation

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All that it is made of."""
        return (self.operation,)


@dataclass(frozen=True)
class Join:
    """Branches on one value, and the operation that joins them."""

    operation: Operation
    branches: tuple[tuple[Step | Join, ...], ...]
    """Each in the order of computation; an empty one passes the value on."""
    operations: tuple[Operation, ...] = field(repr=False)
    """All that it is made of."""


Item = Step | Join


class Reduction:
    """The tree of a graph, found from its dominators.

    The dominator of a join, through which every path from the image to it leads, is where its branches begin. In a
    graph without cycles one pass in the order of computation finds them (Cooper, Harvey & Kennedy 2001).
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.by_name = {each.name: each for each in graph.operations}
        self.users = users_of(graph.operations)
        self.dominator: dict[str, str] = {}
        self.depth = {Graph.INPUT: 0}
        for each in graph.operations:
            at = each.inputs[0] if each.inputs else Graph.INPUT
            for name in each.inputs[1:]:
                at = self._common(at, name)
            self.dominator[each.name] = at
            self.depth[each.name] = self.depth[at] + 1

    def trunk(self) -> list[str]:
        """The values through which every path from the image to the result leads, the result last."""
        found, at = [], self.graph.output
        while at != Graph.INPUT:
            found.append(at)
            at = self.dominator[at]
        return found[::-1]

    def between(self, start: str, end: str) -> tuple[Item, ...]:
        """What leads from one value to another that it dominates.

        Raises:
            DoesNotFit: Something in between is used across branches.
        """
        items: list[Item] = []
        while end != start:
            operation = self.by_name[end]
            if len(operation.inputs) < 2:
                if not operation.inputs:
                    raise DoesNotFit(end, "it depends on nothing")
                items.append(Step(operation))
                end = operation.inputs[0]
                continue
            if operation.kind not in JOINS:
                raise DoesNotFit(end, str(operation.settings.get("reason", "it has several inputs")))
            begin = self.dominator[end]
            items.append(self._join(operation, begin, operation.inputs))
            end = begin
        return tuple(reversed(items))

    def _join(self, operation: Operation, begin: str, ends: Sequence[str]) -> Join:
        sets = [self.collect(begin, end) for end in ends]
        groups = _group(sets, contiguous=operation.kind == "concat")
        if len(groups) == 1 and len(ends) > 1:
            raise Crosses(*self._crossing(sets))
        branches: list[tuple[Item, ...]] = []
        for group in groups:
            inner = [ends[number] for number in group]
            if len(group) == 1:
                branches.append(self.between(begin, inner[0]))
            else:  # they share something further on: a join within the join
                nearer = inner[0]
                for name in inner[1:]:
                    nearer = self._common(nearer, name)
                branches.append((*self.between(begin, nearer), self._join(operation, nearer, inner)))
        inside = self._ordered(set().union(*sets))
        block = {operation.name, *(each.name for each in inside)}
        for each in inside:
            beyond = [user.name for user in self.users[each.name] if user.name not in block]
            if beyond:
                raise Crosses(each.name, f"its result is used by {beyond[0]}, too, outside of its block")
        return Join(operation, tuple(branches), (*inside, operation))

    def collect(self, begin: str, end: str) -> set[str]:
        """What leads from one value to another that it dominates: names, the other with it."""
        found: set[str] = set()
        todo = [end]
        while todo:
            name = todo.pop()
            if name != begin and name not in found:
                found.add(name)
                todo += self.by_name[name].inputs
        return found

    def _crossing(self, sets: Sequence[set[str]]) -> tuple[str, str]:
        for number, one in enumerate(sets):
            for other in sets[number + 1 :]:
                for each in self._ordered(one & other):
                    users = sorted({user.name for user in self.users[each.name]})
                    if len(users) > 1:
                        return each.name, f"its result crosses branches: {', '.join(users[:4])} read it"
        return self._ordered(sets[0])[0].name, "its result crosses branches"

    def _ordered(self, names: set[str]) -> tuple[Operation, ...]:
        """Operations in the order of computation; a set's own order is another in each process."""
        return tuple(each for each in self.graph.operations if each.name in names)

    def _common(self, one: str, other: str) -> str:
        while one != other:
            if self.depth[one] < self.depth[other]:
                one, other = other, one
            one = self.dominator[one]
        return one


def _group(sets: Sequence[set[str]], *, contiguous: bool) -> list[list[int]]:
    """Numbers of sets that have something in common; where the order counts, with all that stand between them."""
    groups: list[list[int]] = [[number] for number in range(len(sets))]
    merged = True
    while merged:
        merged = False
        for i in range(len(groups)):
            for j in range(i + 1, len(groups)):
                one = set().union(*(sets[number] for number in groups[i]))
                if any(one & sets[number] for number in groups[j]):
                    parts = groups[i : j + 1] if contiguous else [groups[i], groups[j]]
                    rest = [each for each in groups if each not in parts]
                    groups = sorted([*rest, sorted(number for part in parts for number in part)])
                    merged = True
                    break
            if merged:
                break
    return groups
