"""The proof of a fix: its result is analysed and compared with what was there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...architecture import Architecture, ArchitectureError, edit, field_label, walk
from ...text import format_setting
from .._readings import Analysis
from ._findings import Fix
from ._lines import Network

Changes = dict[str, dict[str, Any]]
"""New values of fields by the path of their node; two equal numbers stand as one."""


_MANY = 8


def one_or_two(sizes: Sequence[Any]) -> Any:
    """A size as a node holds it: one number where height and width are equal."""
    return sizes[0] if sizes[0] == sizes[1] else tuple(sizes)


def change(architecture: Architecture, changes: Changes) -> Architecture | None:
    """An architecture with other fields; None where a value is not allowed."""
    try:
        if len(changes) > _MANY:  # each replacement takes as long as its parents are wide
            return edit.transform(
                architecture, lambda path, leaf: edit.with_fields(leaf, **changes[path]) if path in changes else leaf
            )
        for path, fields in changes.items():
            architecture = edit.replace(architecture, path, **fields)
    except ArchitectureError:
        return None
    return architecture


def prove(
    network: Network,
    changed: Architecture | None,
    path: str,
    *,
    label: str,
    changes: Sequence[str],
    mends: Callable[[Network], bool],
    coverage: tuple[float, float] | None = None,
    fields: Sequence[str] | None = None,
    within: tuple[int, ...] | None = None,
    free: Sequence[str] = (),
) -> Fix | None:
    """Analyse a changed network and make it a fix if nothing else is lost by it.

    Args:
        network: What is mended.
        changed: The network after the edit; None is no fix.
        path: Path of the finding's node.
        label: Caption of the fix.
        changes: Each change in words.
        mends: Whether a network is without the finding.
        coverage: (share before, share after) where the finding is about what units see.
        fields: Paths of the layers whose fields must not become smaller; by default the finding's node and the whole
            network, ''.
        within: (height, width) beyond which a field may become smaller; None where it may not at all.
        free: Paths of layers whose own output may change its shape, and of nodes that the edit takes away.

    Returns:
        The fix; None if the network does not work, needs more MACs or parameters, has other shapes, less field or less
        alignment, or is not mended.
    """
    if changed is None or changed == network.architecture:
        return None
    try:
        after = Network(changed)
    except ArchitectureError:
        return None
    old, new = network.analysis, after.analysis
    params = old.training_params, new.training_params
    macs = old.macs, new.macs
    if params[1] > params[0] or macs[1] > macs[0]:
        return None
    shapes = {row[0]: row[3] for row in new.rows}
    if old.totals.output_shape != new.totals.output_shape:
        return None
    if any(shapes.get(row[0]) != row[3] for row in old.rows if row[0] not in free):
        return None
    if sum(head.fits for head in old.auxiliary) > sum(head.fits for head in new.auxiliary):
        return None
    if old.receptive_field.aligned and not new.receptive_field.aligned:
        return None
    for each in (path, "") if fields is None else fields:
        sizes = zip(_field(old, each), _field(new, each), within or _field(old, each), strict=True)
        if any(min(now, most) < min(was, most) for was, now, most in sizes):
            return None
    if not mends(after):
        return None
    return Fix(
        label=label,
        changes=tuple(changes),
        architecture=changed,
        params=params,
        macs=macs,
        receptive_field=(_field(old, path), _field(new, path)),
        coverage=coverage,
    )


def _field(analysis: Analysis, path: str) -> tuple[int, int]:
    """The field of a layer, or of the network where it has none."""
    layer = analysis.by_path.get(path)
    return (layer or analysis.totals).receptive_field.size


def describe(architecture: Architecture, changes: Changes) -> list[str]:
    """Each change in words: 'conv1: dilation 2 → 1, padding 2 → 1'."""
    lines = []
    nodes = dict(walk(architecture))
    for path, fields in changes.items():
        node: Any = nodes[path]
        words = [
            f"{field_label(name, node.op)} {format_setting(getattr(node, name))} → {format_setting(value)}"
            for name, value in fields.items()
            if getattr(node, name) != value
        ]
        lines.append(f"{path}: {', '.join(words)}")
    return lines
