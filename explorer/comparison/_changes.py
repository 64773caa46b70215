"""What changed from one network to another, and what each change costs.

**Attribution.** The changes are applied one after another in path order; what a change costs is the whole network with
it less the whole network before it. So a change is charged with its consequences in the layers behind it, the costs add
up exactly to the difference of the totals, whatever the metric, and the order only decides who is charged for what two
changes do together. Changes of which one alone leaves a network that does not work (the branches of an addition that
all become wider) are applied together and charged as one step; so are neighbours where hundreds of changes separate
networks of hundreds of layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..analysis import Analysis, analyze
from ..architecture import Architecture, ArchitectureError, edit
from ._align import Change, Pair, Record, align

_VISITS = 200_000
"""Layers analysed on the way from one network to another before changes are charged several at a time."""
FIELDS = ("params", "auxiliary_params", "macs", "training_bytes", "inference_bytes")


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A difference of totals, in the conventions of ``analysis.CONVENTIONS``."""

    params: int = 0
    auxiliary_params: int = 0
    macs: int = 0
    training_bytes: int = 0
    inference_bytes: int = 0
    receptive_field: tuple[int, int] = (0, 0)
    """(height, width) in input pixels."""

    def __add__(self, other: Delta) -> Delta:
        h, w = self.receptive_field
        numbers = {name: getattr(self, name) + getattr(other, name) for name in FIELDS}
        return Delta(**numbers, receptive_field=(h + other.receptive_field[0], w + other.receptive_field[1]))


def delta(before: Analysis, after: Analysis) -> Delta:
    """What two analyses differ by."""
    (h, w), (height, width) = before.totals.receptive_field.size, after.totals.receptive_field.size
    numbers = {name: getattr(after.totals, name) - getattr(before.totals, name) for name in FIELDS}
    return Delta(**numbers, receptive_field=(height - h, width - w))


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change, or several that only work together, and what it costs with all its consequences."""

    changes: tuple[Change, ...]
    delta: Delta
    elsewhere: Delta
    """The part of params, MACs and training memory of ``delta`` in layers outside the changed nodes: consequences.
    All zero for a change of the network itself, of which every layer is a part."""

    def __str__(self) -> str:
        return "; ".join(map(str, self.changes))


@dataclass(frozen=True, kw_only=True)
class Differences:
    """All steps from one network to another; their deltas add up to ``total``."""

    steps: tuple[Step, ...]
    total: Delta

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "steps": [
                {
                    "text": str(step),
                    "changes": [asdict(change) for change in step.changes],
                    "delta": asdict(step.delta),
                    "elsewhere": asdict(step.elsewhere),
                }
                for step in self.steps
            ],
            "total": asdict(self.total),
        }


def differences(before: Architecture, after: Architecture) -> Differences:
    """The changes from one network to another, each with its cost; see the module for who is charged for what.

    Names, notes and provenance cost nothing: a renamed node is a step of nothing, and a network's own name, notes and
    provenance are not compared. Raises ArchitectureError where the layers of one network do not fit together.
    """
    record = Record()
    size = 0
    if before.input_shape != after.input_shape:
        shapes = (before.input_shape, after.input_shape)
        size = record.bit(kind="changed", path="", field="input_shape", before=shapes[0], after=shapes[1])
    pair = align(before.trunk, after.trunk, "", record)
    way = _Way(before, after, pair, size)
    start = way.reading
    steps: list[Step] = []
    for bits in _order(record, way):
        was, now = way.reading, way.go(bits)
        changes = tuple(change for place, change in enumerate(record.changes) if bits >> place & 1)
        steps.append(Step(changes=changes, delta=delta(was, now), elsewhere=_elsewhere(changes, was, now)))
    return Differences(steps=tuple(steps), total=delta(start, way.reading))


class _Way:
    """The networks between two, and the one that has been reached."""

    def __init__(self, before: Architecture, after: Architecture, pair: Pair, size: int) -> None:
        self._shapes = (before.input_shape, after.input_shape)
        self._after, self._pair, self._size = after, pair, size
        self._known: dict[int, Analysis] = {}
        self.applied = 0
        analyze(before)  # says what is wrong with it under its own names
        analyze(after)
        self.reading = self._analysis(0)

    def works(self, bits: int) -> bool:
        """Whether the network works with these changes too."""
        try:
            self._analysis(self.applied | bits)
        except ArchitectureError:
            return False
        return True

    def go(self, bits: int) -> Analysis:
        """Apply them."""
        self.applied |= bits
        self.reading = self._analysis(self.applied)
        return self.reading

    def _analysis(self, applied: int) -> Analysis:
        if applied not in self._known:  # the last one: what works is then applied
            shape = self._shapes[bool(applied & self._size)]
            trunk = self._pair.render(applied)
            between = edit.unchecked(self._after, input_shape=shape, trunk=trunk)
            self._known = {applied: analyze(between)}
        return self._known[applied]


def _order(record: Record, way: _Way) -> Iterator[int]:
    """Sets of changes to apply one after another, as bits: single ones in path order, together only what must be."""
    waiting = 0
    for bits, free in _atoms(record, len(way.reading.rows)):
        if free:
            yield bits
        elif way.works(bits):
            yield bits
            if waiting and way.works(waiting):
                yield waiting
                waiting = 0
        elif waiting and way.works(waiting | bits):
            yield waiting | bits
            waiting = 0
        else:
            waiting |= bits
    if waiting:
        yield waiting


def _atoms(record: Record, layers: int) -> Iterator[tuple[int, bool]]:
    """(bits, whether they cost nothing) of what is applied at once: one change, or of very many so many neighbours
    that the analyses stay affordable."""
    costly = sum(change.kind != "renamed" for change in record.changes)
    together = max(1, -(-costly * layers // _VISITS))
    bits = count = 0
    for place, change in enumerate(record.changes):
        if change.kind == "renamed":
            yield 1 << place, True
            continue
        bits |= 1 << place
        count += 1
        if count % together == 0 or count == costly:
            yield bits, False
            bits = 0


def _elsewhere(changes: tuple[Change, ...], was: Analysis, now: Analysis) -> Delta:
    """The difference in layers that are not at or below a changed node."""
    paths: list[str] = []
    for change in changes:
        above, slash, name = change.path.rpartition("/")
        paths += [change.path, f"{above}{slash}-{name}"]  # the latter until it is removed
    if "" in paths:
        return Delta()
    inside = tuple(f"{path}/" for path in paths)

    def outside(analysis: Analysis) -> tuple[int, int, int]:
        params = macs = kept = 0
        for path, _, _, _, weight, bias, norm, multiply_adds, stored, _, in_head in analysis.rows:
            if path in paths or path.startswith(inside):
                continue
            kept += stored
            if not in_head:
                params += weight + bias + norm
                macs += multiply_adds
        return params, macs, kept

    first, second = outside(was), outside(now)
    return Delta(params=second[0] - first[0], macs=second[1] - first[1], training_bytes=second[2] - first[2])
