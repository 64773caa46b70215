"""Which activation several element-wise operators are together, told by what they compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

POINTS: Numbers = np.linspace(-12.1, 11.9, 480)
"""Where functions are compared: beyond the corners of all of them, and on none."""
_NEAR = 5e-6
"""How far values may lie apart, as a share of 1 + their size: constants in files are float32."""


def _soft_plus(x: Numbers) -> Numbers:
    return np.logaddexp(0, x)


def _erf(x: Numbers) -> Numbers:
    import torch

    found: Numbers = torch.erf(torch.from_numpy(np.ascontiguousarray(x))).numpy()
    return found


def _clip(x: Numbers, low: Any = None, high: Any = None) -> Numbers:
    return np.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


ONE: Mapping[str, Callable[..., Numbers]] = {
    "Abs": np.abs,
    "Celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    "Elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
    "Erf": _erf,
    "Exp": np.exp,
    "Gelu": lambda x, approximate="none": (
        x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))) if approximate == "tanh"
        else x / 2 * (1 + _erf(x / 2**0.5))
    ),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda x, alpha=0.01: np.where(x > 0, x, alpha * x),
    "Log": np.log,
    "Mish": lambda x: x * np.tanh(_soft_plus(x)),
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0),
    "Selu": lambda x, alpha=1.6732632, gamma=1.0507010: gamma * np.where(x > 0, x, alpha * np.expm1(x)),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Softplus": _soft_plus,
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Swish": lambda x, alpha=1.0: x / (1 + np.exp(-alpha * x)),
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda x, alpha=1.0: np.where(x > alpha, x, 0),
}  # fmt: skip
"""ONNX's functions of one number, with their attributes and defaults."""

TWO: Mapping[str, Callable[[Any, Any], Numbers]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power, "Max": np.maximum,
    "Min": np.minimum,
}  # fmt: skip
"""ONNX's functions of two numbers."""

clip = _clip


@cache
def _known() -> tuple[tuple[str, Numbers], ...]:
    """What torch's activations give at the points."""
    import torch

    from ..modules import ACTIVATIONS

    points = torch.from_numpy(POINTS)
    with torch.no_grad():
        return tuple((name, make()(points).numpy()) for name, make in ACTIVATIONS.items() if name != "none")


def find_activation(values: Numbers) -> str | None:
    """Find the activation that has these values.

    Args:
        values: At ``POINTS``.

    Returns:
        Its name in the algebra; None: it is none of them.
    """
    return next((name for name, known in _known() if _agree(values, known)), None)


def find_factor(values: Numbers) -> float | None:
    """Find the number by which values are multiples of their points.

    Args:
        values: At ``POINTS``.

    Returns:
        The number; None: they are no multiples.
    """
    factor = float(values[-1] / POINTS[-1])
    return factor if np.isfinite(factor) and _agree(values, factor * POINTS) else None


def _agree(one: Numbers, other: Numbers) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.abs(one - other) <= _NEAR * (1 + np.abs(other))))
