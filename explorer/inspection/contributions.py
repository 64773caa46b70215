"""The contribution of each branch of a block to a class score, by mean ablation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._paths import branch_paths
from .hooks import OutputEdit, capture_outputs, edit_outputs
from .models import Model


@dataclass(frozen=True, kw_only=True)
class BranchContribution:
    """The contribution of one branch."""

    path: str
    logit: float
    """Score of the class minus its score with the branch ablated; positive: the branch raises the score."""
    probability: float
    """The same difference of probabilities."""


@torch.no_grad()
def branch_contributions(
    model: Model, x_CHW: Tensor, block: str, chosen: int | str, reference_BCHW: Tensor | None = None
) -> tuple[BranchContribution, ...]:
    """How much the score of a class changes when each branch of a block is ablated, one at a time.

    Ablated means: the branch's output is replaced by its mean, channel by channel, before the branches are fused.
    Without a reference it is the mean over the positions of this image, which removes where features are and keeps
    which and how strong. With reference inputs it is the mean over all their positions, which removes all information
    about this image. Zeros are not used: the rest of the network may never have had such an input in training.
    Contributions do not sum up to the score, because branches interact.

    Args:
        model: the model.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        block: path of a node with branches.
        chosen: the class, by number or name.
        reference_BCHW: inputs whose mean replaces a branch's output; None: the mean of this input.

    Returns:
        One contribution for each branch, in the order of the branches.

    Raises:
        ValueError: no such block or class, or branches that output vectors and no reference.

    Source: Morcos et al., "On the importance of single directions for generalization", ICLR 2018, section 2.2, which
    compares the mean with zero.
    """
    index = model.class_index(chosen)
    paths = branch_paths(model.architecture, block)
    means = {} if reference_BCHW is None else _means(model, reference_BCHW, paths)

    def ablation(row: int, path: str) -> OutputEdit:
        def ablate(output_BC: Tensor) -> Tensor:
            if path not in means and output_BC.ndim != 4:
                raise ValueError(f"{path} outputs a vector, which has no positions; give reference images")
            ablated = output_BC.clone()
            mean_C = means[path].to(output_BC) if path in means else output_BC[row].mean((1, 2))
            ablated[row] = mean_C.view(-1, *[1] * (output_BC.ndim - 2))
            return ablated

        return ablate

    # One pass: row 0 is unchanged, in row b the branch b - 1 is ablated. In evaluation mode rows are independent.
    network = edit_outputs(model, {path: ablation(row, path) for row, path in enumerate(paths, start=1)})
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
