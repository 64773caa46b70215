"""Statistics of a few seeds: mean, deviation, interval and test by Student's t, correction, and seeds needed."""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

CONFIDENCE = 0.95
POWER = 0.8
"""The share of experiments in which a true difference shall be told, for ``seeds_needed``."""
MAX_SEEDS_NEEDED = 1000
_ROUNDING = 1e-12
"""Below it two shares differ by the rounding of their subtraction only."""


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


def chi2_probability(value: float, freedom: int) -> float:
    """P(X <= value) for chi-square with an integer number of degrees of freedom.

    Source: the finite sums of Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5.
    """
    odd, root = freedom % 2, math.sqrt(value)
    term = math.sqrt(2 / math.pi) * root * math.exp(-value / 2) if odd else math.exp(-value / 2)
    above = math.erfc(root / math.sqrt(2)) if odd else 0.0
    for k in range(2 + odd, freedom + 1, 2):
        above += term
        term *= value / k
    return 1 - above


def deviation_interval(deviation: float, freedom: int) -> tuple[float, float]:
    """Compute the 95 % confidence interval of a standard deviation, for normally distributed values.

    Args:
        deviation: The sample's.
        freedom: Its degrees of freedom, at least 1.

    Returns:
        (low, high) in the unit of ``deviation``.
    """
    tail = (1 - CONFIDENCE) / 2
    return (
        deviation * math.sqrt(freedom / _chi2_quantile(freedom, 1 - tail)),
        deviation * math.sqrt(freedom / _chi2_quantile(freedom, tail)),
    )


@cache
def _chi2_quantile(freedom: int, probability: float) -> float:
    low, high = 0.0, 10.0 * freedom + 50
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if chi2_probability(middle, freedom) > probability else (middle, high)
    return high


def correct_for_many(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p values of several comparisons, so that one false finding among all of them is as rare as in one.

    Args:
        p_values: One for each planned comparison; None where there is none yet, which counts as 1.

    Returns:
        The corrected p values in the same order: at most 0.05 is a finding at 5 % over all comparisons together.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 6 (1979).
    """
    order = sorted(range(len(p_values)), key=lambda place: _or_one(p_values[place]))
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * _or_one(p_values[place])))
        corrected[place] = None if p_values[place] is None else largest
    return corrected


def _or_one(p: float | None) -> float:
    return 1.0 if p is None else p


def seeds_needed(difference: float, deviation: float) -> int | None:
    """Compute from how many seeds a paired t test (two-sided, 5 %) would find a true difference in four of five cases.

    Args:
        difference: The true mean difference.
        deviation: Standard deviation of the differences of single seeds, in the same unit.

    Returns:
        The number of seeds, at least 2; None above ``MAX_SEEDS_NEEDED``, or where the difference is 0.

    Source: n = (t(0.975) + t(0.8))² · deviation² / difference² with n - 1 degrees of freedom, such as in Chow, Shao &
    Wang, "Sample Size Calculations in Clinical Research", 3.1.
    """

    def is_enough(seeds: int) -> bool:
        reach = t_quantile(seeds - 1) + t_quantile(seeds - 1, 2 * POWER - 1)
        return reach * deviation <= abs(difference) * math.sqrt(seeds)

    if not difference or not is_enough(MAX_SEEDS_NEEDED):
        return None
    return bisect.bisect_left(range(MAX_SEEDS_NEEDED + 1), True, lo=2, key=is_enough)


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

    @property
    def p_value(self) -> float | None:
        """Of a two-sided t test against a true mean of 0; None of fewer than two values, and of equal ones.

        Accuracies are whole numbers of images: two equal differences happen by chance, and say nothing of the spread.
        """
        if self.mean is None or self.deviation is None or self.deviation < _ROUNDING:
            return None
        root = math.sqrt(len(self.values))
        freedom = len(self.values) - 1
        return 1 - t_probability(math.atan(abs(self.mean) * root / self.deviation / math.sqrt(freedom)), freedom)

    def to_data(self) -> dict[str, object]:
        """Convert to plain data for JSON."""
        return {
            "values": list(self.values),
            "mean": self.mean,
            "standard_deviation": self.deviation,
            "interval_95": list(self.interval) if self.interval else None,
        }
