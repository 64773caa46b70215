"""Named architectures: a decorator to register one, functions to list and get them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import NamedTuple

from ..architecture import Architecture
from ..text import quote


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A published number. ``metric`` names a field of ``analysis.Totals`` where the product computes it too."""

    metric: str
    """'params', 'macs', 'training_params' ... or a measurement such as 'top1_percent'."""
    value: float
    """The number, in the unit that its metric names."""
    source: str
    """Where it was published."""
    exact: bool = True
    """False for a rounded or approximate number."""
    note: str = ""
    """A remark that is needed to interpret it; '' for none."""
    year: int | None = None
    """When it was published; None where that is not known."""


class Parent(NamedTuple):
    """A network that another one grew from, and what was changed on the way."""

    name: str
    """A name of the catalogue."""
    change: str
    """What the child changed or took over, in one short sentence without a full stop."""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a network stands in the family tree."""

    year: int
    """When it was first published."""
    paper: str
    """Authors, title, place, number on arXiv."""
    parents: tuple[Parent, ...] = ()
    """What it grew from, by its authors' own account: the nearest first; () for the first of the family."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One network of the catalogue."""

    name: str
    """Key in links and on the command line."""
    title: str
    """The network's name for people."""
    summary: str
    """One sentence: what it is and why it is here."""
    source: str
    """Document or paper."""
    repairs: tuple[str, ...] = ()
    """Slips of the source that were put right, each named."""
    differences: tuple[str, ...] = ()
    """Where this network, as it is shipped, is not what was published, each named."""
    facts: tuple[Fact, ...] = ()
    """Published numbers, shown beside the product's own."""
    tags: tuple[str, ...] = ()
    """What it has and is for, by which it is found and filtered."""
    group: str = "other"
    """A key of ``GROUPS``: where the catalogue shows it."""
    lineage: Lineage | None = None
    """Its place in the family tree; None for a network that has none, or that is another form of one that has."""
    form_of: str = ""
    """The network of the family tree that this is another form of: as shipped by a library, of another size."""
    make: Callable[[], Architecture] = field(repr=False)
    """The function that makes the network."""

    @cached_property
    def architecture(self) -> Architecture:
        """The value, made once."""
        return self.make()


_ENTRIES: dict[str, Entry] = {}

GROUPS: dict[str, str] = {
    "course": "Course notes",
    "before": "Before GoogLeNet",
    "family": "GoogLeNet and its successors",
    "later": "Networks after Inception",
    "small": "Small networks to train in minutes",
    "lesson": "Lessons",
    "other": "Others",
}
"""Headings of the catalogue, in the order in which they are shown, by the names for links and the command line."""

ALIASES: dict[str, str] = {
    "inception-v1": "googlenet",
    "googlenet-d2l": "googlenet-96",
    "lenet": "lenet-5",
    "lenet5": "lenet-5",
    "vgg16": "vgg-16",
    "vgg11": "vgg-11",
    "network-in-network": "nin",
    "inception-v2": "bn-inception",
    "bninception": "bn-inception",
    "inceptionv3": "inception-v3",
    "inceptionv4": "inception-v4",
    "inceptionresnetv1": "inception-resnet-v1",
    "inceptionresnetv2": "inception-resnet-v2",
    "legacy-xception": "xception",
    "resnet18": "resnet-18",
    "resnet50": "resnet-50",
    "resnext": "resnext-50",
    "resnext50": "resnext-50",
    "resnext50-32x4d": "resnext-50",
    "squeezenet": "squeezenet-1.1",
    "squeezenet1-1": "squeezenet-1.1",
    "squeezenet1.1": "squeezenet-1.1",
    "densenet": "densenet-121",
    "densenet121": "densenet-121",
    "mobilenetv2": "mobilenet-v2",
    "mobilenetv2-100": "mobilenet-v2",
    "repvgg": "repvgg-a0",
    "efficientnet": "efficientnet-b0",
    "efficientnetb0": "efficientnet-b0",
    "convnext": "convnext-t",
    "convnext-tiny": "convnext-t",
    "inceptionnext": "inceptionnext-t",
    "inception-next-tiny": "inceptionnext-t",
    "ghostnet": "ghostnet-1.0",
    "ghostnet-100": "ghostnet-1.0",
}
"""Other names that people use, so that links written with them work."""


