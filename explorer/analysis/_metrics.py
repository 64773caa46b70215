"""The metrics of a network, each once: what it is called, what is counted, how it is read, which way is better.

Whatever shows, compares, ranks or exports metrics loops over ``METRICS``, so a new one is added here and nowhere else
(and to ``Totals``, where it needs a number of the pass).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..architecture import Architecture, Node
from ._readings import CONVENTIONS, Analysis, Layer, Totals

Direction = Literal["least", "most"]
"""Which end of a metric is looked for: the smallest number or the largest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One number of a network.

    Exactly one of ``of_totals`` and ``of_network`` is given. Only what ``of_totals`` reads can be a ribbon of the
    editor, an axis of the cloud or the cost of a change: those read the totals of hundreds of variants.
    """

    key: str
    """Its name in JSON, CSV and links."""
    label: str
    """Its name for people."""
    unit: str
    """'bytes', 'px', 'layers', or '' for a plain count."""
    convention: str
    """What is counted, in one sentence without a full stop."""
    more: Literal["better", "worse", "neutral"]
    """What more of it means whatever the network is for; 'neutral' where that depends on the task."""
    trade_off: Direction = "least"
    """The direction in which a Pareto front looks where nothing else is chosen."""
    of_totals: Callable[[Totals], int] | None = None
    """How it is read from the totals of a network; None where it cannot be."""
    of_network: Callable[[Architecture, Analysis], int] | None = None
    """How it is read from the network and its analysis."""
    of_layer: Callable[[Layer], int] | None = None
    """The share of one layer, for metrics that are the sum over all layers: what a stage or a branch costs."""
    headline: bool = False
    """Whether it is one of the few that the Design page, the ribbons and the cloud show; needs ``of_totals``."""
    convex: bool = False
    """Whether it is convex in each layer's channels wherever ``convex_in_channels`` holds."""

    def __post_init__(self) -> None:
        if (self.of_totals is None) == (self.of_network is None):
            raise ValueError(f"metric {self.key!r} needs either of_totals or of_network")
        if self.headline and self.of_totals is None:
            raise ValueError(f"metric {self.key!r} is a headline metric, which needs of_totals")

    @property
    def best(self) -> Direction | None:
        """The direction that is better for every network; None where it depends on the task."""
        return {"worse": "least", "better": "most", "neutral": None}[self.more]

    @property
    def title(self) -> str:
        """Label and unit: 'training memory, bytes'."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def read(self, architecture: Architecture, analysis: Analysis) -> int:
        """Read the metric of a network that has been analysed.

        Args:
            architecture: The network.
            analysis: What ``analyze`` gives for it.

        Returns:
            The number, in ``unit``.
        """
        if self.of_network is not None:
            return self.of_network(architecture, analysis)
        return self.read_totals(analysis.totals)

    def read_totals(self, totals: Totals) -> int:
        """Read the metric of a variant of which only the totals are known.

        Args:
            totals: The totals of the variant.

        Returns:
            The number, in ``unit``.

        Raises:
            ValueError: This metric cannot be read from totals.
        """
        if self.of_totals is None:
            raise ValueError(f"metric (={self.key!r}) cannot be read from totals")
        return self.of_totals(totals)


def depth(node: Node) -> int:
    """Count the layers with weights on the longest path, as in "GoogLeNet is 22 layers deep".

    Args:
        node: A node; the trunk of a network for the depth of the whole.

    Returns:
        Layers. Auxiliary heads stand beside the path and do not count.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 5.
    """
    return node.weighted_depth


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            key="params", label="parameters", unit="", convention=CONVENTIONS["params"], more="worse", headline=True,
            convex=True, of_totals=lambda totals: totals.params,
            of_layer=lambda layer: 0 if layer.training_only else layer.params,
        ),
        Metric(
            key="macs", label="MACs", unit="", convention=CONVENTIONS["macs"], more="worse", headline=True,
            convex=True, of_totals=lambda totals: totals.macs,
            of_layer=lambda layer: 0 if layer.training_only else layer.macs,
        ),
        Metric(
            key="training_bytes", label="training memory", unit="bytes", convention=CONVENTIONS["training_bytes"],
            more="worse", headline=True, convex=True, of_totals=lambda totals: totals.training_bytes,
            of_layer=lambda layer: layer.training_bytes,
        ),
        Metric(
            key="inference_bytes", label="inference memory", unit="bytes", convention=CONVENTIONS["inference_bytes"],
            more="worse", headline=True, convex=True, of_totals=lambda totals: totals.inference_bytes,
        ),
        Metric(
            key="receptive_field", label="receptive field", unit="px", more="neutral", trade_off="most",
            convention=f"{CONVENTIONS['receptive_field']}; the larger axis", headline=True, convex=True,
            of_totals=lambda totals: max(totals.receptive_field.size),
        ),
        Metric(
            key="shortest_field", label="shortest path's field", unit="px", more="neutral", trade_off="most",
            convention="the same over the path with the smallest windows; the larger axis", convex=True,
            of_totals=lambda totals: max(totals.receptive_field.min_size),
        ),
        Metric(
            key="stride", label="stride", unit="px", more="neutral", convex=True,
            convention="input pixels between neighbouring units of the last feature map; the larger axis",
            of_totals=lambda totals: max(totals.receptive_field.stride),
        ),
        Metric(
            key="depth", label="depth", unit="layers", more="neutral",
            convention="layers with weights on the longest path from the image to the prediction",
            of_network=lambda architecture, _: depth(architecture.trunk),
        ),
        Metric(
            key="layers", label="layers", unit="", more="neutral",
            convention="convolutions, linear layers, attentions and projection shortcuts of the inference network",
            of_network=lambda _, analysis: sum(
                1 for layer in analysis.layers if layer.weight_params and not layer.training_only
            ),
        ),
        Metric(
            key="auxiliary_params", label="auxiliary parameters", unit="", more="neutral", convex=True,
            convention="learnable parameters of the heads that exist in training only",
            of_totals=lambda totals: totals.auxiliary_params,
        ),
    )
}  # fmt: skip
"""Every metric by its key, in the order in which they are shown."""


def headline_metrics() -> dict[str, Metric]:
    """List the metrics that the Design page, the ribbons and the cloud show.

    Returns:
        Those of ``METRICS`` with ``headline``, by their keys, in the same order.
    """
    return {key: metric for key, metric in METRICS.items() if metric.headline}
