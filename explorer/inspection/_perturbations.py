"""What can be done to a picture to see how an answer holds: each parameter with its range. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..text import format_number, quote


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """One parameter of a perturbation."""

    name: str
    """For Python, addresses and the command line."""
    label: str
    """Shown to people."""
    unit: str
    """'°' or '%'."""
    low: float
    high: float
    step: float
    """Between two values of a curve, and of a slider."""
    neutral: float
    """The value that leaves the picture as it is."""
    meaning: str
    """One phrase."""

    @property
    def values(self) -> tuple[float, ...]:
        """From ``low`` to ``high`` in steps; the neutral value is among them."""
        return tuple(self.low + self.step * number for number in range(round((self.high - self.low) / self.step) + 1))

    @property
    def span(self) -> str:
        """Its range as text."""
        return f"{format_number(self.low)} to {format_number(self.high)} {self.unit}"

    def check(self, value: float) -> float:
        """The value itself. Raises ValueError where it is out of range."""
        if not self.low <= value <= self.high:  # neither is what is no number
            raise ValueError(f"{self.name} (={format_number(value)}) must be from {self.span}")
        return value


def _row(name: str, label: str, low: float, high: float, step: float, neutral: float, meaning: str, unit: str = "%"
         ) -> Perturbation:  # fmt: skip
    return Perturbation(
        name=name, label=label, unit=unit, low=low, high=high, step=step, neutral=neutral, meaning=meaning
    )


PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType({
    each.name: each
    for each in (
        _row("rotate", "Rotate", -90, 90, 5, 0, "turned about its middle, clockwise", "°"),
        _row("right", "Shift right", -50, 50, 5, 0, "moved by a share of its width"),
        _row("down", "Shift down", -50, 50, 5, 0, "moved by a share of its height"),
        _row("scale", "Scale", 50, 200, 5, 100, "of its size, about its middle"),
        _row("blur", "Blur", 0, 12, 0.5, 0, "deviation of the Gaussian, share of its shorter side"),
        _row("brightness", "Brightness", 0, 200, 10, 100, "every value multiplied"),
        _row("contrast", "Contrast", 0, 200, 10, 100, "distance from the mean grey multiplied"),
        _row("noise", "Noise", 0, 50, 2, 0, "deviation of Gaussian noise, share of white; always the same pattern"),
        _row("cover", "Cover", 0, 80, 4, 0, "side of a covered square, share of the shorter side"),
        _row("cover_x", "Cover at, across", 0, 100, 5, 50, "middle of the square from the left"),
        _row("cover_y", "Cover at, down", 0, 100, 5, 50, "middle of the square from the top"),
    )
})  # fmt: skip
"""Every parameter by its name, in the order in which they are applied."""


def check_perturbation(settings: Mapping[str, float]) -> dict[str, float]:
    """Fill in what is not given.

    Args:
        settings: Values by the names of ``PERTURBATIONS``, in the units that stand there.

    Returns:
        A value for every parameter.

    Raises:
        ValueError: There is no such parameter, or a value is out of its range.
    """
    for name in settings:
        if name not in PERTURBATIONS:
            raise ValueError(f"there is no perturbation {quote(name)}; known: {', '.join(PERTURBATIONS)}")
    return {name: each.check(settings.get(name, each.neutral)) for name, each in PERTURBATIONS.items()}
