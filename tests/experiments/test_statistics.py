"""Student's t against printed tables and by simulation; what few values do not allow to be said is None."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.experiments import SampleStatistics, t_quantile

# Two-sided 95 % points as printed in tables (Abramowitz & Stegun, table 26.10).
PRINTED = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 9: 2.262, 10: 2.228, 29: 2.045, 120: 1.980}


@pytest.mark.parametrize(("freedom", "value"), PRINTED.items())
def test_the_quantiles_are_those_of_the_tables(freedom: int, value: float) -> None:
    assert t_quantile(freedom) == pytest.approx(value, abs=6e-4)


def test_closed_forms_and_limit() -> None:
    assert t_quantile(1, 0.5) == pytest.approx(1.0)  # Cauchy: its quartiles are ±1
    assert t_quantile(2, 0.9) == pytest.approx(0.9 * math.sqrt(2 / (1 - 0.9**2)))  # P = t / sqrt(2 + t²)
    assert t_quantile(100_001) == pytest.approx(1.959964, abs=1e-4)
    with pytest.raises(ValueError, match="two values"):
        t_quantile(0)


def test_an_interval_covers_the_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(5.0, 2.0, (4000, 3))
    intervals = [found for row in draws if (found := SampleStatistics.of(list(row)).interval)]
    covered = sum(low <= 5.0 <= high for low, high in intervals) / len(draws)
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / len(draws))


def test_few_values() -> None:
    none, one = SampleStatistics.of([]), SampleStatistics.of([0.5])
    assert (none.mean, none.deviation, none.interval) == (None, None, None)
    assert (one.mean, one.deviation, one.interval) == (0.5, None, None)
    two = SampleStatistics.of([1.0, 3.0])
    assert two.mean == 2.0
    assert two.deviation == pytest.approx(math.sqrt(2))
    assert two.interval == pytest.approx((2 - 12.7062047, 2 + 12.7062047))


def test_equal_values_have_an_interval_of_one_point() -> None:
    assert SampleStatistics.of([0.25, 0.25, 0.25]).interval == (0.25, 0.25)
