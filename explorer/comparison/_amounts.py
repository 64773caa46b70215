"""Numbers by metric, for what is added up or subtracted: the cost of a stage, the difference of two networks."""

from __future__ import annotations

from collections.abc import Iterable

from ..analysis import METRICS, Layer


class Amounts:
    """Mix-in of a dataclass with a field ``amounts``, {key of a metric: number}: each can be read as an attribute."""

    amounts: dict[str, int]

    def __getattr__(self, name: str) -> int:
        if name.startswith("_") or name not in METRICS:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self.amounts.get(name, 0)


def sum_layers(layers: Iterable[Layer]) -> dict[str, int]:
    """What the layers cost together, by each metric that adds up over layers."""
    layers = tuple(layers)
    return {metric.key: sum(map(metric.of_layer, layers)) for metric in METRICS.values() if metric.of_layer}
