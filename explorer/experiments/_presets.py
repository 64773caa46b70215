"""Predefined experiments."""

from __future__ import annotations

from dataclasses import dataclass

from .. import catalog
from ..architecture import Architecture
from ..training import TrainConfig
from ._experiment import Experiment, plan


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A predefined experiment; only the details of training are open."""

    title: str
    """Name of the experiment."""
    summary: str
    """What it shows, in one sentence."""
    network: str
    """Name in the catalogue."""
    factors: tuple[str, ...]
    """Names of the factors."""
    combine: bool
    """Whether factors are also combined; otherwise one at a time."""
    seeds: tuple[int, ...]
    """Each variant is trained once from each."""
    recipe: str
    """Name of the training recipe."""
    dataset: str
    """Name of the data set."""

    def experiment(
        self,
        config: TrainConfig,
        *,
        base: Architecture | None = None,
        seeds: tuple[int, ...] | None = None,
        name: str = "",
    ) -> Experiment:
        """Plan the experiment with a configuration.

        Args:
            config: Of all runs; its seed is replaced.
            base: In place of the preset's network, such as one that was fitted to other data.
            seeds: In place of the preset's.
            name: In place of the preset's title.

        Returns:
            The experiment; nothing is stored or started.

        Raises:
            ValueError: A seed is not allowed, or a factor does not apply.
        """
        return plan(
            base or catalog.get(self.network),
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
    ),
    "vanishing-gradient": Preset(
        title="Vanishing gradient",
        summary="8, 20 and 44 layers, each with shortcuts and without: the gradient of each block, and what is learnt.",
        network="residual-8",
        factors=("depth-3", "depth-7", "no-residual"),
        combine=True,
        seeds=(0, 1),
        recipe="mnist-lesson",
        dataset="digits",
    ),
}
"""Presets by name."""
