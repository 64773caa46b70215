"""Equal budget: a network made wider or narrower until it costs what another one costs, so that the two can be compared
for what they are and not for what they cost."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Literal

from ..analysis import analyze
from ..architecture import Architecture, ArchitectureError, edit, walk
from ..text import format_share

Budget = Literal["params", "macs"]
TOLERANCE = 0.01
NARROWEST, WIDEST = 0.01, 100.0
_APART = 1e-7
"""Relative distance of two factors below which they give the same widths, near enough."""
_STRIDE = 1.02
"""Between widths of a scan, as a factor."""
_NEARBY = 24
"""Other factors to try where the rounded widths of one do not fit together."""


@dataclass(frozen=True, kw_only=True)
class EqualBudget:
    """The nearest that scaling the width comes to a target."""

    metric: Budget
    """What is held equal."""
    target: int
    """What it should cost."""
    factor: float
    """What all widths were multiplied by, before rounding to whole channels."""
    architecture: Architecture
    """The scaled network."""
    value: int
    """What it costs."""
    reason: str
    """'' where it is within the tolerance, else in one sentence why it cannot be."""

    @property
    def error(self) -> float:
        """Distance from the target as a share of it, signed."""
        return (self.value - self.target) / self.target

    @property
    def reached(self) -> bool:
        """Whether the target is met within the tolerance."""
        return not self.reason


def scale_to_budget(
    architecture: Architecture, target: int, metric: Budget = "macs", tolerance: float = TOLERANCE
) -> EqualBudget:
    """Scale the width of a network (``edit.scale_width``) until its MACs or params are ``target``, as near as can be.

    Both grow with the factor, so halving the interval finds the two neighbouring networks on both sides of the target.
    If neither is near enough, some layers take the width of the one and some of the other. Where the rounded widths of
    a factor do not fit together (groups), the nearest factors that do are taken.

    Args:
        architecture: The network to scale.
        target: Its MACs or parameters afterwards.
        metric: Which of the two.
        tolerance: Distance from the target, as a share of it, that counts as reached.

    Returns:
        The nearest network, and why it is not near enough where it is not.

    Raises:
        ArchitectureError: The network itself does not work.
        ValueError: A target below 1, or another metric.
    """
    if metric not in ("params", "macs"):
        raise ValueError(f"metric (={metric!r}) must be 'params' or 'macs'")
    if target < 1:
        raise ValueError(f"the target (={target}) must be at least 1")
    search = _Search(architecture, metric, target)
    low, high = NARROWEST, WIDEST
    if search.near(low) < target < search.near(high):
        while high / low > 1 + _APART and search.error:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if search.near(middle) < target else (low, middle)
    if search.refused and (search.below is None or search.above is None):
        search.scan()
    if search.error > tolerance * target:
        search.mix()
    factor, found, value = search.nearest
    reason = _why(search, tolerance) if search.error > tolerance * target else ""
    return EqualBudget(metric=metric, target=target, factor=factor, architecture=found, value=value, reason=reason)


_Try = tuple[float, Architecture, int]
"""(factor, scaled network, what it costs)."""


class _Search:
    """Scaled networks that were tried, and the nearest ones."""

    def __init__(self, architecture: Architecture, metric: Budget, target: int) -> None:
        self._architecture, self.metric, self.target = architecture, metric, target
        self.below: _Try | None = None
        self.above: _Try | None = None
        self.refused = 0
        self._note(1.0, architecture)

    @property
    def nearest(self) -> _Try:
        tries = [each for each in (self.below, self.above) if each is not None]
        return min(tries, key=lambda each: abs(each[2] - self.target))

    @property
    def error(self) -> int:
        return abs(self.nearest[2] - self.target)

    def _note(self, factor: float, architecture: Architecture) -> int:
        value: int = getattr(analyze(architecture).totals, self.metric)
        if value <= self.target and (self.below is None or value > self.below[2]):
            self.below = (factor, architecture, value)
        if value >= self.target and (self.above is None or value < self.above[2]):
            self.above = (factor, architecture, value)
        return value

    def near(self, factor: float) -> float:
        """What the network costs at the nearest factor at which it works; infinity where it is too wide for that."""
        for step in range(_NEARBY):
            for sign in (1, -1) if step else (1,):
                other = min(WIDEST, max(NARROWEST, factor * (1 + sign * step / 500)))
                try:
                    return self._note(other, edit.scale_width(self._architecture, other))
                except ArchitectureError as error:
                    if all(not problem.path for problem in error.problems):  # beyond the limits of a whole network
                        return float("inf")
                    self.refused += 1
        return float("inf")

    def scan(self) -> None:
        """Try widths a few percent apart on the target's side: where few fit together, the ends of the range do not."""
        step = _STRIDE if self.above is None else 1 / _STRIDE
        factor = step
        while NARROWEST <= factor <= WIDEST:
            with contextlib.suppress(ArchitectureError):
                self._note(factor, edit.scale_width(self._architecture, factor))
            factor *= step

    def mix(self) -> None:
        """Try what lies between the two nearest networks: layer by layer the width of the upper one."""
        if self.below is None or self.above is None:
            return
        (factor, mixed, _), (_, upper, _) = self.below, self.above
        before = dict(walk(mixed))
        for path, node in walk(upper):
            if not node.nodes and node != before[path]:
                mixed = edit.put(mixed, path, node)
                with contextlib.suppress(ArchitectureError):
                    self._note(factor, mixed)


_WORDS = {"params": "parameters", "macs": "MACs"}


def _why(search: _Search, tolerance: float) -> str:
    target, what, value = search.target, _WORDS[search.metric], search.nearest[2]
    if search.below is None:
        narrowest = "the narrowest width at which its layers fit together" if search.refused else "its narrowest"
        return (
            f"at {narrowest} it has {value:,} {what}, more than {target:,}: inputs, classes and kernels are not scaled"
        )
    if search.above is None:
        limit = " at which its layers fit together" if search.refused else " within the limits"
        return f"at the greatest width{limit} it has {value:,} {what}, less than {target:,}"
    return (
        f"widths are whole channels{' that must fit together' if search.refused else ''}: the nearest network has "
        f"{value:,} {what}, {format_share(abs(value - target) / target)} from {target:,}, "
        f"and {format_share(tolerance, 0)} was asked"
    )
