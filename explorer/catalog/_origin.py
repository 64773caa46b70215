"""What a network that is not in the catalogue was made from: the catalogue's own, and how far it is from that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..architecture import Architecture, diff, edit, structural
from ._registry import Entry, entries, name_of


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The network of the catalogue that another one was made from."""

    entry: Entry
    """The network that it was made from."""
    changes: int
    """Structural changes since, as ``architecture.diff`` finds them."""

    @property
    def short(self) -> str:
        """'Based on GoogLeNet, 3 changes'."""
        count = f"{self.changes:,} change{'' if self.changes == 1 else 's'}" if self.changes else "only names differ"
        return f"Based on {self.entry.architecture.name}, {count}"

    def __str__(self) -> str:
        return f"{self.short} · {self.entry.source}"


@lru_cache(maxsize=256)
def find_origin(architecture: Architecture) -> Origin | None:
    """Find what a network was made from, by the provenance that edits leave as it is.

    Args:
        architecture: Any architecture.

    Returns:
        The network of the catalogue with that provenance, of several the one of that title or else the nearest; None
        for a network of the catalogue itself, and for one that comes from elsewhere.
    """
    if name_of(architecture):
        return None
    known = [entry for entry in entries() if _names(architecture.provenance, entry)]
    known = [entry for entry in known if entry.architecture.name == architecture.name] or known
    found = [Origin(entry=each, changes=len(structural(diff(each.architecture, architecture)))) for each in known]
    return min(found, key=lambda origin: origin.changes, default=None)


def _names(provenance: str, entry: Entry) -> bool:
    before = entry.architecture
    return provenance != "" and (
        provenance == before.provenance or provenance.startswith(f"Based on {before.name}, ")  # as a file has it
    )


def describe_origin(architecture: Architecture) -> str:
    """Say where a network comes from; one that was edited is not what was published.

    Args:
        architecture: Any architecture.

    Returns:
        Its provenance, or 'Based on GoogLeNet, 3 changes · Szegedy et al. …'; '' where nothing is known.
    """
    origin = find_origin(architecture)
    return architecture.provenance if origin is None else str(origin)


def state_origin(architecture: Architecture) -> Architecture:
    """Write into a network that leaves the program what it was made from, and how far it is from that.

    Args:
        architecture: Any architecture.

    Returns:
        The network with ``describe_origin`` as its provenance; itself where that is the same.
    """
    origin = describe_origin(architecture)
    return architecture if origin == architecture.provenance else edit.replace(architecture, "", provenance=origin)
