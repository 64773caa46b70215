"""Learning curves for the browser: thinned without losing their mean, their spread or their end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import figures


@st.composite
def series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 3000))
    gaps = draw(st.sampled_from([1, 7, 391]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = np.cumsum(generator.integers(1, gaps + 1, count))
    return steps, generator.normal(size=count)


@given(series(), st.integers(2, 600))
def test_stretches_cover_all_points_once(curve: tuple[np.ndarray, np.ndarray], limit: int) -> None:
    steps, values = curve
    found = figures.thin_line(steps, values, steps * 0.5, limit)
    lengths = {len(each) for each in found.values()}
    assert lengths == {len(found["step"])}
    assert len(found["step"]) <= limit
    assert found["step"][-1] == steps[-1]
    # Each point is the mean and the range of exactly the values since the one before it.
    before = 0
    keys = ("step", "value", "low", "high", "second")
    for step, mean, low, high, second in zip(*(found[key] for key in keys), strict=True):
        part = values[(steps > before) & (steps <= step)]
        assert mean == pytest.approx(part.mean(), rel=1e-4, abs=1e-4)
        assert low == pytest.approx(part.min(), rel=1e-4, abs=1e-4)
        assert high == pytest.approx(part.max(), rel=1e-4, abs=1e-4)
        assert second == pytest.approx(step * 0.5, abs=1e-3)
        before = step


@given(series(), st.integers(2, 100), st.integers(1, 50))
def test_what_is_drawn_stays_where_it_is_while_a_line_grows(
    curve: tuple[np.ndarray, np.ndarray], limit: int, more: int
) -> None:
    """A line whose old points moved with every update would tremble: they may only be halved in number."""
    steps, values = curve
    before = figures.thin_line(steps, values, steps, limit)
    longer = np.append(steps, steps[-1] + np.arange(1, more + 1))
    after = figures.thin_line(longer, np.append(values, np.zeros(more)), longer, limit)
    # The last point may still have been growing.
    assert set(after["step"][:-1]) - set(longer[-more:].tolist()) <= {*before["step"], int(steps[-1])}


def test_nothing_gives_nothing() -> None:
    assert figures.thin_line([], [], []) == {"step": [], "second": [], "value": [], "low": [], "high": []}


def test_a_short_line_is_drawn_as_it_is() -> None:
    found = figures.thin_line([1, 2, 5], [0.5, 0.25, 1.0], [0.1, 0.2, 0.3])
    assert (found["step"], found["value"], found["low"]) == ([1, 2, 5], [0.5, 0.25, 1.0], [0.5, 0.25, 1.0])


def test_every_run_of_an_overlay_has_a_colour_of_its_own() -> None:
    found = figures.lay_out_curves([(f"run-{index}", "same", 10.0) for index in range(8)], [])
    for theme in ("light", "dark"):
        assert len({run["colour"][theme] for run in found["runs"]}) == 8
