"""Statistics of a few seeds: mean, sample standard deviation, and a confidence interval by Student's t."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

CONFIDENCE = 0.95


def t_probability(theta: float, freedom: int) -> float:
    """P(|T| <= t) for Student's t with an integer number of degrees of freedom, where t = sqrt(freedom) · tan(theta).

    Source: the finite sums of Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.
    """
    cos2 = math.cos(theta) ** 2
    odd = freedom % 2
    term = math.cos(theta) if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cos2 * k / (k + 1)
    return (theta + math.sin(theta) * total) * 2 / math.pi if odd else math.sin(theta) * total


@cache
def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Compute the two-sided quantile of Student's t by bisection.

    Args:
        freedom: Degrees of freedom, at least 1.
        confidence: Probability between the two quantiles, 0 to 1.

    Returns:
        The t with P(|T| <= t) = ``confidence``.

    Raises:
        ValueError: Less than one degree of freedom.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.
    """
    if freedom < 1:
        raise ValueError(f"freedom (={freedom}) must be at least 1; an interval needs two values")
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if t_probability(middle, freedom) > confidence else (middle, high)
    return math.sqrt(freedom) * math.tan(low)


@dataclass(frozen=True, kw_only=True)
class SampleStatistics:
    """Values of one metric, such as the accuracy from several seeds, and their statistics.

    A statistic that needs more values than there are is None.
    """

    values: tuple[float, ...]
    """The values, in the order in which they were given."""

    @classmethod
    def of(cls, values: Sequence[float]) -> SampleStatistics:
        """Make a sample of these values.

        Args:
            values: Numbers in one unit.

        Returns:
            The sample.
        """
        return cls(values=tuple(values))

    @property
    def mean(self) -> float | None:
        """Arithmetic mean; None without values."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation (n - 1); None of fewer than two values."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % confidence interval (low, high) of the mean, for normally distributed values; None of fewer than two."""
        if self.mean is None or self.deviation is None:
            return None
        half = t_quantile(len(self.values) - 1) * self.deviation / math.sqrt(len(self.values))
        return (self.mean - half, self.mean + half)

    def to_data(self) -> dict[str, object]:
        """Convert to plain data for JSON."""
        return {
            "values": list(self.values),
            "mean": self.mean,
            "standard_deviation": self.deviation,
            "interval_95": list(self.interval) if self.interval else None,
        }
