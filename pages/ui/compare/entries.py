"""A network of the comparison, and where it can come from."""

from __future__ import annotations

from dataclasses import dataclass

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, from_json
from explorer.runs import validate_run_id
from pages.ui import find_networks, session
from pages.ui.manager import manager


@dataclass(frozen=True)
class Entry:
    """One network of the comparison."""

    architecture: Architecture
    label: str
    """Unique on the page; the text as the user knows it, to be shown with ``literal``."""
    origin: str
    """'catalogue:NAME', 'run:ID', 'design', 'link' or 'json'."""

    @property
    def token(self) -> str:
        """What stands for it in an address. Raises ArchitectureError where the network is too large for one."""
        kind, _, name = self.origin.partition(":")
        return name if kind in ("catalogue", "run") else session.short_link(self.architecture)


def from_token(text: str) -> Entry:
    """A catalogue's name, a run's id, or a link's text. Raises ValueError in one sentence."""
    if text[:1].isdigit() and "." not in text:  # as no name of the catalogue and no link
        return from_run(text)
    value = find_networks.resolve(text)
    analyze(value)
    return from_architecture(value, "link")


def from_catalogue(name: str) -> Entry:
    """An entry of the catalogue by name or alias. Raises ValueError with the nearest names."""
    found = catalog.entry(name)
    return Entry(found.architecture, found.architecture.name, f"catalogue:{found.name}")


def from_run(run: str) -> Entry:
    """What a run trains. Raises ValueError where there is no such run."""
    found = manager().run(validate_run_id(run))
    return Entry(from_json(found.architecture), found.name, f"run:{found.id}")


def from_design() -> Entry:
    """The design of this session, as it is now."""
    value = session.architecture()
    return Entry(value, value.name, "design")


def from_architecture(value: Architecture, origin: str) -> Entry:
    """The catalogue's own where the value is exactly that."""
    name = catalog.name_of(value)
    return from_catalogue(name) if name else Entry(value, value.name, origin)
