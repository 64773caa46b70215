"""What can be inserted, and with which numbers: every kind of node and ready blocks, chosen to fit where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import gcd
from typing import Any

from ..analysis import analyze, problems, repair
from ..architecture import (
    NODE_KINDS,
    Activation,
    Architecture,
    ArchitectureError,
    Attention,
    Auxiliary,
    ChannelShuffle,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Norm,
    Parallel,
    Pool,
    Residual,
    Scale,
    Sequence,
    Size,
    Slice,
    blocks,
    edit,
    walk,
)
from ..architecture.branches import one_by_one
from ..text import quote
from ._typed import refuse

Nodes = tuple[Any, ...]

_IMAGE_CHANNELS = 4
"""So few channels are those of an image: what stands there does not keep them."""
_FIRST_CHANNELS = 64
"""Channels of the first layer of a network."""
_CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A place where something is to be inserted, and what flows there."""

    shape: tuple[int, ...]
    """(C, H, W) of the maps, or (F,) of the vector that comes in."""
    style: dict[str, Any]
    """Norm and activation of the convolution before it."""
    classes: int
    """Outputs of the network's classifier."""

    @property
    def is_vector(self) -> bool:
        """Whether a vector comes in."""
        return len(self.shape) == 1

    @property
    def channels(self) -> int:
        """Channels that come in."""
        return self.shape[0]

    @property
    def widths(self) -> list[int]:
        """Channels for a new layer, the best first: as many as come in, but more than an image has."""
        return [_FIRST_CHANNELS, self.channels] if self.channels <= _IMAGE_CHANNELS else [self.channels]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that can be inserted."""

    label: str
    """What it is, in a menu."""
    group: str
    """Under which heading of the menu it stands."""
    make: Callable[[Gap], Iterable[Nodes]]
    """Makes what may be inserted, the best first."""


def _conv(kernel_size: Size) -> Callable[[Gap], Iterable[Nodes]]:
    def make(gap: Gap) -> Iterable[Nodes]:
        conv: Any = {"name": "conv", "kernel_size": kernel_size, **gap.style}
        return [(Conv(out_channels=width, **conv),) for width in gap.widths]

    return make


def _pool(_: Gap) -> Iterable[Nodes]:
    return [(Pool(name="pool", kernel_size=3, stride=stride),) for stride in (2, 1)]


def _head(gap: Gap) -> Nodes:
    nodes = blocks.head(classes=gap.classes)
    return nodes[2:] if gap.is_vector else nodes


def _split(gap: Gap) -> Iterable[Nodes]:
    """Two branches that together have the channels that come in, of one branch where there is a single channel."""
    if gap.is_vector:
        made = [Linear(name=f"branch_{n}", out_features=gap.channels, activation="relu") for n in (1, 2)]
        return [(Parallel(name="split", branches=tuple(made), fuse="add"),)]
    found = []
    for width in gap.widths:
        half = width // 2
        lanes = [one_by_one(out_channels=width - half, **gap.style)]
        if half:
            lanes.append(Conv(name="branch_3x3", out_channels=half, kernel_size=3, **gap.style))
        found.append((Parallel(name="split", branches=tuple(lanes)),))
    return found


def _residual(gap: Gap) -> Iterable[Nodes]:
    """A shortcut around one layer."""
    if gap.is_vector:
        return [(Residual(name="residual", body=Linear(name="body", out_features=gap.channels)),)]
    body = Conv(name="body", out_channels=gap.channels, kernel_size=3, **{**gap.style, "activation": "none"})
    return [(Residual(name="residual", body=body, norm=body.norm),)]


def _inception(gap: Gap) -> Iterable[Nodes]:
    """GoogLeNet's first block; where as many channels must go out as come in, one in the same proportions."""
    made = [(blocks.inception("inception", **gap.style),)]
    eighth = gap.channels // 8
    if eighth:
        three = 4 * eighth + gap.channels % 8
        small = {"ones": 2 * eighth, "reduce_3x3": 3 * eighth, "out_3x3": three, "reduce_5x5": -(-eighth // 2)}
        made.append((blocks.inception("inception", **small, out_5x5=eighth, project=eighth, **gap.style),))
    return made


def _residual_block(gap: Gap) -> Iterable[Nodes]:
    return [
        (blocks.residual(channels=width, projection=width != gap.channels, **gap.style),) for width in gap.widths
    ]


def _squeeze_excitation(gap: Gap) -> Iterable[Nodes]:
    activation = gap.style.get("activation", "none")
    return [(blocks.squeeze_excitation(channels=gap.channels, activation=activation.replace("none", "relu")),)]


def _group_norm(gap: Gap) -> Iterable[Nodes]:
    return [(Norm(name="norm", kind="group", groups=gcd(32, gap.channels)),)]


def _slice(gap: Gap) -> Iterable[Nodes]:
    return [(Slice(name="slice", stop=max(1, gap.channels // 2)),)]


def _channel_split(gap: Gap) -> Iterable[Nodes]:
    """One half of the channels passes, the other goes through a convolution; then they are mixed (ShuffleNet V2)."""
    half = max(1, gap.channels // 2)
    conv = Conv(name="conv", out_channels=max(1, gap.channels - half), kernel_size=3, **gap.style)
    lanes = (
        Sequence(name="first", children=(Slice(name="slice", stop=half),)),
        Sequence(name="second", children=(Slice(name="slice", start=half), conv)),
    )
    return [(Parallel(name="split", branches=lanes),)]


def _always(*nodes: Any) -> Callable[[Gap], Iterable[Nodes]]:
    return lambda _: [nodes]


PARTS: dict[str, Part] = {
    "stem": Part(
        label="Stem: 7×7, stride 2 → pooling", group="Ready blocks", make=lambda gap: [(blocks.stem(**gap.style),)]
    ),
    "inception": Part(label="Inception block", group="Ready blocks", make=_inception),
    "residual_block": Part(label="Residual block: two 3×3", group="Ready blocks", make=_residual_block),
    "reduction": Part(
        label="Reduction block: half the size",
        group="Ready blocks",
        make=lambda gap: [(blocks.reduction(**gap.style),)],
    ),
    "squeeze_excitation": Part(
        label="Squeeze-and-excitation: a weight for each channel", group="Ready blocks", make=_squeeze_excitation
    ),
    "head": Part(label="Head: global pooling → classes", group="Ready blocks", make=lambda gap: [_head(gap)]),
    "conv": Part(label="Convolution 3×3", group="Layers", make=_conv(3)),
    "conv_1x1": Part(label="Convolution 1×1", group="Layers", make=_conv(1)),
    "conv_1x3": Part(label="Convolution 1×3", group="Layers", make=_conv((1, 3))),
    "conv_3x1": Part(label="Convolution 3×1", group="Layers", make=_conv((3, 1))),
    "pool": Part(label="Pooling 3×3", group="Layers", make=_pool),
    "global_pool": Part(label="Global pooling", group="Layers", make=_always(GlobalPool(name="avgpool"))),
    "flatten": Part(label="Flatten", group="Layers", make=_always(Flatten(name="flatten"))),
    "linear": Part(
        label="Linear", group="Layers", make=lambda gap: [(Linear(name="fc", out_features=gap.classes),)]
    ),
    "dropout": Part(label="Dropout", group="Layers", make=_always(Dropout(name="dropout"))),
    "local_response_norm": Part(
        label="Local response norm", group="Layers", make=_always(LocalResponseNorm(name="lrn"))
    ),
    "norm": Part(label="Batch norm", group="Layers", make=_always(Norm(name="norm"))),
    "layer_norm": Part(label="Layer norm", group="Layers", make=_always(Norm(name="norm", kind="layer"))),
    "group_norm": Part(label="Group norm", group="Layers", make=_group_norm),
    "scale": Part(label="Learned scale", group="Layers", make=_always(Scale(name="scale"))),
    "slice": Part(label="Slice of channels", group="Layers", make=_slice),
    "channel_shuffle": Part(label="Channel shuffle", group="Layers", make=_always(ChannelShuffle(name="shuffle"))),
    "activation": Part(label="Activation", group="Layers", make=_always(Activation(name="activation"))),
    "attention": Part(label="Attention", group="Layers", make=_always(Attention(name="attention"))),
    "parallel": Part(label="Split into branches", group="Structure", make=_split),
    "channel_split": Part(label="Split of the channels", group="Structure", make=_channel_split),
    "residual": Part(label="Residual around a layer", group="Structure", make=_residual),
    "sequence": Part(label="Sequence, empty", group="Structure", make=_always(Sequence(name="group"))),
    "auxiliary": Part(
        label="Auxiliary head", group="Structure",
        make=lambda gap: [(Auxiliary(name="auxiliary", children=_head(gap)),)],
    ),
}  # fmt: skip
"""What can be inserted anywhere: ready blocks, and every kind of node by its op."""


def list_parts() -> dict[str, tuple[str, str]]:
    """List what can be inserted; kinds of node from outside too, if their fields have defaults.

    Returns:
        (caption, heading) of each, by the word that an insert command takes.
    """
    known = {key: (part.label, part.group) for key, part in PARTS.items()}
    return known | {op: (op.replace("_", " "), "Layers") for op in NODE_KINDS if op not in PARTS}


def insert_part(architecture: Architecture, part: str, place: edit.Place, path: str) -> Architecture:
    """Insert a node of some kind or a ready block, with channels, norm and activation like its neighbour.

    Args:
        architecture: What is edited; it stays as it is.
        part: A key of ``list_parts``.
        place: 'before' or 'after' the node at ``path``, or 'inside' it, as its last children.
        path: Path of the node; '' is the trunk.

    Returns:
        The network with it, working.

    Raises:
        ArchitectureError: The part or the place is not valid, or the network would not work with it there; the message
            says why, and what to do first.
    """
    if part not in list_parts():
        raise refuse(path, f"there is nothing named {quote(part, 40)} to insert; known: {', '.join(list_parts())}")
    gap = find_gap(architecture, place, path)
    try:
        made = list(PARTS[part].make(gap)) if part in PARTS else [(NODE_KINDS[part](name=part),)]
    except ValueError as error:
        raise refuse(path, f"a {part} cannot be made without further numbers: {error}") from None
    choices = [edit.insert_at(architecture, place, path, nodes) for nodes in made]
    for choice in choices:
        if not problems(choice):
            return choice
    try:
        return repair(choices[0])[0]
    except ArchitectureError as error:
        raise _explain(architecture, part, path, gap, error) from None


def find_gap(architecture: Architecture, place: edit.Place, path: str) -> Gap:
    """Find what flows through a place where something is to be inserted.

    Args:
        architecture: A network that works.
        place: 'before' or 'after' the node at ``path``, or 'inside' it.
        path: Path of the node; '' is the trunk.

    Returns:
        Shape, style of the neighbours, and classes.

    Raises:
        ArchitectureError: There is no such place.
    """
    classes = next(iter(edit.count_classes(architecture).values()), _CLASSES)
    beside = edit.find(architecture, path)
    before: list[Any] = []
    if place == "inside" and isinstance(beside, Parallel):
        shape = analyze(architecture).by_path[path].input_shape
        after = [node for _, node in walk(beside)]
    else:
        # A layer that changes nothing is put there, and the analysis asked what comes in.
        name = edit.free_name("probe", {node.name for _, node in walk(architecture)})
        probed = edit.insert_at(architecture, place, path, (Dropout(name=name),))
        nodes = list(walk(probed))
        at = next(index for index, (_, node) in enumerate(nodes) if node.name == name)
        shape = analyze(probed).by_path[nodes[at][0]].input_shape
        before = [node for _, node in nodes[:at]]
        after = [node for _, node in nodes[at:]]
    convs = [node for node in (*reversed(before), *after) if isinstance(node, Conv)]
    # A convolution that ends a residual body has no activation on purpose: it sets no example.
    model = next((conv for conv in convs if conv.activation != "none"), convs[0] if convs else None)
    style = edit.style_of(model) if model else {}
    return Gap(shape=shape, style=style, classes=classes)


def _explain(architecture: Architecture, part: str, path: str, gap: Gap, error: ArchitectureError) -> ArchitectureError:
    """Why a part cannot stand where it was to be inserted, and what to do first."""
    first = error.problems[0]
    label = list_parts()[part][0].partition(":")[0]
    nodes = dict(walk(architecture))
    way = "insert it at another place"
    if first.path in nodes and not f"{path}/".startswith(f"{first.path}/"):
        way = f"remove or change {first.path} first, or {way}"
    elif gap.is_vector:
        around = [each for each, node in nodes.items() if isinstance(node, Flatten) and _holds(each, path)]
        way = f"insert it before {around[-1]}, where there still are feature maps" if around else way
    elif part == "linear":
        way = "insert a head instead, which has all three"
    return refuse(first.path, f"{first.message}. So “{label}” was not inserted here: {way}")


def _holds(sibling: str, path: str) -> bool:
    """Whether the node at ``path`` stands in the sequence of ``sibling``, or deeper."""
    parent = sibling.rpartition("/")[0]
    return not parent or path.startswith(f"{parent}/")