def register(
    name: str,
    *,
    title: str,
    summary: str,
    source: str,
    repairs: tuple[str, ...] = (),
    differences: tuple[str, ...] = (),
    facts: tuple[Fact, ...] = (),
    tags: tuple[str, ...] = (),
    group: str = "other",
    lineage: Lineage | None = None,
    form_of: str = "",
) -> Callable[[Callable[[], Architecture]], Callable[[], Architecture]]:
    """Add the network that a function makes to the catalogue; a decorator.

    Args:
        name: Key in links and on the command line; it does not begin as the text of a link does.
        title: The network's name for people.
        summary: One sentence, what it is and why it is here.
        source: Document or paper.
        repairs: Slips of the source that were put right, each named.
        differences: Where this network, as it is shipped, is not what was published, each named.
        facts: Published numbers, shown beside the product's own.
        tags: What it has and is for, by which it is found and filtered.
        group: A key of ``GROUPS``.
        lineage: Its place in the family tree; None for a network that has none.
        form_of: The network of the family tree that this is another form of; "" for none.

    Returns:
        A decorator that registers the function and returns it. It is called once, when the network is first asked for.

    Raises:
        ValueError: The name is taken, there is no such group, or both a lineage and ``form_of`` are given.
    """
    if group not in GROUPS:
        raise ValueError(f"there is no group {group!r}; there are {', '.join(GROUPS)}")

    if lineage is not None and form_of:
        raise ValueError(f"{name!r} has a place of its own in the family tree or is a form of {form_of!r}, not both")

    def add(make: Callable[[], Architecture]) -> Callable[[], Architecture]:
        if name in _ENTRIES:
            raise ValueError(f"the catalogue already has {name!r}")
        _ENTRIES[name] = Entry(
            name=name, title=title, summary=summary, source=source, repairs=repairs,
            differences=differences, facts=facts, tags=tags, group=group, lineage=lineage, form_of=form_of, make=make,
        )  # fmt: skip
        _name_by_value.cache_clear()
        return make

    return add


def names() -> list[str]:
    """List the names of all networks.

    Returns:
        The names in the order of the catalogue; aliases are not among them.
    """
    return list(_ENTRIES)


def entries() -> list[Entry]:
    """List the entries of all networks.

    Returns:
        The entries in the order of the catalogue.
    """
    return list(_ENTRIES.values())


def entry(name: str) -> Entry:
    """Find the entry of a name or alias.

    Args:
        name: A name of the catalogue, or one of ``ALIASES``, in any case; spaces and underscores may stand for hyphens.

    Returns:
        The entry.

    Raises:
        ValueError: The catalogue has no such name; the message has the nearest ones.
    """
    plain = re.sub(r"[\s_]+", "-", name.strip().casefold())
    found = _ENTRIES.get(name) or _ENTRIES.get(ALIASES.get(plain, plain))
    if found is None:
        close = difflib.get_close_matches(plain, [*_ENTRIES, *ALIASES], n=3, cutoff=0.4)
        listed = list(dict.fromkeys(ALIASES.get(each, each) for each in close))
        every = "the Catalogue page and `python -m explorer list` have all names"
        hint = f"did you mean {' or '.join(listed)}?" if listed else every
        raise ValueError(f"the catalogue has no {quote(name)}; {hint}")
    return found


def get(name: str) -> Architecture:
    """Find the architecture of a name or alias.

    Args:
        name: A name of the catalogue, or one of ``ALIASES``.

    Returns:
        The architecture, the same value at each call.

    Raises:
        ValueError: The catalogue has no such name; the message has the nearest ones.
    """
    return entry(name).architecture


@cache
def _name_by_value() -> dict[Architecture, str]:
    return {entry.architecture: entry.name for entry in _ENTRIES.values()}


def name_of(architecture: Architecture) -> str | None:
    """Find the catalogue's name of exactly this value, for short links.

    Args:
        architecture: Any architecture.

    Returns:
        The name; None where the value is not in the catalogue, even if only its notes differ.
    """
    return _name_by_value().get(architecture)
