"""Statistics of batch norms, gathered anew after channels were taken out."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ..architecture import Architecture
from ..modules import Network
from ..text import quote
from ._slimmed import THE_SAME, Slimmed, compare_scores

_BATCH = 128


@torch.no_grad()
def recalibrate(architecture: Architecture, network: Network, images_BCHW: Tensor) -> Slimmed:
    """Gather the statistics of all batch norms anew, on training images.

    What a pruned layer hands on has another mean and deviation than the norms behind it learnt. Their statistics follow
    from the images alone, without labels and without training, and much of the accuracy returns.

    Args:
        architecture: The network.
        network: Its module with the weights; it stays as it is.
        images_BCHW: Training images as the network takes them, normalised.

    Returns:
        The network with other statistics and no other weights. Its answers change: measure them.

    Raises:
        ValueError: It has no batch norms.

    Source: Li et al. 2020, "EagleEye: fast sub-net evaluation for efficient neural network pruning", section 3.2.
    """
    made = copy.deepcopy(network).eval()
    norms = {name: each for name, each in made.named_modules() if isinstance(each, nn.BatchNorm2d)}
    before = {name: copy.deepcopy(norm.state_dict()) for name, norm in norms.items()}
    for norm in norms.values():
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    device = next((each.device for each in made.parameters()), torch.device("cpu"))
    for batch_BCHW in torch.split(images_BCHW, _BATCH):
        made(batch_BCHW.to(device))
    changed = []
    for name, norm in norms.items():
        norm.momentum = 0.1
        if int(norm.num_batches_tracked or 0):
            changed.append(name.removesuffix(".bn").replace(".", "/"))
        else:  # of an auxiliary head, which no image passes
            norm.load_state_dict(before[name])
    made.cpu().eval()
    if not changed:
        raise ValueError(f"{quote(architecture.name)} has no batch norms whose statistics could be gathered anew")
    return Slimmed(
        step="recalibrate", before=architecture, architecture=architecture, network=made, paths=tuple(changed),
        proof=compare_scores(network, made, architecture.input_shape, THE_SAME, images_BCHW[:_BATCH]),
        notes=(f"The statistics of the norms are those of {len(images_BCHW):,} training images, without their labels",),
    )  # fmt: skip
