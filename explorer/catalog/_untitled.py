"""What a new design begins with: nothing, or a small network."""

from __future__ import annotations

from explorer.architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Pool, Sequence

from ..architecture.blocks import inception as inception_block


def empty() -> Architecture:
    """Make a network without any layer, to be built by hand.

    Returns:
        An empty trunk for images of 3×32×32. It is no entry of the catalogue.
    """
    return Architecture(name="Untitled", input_shape=(3, 32, 32), trunk=Sequence(name="trunk"))


def untitled() -> Architecture:
    """Make a small working network to begin a design with.

    Returns:
        A 3×3 stem, one Inception block and a classifier of 10 classes for images of 3×32×32. It is no entry of the
        catalogue.
    """
    block = inception_block(
        "inception_1", ones=32, reduce_3x3=32, out_3x3=64, reduce_5x5=8, out_5x5=16, project=16, norm="batch"
    )
    return Architecture(
        name="Untitled",
        input_shape=(3, 32, 32),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="stem", out_channels=32, kernel_size=3, norm="batch"),
                block,
                Pool(name="pool", kernel_size=3, stride=2, padding=1),
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )
