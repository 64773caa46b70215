"""Two lessons of the Inception papers as data: what a 1×1 reduction saves, and small kernels for a large one."""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis import Totals, analyze
from ..analysis.support import LayerSupport, find_layer_supports
from ..architecture import Architecture, ArchitectureError, Conv, Sequence, edit, walk
from ._chains import make_chain
from ._changes import Delta, delta


@dataclass(frozen=True, kw_only=True)
class Saving:
    """A k×k convolution beside the same through a 1×1, weights alone (Szegedy et al. 2015, section 4)."""

    in_channels: int
    """Channels that come in."""
    reduced: int
    """Channels behind the 1×1."""
    out_channels: int
    """Channels that go out."""
    kernel: tuple[int, int]
    """(height, width) of the larger convolution."""
    positions: int
    """Outputs (height · width) at which the convolutions are evaluated."""

    @property
    def direct(self) -> int:
        """Weights of the k×k on all channels."""
        return self.in_channels * self.out_channels * self.kernel[0] * self.kernel[1]

    @property
    def through(self) -> int:
        """Weights of the 1×1 and of the k×k behind it."""
        return self.reduced * (self.in_channels + self.out_channels * self.kernel[0] * self.kernel[1])

    @property
    def direct_macs(self) -> int:
        """Multiply-adds of the k×k on all channels."""
        return self.direct * self.positions

    @property
    def through_macs(self) -> int:
        """Multiply-adds of the 1×1 and of the k×k behind it."""
        return self.through * self.positions

    @property
    def saved(self) -> float:
        """Share of the weights that the reduction saves; negative where it costs more than it saves."""
        return 1 - self.through / self.direct

    @property
    def break_even(self) -> float:
        """Reduced channels at which the detour costs as much as the direct way."""
        area = self.kernel[0] * self.kernel[1]
        return self.in_channels * self.out_channels * area / (self.in_channels + self.out_channels * area)


def compute_saving(
    in_channels: int, reduced: int, out_channels: int, kernel: tuple[int, int] = (3, 3), positions: int = 1
) -> Saving:
    """Compute what a 1×1 convolution before a larger one saves.

    >>> lesson = compute_saving(192, 96, 128)
    >>> lesson.direct, lesson.through
    (221184, 129024)

    Args:
        in_channels: Channels that come in.
        reduced: Channels behind the 1×1.
        out_channels: Channels that go out.
        kernel: (height, width) of the larger convolution.
        positions: Units of the output map, for MACs.

    Returns:
        Weights and MACs with and without the 1×1, no biases.

    Raises:
        ValueError: A number is below 1.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 4.
    """
    numbers = {"in_channels": in_channels, "reduced": reduced, "out_channels": out_channels, "positions": positions}
    for name, number in [*numbers.items(), ("kernel", min(kernel))]:
        if number < 1:
            raise ValueError(f"{name} (={number}) must be at least 1")
    return Saving(**numbers, kernel=kernel)


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """A 1×1 in a network, and the convolution behind it."""

    reduce: str
    """Path of the 1×1."""
    conv: str
    """Path of the convolution behind it."""
    saving: Saving
    """Of the two layers' weights."""
    delta: Delta
    """The network without the 1×1 less the network with it: biases, norms, memory and all."""


