"""What a step of slimming gives, and how it is proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from ..analysis import METRICS, Analysis, analyze
from ..architecture import MAX_TITLE, Architecture, edit
from ..modules import Network, build, fill
from ..profiling import SideBySide
from ..text import shorten

StepName = Literal["fold_norms", "fold_branches", "merge", "prune", "recalibrate"]
_IMAGES = 4
_SEED = 20


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Scores of two networks side by side, on random inputs and on images where some are given."""

    against: str
    """What the slimmed network was compared with."""
    largest_difference: float
    """Of any score of any input, absolute."""
    largest_score: float
    """The largest absolute score among them: the size that the difference is to be seen against."""
    inputs: int
    """How many inputs were tried, the images among them."""
    images: int = 0
    """How many of them are images."""

    @property
    def holds(self) -> bool:
        """Whether the difference is no more than rounding, 1e-4 of the largest score."""
        return self.largest_difference <= 1e-4 * max(1.0, self.largest_score)


@dataclass(frozen=True, kw_only=True)
class Slimmed:
    """A network after a step of slimming, and what the step did."""

    step: StepName
    before: Architecture
    """As the step found it."""
    architecture: Architecture
    network: Network = field(repr=False)
    """With its weights, on the CPU, in evaluation mode."""
    paths: tuple[str, ...]
    """The nodes that changed, by their paths before the step."""
    removed: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    """For each layer which of its output channels were taken out, counted from 0; of an attention its hidden units;
    the projection of a residual is at its path with ``/shortcut`` behind."""
    proof: Proof
    timed: SideBySide | None = None
    """One image through both on this machine's CPU, where the budget was one of latency."""
    notes: tuple[str, ...] = ()
    """What else is to be known, one sentence each."""

    @property
    def is_exact(self) -> bool:
        """Whether the step changes no answer but for rounding."""
        return self.step in ("fold_norms", "fold_branches", "merge")

    @cached_property
    def analyses(self) -> tuple[Analysis, Analysis]:
        """Of the network before and after."""
        return analyze(self.before), analyze(self.architecture)

    @property
    def params(self) -> tuple[int, int]:
        """Parameters before and after."""
        return self._measure("params")

    @property
    def macs(self) -> tuple[int, int]:
        """MACs before and after."""
        return self._measure("macs")

    @property
    def layers(self) -> tuple[int, int]:
        """Layers with weights that run in inference, before and after."""
        return self._measure("layers")

    def _measure(self, metric: str) -> tuple[int, int]:
        before, after = self.analyses
        read = METRICS[metric].read
        return read(self.before, before), read(self.architecture, after)


def read_tensors(network: Network) -> dict[str, Tensor]:
    """The state dict of a network, on the CPU, without gradients."""
    return {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}


def make_network(architecture: Architecture, tensors: Mapping[str, Tensor]) -> Network:
    """A network with these weights, float64 rounded to float32, in evaluation mode. Raises WeightsError."""
    network = build(architecture, "meta")
    rounded = {name: each.float() if each.dtype == torch.float64 else each for name, each in tensors.items()}
    fill(network, rounded, shorten(architecture.name, MAX_TITLE))
    return network.eval()


def name_after(architecture: Architecture, word: str) -> Architecture:
    """The design with what was done behind its name, once."""
    name, ending = architecture.name, f", {word}"
    if name.endswith(ending):
        return architecture
    return edit.replace(architecture, "", name=f"{shorten(name, MAX_TITLE - len(ending))}{ending}")


@torch.no_grad()
def compare_scores(
    before: Network, after: Network, input_shape: tuple[int, ...], against: str, images_BCHW: Tensor | None = None
) -> Proof:
    """Run two networks on the same inputs.

    Args:
        before: The network that the other is held against.
        after: The slimmed network. Both are taken as they answer in evaluation.
        input_shape: (channels, height, width).
        against: What ``before`` is, for people.
        images_BCHW: Images as the networks take them, normalised; random inputs are tried in any case.

    Returns:
        The largest difference of any score.
    """
    generator = torch.Generator().manual_seed(_SEED)
    inputs = [torch.randn(_IMAGES, *input_shape, generator=generator)]
    if images_BCHW is not None:
        inputs.append(images_BCHW.cpu())
    modes = before.training, after.training
    before.eval(), after.eval()
    device = next((each.device for each in before.parameters()), torch.device("cpu"))
    largest = score = 0.0
    for x_BCHW in inputs:
        expected, found = before(x_BCHW.to(device)).cpu(), after(x_BCHW)
        difference = (expected - found).abs()
        difference[expected.isnan() & found.isnan() | (expected == found)] = 0
        difference[difference.isnan()] = torch.inf  # one of them alone is no number
        sizes = expected.abs()[expected.isfinite()]
        largest = max(largest, float(difference.max()))
        score = max(score, float(sizes.max()) if len(sizes) else 0.0)
    before.train(modes[0]), after.train(modes[1])
    images = 0 if images_BCHW is None else len(images_BCHW)
    return Proof(
        against=against, largest_difference=largest, largest_score=score, inputs=_IMAGES + images, images=images
    )


THE_SAME = "the network before"
