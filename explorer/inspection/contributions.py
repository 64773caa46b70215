"""What each branch of a block contributes to a decision: the branch is silenced, and the score asked again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._paths import branch_paths
from .hooks import OutputEdit, capture_outputs, edit_outputs
from .models import Model


@dataclass(frozen=True, kw_only=True)
class BranchContribution:
    """One branch."""

    path: str
    logit: float
    """Score of the class less its score with the branch silenced; positive: the branch speaks for the class."""
    probability: float
    """The same for the probability."""


@torch.no_grad()
def branch_contributions(
    model: Model, x_CHW: Tensor, block: str, chosen: int | str, reference_BCHW: Tensor | None = None
) -> tuple[BranchContribution, ...]:
    """How the score of a class changes when each branch of a block is silenced, one at a time.

    Silenced means: what the branch gives is replaced by its mean, channel by channel, before the branches are joined.
    Without a reference it is the mean over the positions of this very picture: the branch still says what and how
    much, no longer where. With reference inputs it is the mean over all their positions: the branch says what it says
    on average, so nothing about this picture (mean ablation; Morcos et al., "On the importance of single directions for
    generalization", ICLR 2018, section 2.2 of which compares it with zero). A zero would be a value that the rest of
    the network may never have met. Contributions do not sum up to the score: branches work together.

    Raises ValueError for a block without branches, or with branches of vectors and no reference.
    """
    index = model.class_index(chosen)
    paths = branch_paths(model.architecture, block)
    means = {} if reference_BCHW is None else _means(model, reference_BCHW, paths)

    def silencing(row: int, path: str) -> OutputEdit:
        def silence(output_BC: Tensor) -> Tensor:
            if path not in means and output_BC.ndim != 4:
                raise ValueError(f"{path} gives a vector, which has no positions; give reference images")
            silenced = output_BC.clone()
            mean_C = means[path].to(output_BC) if path in means else output_BC[row].mean((1, 2))
            silenced[row] = mean_C.view(-1, *[1] * (output_BC.ndim - 2))
            return silenced

        return silence

    # One pass: row 0 is left alone, in row b the branch b - 1 is silenced. In evaluation mode rows do not meet.
    network = edit_outputs(model, {path: silencing(row, path) for row, path in enumerate(paths, start=1)})
    scores_BK = network(x_CHW.to(model.device).repeat(len(paths) + 1, 1, 1, 1)).cpu()
    shares_BK = scores_BK.softmax(1)
    return tuple(
        BranchContribution(
            path=path,
            logit=float(scores_BK[0, index] - scores_BK[row, index]),
            probability=float(shares_BK[0, index] - shares_BK[row, index]),
        )
        for row, path in enumerate(paths, start=1)
    )


def _means(model: Model, reference_BCHW: Tensor, paths: tuple[str, ...]) -> dict[str, Tensor]:
    """Mean of each channel over all reference images and positions, by path."""
    sums: dict[str, Tensor] = {}
    for start in range(0, len(reference_BCHW), model.batch_size):
        found = capture_outputs(model, reference_BCHW[start : start + model.batch_size], paths)
        for path in paths:
            output = found[path].cpu()  # sums in 64 bits: not every device has them
            maps_BCP = output.flatten(2) if output.ndim > 2 else output[..., None]
            sums[path] = sums.get(path, torch.zeros(())) + maps_BCP.double().mean(2).sum(0)
    return {path: (total / len(reference_BCHW)).float() for path, total in sums.items()}
