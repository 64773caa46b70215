"""Whether a file that was written computes what the network computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..text import quote

if TYPE_CHECKING:
    from torch import Tensor

    from ..modules import Network
    from ._formats import Subject

AGREEMENT = 1e-5
"""How far scores may differ, as a share of the largest one: float32 adds up in another order elsewhere."""
BATCHES = (1, 3)
"""Numbers of images that are tried."""


def network_of(subject: Subject) -> tuple[Network, tuple[str, ...]]:
    """Build the network of a design with its weights.

    Args:
        subject: The design; without weights it gets torch's initial ones.

    Returns:
        The network on the CPU in evaluation mode, and a sentence where its weights are random.

    Raises:
        ValueError: The weights are not those of the design; in one sentence.
    """
    import torch

    from ..modules import build

    if subject.weights is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build(subject.architecture)
        return network.eval(), ("The weights are random, torch's initial ones of seed 0: nothing was trained.",)
    network = build(subject.architecture)
    try:
        network.load_state_dict(dict(subject.weights))
    except RuntimeError as error:
        told = str(error).splitlines()
        reason = told[1 if len(told) > 1 else 0].strip()[:300]
        raise ValueError(f"the weights are not those of {quote(subject.architecture.name)}: {reason}") from None
    return network.eval(), ()


def measure_difference(
    network: Network, compute: Callable[[Tensor], Any], input_shape: tuple[int, int, int]
) -> float:
    """Compare scores on random images.

    Args:
        network: What is right, in evaluation mode, on the CPU.
        compute: The other: images (N, C, H, W), float32, to scores as an array.
        input_shape: (channels, height, width).

    Returns:
        The largest difference of two scores as a share of the largest score.
    """
    import torch

    largest = 0.0
    generator = torch.Generator().manual_seed(0)
    for count in BATCHES:
        images_BCHW = torch.randn(count, *input_shape, generator=generator)
        with torch.no_grad():
            right = network(images_BCHW)
        other = torch.as_tensor(compute(images_BCHW))
        if other.shape != right.shape:
            return float("inf")
        scale = float(right.abs().max()) or 1.0
        largest = max(largest, float((other - right).abs().max()) / scale)
    return largest


def describe_agreement(what: str, difference: float) -> str:
    """Say what was proved.

    Args:
        what: The program that read the file.
        difference: As ``measure_difference`` gives it.

    Returns:
        A sentence.
    """
    equal = "the same scores" if difference == 0 else f"scores that differ by {difference:.0e} of the largest"
    images = " and ".join(map(str, BATCHES))
    return f"Read by {what}, it gives {equal} on batches of {images} random images, against torch here."
