"""Small networks of the lessons on receptive fields: convolutions one after another."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass

from ..analysis import Totals, analyze
from ..analysis.support import LayerSupport, find_layer_supports
from ..architecture import MAX_KERNEL, Architecture, Conv, Sequence, Size


def make_chain(layers: Items[tuple[Size, int]], channels: int, size: int, name: str) -> Architecture:
    """Make a network of convolutions one after another, each of which keeps the size of the map.

    Args:
        layers: (kernel, dilation) of each, from the image on; a kernel is one number or (height, width).
        channels: Channels in and out of each.
        size: Side of the image in pixels.
        name: Title of the network.

    Returns:
        The network, without biases.

    Raises:
        ValueError: A number is outside its bounds; pydantic's message names it.
    """
    convs = tuple(
        Conv(name=f"conv_{number}", out_channels=channels, kernel_size=kernel, dilation=dilation, bias=False)
        for number, (kernel, dilation) in enumerate(layers, 1)
    )
    return Architecture(name=name, input_shape=(channels, size, size), trunk=Sequence(name="trunk", children=convs))


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Square convolutions in a row: what one unit sees, what they cost, and one kernel that sees as much."""

    architecture: Architecture
    """The network."""
    layers: tuple[tuple[int, int], ...]
    """(kernel, dilation) of each, from the image on."""
    totals: Totals
    """What the network costs."""
    side: int
    """Side of the box that one unit sees, in pixels."""
    support: LayerSupport
    """The pixels of the box that reach the unit."""
    single: Totals | None
    """What one kernel with this box costs; None where it is larger than a kernel may be."""

    @property
    def touched(self) -> int:
        """Pixels of the box that reach the unit; no chain of lessons is too large to be told."""
        return self.support.touched or 0

    @property
    def coverage(self) -> float:
        """Share of the box that they are."""
        return self.support.coverage or 0.0

    @property
    def weights(self) -> str:
        """The weights as a sum over the layers, with C channels in and out: '9·C² + 9·C² = 18·C² = 73,728'."""
        squares = [kernel * kernel for kernel, _ in self.layers]
        parts = [" + ".join(f"{each}·C²" for each in squares), f"{sum(squares)}·C²", f"{self.totals.params:,}"]
        return " = ".join(dict.fromkeys(parts))

    @property
    def single_weights(self) -> str:
        """Those of the one kernel: '25·C² = 102,400'; '' where there is none."""
        return "" if self.single is None else f"{self.side**2}·C² = {self.single.params:,}"


def read_chain(layers: Items[tuple[int, int]], channels: int = 64, size: int = 28) -> Chain:
    """Read what a chain of convolutions sees and costs.

    Args:
        layers: (kernel, dilation) of each, from the image on; at least one.
        channels: Channels in and out of each.
        size: Side of the image in pixels.

    Returns:
        The chain. What it sees is told without borders.

    Raises:
        ValueError: A number is outside its bounds; pydantic's message names it.
    """
    name = ", ".join(f"{kernel}×{kernel}{f' dilated {apart}' if apart > 1 else ''}" for kernel, apart in layers)
    architecture = make_chain(layers, channels, size, name)
    found = analyze(architecture)
    side = found.receptive_field.size[0]
    single = analyze(make_chain([(side, 1)], channels, size, f"{side}×{side}")).totals if side <= MAX_KERNEL else None
    return Chain(
        architecture=architecture,
        layers=tuple(layers),
        totals=found.totals,
        side=side,
        support=find_layer_supports(architecture, analysis=found)[f"conv_{len(layers)}"],
        single=single,
    )
