"""What changed between two architectures, and whether they are one network."""

from __future__ import annotations

from collections.abc import Iterable

from ._align import Alignment
from ._architecture import Architecture
from ._changes import NAMES_ONLY, Change
from ._groups import ChangeGroup, group_changes

_TOLD = 3
"""Groups of changes that one sentence names."""


def diff(before: Architecture, after: Architecture) -> list[Change]:
    """Find what changed between two architectures: by structure first, and by names where that leaves a choice.

    A container that was added or removed is one change; what is inside it is not listed again. So is a shortcut or an
    attention around a block. Notes and provenance are not part of the network and are not compared.

    Args:
        before: The earlier architecture.
        after: The later one.

    Returns:
        Changes in the order of ``after``; [] for equal networks.
    """
    names = []
    if before.name != after.name:
        names.append(Change(path="", kind="renamed", field="name", before=before.name, after=after.name))
    return [*names, *Alignment(before, after).changes]


def structural(changes: Iterable[Change]) -> list[Change]:
    """Leave out the changes after which a network computes what it did before.

    Args:
        changes: What ``diff`` gives.

    Returns:
        The others: without new names, and settings that say the same in another way.
    """
    return [change for change in changes if change.kind not in NAMES_ONLY]


def describe_difference(before: Architecture, after: Architecture) -> str:
    """Say in one sentence whether two architectures are one network.

    >>> from explorer import catalog
    >>> network = catalog.get("residual-mnist")
    >>> describe_difference(network, network)
    'The same network: no difference.'

    Args:
        before: The one that is known, such as a teacher's.
        after: The one that is asked about, such as a student's.

    Returns:
        That they are the same, that only names differ and how many, or how many changes lead from one to the other and
        which of them are the most frequent.
    """
    return describe_changes(diff(before, after))


def describe_changes(changes: Iterable[Change]) -> str:
    """Say in one sentence what changes amount to.

    Args:
        changes: What ``diff`` gives.

    Returns:
        As ``describe_difference``.
    """
    found = [change for change in changes if change.path or change.kind != "renamed"]  # a title is no part of it
    groups = group_changes(structural(found))
    count = sum(len(group.changes) for group in groups)
    other_names = sum(change.kind == "renamed" for change in found)
    rewritten = sum(change.kind == "rewritten" for change in found)
    remarks = [f"{other_names:,} {'name differs' if other_names == 1 else 'names differ'}"] if other_names else []
    if rewritten:
        remarks.append(f"{rewritten:,} {'setting is' if rewritten == 1 else 'settings are'} written in another way")
    if count:
        what = f"Another network: {count:,} change{'' if count == 1 else 's'}{_describe_groups(groups)}"
        return f"{what}; besides, {' and '.join(remarks)}." if remarks else f"{what}."
    return f"The same structure: {' and '.join(remarks)}." if remarks else "The same network: no difference."


def _describe_groups(groups: list[ChangeGroup]) -> str:
    """What was done to most nodes; '' where nothing was done to more than one."""
    several = sorted((each for each in groups if len(each.changes) > 1), key=lambda each: -len(each.changes))
    told = ", ".join(each.headline for each in several[:_TOLD])
    if not told:
        return ""
    return f": {told}" if len(groups) == len(several[:_TOLD]) else f", among them {told}"
