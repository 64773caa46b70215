"""Predefined experiments."""

from __future__ import annotations

from dataclasses import dataclass

from .. import catalog
from ..training import TrainConfig
from ._experiment import Experiment, plan


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A predefined experiment; only the details of training are open."""

    title: str
    summary: str
    network: str
    """Name in the catalogue."""
    factors: tuple[str, ...]
    combine: bool
    seeds: tuple[int, ...]
    recipe: str
    dataset: str

    def experiment(self, config: TrainConfig, *, seeds: tuple[int, ...] | None = None, name: str = "") -> Experiment:
        """The experiment with this configuration."""
        return plan(
            catalog.get(self.network),
            self.factors,
            config,
            seeds=seeds or self.seeds,
            combine=self.combine,
            name=name or self.title,
        )


PRESETS = {
    "homework": Preset(
        title="The course's homework",
        summary="Inception on CIFAR-10 as it is, with residual connections, with CBAM, with both; three seeds.",
        network="inception-net-32",
        factors=("residual", "cbam"),
        combine=True,
        seeds=(0, 1, 2),
        recipe="course",
        dataset="cifar-10",
    )
}
"""Presets by name."""
