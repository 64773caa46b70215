"""Whether a file that was written computes what the network computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..text import quote

if TYPE_CHECKING:
    from torch import Tensor

    from ..architecture import Architecture
    from ..modules import Network
    from ._subject import Subject

AGREEMENT = 1e-5
"""How far scores may differ, as a share of the largest one: float32 adds up in another order elsewhere."""
_LAST_DIGIT = 2**-24
"""Half of the last digit of a float32, as a share of the number."""
_TIMES_ROUNDING = 4
"""Every one of the layers rounds, and not just what comes in."""
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


def prove(
    what: str, network: Network, compute: Callable[[Tensor], Any], architecture: Architecture
) -> str:
    """Compare the scores of a file with those of the network, on random images.

    Scores may differ by 1e-5 of the largest. Where a network has steps so steep that the last digit of a pixel or
    weight changes its scores by more, as untrained networks can have them, it is that which is allowed.

    Args:
        what: The program that read the file.
        network: What is right, in evaluation mode, on the CPU.
        compute: The other: images (N, C, H, W), float32, to scores as an array.
        architecture: Of the network.

    Returns:
        A sentence that says what was proved.

    Raises:
        ValueError: The scores differ by more.
    """
    difference = _measure_difference(network, compute, architecture)
    allowed, beside = AGREEMENT, ""
    if difference > AGREEMENT:
        moves = _measure_rounding(network, architecture)
        allowed = max(AGREEMENT, _TIMES_ROUNDING * moves)
        beside = f" (torch's own differ by {moves:.0e} where numbers change in their last digit)"
    if not difference <= allowed:
        raise ValueError(
            f"the file of {quote(architecture.name)} was written, and its scores, computed by {what}, differ from "
            f"torch's by {difference:.1e} of the largest, more than {allowed:.0e}: it is not handed over; please "
            "report the design"
        )
    equal = "the same scores" if difference == 0 else f"scores that differ by {difference:.0e} of the largest{beside}"
    images = " and ".join(map(str, BATCHES))
    return f"Read by {what}, it gives {equal} on batches of {images} random images, against torch here."


def _batches(architecture: Architecture) -> Iterator[Tensor]:
    import torch

    generator = torch.Generator().manual_seed(0)
    for count in BATCHES:
        yield torch.randn(count, *architecture.input_shape, generator=generator)


def _measure_difference(network: Network, compute: Callable[[Tensor], Any], architecture: Architecture) -> float:
    """The largest difference of two scores as a share of the largest score."""
    import torch

    largest = 0.0
    for images_BCHW in _batches(architecture):
        with torch.no_grad():
            right = network(images_BCHW)
        other = torch.as_tensor(compute(images_BCHW))
        if other.shape != right.shape:
            return float("inf")
        scale = float(right.abs().max()) or 1.0
        largest = max(largest, float((other - right).abs().max()) / scale)
    return largest


def _measure_rounding(network: Network, architecture: Architecture) -> float:
    """How far the scores move where every weight and every pixel changes in its last digit."""
    import copy

    import torch

    generator = torch.Generator().manual_seed(1)
    largest = 0.0
    for _ in range(3):
        other = copy.deepcopy(network)
        for tensor in other.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1 + _LAST_DIGIT * torch.randn(tensor.shape, generator=generator))

        def compute(images: Tensor, other: Network = other) -> Tensor:
            noise = torch.randn(images.shape, generator=generator)
            with torch.no_grad():
                scores: Tensor = other(images * (1 + _LAST_DIGIT * noise))
            return scores

        largest = max(largest, _measure_difference(network, compute, architecture))
    return largest
