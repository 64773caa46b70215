"""The family tree: nobody is older than their parents, forms belong to a member, published accuracies name a source."""

from __future__ import annotations

import pytest

from explorer import catalog
from explorer.catalog import Entry, Lineage


def test_a_network_is_no_older_than_its_parents() -> None:
    known = {entry.name: entry for entry in catalog.entries()}
    members = catalog.family()
    assert [entry.lineage.year for entry in members if entry.lineage] == sorted(
        entry.lineage.year for entry in members if entry.lineage
    )
    for entry in members:
        assert entry.lineage is not None
        assert entry.lineage.paper
        assert len(catalog.parents(entry)) == len(entry.lineage.parents), "the catalogue has every parent"
        for parent in catalog.parents(entry):
            of = known[parent.name].lineage
            assert of is not None, f"{entry.name} grew from {parent.name}, which has no lineage"
            assert of.year <= entry.lineage.year
            assert parent.change
            assert not parent.change.endswith(".")
            assert entry in catalog.children(known[parent.name])


def test_nobody_is_an_ancestor_of_itself() -> None:
    known = {entry.name: entry for entry in catalog.entries()}

    def ancestors(entry: Entry) -> set[str]:
        names = {parent.name for parent in catalog.parents(entry)}
        return names.union(*(ancestors(known[name]) for name in names))

    assert all(entry.name not in ancestors(entry) for entry in catalog.family())


@pytest.mark.parametrize("entry", [entry for entry in catalog.entries() if entry.form_of], ids=lambda entry: entry.name)
def test_a_form_belongs_to_a_member_and_has_its_parents(entry: Entry) -> None:
    member = catalog.entry(entry.form_of)
    assert member.lineage is not None
    assert entry in catalog.forms(member)
    assert catalog.parents(entry) == catalog.parents(member)


def test_a_published_accuracy_is_a_percentage_with_its_source_and_year() -> None:
    found = [catalog.published_accuracy(entry) for entry in catalog.entries()]
    facts = [fact for fact in found if fact is not None]
    assert facts
    assert all(50 < fact.value < 95 and fact.source and fact.year for fact in facts)


def test_two_places_in_the_tree_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        catalog.register(
            "twice", title="", summary="", source="", lineage=Lineage(year=2014, paper="one"), form_of="googlenet"
        )
