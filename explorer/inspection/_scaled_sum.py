"""Sums of pictures whose numbers may lie anywhere, far outside the range of floating-point numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LEAST = -1000.0
"""Binary logarithm of a factor that is nothing beside 1."""


class ScaledSum:
    """A sum of pictures with a power of two taken out, so that it neither overflows nor vanishes."""

    def __init__(self, size: Sequence[int], device: torch.device, dtype: torch.dtype) -> None:
        self._values = torch.zeros(*size, device=device, dtype=dtype)
        self._log2 = -math.inf
        self.images = 0

    def add(self, values_HW: Tensor, log2_factor: float) -> None:
        """Add values · 2^log2_factor; the values are finite and at least 0."""
        self.images += 1
        peak = float(values_HW.max())
        if not peak:
            return
        log2 = math.log2(peak) + log2_factor
        if log2 > self._log2:
            self._values *= 2.0 ** max(self._log2 - log2, _LEAST)
            self._log2 = log2
        self._values += values_HW / peak * 2.0 ** max(log2 - self._log2, _LEAST)

    def normalise(self) -> tuple[NDArray[np.float32], float]:
        """The mean divided by its peak, and the decimal logarithm of the peak."""
        peak = float(self._values.max())
        if not peak:
            return np.zeros(self._values.shape, np.float32), -math.inf
        log10 = (math.log2(peak / self.images) + self._log2) * math.log10(2)
        return (self._values / peak).cpu().numpy().astype(np.float32), log10
