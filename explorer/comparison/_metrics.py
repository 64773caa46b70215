"""The numbers by which networks are compared, each with its convention and, where it has one, its better direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..analysis import CONVENTIONS, Analysis
from ..architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the comparison."""

    key: str
    label: str
    unit: str
    convention: str
    """What is counted, in one sentence."""
    best: Literal["least", None]
    """'least' where less is better whatever the network is for; None where it depends on the task."""
    read: Callable[[Architecture, Analysis], int]


_LONGEST = {"conv": 1, "linear": 1}


def depth(node: Any) -> int:
    """Layers with weights on the longest path, as in "GoogLeNet is 22 layers deep" (Szegedy et al. 2015, section 5)."""
    if node.op == "sequence":
        return sum(map(depth, node.nodes))
    if node.op == "parallel":
        return max(map(depth, node.nodes))
    if node.op == "residual":
        return max(depth(node.body), 1 if node.shortcut == "projection" else 0)
    if node.op == "attention":
        return 2 if node.kind == "se" else 3  # the two layers of the MLP, and CBAM's convolution over positions
    return _LONGEST.get(node.op, 0)  # an auxiliary head is beside the path


METRICS: tuple[Metric, ...] = (
    Metric(
        key="params", label="parameters", unit="", convention=CONVENTIONS["params"], best="least",
        read=lambda _, analysis: analysis.totals.params,
    ),
    Metric(
        key="macs", label="MACs", unit="", convention=CONVENTIONS["macs"], best="least",
        read=lambda _, analysis: analysis.totals.macs,
    ),
    Metric(
        key="training_bytes", label="training memory", unit="bytes", convention=CONVENTIONS["training_bytes"],
        best="least", read=lambda _, analysis: analysis.totals.training_bytes,
    ),
    Metric(
        key="inference_bytes", label="inference memory", unit="bytes", convention=CONVENTIONS["inference_bytes"],
        best="least", read=lambda _, analysis: analysis.totals.inference_bytes,
    ),
    Metric(
        key="receptive_field", label="receptive field", unit="px", best=None,
        convention=f"{CONVENTIONS['receptive_field']}; the larger axis",
        read=lambda _, analysis: max(analysis.totals.receptive_field.size),
    ),
    Metric(
        key="shortest_field", label="shortest path's field", unit="px", best=None,
        convention="the same over the path with the smallest windows; the larger axis",
        read=lambda _, analysis: max(analysis.totals.receptive_field.min_size),
    ),
    Metric(
        key="stride", label="stride", unit="px", best=None,
        convention="input pixels between neighbouring units of the last feature map; the larger axis",
        read=lambda _, analysis: max(analysis.totals.receptive_field.stride),
    ),
    Metric(
        key="depth", label="depth", unit="layers", best=None,
        convention="layers with weights on the longest path from the image to the answer",
        read=lambda architecture, _: depth(architecture.trunk),
    ),
    Metric(
        key="layers", label="layers", unit="", best=None,
        convention="convolutions, linear layers, attentions and projection shortcuts of the inference network",
        read=lambda _, analysis: sum(1 for each in analysis.layers if each.weight_params and not each.training_only),
    ),
    Metric(
        key="auxiliary_params", label="auxiliary parameters", unit="", best=None,
        convention="learnt numbers of the heads that exist in training only",
        read=lambda _, analysis: analysis.totals.auxiliary_params,
    ),
)  # fmt: skip
