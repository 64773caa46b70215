"""The family tree laid out: parents stand above their children, and no two networks in one place."""

from __future__ import annotations

import itertools

from explorer import catalog
from explorer.catalog import Lineage, Parent
from explorer.catalog._registry import _ENTRIES, _name_by_value
from explorer.comparison import lay_out_family


def test_parents_stand_above_children_and_nobody_in_anothers_place() -> None:
    tree = lay_out_family()
    places = {node["name"]: (node["row"], node["lane"]) for node in tree["nodes"]}
    assert len(set(places.values())) == len(places) == len(catalog.family())
    assert list(places.values()) == sorted(places.values())
    assert all(0 <= lane < tree["lanes"] and 0 <= row < len(tree["rows"]) for row, lane in places.values())
    assert tree["rows"] == sorted(tree["rows"])
    for node in tree["nodes"]:
        assert tree["rows"][node["row"]] == node["year"]
        for parent in node["parents"]:
            assert places[parent["name"]][0] < node["row"]
            assert {"from": parent["name"], "to": node["name"], "change": parent["change"]} in tree["edges"]


def test_a_crowded_year_and_children_of_the_same_year() -> None:
    """Seven of one year side by side, and one that grew from two of them in the row below."""
    before = dict(_ENTRIES)
    names = [f"crowd-{number}" for number in range(7)]
    try:
        for name, parents in [*((name, ("googlenet",)) for name in names), ("youngest", tuple(names[2:4]))]:
            lineage = Lineage(year=2016, paper="none", parents=tuple(Parent(each, "nothing") for each in parents))
            catalog.register(name, title=name, summary="", source="", lineage=lineage)(
                lambda: catalog.get("inception-block")
            )
        tree = lay_out_family()
        found = {node["name"]: node for node in tree["nodes"]}
        assert tree["lanes"] >= 7
        assert len({found[name]["lane"] for name in names}) == 7
        assert len({found[name]["row"] for name in names}) == 1
        assert found["youngest"]["row"] == found[names[0]]["row"] + 1
        crossing = [
            (a, b) for a, b in itertools.pairwise(names)
            if found[a]["lane"] > found[b]["lane"]
        ]  # fmt: skip
        assert not crossing
    finally:
        _ENTRIES.clear()
        _ENTRIES.update(before)
        _name_by_value.cache_clear()
