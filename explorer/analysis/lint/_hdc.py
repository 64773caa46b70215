"""The rule of hybrid dilated convolution (Wang et al. 2018), and the exact answer in closed form for chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ...architecture import Architecture
from ..support._regions import smear
from ._lines import Element, Network, Run, is_chain, windows

Coin = tuple[int, int]
"""(distance between the taps of a window, in positions of what goes in; taps less one)."""


def measure_hdc(dilations: Sequence[int]) -> int:
    """Work out M₂ of a chain of convolutions with one kernel size: the rule asks for M₂ ≤ K.

    M_n = r_n, and M_i = max(M_{i+1} - 2·r_i, M_{i+1} - 2·(M_{i+1} - r_i), r_i).

    >>> measure_hdc([1, 2, 5]), measure_hdc([1, 2, 9])
    (2, 5)

    Args:
        dilations: r_1 to r_n, at least one.

    Returns:
        M₂, the largest distance between two taps that are not zero; r_1 of a single layer.

    Source:
        Wang et al., "Understanding Convolution for Semantic Segmentation", WACV 2018 (arXiv 1702.08502), section 3.2.
    """
    most = dilations[-1]
    for rate in reversed(dilations[1:-1]):
        most = max(most - 2 * rate, most - 2 * (most - rate), rate)
    return most


def fills(coins: Iterable[Coin], reach: int = 0) -> bool:
    """Whether a chain of windows leaves no hole on one axis: exact, whatever the order of its layers.

    A unit sees the sums of one multiple of each layer's tap distance. They are all numbers up to the largest exactly
    if, from the smallest distance on, each is at most one more than the reach of all before it.

    Args:
        coins: (distance between taps, taps less one) of each layer.
        reach: What went before and has no hole reaches so many positions beyond its first.

    Returns:
        Whether every position of the field is seen.
    """
    for distance, times in sorted(coins):
        if distance > reach + 1 and times:
            return False
        reach += distance * times
    return True


class Chain(NamedTuple):
    """A chain of convolutions, some of them dilated, judged by HDC's rule and exactly. Pairs are (height, width)."""

    source: str
    """Path of the node whose output goes in; '' for the image."""
    layers: tuple[str, ...]
    """Paths of the windows larger than 1×1, in order."""
    kernels: tuple[tuple[int, int], ...]
    """Kernel of each."""
    dilations: tuple[tuple[int, int], ...]
    """Dilation of each."""
    hdc: tuple[int | None, int | None]
    """M₂ of the rule; None on an axis of which it says nothing: pooling, unequal kernels, or fewer than two."""
    passes: tuple[bool | None, bool | None]
    """Whether M₂ ≤ K."""
    seen: tuple[int, int]
    """Positions of an axis that a unit at the end sees."""
    size: tuple[int, int]
    """Positions of the axis from the first to the last of them."""

    @property
    def full(self) -> tuple[bool, bool]:
        """Whether every position is seen."""
        return self.seen[0] == self.size[0], self.seen[1] == self.size[1]

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {**self._asdict(), "full": self.full}


def judge_chains(architecture: Architecture) -> tuple[Chain, ...]:
    """Judge every chain of layers by HDC's rule and exactly, on the chain's own input.

    A chain is what stands one after another between two strides or blocks, with two or more windows larger than 1×1,
    one of them dilated.

    Args:
        architecture: The network.

    Returns:
        The chains of the trunk and of all branches.

    Raises:
        ArchitectureError: Layers do not fit together.
    """
    return judge_network(Network(architecture))


def judge_network(network: Network) -> tuple[Chain, ...]:
    """The same of a network with its readings."""
    return tuple(_judge_runs(network.runs))


def _judge_runs(runs: Iterable[Run]) -> Iterator[Chain]:
    for run in runs:
        layers = windows(run.elements)
        if is_chain(run.elements) and len(layers) > 1 and any(node.geometry.dilation != (1, 1) for _, node in layers):
            yield _judge(run.source, layers)


def _judge(source: str, layers: list[Element]) -> Chain:
    kernels = [node.geometry.kernel for _, node in layers]
    dilations = [node.geometry.dilation for _, node in layers]
    convolutions = all(node.op == "conv" for _, node in layers)
    hdc: list[int | None] = []
    passes: list[bool | None] = []
    seen, size = [], []
    for axis in (0, 1):
        taps = [(kernel[axis], dilation[axis]) for kernel, dilation in zip(kernels, dilations, strict=True)]
        wide = [(kernel, dilation) for kernel, dilation in taps if kernel > 1]
        ruled = len(wide) > 1 and len({kernel for kernel, _ in wide}) == 1 and convolutions
        hdc.append(measure_hdc([dilation for _, dilation in wide]) if ruled else None)
        passes.append(hdc[-1] <= wide[0][0] if hdc[-1] is not None else None)
        bits = 1
        for kernel, dilation in taps:
            bits = smear(bits, kernel, dilation)
        seen.append(bits.bit_count())
        size.append(bits.bit_length())
    return Chain(
        source,
        tuple(path for path, _ in layers),
        tuple(kernels),
        tuple(dilations),
        (hdc[0], hdc[1]),
        (passes[0], passes[1]),
        (seen[0], seen[1]),
        (size[0], size[1]),
    )

