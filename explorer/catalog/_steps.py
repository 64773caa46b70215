"""What each generation changed, as two small networks: a block before the step and the same after it.

The numbers are the papers' own where they give some; both networks of a pair read the same input, so that their
parameters, MACs and fields can be set side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..architecture import (
    Activation,
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Norm,
    Parallel,
    Pool,
    Residual,
    Sequence,
)
from ..architecture.blocks import inception
from ..architecture.branches import ghost

Shape = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One idea that led from one generation to the next, shown in a block."""

    name: str
    """Key in links and on the command line."""
    title: str
    """What becomes what, in a few words."""
    parent: str
    """Name of the network that it started from."""
    child: str
    """Name of the network that it led to."""
    meaning: str
    """What is gained and how, in a sentence or two."""
    source: str
    """Where the authors explain it."""
    before: Architecture = field(repr=False)
    """The block before the step, a network of one node named 'block'."""
    after: Architecture = field(repr=False)
    """The block after it, for the same input."""


_STEPS: list[Callable[[], Step]] = []


@lru_cache(maxsize=1)
def steps() -> tuple[Step, ...]:
    """List what each generation changed.

    Returns:
        The steps in the order of the years, each with its two blocks.
    """
    return tuple(make() for make in _STEPS)


def step(name: str) -> Step:
    """Find a step by its name.

    Args:
        name: Of the step, such as 'two-3x3'.

    Returns:
        The step.

    Raises:
        ValueError: There is none; the message lists all names.
    """
    for each in steps():
        if each.name == name:
            return each
    raise ValueError(f"there is no step {name[:60]!r}; there are {', '.join(each.name for each in steps())}")


def steps_of(network: str) -> tuple[Step, ...]:
    """List the steps that led to a network.

    Args:
        network: A name of the catalogue.

    Returns:
        The steps whose child it is, in order; () where there is none.
    """
    return tuple(each for each in steps() if each.child == network)


def _step(
    name: str,
    title: str,
    ends: tuple[str, str],
    meaning: str,
    source: str,
    shape: Shape,
    blocks: Callable[[], tuple[tuple[str, Node], tuple[str, Node]]],
) -> None:
    """Add a step; ``blocks`` gives caption and node of the block before and after."""

    def make() -> Step:
        before, after = (
            Architecture(
                name=caption, provenance=source, input_shape=shape, trunk=Sequence(name="trunk", children=(node,))
            )
            for caption, node in blocks()
        )
        return Step(
            name=name, title=title, parent=ends[0], child=ends[1], meaning=meaning, source=source, before=before,
            after=after,
        )  # fmt: skip

    _STEPS.append(make)


def _row(*nodes: Node) -> Sequence:
    return Sequence(name="block", children=nodes)


def _side(*branches: tuple[Node, ...], **fields: Any) -> Parallel:
    return Parallel(
        name="block",
        branches=tuple(Sequence(name=f"branch_{n}", children=nodes) for n, nodes in enumerate(branches, 1)),
        **fields,
    )


def _conv(name: str, out_channels: Any, kernel_size: Any = 1, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, kernel_size=kernel_size, **fields)


def _bn(name: str, out_channels: Any, kernel_size: Any = 1, **fields: Any) -> Conv:
    return _conv(name, out_channels, kernel_size, **{"norm": "batch", **fields})


def _linear(name: str, out_channels: Any, kernel_size: Any = 1, **fields: Any) -> Conv:
    return _bn(name, out_channels, kernel_size, activation="none", **fields)


# ---- before Inception -----------------------------------------------------------------------------------------------

_ALEXNET = "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012, section 3"
_NIN = "Lin et al., Network In Network, ICLR 2014 (arXiv 1312.4400), section 3"
_VGG = "Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015 (arXiv 1409.1556), section 2.3"

