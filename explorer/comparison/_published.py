"""Published accuracies beside what the networks cost: the points of a picture, and the same as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from ..analysis import analyze
from ..architecture import Architecture, Parallel, Residual, Sequence, walk
from ..catalog import Entry, Fact, entries, published_accuracy
from ..text import compact_shape, escape_csv

FAMILIES = ("layers in a chain", "Inception blocks", "shortcuts", "Inception blocks with shortcuts")
"""What a network is made of, in the order in which they came."""


@dataclass(frozen=True, kw_only=True)
class PublishedPoint:
    """A network whose top-1 accuracy on ImageNet was published."""

    entry: Entry
    """The network."""
    accuracy: Fact
    """The accuracy in percent, with its source and year."""
    params: int
    """Parameters of the inference network, counted here."""
    macs: int
    """Multiply-adds of convolutions and linear layers at the network's own image size, counted here."""
    family: int
    """Place in ``FAMILIES``, by structure."""


def list_published() -> tuple[PublishedPoint, ...]:
    """List the networks of the catalogue whose accuracy on ImageNet was published, with a source.

    Returns:
        A point for each, in the order of the catalogue; other forms of a network have their own.
    """
    found = []
    for entry in entries():
        fact = published_accuracy(entry)
        if fact is not None:
            totals = analyze(entry.architecture).totals
            found.append(
                PublishedPoint(
                    entry=entry, accuracy=fact, params=totals.params, macs=totals.macs,
                    family=_family(entry.architecture),
                )
            )  # fmt: skip
    return tuple(found)


def _family(architecture: Architecture) -> int:
    """A shortcut is a residual, or a branch that leaves its input as it is; an Inception block has three branches."""
    nodes = [node for _, node in walk(architecture)]
    joins = [node for node in nodes if isinstance(node, Parallel)]
    shortcuts = any(isinstance(node, Residual) for node in nodes) or any(
        isinstance(branch, Sequence) and not branch.children for join in joins for branch in join.branches
    )
    return 2 * shortcuts + any(join.fuse == "concat" and len(join.branches) > 2 for join in joins)


def render_published_csv() -> str:
    """Write the published accuracies as CSV.

    Returns:
        A header and a line for each point: name, title, year, input, parameters, MACs, top-1 in percent, its source and
        the year of that.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = "name title published input params macs top1_percent exact source source_year note"
    writer.writerow(header.split())
    known = {entry.name: entry for entry in entries()}
    for point in list_published():
        entry, fact = point.entry, point.accuracy
        lineage = known.get(entry.form_of, entry).lineage
        writer.writerow(
            (
                entry.name, escape_csv(entry.title), lineage.year if lineage else "",
                compact_shape(entry.architecture.input_shape), point.params, point.macs, f"{fact.value:g}", fact.exact,
                escape_csv(fact.source), fact.year or "", escape_csv(fact.note),
            )
        )  # fmt: skip
    return out.getvalue()
