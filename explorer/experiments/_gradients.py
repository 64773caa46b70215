"""How much gradient reaches each block, from the image to the scores, for each variant of an experiment; live."""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis import analyze
from ..architecture import Architecture
from ..runs import Manager, series
from ..text import format_number
from ._manage import StoredExperiment
from ._results import VariantResult

_VANISHES = 0.01


@dataclass(frozen=True, kw_only=True)
class GradientProfile:
    """The gradient norms of one variant's blocks, as its first seed's run recorded them last."""

    label: str
    """Of the variant."""
    blocks: tuple[str, ...]
    """Nodes of the trunk that have parameters, from the image on."""
    layers: tuple[int, ...]
    """Convolutions and linear layers from the image to the end of each block."""
    norms: tuple[float, ...]
    """Euclidean length of the gradient over each block's parameters."""

    @property
    def reach(self) -> float:
        """The first block's norm as a share of the last one's; 0 where nothing arrives."""
        return self.norms[0] / self.norms[-1] if self.norms[-1] else 0.0

    @property
    def vanishes(self) -> bool:
        """Whether less than a hundredth of the last block's gradient reaches the first."""
        return self.reach < _VANISHES


def collect_gradients(
    manager: Manager, stored: StoredExperiment, rows: list[VariantResult]
) -> tuple[GradientProfile, ...]:
    """Collect the newest gradient norms of an experiment's runs, those of the first seed.

    Args:
        manager: Of the runs.
        stored: The experiment.
        rows: Its results, from ``collect_results``.

    Returns:
        A profile for each variant of which a run has recorded any, in the order of the variants; runs record their
        blocks every 100 steps and at the end of each epoch.
    """
    depths = [_depths(variant.architecture) for variant in stored.experiment.variants]
    values = {
        block: manager.store.last_values(series.of_block(series.GRADIENT_NORM, block))
        for block in dict.fromkeys(block for depth in depths for block in depth)
    }
    found = []
    for row, depth in zip(rows, depths, strict=True):
        run = row.trials[0].run
        known = {block: values[block][run] for block in depth if run in values[block]}
        if len(known) > 1:
            found.append(
                GradientProfile(
                    label=row.label, blocks=tuple(known), layers=tuple(depth[block] for block in known),
                    norms=tuple(known.values()),
                )
            )  # fmt: skip
    return tuple(found)


def _depths(architecture: Architecture) -> dict[str, int]:
    """Layers from the image to the end of each node of the trunk that has parameters."""
    analysis, count, found = analyze(architecture), 0, {}
    for node in architecture.trunk.nodes:
        layers = [layer for layer in analysis.below(node.name) if not layer.training_only]
        count += sum(layer.op in ("conv", "linear") for layer in layers)
        if any(layer.params for layer in layers):
            found[node.name] = count
    return found


def describe_gradients(profiles: tuple[GradientProfile, ...]) -> list[str]:
    """Say for each variant how much of the gradient reaches the first block.

    Args:
        profiles: From ``collect_gradients``.

    Returns:
        A sentence without its full stop for each.
    """
    return [
        f"{each.label}: {each.layers[-1]} layers, gradient {format_number(each.norms[0])} in {each.blocks[0]} and "
        f"{format_number(each.norms[-1])} in {each.blocks[-1]}, a share of {format_number(each.reach)}"
        f"{': it vanishes' if each.vanishes else ''}"
        for each in profiles
    ]
