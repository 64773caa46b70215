"""The steps from LeNet-5 to Inception-ResNet and Xception; see ``_steps``."""

from __future__ import annotations

from ..architecture import Flatten, GlobalPool, Linear, Parallel, Pool, Residual, Sequence
from ..architecture.blocks import inception
from ._steps import add_step, conv, normed, row, side

# ---- before Inception -----------------------------------------------------------------------------------------------

_ALEXNET = "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012, section 3"
_NIN = "Lin et al., Network In Network, ICLR 2014 (arXiv 1312.4400), section 3"
_VGG = "Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015 (arXiv 1409.1556), section 2.3"

add_step(
    "relu",
    "tanh and averages become ReLU and overlapping maxima",
    ("lenet-5", "alexnet"),
    "Costs stay nearly as they are; what changes is training: the slope of a ReLU does not shrink where it is active, "
    "and windows of 3 at stride 2 overlap.",
    _ALEXNET,
    (16, 28, 28),
    lambda: (
        ("tanh, average", row(conv("conv", 32, 5, activation="tanh"), Pool(name="pool", kind="avg", kernel_size=2,
                                                                            stride=2, padding=0))),
        ("ReLU, maximum", row(conv("conv", 32, 5), Pool(name="pool", kernel_size=3, stride=2, padding=0))),
    ),
)  # fmt: skip
add_step(
    "mlpconv",
    "two 1×1 behind each convolution",
    ("alexnet", "nin"),
    "A 1×1 convolution is a small fully connected network at each place of the map: it mixes channels, keeps the "
    "field, and adds a nonlinearity.",
    _NIN,
    (96, 27, 27),
    lambda: (
        ("5×5", row(conv("conv", 256, 5))),
        ("5×5, 1×1, 1×1", row(conv("conv", 256, 5), conv("cccp_1", 256), conv("cccp_2", 256))),
    ),
)
add_step(
    "global-pooling",
    "fully connected layers become a 1×1 and global pooling",
    ("alexnet", "nin"),
    "A map for each class, and its mean as the score: a hundredth of the parameters, and any image size.",
    _NIN,
    (256, 13, 13),
    lambda: (
        ("linear layers", row(
            Pool(name="pool5", kernel_size=3, stride=2, padding=0), Flatten(name="flatten"),
            Linear(name="fc1", out_features=4096, activation="relu"),
            Linear(name="fc2", out_features=4096, activation="relu"), Linear(name="fc3", out_features=1000),
        )),
        ("1×1, global pooling", row(
            Pool(name="pool5", kernel_size=3, stride=2, padding=0), conv("classes", 1000), GlobalPool(name="pool"),
            Flatten(name="flatten"),
        )),
    ),
)  # fmt: skip
add_step(
    "three-3x3",
    "one 7×7 becomes three 3×3",
    ("alexnet", "vgg-16"),
    "Three 3×3 in a row see the same 7 × 7 pixels for 27/49 of the weights, with three nonlinearities in the place of "
    "one.",
    _VGG,
    (64, 56, 56),
    lambda: (
        ("7×7", row(conv("conv_1", 64, 7, bias=False))),
        ("3 × 3×3", row(*(conv(f"conv_{n}", 64, 3, bias=False) for n in (1, 2, 3)))),
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
    return side(
        (conv("conv", 64),), (conv("conv", 128, 3),), (conv("conv", 32, 5),), (Pool(name="pool", kernel_size=3),)
    )


def _inception_a(*, first: int, five: bool, reduce: int, project: int) -> Parallel:
    """The blocks at 35×35 of v3 (with a 5×5) and v4 (without)."""
    second = (
        (normed("reduce", 48), normed("conv", 64, 5)) if five else (normed("reduce", reduce), normed("conv", 96, 3))
    )
    return side(
        (normed("conv", first),),
        second,
        (normed("reduce", 64), normed("conv_a", 96, 3), normed("conv_b", 96, 3)),
        (Pool(name="pool", kind="avg", kernel_size=3), normed("project", project)),
    )


def _inception_resnet_a() -> Residual:
    """Figure 16."""
    branches = Parallel(
        name="branches",
        branches=(
            normed("branch_1", 32),
            Sequence(name="branch_2", children=(normed("reduce", 32), normed("conv", 32, 3))),
            Sequence(
                name="branch_3", children=(normed("reduce", 32), normed("conv_a", 48, 3), normed("conv_b", 64, 3))
            ),
        ),
    )
    widen = conv("widen", 384, activation="none")
    return Residual(name="block", body=Sequence(name="body", children=(branches, widen)), scale=0.17)


add_step(
    "reductions",
    "1×1 reductions before the large kernels",
    ("nin", "googlenet"),
    "Four sizes side by side would cost too much, and the pooled input would let the channels grow from block to "
    "block. A 1×1 narrows what the 3×3 and the 5×5 read, and what the pooling gives.",
    _V1,
    (192, 28, 28),
    lambda: (("naive block", _naive()), ("block 3a", inception("block"))),
)
add_step(
    "batch-norm",
    "batch normalisation behind every convolution",
    ("googlenet", "bn-inception"),
    "Each convolution's bias gives way to a learned mean and spread: as good as no cost, but learning rates that are "
    "many times as high.",
    _V2,
    (192, 28, 28),
    lambda: (("with biases", inception("block")), ("with batch norm", inception("block", norm="batch"))),
)
add_step(
    "two-3x3",
    "one 5×5 becomes two 3×3",
    ("googlenet", "bn-inception"),
    "Two 3×3 in a row see the same 5 × 5 pixels for 18/25 of the weights: 28 % fewer, and one nonlinearity more.",
    f"{_V3}, section 3.1, figures 1 and 5",
    (64, 28, 28),
    lambda: (
        ("5×5", row(conv("conv_a", 64, 5, bias=False))),
        ("two 3×3", row(conv("conv_a", 64, 3, bias=False), conv("conv_b", 64, 3, bias=False))),
    ),
)
add_step(
    "factorise",
    "n×n becomes 1×n and n×1",
    ("bn-inception", "inception-v3"),
    "A row and a column see the same 7 × 7 pixels for 2/7 of the weights. It pays on maps of 12 to 20 pixels a side, "
    "not on the first, large ones.",
    f"{_V3}, section 3.2, figure 6",
    (192, 17, 17),
    lambda: (
        ("7×7", row(conv("conv_a", 192, 7, bias=False))),
        ("1×7, 7×1", row(conv("conv_a", 192, (1, 7), bias=False), conv("conv_b", 192, (7, 1), bias=False))),
    ),
)
add_step(
    "grid-reduction",
    "the grid shrinks beside its pooling",
    ("bn-inception", "inception-v3"),
    "To widen first and pool then computes four times as many places as are kept; to pool first throws away what has "
    "not been read. Half of the channels from a strided convolution and half from the pooling does neither.",
    f"{_V3}, section 5, figures 9 and 10",
    (320, 35, 35),
    lambda: (
        ("widen, then pool", row(
            conv("conv", 640, 3, bias=False), Pool(name="pool", kernel_size=3, stride=2, padding=0),
        )),
        ("side by side", side(
            (conv("conv", 320, 3, stride=2, padding=0, bias=False),),
            (Pool(name="pool", kernel_size=3, stride=2, padding=0),),
        )),
    ),
)  # fmt: skip
add_step(
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
add_step(
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
add_step(
    "extreme-inception",
    "a tower for each channel",
    ("inception-v3", "xception"),
    "An Inception block looks at channels by a 1×1 and at places within a few towers. In the extreme each channel has "
    "a tower of its own: a separable convolution, which Xception computes places first.",
    _XCEPTION,
    (728, 19, 19),
    lambda: (
        ("four towers", row(normed("channels", 728), normed("places", 728, 3, groups=4))),
        ("728 towers", row(normed("channels", 728), normed("places", 728, 3, groups="depthwise"))),
    ),
)