_step(
    "relu",
    "tanh and averages become ReLU and overlapping maxima",
    ("lenet-5", "alexnet"),
    "Costs stay nearly as they are; what changes is training: the slope of a ReLU does not shrink where it is active, "
    "and windows of 3 at stride 2 overlap.",
    _ALEXNET,
    (16, 28, 28),
    lambda: (
        ("tanh, average", _row(_conv("conv", 32, 5, activation="tanh"), Pool(name="pool", kind="avg", kernel_size=2,
                                                                            stride=2, padding=0))),
        ("ReLU, maximum", _row(_conv("conv", 32, 5), Pool(name="pool", kernel_size=3, stride=2, padding=0))),
    ),
)  # fmt: skip
_step(
    "mlpconv",
    "two 1×1 behind each convolution",
    ("alexnet", "nin"),
    "A 1×1 convolution is a small fully connected network at each place of the map: it mixes channels, keeps the "
    "field, and adds a nonlinearity.",
    _NIN,
    (96, 27, 27),
    lambda: (
        ("5×5", _row(_conv("conv", 256, 5))),
        ("5×5, 1×1, 1×1", _row(_conv("conv", 256, 5), _conv("cccp_1", 256), _conv("cccp_2", 256))),
    ),
)
_step(
    "global-pooling",
    "fully connected layers become a 1×1 and global pooling",
    ("alexnet", "nin"),
    "A map for each class, and its mean as the score: a hundredth of the parameters, and any image size.",
    _NIN,
    (256, 13, 13),
    lambda: (
        ("linear layers", _row(
            Pool(name="pool5", kernel_size=3, stride=2, padding=0), Flatten(name="flatten"),
            Linear(name="fc1", out_features=4096, activation="relu"),
            Linear(name="fc2", out_features=4096, activation="relu"), Linear(name="fc3", out_features=1000),
        )),
        ("1×1, global pooling", _row(
            Pool(name="pool5", kernel_size=3, stride=2, padding=0), _conv("classes", 1000), GlobalPool(name="pool"),
            Flatten(name="flatten"),
        )),
    ),
)  # fmt: skip
_step(
    "three-3x3",
    "one 7×7 becomes three 3×3",
    ("alexnet", "vgg-16"),
    "Three 3×3 in a row see the same 7 × 7 pixels for 27/49 of the weights, with three nonlinearities in the place of "
    "one.",
    _VGG,
    (64, 56, 56),
    lambda: (
        ("7×7", _row(_conv("conv_1", 64, 7, bias=False))),
        ("3 × 3×3", _row(*(_conv(f"conv_{n}", 64, 3, bias=False) for n in (1, 2, 3)))),
    ),
)

# ---- the Inceptions -------------------------------------------------------------------------------------------------

_V1 = "Szegedy et al., Going Deeper with Convolutions, CVPR 2015 (arXiv 1409.4842), figure 2"
_V2 = "Ioffe & Szegedy, Batch Normalization, ICML 2015 (arXiv 1502.03167), sections 3 and 4.2"
_V3 = "Szegedy et al., Rethinking the Inception Architecture, CVPR 2016 (arXiv 1512.00567)"
_V4 = "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections, AAAI 2017 (1602.07261)"
_XCEPTION = "Chollet, Xception, CVPR 2017 (arXiv 1610.02357), section 1.1"


def _naive() -> Parallel:
    """Figure 2(a) with the channels of block 3a."""
    return _side(
        (_conv("conv", 64),), (_conv("conv", 128, 3),), (_conv("conv", 32, 5),), (Pool(name="pool", kernel_size=3),)
    )


def _inception_a(*, first: int, five: bool, reduce: int, project: int) -> Parallel:
    """The blocks at 35×35 of v3 (with a 5×5) and v4 (without)."""
    second = (
        (_bn("reduce", 48), _bn("conv", 64, 5)) if five else (_bn("reduce", reduce), _bn("conv", 96, 3))
    )
    return _side(
        (_bn("conv", first),),
        second,
        (_bn("reduce", 64), _bn("conv_a", 96, 3), _bn("conv_b", 96, 3)),
        (Pool(name="pool", kind="avg", kernel_size=3), _bn("project", project)),
    )


def _inception_resnet_a() -> Residual:
    """Figure 16."""
    branches = Parallel(
        name="branches",
        branches=(
            _bn("branch_1", 32),
            Sequence(name="branch_2", children=(_bn("reduce", 32), _bn("conv", 32, 3))),
            Sequence(name="branch_3", children=(_bn("reduce", 32), _bn("conv_a", 48, 3), _bn("conv_b", 64, 3))),
        ),
    )
    widen = _conv("widen", 384, activation="none")
    return Residual(name="block", body=Sequence(name="body", children=(branches, widen)), scale=0.17)


