"""Squeeze-and-excitation of any width and gate as plain nodes (Hu et al., CVPR 2018; arXiv 1709.01507)."""

from __future__ import annotations

from ..architecture import ActivationKind, Conv, GlobalPool, Parallel, Sequence


def squeeze_excitation(
    name: str, channels: int, hidden: int, *, activation: ActivationKind = "relu", gate: ActivationKind = "sigmoid"
) -> Parallel:
    """The maps, each multiplied by a factor that two 1×1 convolutions make of the averages of all."""
    squeeze = Sequence(
        name="gate",
        children=(
            GlobalPool(name="avgpool"),
            Conv(name="fc1", out_channels=hidden, activation=activation),
            Conv(name="fc2", out_channels=channels, activation=gate),
        ),
    )
    return Parallel(name=name, branches=(Sequence(name="keep"), squeeze), fuse="multiply")
