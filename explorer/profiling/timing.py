"""Measured times of networks as plain values, without torch; ``measurement`` takes them in a process of its own.

Times are of one forward pass of a batch in inference, each repeat by itself after warm-up runs, with the device waited
for. MACs do not tell them: small layers are bound by memory and by the cost of starting them. What a machine could do
at best is a roofline (Williams, Waterman & Patterson 2009).
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ..analysis import Analysis
from ..architecture import Architecture, edit, to_json

Precision = Literal["fp32", "bf16"]
_BYTES: dict[Precision, int] = {"fp32": 4, "bf16": 2}
MAX_BATCH = 4096


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to run a network."""

    device: str = "cpu"
    """cpu, mps or cuda:N."""
    batch: int = 1
    """Images in one forward pass, 1 to ``MAX_BATCH``."""
    compiled: bool = False
    """By torch.compile; False is eager."""
    precision: Precision = "fp32"
    """bf16 is autocast: weights stay float32."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MAX_BATCH:
            raise ValueError(f"batch (={self.batch}) must be from 1 to {MAX_BATCH:,}")
        if self.precision not in _BYTES:
            raise ValueError(f"precision (={self.precision!r}) must be 'fp32' or 'bf16'")

    def __str__(self) -> str:
        return f"{self.device}, {self.way}"

    @property
    def way(self) -> str:
        """All but the device: 'batch 8, eager, fp32'."""
        return f"batch {self.batch}, {'compiled' if self.compiled else 'eager'}, {self.precision}"


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Measured times of one network in one setting."""

    name: str
    """Title of the network."""
    setting: Setting
    """How it was run."""
    seconds: tuple[float, ...]
    """Of each repeat: one forward pass of the batch; () where it could not run."""
    macs: int
    """Of the batch."""
    traffic_bytes: int
    """Bytes of the batch: see ``count_traffic_bytes``."""
    trouble: str = ""
    """Why it could not run."""

    @property
    def median(self) -> float:
        """Seconds of a batch."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """First and third quartile of the seconds: half of all repeats lie between them."""
        if len(self.seconds) < 2:
            return self.median, self.median
        first, _, third = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return first, third

    @property
    def throughput(self) -> float:
        """Images a second."""
        return self.setting.batch / self.median

    @property
    def flops_rate(self) -> float:
        """Operations a second, 2 for each multiply-add."""
        return 2 * self.macs / self.median

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: operations for each byte moved."""
        return 2 * self.macs / self.traffic_bytes

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        data = asdict(self)
        if self.seconds:
            names = ("median", "spread", "throughput", "flops_rate", "intensity")
            data |= {name: getattr(self, name) for name in names}
        return data


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """What a device does at best, measured: the roof of a roofline."""

    device: str
    """cpu, mps or cuda:N."""
    precision: Precision
    """Of the matrix product."""
    flops: float
    """Operations a second of a large matrix product."""
    bytes: float
    """Bytes a second of a large copy, read and written."""

    def attainable(self, intensity: float) -> float:
        """Compute what the roofline allows at an arithmetic intensity.

        Args:
            intensity: Operations for each byte moved.

        Returns:
            Operations a second.

        Source: Williams, Waterman & Patterson 2009, "Roofline: An insightful visual performance model".
        """
        return min(self.flops, intensity * self.bytes)


def count_traffic_bytes(analysis: Analysis, setting: Setting) -> int:
    """Count the bytes that a batch moves if every layer reads its input and weights once and writes its output once.

    A convention, not a measurement: caches and fusion move less, workspaces more. Parameters count once a batch.

    Args:
        analysis: Of the network.
        setting: Batch size and precision.

    Returns:
        Bytes.
    """
    elements = 0
    for layer in analysis.layers:
        if not layer.training_only:
            read = 1
            for extent in layer.input_shape:
                read *= extent
            elements += read + layer.activation_elements
    return (elements * setting.batch + analysis.totals.params) * _BYTES[setting.precision]


def refuse_too_large(analysis: Analysis, setting: Setting, memory: int) -> Latency | None:
    """Refuse a batch whose weights and activations alone do not fit the memory.

    Activations are counted in float32 in either precision, so a batch that nearly fits in bf16 is refused too.

    Args:
        analysis: Of the network.
        setting: Batch size, precision and device.
        memory: Bytes.

    Returns:
        A ``Latency`` with its trouble; None where it fits.
    """
    needed = analysis.totals.inference_bytes * setting.batch + analysis.totals.params * _BYTES["fp32"]
    if needed <= memory:
        return None
    numbers = f"needs about {needed / 1e9:,.1f} GB, and {setting.device} has {memory / 1e9:,.1f} GB"
    return unmeasured(analysis, setting, f"{numbers}; take a smaller batch")


def unmeasured(analysis: Analysis, setting: Setting, trouble: str = "") -> Latency:
    """What is known of a network in a setting before it has run."""
    return Latency(
        name=analysis.name, setting=setting, seconds=(), trouble=trouble,
        macs=analysis.totals.macs * setting.batch, traffic_bytes=count_traffic_bytes(analysis, setting),
    )  # fmt: skip


@lru_cache(maxsize=64)
def computation_digest(architecture: Architecture) -> str:
    """Name what an architecture computes, for times that are kept: names and notes take no time.

    Args:
        architecture: The network.

    Returns:
        A SHA-256 in hexadecimal, equal for architectures that differ in name, notes and provenance alone.
    """
    bare = edit.replace(architecture, "", name="-", notes="", provenance="")
    return hashlib.sha256(to_json(bare, indent=None).encode()).hexdigest()


class Disagreement(NamedTuple):
    """Two networks whose ratio of times is not their ratio of MACs."""

    slow: int
    """Place of one among the latencies."""
    quick: int
    """Place of the other."""
    macs: float
    """MACs of ``quick`` as a multiple of those of ``slow``."""
    time: float
    """Median time of ``quick`` as a multiple of that of ``slow``."""


_NOTABLE = math.log(1.1)


def find_disagreement(latencies: Sequence[Latency]) -> Disagreement | None:
    """Find the two networks, in one setting, whose ratio of times differs most from their ratio of MACs.

    Args:
        latencies: Measured times; pairs of different settings are not compared.

    Returns:
        The pair, where the difference is more than the quartiles explain; None where the ratios agree within a tenth.
    """
    best, found = _NOTABLE, None
    for place, slow in enumerate(latencies):
        for other, quick in enumerate(latencies[place + 1 :], place + 1):
            if slow.setting != quick.setting or not slow.macs or not quick.macs:
                continue
            macs = quick.macs / slow.macs
            (first, last), (least, most) = slow.spread, quick.spread
            apart = max(math.log(macs * first / most), math.log(least / last / macs))
            if apart > best:
                best, found = apart, Disagreement(place, other, macs, quick.median / slow.median)
    return found