_step(
    "reductions",
    "1×1 reductions before the large kernels",
    ("nin", "googlenet"),
    "Four sizes side by side would cost too much, and the pooled input would let the channels grow from block to "
    "block. A 1×1 narrows what the 3×3 and the 5×5 read, and what the pooling gives.",
    _V1,
    (192, 28, 28),
    lambda: (("naive block", _naive()), ("block 3a", inception("block"))),
)
_step(
    "batch-norm",
    "batch normalisation behind every convolution",
    ("googlenet", "bn-inception"),
    "Each convolution's bias gives way to a learned mean and spread: as good as no cost, but learning rates that are "
    "many times as high.",
    _V2,
    (192, 28, 28),
    lambda: (("with biases", inception("block")), ("with batch norm", inception("block", norm="batch"))),
)
_step(
    "two-3x3",
    "one 5×5 becomes two 3×3",
    ("googlenet", "bn-inception"),
    "Two 3×3 in a row see the same 5 × 5 pixels for 18/25 of the weights: 28 % fewer, and one nonlinearity more.",
    f"{_V3}, section 3.1, figures 1 and 5",
    (64, 28, 28),
    lambda: (
        ("5×5", _row(_conv("conv_a", 64, 5, bias=False))),
        ("two 3×3", _row(_conv("conv_a", 64, 3, bias=False), _conv("conv_b", 64, 3, bias=False))),
    ),
)
_step(
    "factorise",
    "n×n becomes 1×n and n×1",
    ("bn-inception", "inception-v3"),
    "A row and a column see the same 7 × 7 pixels for 2/7 of the weights. It pays on maps of 12 to 20 pixels a side, "
    "not on the first, large ones.",
    f"{_V3}, section 3.2, figure 6",
    (192, 17, 17),
    lambda: (
        ("7×7", _row(_conv("conv_a", 192, 7, bias=False))),
        ("1×7, 7×1", _row(_conv("conv_a", 192, (1, 7), bias=False), _conv("conv_b", 192, (7, 1), bias=False))),
    ),
)
_step(
    "grid-reduction",
    "the grid shrinks beside its pooling",
    ("bn-inception", "inception-v3"),
    "To widen first and pool then computes four times as many places as are kept; to pool first throws away what has "
    "not been read. Half of the channels from a strided convolution and half from the pooling does neither.",
    f"{_V3}, section 5, figures 9 and 10",
    (320, 35, 35),
    lambda: (
        ("widen, then pool", _row(
            _conv("conv", 640, 3, bias=False), Pool(name="pool", kernel_size=3, stride=2, padding=0),
        )),
        ("side by side", _side(
            (_conv("conv", 320, 3, stride=2, padding=0, bias=False),),
            (Pool(name="pool", kernel_size=3, stride=2, padding=0),),
        )),
    ),
)  # fmt: skip
_step(
    "uniform",
    "the last 5×5 goes, all blocks of a grid are alike",
    ("inception-v3", "inception-v4"),
    "Version 3 had grown under the limits of splitting a network over machines. Without them its blocks become "
    "uniform: 96 channels from each branch, and 3×3 only.",
    f"{_V4}, figure 4",
    (384, 35, 35),
    lambda: (
        ("v3's block", _inception_a(first=64, five=True, reduce=48, project=64)),
        ("v4's block", _inception_a(first=96, five=False, reduce=64, project=96)),
    ),
)
_step(
    "inception-residual",
    "the branches become a residual, scaled down",
    ("inception-v4", "inception-resnet-v2"),
    "A linear 1×1 widens slim branches to what comes in; the sum replaces the concatenation. The residual counts 0.17 "
    "times: without that, networks of more than 1,000 filters died early in training.",
    f"{_V4}, sections 3.2 and 3.3, figure 16",
    (384, 35, 35),
    lambda: (
        ("v4's block", _inception_a(first=96, five=False, reduce=64, project=96)),
        ("Inception-ResNet's", _inception_resnet_a()),
    ),
)
_step(
    "extreme-inception",
    "a tower for each channel",
    ("inception-v3", "xception"),
    "An Inception block looks at channels by a 1×1 and at places within a few towers. In the extreme each channel has "
    "a tower of its own: a separable convolution, which Xception computes places first.",
    _XCEPTION,
    (728, 19, 19),
    lambda: (
        ("four towers", _row(_bn("channels", 728), _bn("places", 728, 3, groups=4))),
        ("728 towers", _row(_bn("channels", 728), _bn("places", 728, 3, groups="depthwise"))),
    ),
)

# ---- residual networks ----------------------------------------------------------------------------------------------

_RESNET = "He et al., Deep Residual Learning, CVPR 2016 (arXiv 1512.03385)"
_RESNEXT = "Xie et al., Aggregated Residual Transformations, CVPR 2017 (arXiv 1611.05431), figure 1"
_DENSENET = "Huang et al., Densely Connected Convolutional Networks, CVPR 2017 (arXiv 1608.06993), section 3"


def _body(*nodes: Node) -> Sequence:
    return Sequence(name="body", children=nodes)


def _bottleneck(wide: int, narrow: int, **fields: Any) -> Residual:
    body = _body(_bn("reduce", narrow), _bn("conv", narrow, 3, **fields), _linear("widen", wide))
    return Residual(name="block", body=body)


