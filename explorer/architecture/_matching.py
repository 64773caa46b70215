"""Which of two lists of siblings is which: by what the nodes are before what they are called.

The match is the one that takes the fewest changes: a node that comes or goes costs 1, a renamed one a quarter (a half
where the name is still there for another), another setting more than half, and nodes whose names both lists have, or of
which one stands elsewhere in the other network, are not taken for one another unless they are equal.
Within the order it is exact (Needleman & Wunsch 1970); what is left over then is looked for elsewhere: it has moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from ._architecture import walk

_ALIGNED = 40_000
"""Pairs of siblings that are weighed; beyond that the names decide."""
_RENAMED = 0.25
_CHANGED = 0.6
"""The first other setting of a node that keeps its name; each further one costs a quarter of it."""
_NEVER = 9.0


class Census(NamedTuple):
    """What two networks have in all: names with structures."""

    lost: frozenset[tuple[str, int]]
    """Those of which the later one has fewer."""
    new: frozenset[tuple[str, int]]
    """Those of which the earlier one has fewer."""

    @classmethod
    def of(cls, old: Any, new: Any) -> Census:
        """Count what is below two nodes."""
        was, now = (Counter((node.name, node.structure) for _, node in walk(root)) for root in (old, new))
        return cls(frozenset(was - now), frozenset(now - was))


def find_core(outer: Any, inner: Any, *, equal: bool = False) -> int | None:
    """The place of the child of ``outer`` that ``inner`` became, if ``outer`` is something put around it.

    With ``equal`` the child must be what ``inner`` is; else it may have other settings where that is plausible.
    """
    children = outer.nodes
    same = [place for place, child in enumerate(children) if child.structure == inner.structure]
    if same or equal or outer.op not in ("residual", "sequence"):
        return same[0] if same else None
    alike = [place for place, child in enumerate(children) if child.op == inner.op]
    if alike:
        return min(alike, key=lambda place: _distance(children[place], inner))
    deeper = (place for place, child in enumerate(children) if child.nodes and find_core(child, inner) is not None)
    return next(deeper, None)


def match_siblings(old: tuple[Any, ...], new: tuple[Any, ...], census: Census) -> dict[int, int]:
    """Match two lists of siblings.

    Args:
        old: The children of a node.
        new: The children of the node that it became.
        census: Of the two networks.

    Returns:
        For places in ``new`` the place in ``old`` of the node that it was; what came has none.
    """
    if len(old) == len(new) == 1:  # one became the other, whatever it is called now; a residual has no other choice
        return {0: 0}
    begin, end = 0, min(len(old), len(new))
    while begin < end and _is_same(old[begin], new[begin]):
        begin += 1
    behind = 0
    while behind < end - begin and _is_same(old[-1 - behind], new[-1 - behind]):
        behind += 1
    found = {place: place for place in range(begin)}
    found.update((len(new) - 1 - place, len(old) - 1 - place) for place in range(behind))
    rows, columns = range(begin, len(old) - behind), range(begin, len(new) - behind)
    if _keep_their_names(old, new, rows, columns):
        found.update(zip(columns, rows, strict=True))
    elif rows and columns:
        if len(rows) * len(columns) <= _ALIGNED:
            _match_in_order(old, new, rows, columns, census, found)
        _match_anywhere(old, new, rows, columns, found)
    return found


def _is_same(a: Any, b: Any) -> bool:
    return a is b or (a.name == b.name and a.structure == b.structure)


def _keep_their_names(old: tuple[Any, ...], new: tuple[Any, ...], rows: range, columns: range) -> bool:
    """Whether the same names follow one another, and no node is what another one was: then nothing is to be weighed."""
    pairs = [(old[row], new[column]) for row, column in zip(rows, columns, strict=False)]
    if len(rows) != len(columns) or any(a.name != b.name for a, b in pairs):
        return False
    others = [(a.structure, b.structure) for a, b in pairs if a.structure != b.structure]
    return {was for was, _ in others}.isdisjoint(now for _, now in others)


def _match_in_order(
    old: tuple[Any, ...], new: tuple[Any, ...], rows: range, columns: range, census: Census, found: dict[int, int]
) -> None:
    names, later_names = ({node.name for node in nodes} for nodes in (old, new))
    staying = {row for row in rows if old[row].name in later_names or _key(old[row]) not in census.lost}
    known = {column for column in columns if new[column].name in names or _key(new[column]) not in census.new}
    costs = [
        [_cost(old[row], new[column], apart=row in staying or column in known) for column in columns] for row in rows
    ]
    best = [[float(i + j) for j in range(len(columns) + 1)] for i in range(len(rows) + 1)]
    for i, line in enumerate(costs):
        above, here = best[i], best[i + 1]
        for j, cost in enumerate(line):
            here[j + 1] = min(above[j] + cost, above[j + 1] + 1, here[j] + 1)
    i, j = len(rows), len(columns)
    while i and j:
        if best[i][j] == best[i - 1][j - 1] + costs[i - 1][j - 1]:
            i, j = i - 1, j - 1
            found[columns[j]] = rows[i]
        elif best[i][j] == best[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1


def _key(node: Any) -> tuple[str, int]:
    return node.name, node.structure


def _cost(a: Any, b: Any, *, apart: bool) -> float:
    """How much it takes to make one node of another; a node that goes and one that comes take 2.

    ``apart`` says that one of the two is still there in the other network, or was.
    """
    same_name = a.name == b.name
    known = 0.0 if same_name else _RENAMED
    exchanged = apart and not same_name
    if a.structure == b.structure:
        return 2 * known if exchanged else known
    if exchanged:
        return _NEVER
    if a.op == b.op:
        return known + _distance(a, b)
    ways = ((b, a), (a, b))
    if any(find_core(outer, inner, equal=not same_name) is not None or _keeps(outer, inner) for outer, inner in ways):
        return known + _CHANGED
    return 1.0 if same_name else _NEVER


def _keeps(outer: Any, inner: Any) -> bool:
    """Whether a container was put around another one that kept its name, whatever was changed within."""
    around = outer.op in ("residual", "sequence")
    return around and any(bool(inner.nodes) and (each.name, each.op) == (inner.name, inner.op) for each in outer.nodes)


def _distance(a: Any, b: Any) -> float:
    """From above 0 to 1.5 for two nodes of one kind."""
    was: dict[str, Any] = a.meaning
    now: dict[str, Any] = b.meaning
    differing: int = sum(was[name] != now[name] for name in was)
    if not a.nodes and not b.nodes:
        return min(_CHANGED + _CHANGED / 4 * (differing - 1), 1.5)
    inside, others = (Counter(child.structure for child in node.nodes) for node in (a, b))
    shared = (inside & others).total() / max(1, (inside | others).total())
    return _CHANGED + 0.9 * (1 - shared)


def _match_anywhere(
    old: tuple[Any, ...], new: tuple[Any, ...], rows: range, columns: range, found: dict[int, int]
) -> None:
    """What moved: equal nodes of one name, then equal containers, then nodes of one name and kind."""
    keys: tuple[Callable[[Any], Any], ...] = (
        lambda node: (node.name, node.structure),
        lambda node: node.structure if node.nodes else None,
        lambda node: (node.name, node.op),
    )
    taken = set(found.values())
    for key in keys:
        there = {key(old[row]): row for row in reversed(rows) if row not in taken}
        there.pop(None, None)
        for column in columns:
            if column not in found and key(new[column]) in there:
                found[column] = there.pop(key(new[column]))
                taken.add(found[column])