def find_reductions(architecture: Architecture) -> tuple[Reduction, ...]:
    """Find every 1×1 that stands before a larger convolution, and what leaving it out would cost.

    Args:
        architecture: The network.

    Returns:
        The reductions in order. Such a 1×1 need not make channels fewer: where it does not, its saving is negative.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    analysis = analyze(architecture)
    found: list[Reduction] = []
    for path, node in walk(architecture):
        if not (isinstance(node, Conv) and node.groups == 1 and node.geometry.kernel == (1, 1)):
            continue
        parent, _, name = path.rpartition("/")
        siblings = edit.find(architecture, parent).nodes
        place = [sibling.name for sibling in siblings].index(name)
        following = siblings[place + 1] if place + 1 < len(siblings) else None
        holder = edit.find(architecture, parent)
        if holder.op != "sequence" or not isinstance(following, Conv) or following.geometry.kernel == (1, 1):
            continue
        if following.groups != 1 or node.geometry.stride != (1, 1):
            continue
        behind = f"{parent}/{following.name}" if parent else following.name
        first, second = analysis.by_path[path], analysis.by_path[behind]
        try:
            without = analyze(edit.remove(architecture, path))
        except ArchitectureError:  # something else needs these channels
            continue
        found.append(
            Reduction(
                reduce=path,
                conv=behind,
                saving=compute_saving(
                    first.input_shape[0], first.output_shape[0], second.output_shape[0],
                    following.geometry.kernel, second.output_shape[1] * second.output_shape[2],
                ),
                delta=delta(analysis, without),
            )
        )  # fmt: skip
    return tuple(found)


def with_reduction(architecture: Architecture, path: str, channels: int) -> Architecture:
    """Put a 1×1 before a convolution; its norm and activation are the convolution's.

    Args:
        architecture: The network.
        path: Path of the convolution.
        channels: Channels behind the 1×1.

    Returns:
        The new network.

    Raises:
        ArchitectureError: There is no node at ``path``, or the layers do not fit together afterwards.
        ValueError: The node at ``path`` is no convolution.
    """
    node = edit.find(architecture, path)
    if not isinstance(node, Conv):
        raise ValueError(f"{path or 'the trunk'} is a {node.op}; a reduction stands before a convolution")
    reduce = edit.with_fields(
        node, name="reduce", out_channels=channels, kernel_size=1, stride=1, padding="same", dilation=1, groups=1
    )
    parent, _, name = path.rpartition("/")
    siblings = edit.find(architecture, parent)
    if siblings.op == "sequence":
        place = [sibling.name for sibling in siblings.nodes].index(name)
        return edit.insert(architecture, parent, reduce, place)
    conv = edit.with_fields(node, name="conv")
    return edit.put(architecture, path, Sequence(name=name, children=(reduce, conv)))


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One way to see a field of given size."""

    label: str
    """'5×5', '2 × 3×3' and so on."""
    architecture: Architecture
    """The convolutions as a network."""
    totals: Totals
    """What they cost."""
    layers: int
    """How many convolutions there are."""
    support: LayerSupport
    """Which pixels of the field it reads."""

    @property
    def touched(self) -> int:
        """Pixels of the field that it reads."""
        return self.support.touched or 0

    @property
    def coverage(self) -> float:
        """Share of the field that it reads."""
        return self.support.coverage or 0.0


def list_stacks(kernel: int, channels: int = 64, size: int = 28) -> tuple[Stack, ...]:
    """List one k×k and what sees a field of the same size: 3×3s, 1×k then k×1, dilated 3×3s with and without holes.

    Args:
        kernel: K, odd.
        channels: Channels in and out.
        size: Side of the maps in pixels.

    Returns:
        Each way with its weights and MACs, no biases, and the pixels that it reads: all but a single dilated 3×3, the
        last one, read the whole field.

    Raises:
        ValueError: The kernel is even or outside 3 to 31.

    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 3.
    """
    if kernel % 2 == 0 or not 3 <= kernel <= 31:
        raise ValueError(f"kernel (={kernel}) must be odd and from 3 to 31")
    ways: list[tuple[str, list[tuple[int | tuple[int, int], int]]]] = [(f"{kernel}×{kernel}", [(kernel, 1)])]
    if kernel > 3:
        count = kernel // 2
        ways.append((f"{count} × 3×3", [(3, 1)] * count))
    ways.append((f"1×{kernel}, {kernel}×1", [((1, kernel), 1), ((kernel, 1), 1)]))
    if kernel in (7, 9):  # a second dilation up to 3 leaves no hole between the taps of the first 3×3
        ways.append((f"3×3, 3×3 dilated {kernel // 2 - 1}", [(3, 1), (3, kernel // 2 - 1)]))
    if kernel > 3:
        ways.append((f"3×3 dilated {kernel // 2}", [(3, kernel // 2)]))
    found = []
    for label, layers in ways:
        network = make_chain(layers, channels, size, name=label)
        analysis = analyze(network)
        support = find_layer_supports(network, analysis=analysis)[f"conv_{len(layers)}"]
        found.append(
            Stack(label=label, architecture=network, totals=analysis.totals, layers=len(layers), support=support)
        )
    return tuple(found)