_step(
    "shortcut",
    "a shortcut around two 3×3",
    ("vgg-16", "resnet-50"),
    "The layers learn what to add to their input; its gradient reaches the layers before along the shortcut whatever "
    "the weights are. No parameter more.",
    f"{_RESNET}, figure 2",
    (64, 56, 56),
    lambda: (
        ("two 3×3", _row(_bn("conv_a", 64, 3), _bn("conv_b", 64, 3))),
        ("with a shortcut", Residual(name="block", body=_body(_bn("conv_a", 64, 3), _linear("conv_b", 64, 3)))),
    ),
)
_step(
    "bottleneck",
    "1×1 reductions within the residual",
    ("vgg-16", "resnet-50"),
    "Inception's reduction within the shortcut: the 3×3 works on a quarter of the channels, between a 1×1 that narrows "
    "and one that widens. What is saved goes into depth.",
    f"{_RESNET}, figure 5",
    (256, 56, 56),
    lambda: (
        ("two 3×3", Residual(name="block", body=_body(_bn("conv_a", 256, 3), _linear("conv_b", 256, 3)))),
        ("bottleneck", _bottleneck(256, 64)),
    ),
)
_step(
    "groups",
    "one wide path becomes 32 narrow ones",
    ("resnet-50", "resnext-50"),
    "Inception's branches, all alike: a grouped 3×3 reads 32 groups of 4 channels, twice as wide for the same cost.",
    _RESNEXT,
    (256, 56, 56),
    lambda: (("bottleneck", _bottleneck(256, 64)), ("32 groups", _bottleneck(256, 128, groups=32))),
)
_step(
    "concatenate",
    "what layers made is joined, not added",
    ("resnet-50", "densenet-121"),
    "A layer reads all that was made before it and adds 32 channels to it, in the place of adding to 256 channels.",
    _DENSENET,
    (256, 28, 28),
    lambda: (
        ("added", _bottleneck(256, 64)),
        ("joined", _side((), (Norm(name="norm"), Activation(name="relu"), _bn("reduce", 128),
                              _conv("grow", 32, 3, bias=False, activation="none")))),
    ),
)  # fmt: skip

# ---- small networks -------------------------------------------------------------------------------------------------

_SQUEEZENET = "Iandola et al., SqueezeNet (arXiv 1602.07360), section 3"
_MOBILENET = "Sandler et al., MobileNetV2, CVPR 2018 (arXiv 1801.04381), figure 3"
_GHOSTNET = "Han et al., GhostNet, CVPR 2020 (arXiv 1911.11907), figure 2"
_REPVGG = "Ding et al., RepVGG, CVPR 2021 (arXiv 2101.03697), figure 2"

_step(
    "fire",
    "squeeze by a 1×1, expand by 1×1 and 3×3",
    ("googlenet", "squeezenet-1.1"),
    "Inception's reduction and two of its branches: the 3×3 sees 16 channels, and gives half of what goes out.",
    _SQUEEZENET,
    (128, 55, 55),
    lambda: (
        ("3×3", _row(_conv("conv", 128, 3))),
        ("fire", _row(
            _conv("squeeze", 16),
            Parallel(name="expand", branches=(_conv("expand_1x1", 64), _conv("expand_3x3", 64, 3))),
        )),
    ),
)  # fmt: skip
_step(
    "inverted-residual",
    "the shortcut joins the narrow ends",
    ("resnet-50", "mobilenet-v2"),
    "A 1×1 widens six times, a depthwise 3×3 works there for little, and a linear 1×1 narrows: the maps that are kept "
    "between blocks are thin.",
    _MOBILENET,
    (64, 14, 14),
    lambda: (
        ("bottleneck", _bottleneck(64, 64)),
        ("inverted", Residual(name="block", activation="none", body=_body(
            _bn("widen", 384, activation="relu6"), _bn("conv", 384, 3, groups="depthwise", activation="relu6"),
            _linear("narrow", 64),
        ))),
    ),
)  # fmt: skip
_step(
    "ghost",
    "half of the channels are cheap copies",
    ("mobilenet-v2", "ghostnet-1.0"),
    "Many maps look like one another: a 1×1 makes half of them, and a depthwise 3×3 makes the others from these.",
    _GHOSTNET,
    (128, 14, 14),
    lambda: (("1×1", _row(_bn("primary", 256))), ("ghosts", ghost("block", out_channels=256, norm="batch"))),
)
_step(
    "fold",
    "three branches while training, one 3×3 afterwards",
    ("resnet-50", "repvgg-a0"),
    "A 3×3, a 1×1 and the identity, each normalised, are one linear map: after training they are folded into one 3×3 "
    "with a bias, which computes the same.",
    _REPVGG,
    (64, 28, 28),
    lambda: (
        ("while training", _row(
            Parallel(name="branches", fuse="add", branches=(
                _linear("conv_3x3", 64, 3), _linear("conv_1x1", 64), Norm(name="identity"),
            )),
            Activation(name="relu"),
        )),
        ("folded", _row(_conv("conv_3x3", 64, 3))),
    ),
)  # fmt: skip
