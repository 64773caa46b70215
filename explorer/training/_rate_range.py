"""A learning-rate range test: the rate rises step by step until the loss explodes, and what that says; without torch.

Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017 (arXiv 1506.01186, 2015), section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..text import format_number
from ._config import TrainConfig

STEPS = 200
"""Updates of a test, unless something else is asked for."""
_DIVERGED = 2.0
"""Times the loss of the first steps from which on there is nothing more to see."""
_SHARE = 20
"""Of the steps, one in so many is averaged with a step on either side: noise goes, and no curve is shifted."""
_SAFETY = 10.0
_LEARNT = 0.02
"""Share by which the loss must have fallen, else no rate has taught anything."""


def find_rate(config: TrainConfig, *, steps: int = STEPS, low: float = 1e-6, high: float = 10.0) -> TrainConfig:
    """Turn a configuration into that of a range test of its learning rate.

    Args:
        config: How the network is to be trained; a run with the rate that is found is ``train_with_rate`` of the test.
        steps: Updates of the test.
        low: Learning rate of the first.
        high: Learning rate of the last; the test ends sooner where the loss explodes.

    Returns:
        The configuration of the test; its batches go through one process, in as many parts as through all.

    Raises:
        ValueError: A number is outside its bounds.
    """
    return config.changed(
        range_steps=steps, range_low=low, range_high=high, processes=1, accumulate=config.parts, keep_checkpoints=0
    )


def train_with_rate(config: TrainConfig, rate: float) -> TrainConfig:
    """Make the configuration of a run with a rate that a range test has found.

    Args:
        config: Of the test.
        rate: What it proposes, or another one.

    Returns:
        The settings from which the test was made, with this learning rate.

    Raises:
        ValueError: The rate is none.
    """
    return config.changed(range_steps=0, lr=rate)


def rate_at(config: TrainConfig, update: int) -> float:
    """The learning rate of an update of a range test, from 0 on: equal factors from ``range_low`` to ``range_high``."""
    share = update / max(1, config.range_steps - 1)
    rate: float = config.range_low * (config.range_high / config.range_low) ** min(1.0, share)
    return rate


@dataclass(frozen=True, kw_only=True)
class RateRange:
    """What a range test has measured so far, and the rate that it proposes."""

    rates: tuple[float, ...]
    """Learning rate of each step, rising."""
    losses: tuple[float, ...]
    """Loss of each step's batch, finite, before the step."""
    smoothed: tuple[float, ...]
    """Mean loss of each step and its neighbours."""
    rate: float | None
    """What is proposed; None where no rate has taught anything."""
    lowest: float | None
    """Rate at which the smoothed loss is lowest."""
    steepest: float | None
    """Rate at which the smoothed loss falls fastest, for each factor of the rate, before it is lowest."""
    exploded: bool
    """Whether the test ended because the loss did."""

    def describe(self) -> str:
        """Say what is proposed and why, in a sentence."""
        if self.rate is None or self.lowest is None:
            return (
                "no rate is proposed: the loss has not fallen at any of them; try more steps, or rates of another range"
            )
        fell = "" if self.steepest is None else f"; it falls fastest at {format_number(self.steepest)}"
        return (
            f"proposes the learning rate {self.rate:g}: a tenth of {format_number(self.lowest)}, where the loss is "
            f"lowest before it rises{fell}"
        )


def read_rate_range(rates: Sequence[float], losses: Sequence[float]) -> RateRange:
    """Find the learning rate that a range test proposes.

    A tenth of the rate at which the smoothed loss is lowest, rounded to two digits. Beyond it steps are so long that
    they undo one another; a tenth leaves room for what comes later in the training. The rate of the steepest descent is
    told, too, but not taken: it is a slope of noisy numbers, and moves from test to test.

    Args:
        rates: Learning rate of each step, rising.
        losses: Loss of each step's batch.

    Returns:
        The proposal and what it rests on; what follows a loss that is not finite is left out.

    Source: Smith 2015, section 3.3, takes bounds from the same curve by eye; the tenth is fastai's rule "minimum".
    """
    count = next((place for place, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    exploded = count < len(losses)
    rates, losses = tuple(rates[:count]), tuple(losses[:count])
    smoothed = _smooth(losses)
    found = RateRange(
        rates=rates, losses=losses, smoothed=smoothed, rate=None, lowest=None, steepest=None,
        exploded=exploded or has_exploded(losses),
    )  # fmt: skip
    if len(smoothed) < 3:
        return found
    place = min(range(len(smoothed)), key=smoothed.__getitem__)
    if smoothed[place] > (1 - _LEARNT) * smoothed[0]:
        return found
    slopes = {
        at: (smoothed[at + 1] - smoothed[at - 1]) / math.log(rates[at + 1] / rates[at - 1]) for at in range(1, place)
    }
    steepest = rates[min(slopes, key=slopes.__getitem__)] if slopes else None
    return RateRange(
        rates=rates, losses=losses, smoothed=smoothed, rate=float(f"{rates[place] / _SAFETY:.1e}"),
        lowest=rates[place], steepest=steepest, exploded=found.exploded,
    )  # fmt: skip


def has_exploded(losses: Sequence[float]) -> bool:
    """Whether a loss is not finite, or the last ones are in the mean twice the first: then a test may end."""
    if not all(map(math.isfinite, losses)):
        return True
    some = max(3, len(losses) // _SHARE)
    return len(losses) > 2 * some and sum(losses[-some:]) > _DIVERGED * sum(losses[:some])


def _smooth(losses: Sequence[float]) -> tuple[float, ...]:
    reach = len(losses) // _SHARE
    parts = (losses[max(0, at - reach) : at + reach + 1] for at in range(len(losses)))
    return tuple(sum(part) / len(part) for part in parts)
