"""The family tree of the catalogue as data for the component that draws it: rows of years, lanes, edges, details."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from ..analysis import Totals, analyze
from ..catalog import Entry, Fact, children, family, forms, parents, published_accuracy, steps_of
from ..figures import lay_out_thumbnail
from ..text import format_count, format_decimal, format_extent, format_shape, format_si

_LANES = 5
"""Side by side, at least: so many that a year of several networks does not stretch the page."""


def lay_out_family() -> dict[str, Any]:
    """Lay out the family tree on a timeline, the oldest network first.

    Who grew from whom within one year stands in a row below. In a row each network takes the lane that is nearest to
    the middle of its parents, so that edges are short and do not cross more than they must.

    Returns:
        ``lanes``, how many stand side by side; ``rows``: their years, in order; ``nodes``: name, title, year, place
        (row and lane), small picture, numbers as text, and what there is to tell; ``edges``: parent, child, change.
    """
    members = family()
    ranks = _rank(members)
    rows: dict[tuple[int, int], list[Entry]] = {}
    for entry in members:
        rows.setdefault(ranks[entry.name], []).append(entry)
    ordered = [rows[rank] for rank in sorted(rows)]
    lanes = max(_LANES, *(len(row) for row in ordered)) if ordered else 1
    places = _place(ordered, lanes)
    edges = [
        {"from": parent.name, "to": entry.name, "change": parent.change}
        for entry in members
        for parent in parents(entry)
    ]
    return {
        "lanes": lanes,
        "rows": [year for year, _ in sorted(rows)],
        "nodes": [_node(entry, places[entry.name]) for entry in sorted(members, key=lambda each: places[each.name])],
        "edges": edges,
    }


def _rank(members: list[Entry]) -> dict[str, tuple[int, int]]:
    """(year, generations within the year) of each; members are in the order of the years."""
    ranks: dict[str, tuple[int, int]] = {}

    def rank(entry: Entry) -> tuple[int, int]:
        if entry.name not in ranks:
            year = entry.lineage.year if entry.lineage else 0
            before = [rank(known[parent.name]) for parent in parents(entry)]
            ranks[entry.name] = (year, 1 + max((at for then, at in before if then == year), default=-1))
        return ranks[entry.name]

    known = {entry.name: entry for entry in members}
    for entry in members:
        rank(entry)
    return ranks


def _place(rows: list[list[Entry]], lanes: int) -> dict[str, tuple[int, int]]:
    """(row, lane) of each; the first row stands in the middle."""
    places: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        wanted: dict[str, float] = {}
        for entry in row:
            above = [places[parent.name][1] for parent in parents(entry) if parent.name in places]
            wanted[entry.name] = sum(above) / len(above) if above else (lanes - 1) / 2
        names = sorted(wanted, key=lambda name: wanted[name])
        # The least sum of squares keeps children close to their parents; there are few lanes.
        taken = min(
            combinations(range(lanes), len(names)),
            key=lambda chosen: sum((lane - wanted[name]) ** 2 for lane, name in zip(chosen, names, strict=True)),
        )
        places |= {name: (number, lane) for name, lane in zip(names, taken, strict=True)}
    return places


def _node(entry: Entry, place: tuple[int, int]) -> dict[str, Any]:
    totals = analyze(entry.architecture).totals
    lineage = entry.lineage
    picture = lay_out_thumbnail(entry.architecture)
    return {
        "name": entry.name,
        "title": entry.title,
        "year": lineage.year if lineage else 0,
        "row": place[0],
        "lane": place[1],
        "picture": {
            "at": [[*place, 0.5 if faint else 1.0] for *place, _, faint in picture],
            "kind": [kind for *_, kind, _ in picture],
        },
        "numbers": [
            f"{format_si(totals.params)} params",
            f"{format_si(totals.macs)} MACs",
            f"field {format_extent(totals.receptive_field.size)} px",
        ],
        "accuracy": _accuracy(entry),
        "summary": entry.summary,
        "paper": lineage.paper if lineage else "",
        "notes": [*entry.differences, *entry.repairs],
        "facts": _facts(entry, totals),
        "parents": [{"name": parent.name, "change": parent.change} for parent in parents(entry)],
        "children": [child.name for child in children(entry)],
        "forms": [{"key": form.name, "title": form.title} for form in forms(entry)],
        "steps": [{"key": step.name, "title": step.title} for step in steps_of(entry.name)],
    }


def _facts(entry: Entry, totals: Totals) -> list[list[str]]:
    field = totals.receptive_field
    facts = [
        ["parameters", format_count(totals.params)],
        ["MACs", f"{format_count(totals.macs)} at {format_shape(entry.architecture.input_shape)}"],
        ["receptive field", f"{format_extent(field.size)} px, stride {format_extent(field.stride)}"],
    ]
    for each, fact in _published((entry, *forms(entry))):
        of = "" if each is entry else f" of {each.title}"
        year = f", {fact.year}" if fact.year else ""
        note = f" ({fact.note})" if fact.note else ""
        facts.append([f"top-1 on ImageNet{of}", f"{_percent(fact)} · {fact.source}{year}{note}"])
    return facts


def _published(entries: Iterable[Entry]) -> list[tuple[Entry, Fact]]:
    return [(each, fact) for each in entries if (fact := published_accuracy(each)) is not None]


def _accuracy(entry: Entry) -> str:
    """The published top-1 accuracy, with a star where it is that of another form; '' where there is none."""
    found = _published((entry, *forms(entry)))
    if not found:
        return ""
    return f"top-1 {_percent(found[0][1])}{'' if found[0][0] is entry else ' *'}"


def _percent(fact: Fact) -> str:
    return f"{'' if fact.exact else 'about '}{format_decimal(fact.value, 1)} %"
