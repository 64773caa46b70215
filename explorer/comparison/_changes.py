"""What changed from one network to another, and what each change costs.

**Attribution.** The changes are applied one after another in path order; what a change costs is the whole network with
it less the whole network before it. So a change is charged with its consequences in the layers behind it, the costs add
up exactly to the difference of the totals, whatever the metric, and the order only decides who is charged for what two
changes do together. Changes of which one alone leaves a network that does not work (the branches of an addition that
all become wider) are applied together and charged as one step; so are neighbours where hundreds of changes separate
networks of hundreds of layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..analysis import METRICS, Analysis, Metric, analyze
from ..architecture import Alignment, Architecture, ArchitectureError, Change, describe_changes, group_changes
from ._amounts import Amounts, sum_layers

_VISITS = 200_000
"""Layers analysed on the way from one network to another before changes are charged several at a time."""


def charged_metrics() -> list[Metric]:
    """The metrics that a change is charged with; of those in pixels only the field is, axis by axis."""
    return [metric for metric in METRICS.values() if metric.of_totals is not None and metric.unit != "px"]


@dataclass(frozen=True, kw_only=True)
class Delta(Amounts):
    """A difference of totals, in the conventions of ``analysis.METRICS``; ``delta.macs`` reads ``amounts["macs"]``."""

    amounts: dict[str, int] = field(default_factory=dict)
    """By metric, without those that do not differ."""
    receptive_field: tuple[int, int] = (0, 0)
    """(height, width) in input pixels."""

    def __add__(self, other: Delta) -> Delta:
        h, w = self.receptive_field
        sums = {key: self.amounts.get(key, 0) + other.amounts.get(key, 0) for key in self.amounts | other.amounts}
        return _delta(sums, (h + other.receptive_field[0], w + other.receptive_field[1]))

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON: every metric, and the field as [height, width]."""
        amounts = {metric.key: self.amounts.get(metric.key, 0) for metric in charged_metrics()}
        return {**amounts, "receptive_field": list(self.receptive_field)}


def _delta(amounts: dict[str, int], receptive_field: tuple[int, int] = (0, 0)) -> Delta:
    return Delta(amounts={key: value for key, value in amounts.items() if value}, receptive_field=receptive_field)


def delta(before: Analysis, after: Analysis) -> Delta:
    """What two analyses differ by."""
    was, now = before.totals, after.totals
    (h, w), (height, width) = was.receptive_field.size, now.receptive_field.size
    amounts = {metric.key: metric.read_totals(now) - metric.read_totals(was) for metric in charged_metrics()}
    return _delta(amounts, (height - h, width - w))


@dataclass(frozen=True, kw_only=True)
class AttributedStep:
    """A change, or several that only work together, and what it costs with all its consequences."""

    changes: tuple[Change, ...]
    """What is done in this step."""
    delta: Delta
    """The totals after it less the totals before it."""
    elsewhere: Delta
    """The part of ``delta`` (of the metrics that add up over layers) in layers outside the changed nodes: consequences.
    All zero for a change of the network itself, of which every layer is a part."""

    def __str__(self) -> str:
        return "; ".join(map(str, group_changes(self.changes)))


