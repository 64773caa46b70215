"""Pruning until a network is as quick as asked on this machine: candidates timed beside the network before."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..modules import Network
from ..profiling import SideBySide, time_side_by_side

LATENCY = "latency"
"""The budget's name: the time of one image on this machine's CPU, as a share of what it is now."""
_PROBE_SECONDS, _LAST_SECONDS = 0.5, 2.0
"""How long a candidate is timed while one is looked for, and the one that is found."""
_STEPS = 25
"""In how many steps, at most, sets of channels go on being taken out where the last timing misses the budget."""


class Timing:
    """Times pruned networks beside the one before."""

    def __init__(self, before: Network, input_shape: tuple[int, int, int], make: Callable[[int], Network]) -> None:
        """Hold the networks.

        Args:
            before: On the CPU, in evaluation mode.
            input_shape: Channels, height and width of an image.
            make: Gives the network without so many sets of channels.
        """
        self._before, self._make = before, make
        self._image_BCHW = torch.randn(1, *input_shape, generator=torch.Generator().manual_seed(0))

    def measure(self, count: int, seconds: float = _PROBE_SECONDS) -> SideBySide:
        """Time the network without so many sets of channels."""
        after = self._make(count)
        with torch.inference_mode():
            return time_side_by_side(
                lambda: self._before(self._image_BCHW), lambda: after(self._image_BCHW), seconds
            )

    def find(self, target: float, most: int) -> tuple[int | None, SideBySide]:
        """Find how many sets must go, about the least.

        Args:
            target: The share of the time that may stay.
            most: How many can go.

        Returns:
            (The number, None where none was found; the times of that many). The whole interval of the ratio is within
            the target.
        """
        least = self.measure(most)
        if least.interval[0] > target:
            return None, least
        low, high = 0, most
        while high - low > max(1, most // 100):  # times are no finer
            middle = (low + high) // 2
            low, high = (low, middle) if self.measure(middle).interval[1] <= target else (middle, high)
        found = self.measure(high, _LAST_SECONDS)
        while found.interval[1] > target and high < most:  # a shorter timing was wrong
            high = min(most, high + max(1, most // _STEPS))
            found = self.measure(high, _LAST_SECONDS)
        return (high if found.interval[1] <= target else None), found
