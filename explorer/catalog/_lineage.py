"""The family tree of the catalogue: who grew from whom, in the order of the years."""

from __future__ import annotations

from ._registry import ALIASES, Entry, Fact, Parent, entries


def family() -> list[Entry]:
    """List the networks that have a place in the family tree.

    Returns:
        The entries with a lineage, the oldest first, within a year in the order of the catalogue.
    """
    return sorted((each for each in entries() if each.lineage), key=_year)


def _year(entry: Entry) -> int:
    return entry.lineage.year if entry.lineage else 0


def parents(entry: Entry) -> tuple[Parent, ...]:
    """Find what a network grew from.

    Args:
        entry: An entry; one that is another form of a network has that network's parents.

    Returns:
        The parents that the catalogue has, each with what was changed; () where it has none.
    """
    known = {each.name: each for each in entries()}
    of = known.get(entry.form_of, entry)
    return tuple(each for each in of.lineage.parents if each.name in known) if of.lineage else ()


def children(entry: Entry) -> list[Entry]:
    """Find what grew from a network.

    Args:
        entry: An entry of the family tree.

    Returns:
        The entries that name it as a parent, the oldest first.
    """
    return [each for each in family() if any(parent.name == entry.name for parent in parents(each))]


def forms(entry: Entry) -> list[Entry]:
    """Find the other forms of a network: as a library ships it, of another size.

    Args:
        entry: An entry of the family tree.

    Returns:
        The entries that are a form of it, in the order of the catalogue.
    """
    return [each for each in entries() if each.form_of and ALIASES.get(each.form_of, each.form_of) == entry.name]


def published_accuracy(entry: Entry) -> Fact | None:
    """Find the top-1 accuracy on ImageNet that was published for exactly this network.

    Args:
        entry: An entry.

    Returns:
        Its first fact of the metric 'top1_percent', in percent; None where none was published.
    """
    return next((fact for fact in entry.facts if fact.metric == "top1_percent"), None)