@dataclass(frozen=True, kw_only=True)
class StepGroup:
    """One step, or several that did the same to different nodes."""

    steps: tuple[AttributedStep, ...]
    """In the order in which they are applied, at least one."""

    @property
    def delta(self) -> Delta:
        """What they cost together."""
        return sum((step.delta for step in self.steps), Delta())

    @property
    def elsewhere(self) -> Delta:
        """The part of it in layers outside the changed nodes."""
        return sum((step.elsewhere for step in self.steps), Delta())

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is done in all of them."""
        return tuple(change for step in self.steps for change in step.changes)

    def __str__(self) -> str:
        return "; ".join(map(str, group_changes(self.changes)))


def group_steps(steps: Iterable[AttributedStep]) -> list[StepGroup]:
    """Gather the steps of one change each that did the same to different nodes.

    Args:
        steps: The steps from one network to another, or some of them.

    Returns:
        Groups in the order of their first steps; every step is in one.
    """
    steps = list(steps)
    places = {step.changes[0]: place for place, step in enumerate(steps)}
    single = group_changes(step.changes[0] for step in steps if len(step.changes) == 1)
    found = [[places[change] for change in group.changes] for group in single]
    found += [[place] for place, step in enumerate(steps) if len(step.changes) > 1]
    return [StepGroup(steps=tuple(steps[place] for place in group)) for group in sorted(found)]


@dataclass(frozen=True, kw_only=True)
class Differences:
    """All steps from one network to another; their deltas add up to ``total``."""

    steps: tuple[AttributedStep, ...]
    """The steps, in the order in which they are applied."""
    total: Delta
    """The later network's totals less the earlier one's."""

    @property
    def costly(self) -> tuple[AttributedStep, ...]:
        """The steps without those that change no total, such as a renamed node or another epsilon."""
        return tuple(step for step in self.steps if step.delta != Delta())

    @property
    def free(self) -> int:
        """How many steps change no total."""
        return len(self.steps) - len(self.costly)

    @property
    def verdict(self) -> str:
        """Whether the two are one network, in one sentence, as ``architecture.describe_changes`` has it."""
        return describe_changes([change for step in self.steps for change in step.changes])

    def describe_free(self) -> str:
        """'12 changes that cost nothing are left out', without its full stop; '' where there is none."""
        if not self.free:
            return ""
        one = self.free == 1
        return f"{self.free:,} change{' that costs nothing is' if one else 's that cost nothing are'} left out"

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON: each step, and in ``groups`` the places of those that did the same."""
        places = {id(step): place for place, step in enumerate(self.steps)}
        return {
            "groups": [
                {
                    "text": str(group),
                    "steps": [places[id(step)] for step in group.steps],
                    "delta": group.delta.to_data(),
                    "elsewhere": group.elsewhere.to_data(),
                }
                for group in group_steps(self.steps)
            ],
            "steps": [
                {
                    "text": str(step),
                    "changes": [asdict(change) for change in step.changes],
                    "delta": step.delta.to_data(),
                    "elsewhere": step.elsewhere.to_data(),
                }
                for step in self.steps
            ],
            "verdict": self.verdict,
            "total": self.total.to_data(),
        }


def find_differences(before: Architecture, after: Architecture) -> Differences:
    """Find the changes from one network to another and what each costs; see the module for who is charged for what.

    Names, notes and provenance cost nothing: a renamed node is a step of nothing, and a network's own name, notes and
    provenance are not compared.

    Args:
        before: The network from which costs are counted.
        after: The network that it became.

    Returns:
        Steps in path order, whose costs add up exactly to the difference of the totals.

    Raises:
        ArchitectureError: The layers of one network do not fit together.
    """
    way = _Path(before, after)
    start, found = way.reading, way.alignment.changes
    steps: list[AttributedStep] = []
    for bits in _order(found, way):
        was, now = way.reading, way.go(bits)
        changes = tuple(change for place, change in enumerate(found) if bits >> place & 1)
        steps.append(AttributedStep(changes=changes, delta=delta(was, now), elsewhere=_elsewhere(changes, was, now)))
    return Differences(steps=tuple(steps), total=delta(start, way.reading))


class _Path:
    """The networks between two, and the one that has been reached."""

    def __init__(self, before: Architecture, after: Architecture) -> None:
        self.alignment = Alignment(before, after)
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
            self._known = {applied: analyze(self.alignment.render(applied))}
        return self._known[applied]


def _order(changes: Sequence[Change], way: _Path) -> Iterator[int]:
    """Sets of changes to apply one after another, as bits: single ones in path order, together only what must be."""
    waiting = 0
    for bits, free in _atoms(changes, len(way.reading.rows)):
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


def _atoms(changes: Sequence[Change], layers: int) -> Iterator[tuple[int, bool]]:
    """(bits, whether they cost nothing) of what is applied at once: one change, or of very many so many neighbours
    that the analyses stay affordable."""
    costly = sum(change.kind != "renamed" for change in changes)
    together = max(1, -(-costly * layers // _VISITS))
    bits = count = 0
    for place, change in enumerate(changes):
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
        for path in (change.path, *([change.before] if change.moved_elsewhere else [])):
            above, slash, name = path.rpartition("/")
            paths += [path, f"{above}{slash}-{name}"]  # the latter until it is removed
    if "" in paths:
        return Delta()
    cost = delta(was, now).amounts
    first, second = (sum_layers(analysis.below_any(paths)) for analysis in (was, now))
    return _delta({key: cost.get(key, 0) - (second[key] - first[key]) for key in first})
