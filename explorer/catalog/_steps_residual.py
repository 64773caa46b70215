"""The steps from ResNet to what grew from it, and to the small networks; see ``_steps``."""

from __future__ import annotations

from typing import Any

from ..architecture import Activation, Node, Norm, Parallel, Residual, Scale, Sequence, Slice
from ..architecture.branches import ghost
from ._squeeze import squeeze_excitation
from ._steps import add_step, conv, linear, normed, row, side

# ---- residual networks ----------------------------------------------------------------------------------------------

_RESNET = "He et al., Deep Residual Learning, CVPR 2016 (arXiv 1512.03385)"
_RESNEXT = "Xie et al., Aggregated Residual Transformations, CVPR 2017 (arXiv 1611.05431), figure 1"
_DENSENET = "Huang et al., Densely Connected Convolutional Networks, CVPR 2017 (arXiv 1608.06993), section 3"


def _body(*nodes: Node) -> Sequence:
    return Sequence(name="body", children=nodes)


def _bottleneck(wide: int, narrow: int, **fields: Any) -> Residual:
    body = _body(normed("reduce", narrow), normed("conv", narrow, 3, **fields), linear("widen", wide))
    return Residual(name="block", body=body)


add_step(
    "shortcut",
    "a shortcut around two 3×3",
    ("vgg-16", "resnet-18"),
    "The layers learn what to add to their input; its gradient reaches the layers before along the shortcut whatever "
    "the weights are. No parameter more.",
    f"{_RESNET}, figure 2",
    (64, 56, 56),
    lambda: (
        ("two 3×3", row(normed("conv_a", 64, 3), normed("conv_b", 64, 3))),
        ("with a shortcut", Residual(name="block", body=_body(normed("conv_a", 64, 3), linear("conv_b", 64, 3)))),
    ),
)
add_step(
    "bottleneck",
    "1×1 reductions within the residual",
    ("resnet-18", "resnet-50"),
    "Inception's reduction within the shortcut: the 3×3 works on a quarter of the channels, between a 1×1 that narrows "
    "and one that widens. What is saved goes into depth.",
    f"{_RESNET}, figure 5",
    (256, 56, 56),
    lambda: (
        ("two 3×3", Residual(name="block", body=_body(normed("conv_a", 256, 3), linear("conv_b", 256, 3)))),
        ("bottleneck", _bottleneck(256, 64)),
    ),
)
add_step(
    "groups",
    "one wide path becomes 32 narrow ones",
    ("resnet-50", "resnext-50"),
    "Inception's branches, all alike: a grouped 3×3 reads 32 groups of 4 channels, twice as wide for the same cost.",
    _RESNEXT,
    (256, 56, 56),
    lambda: (("bottleneck", _bottleneck(256, 64)), ("32 groups", _bottleneck(256, 128, groups=32))),
)
add_step(
    "concatenate",
    "what layers made is joined, not added",
    ("resnet-50", "densenet-121"),
    "A layer reads all that was made before it and adds 32 channels to it, in the place of adding to 256 channels.",
    _DENSENET,
    (256, 28, 28),
    lambda: (
        ("added", _bottleneck(256, 64)),
        ("joined", side((), (Norm(name="norm"), Activation(name="relu"), normed("reduce", 128),
                              conv("grow", 32, 3, bias=False, activation="none")))),
    ),
)  # fmt: skip

# ---- small networks -------------------------------------------------------------------------------------------------

_SQUEEZENET = "Iandola et al., SqueezeNet (arXiv 1602.07360), section 3"
_MOBILENET = "Sandler et al., MobileNetV2, CVPR 2018 (arXiv 1801.04381), figure 3"
_GHOSTNET = "Han et al., GhostNet, CVPR 2020 (arXiv 1911.11907), figure 2"
_CONVNEXT = "Liu et al., A ConvNet for the 2020s, CVPR 2022 (arXiv 2201.03545), section 2, figure 4"
_INCEPTIONNEXT = "Yu et al., InceptionNeXt: When Inception Meets ConvNeXt, CVPR 2024 (arXiv 2303.16900), section 3"
_SE = "Hu et al., Squeeze-and-Excitation Networks, CVPR 2018 (arXiv 1709.01507); Tan & Le, EfficientNet, ICML 2019"
_REPVGG = "Ding et al., RepVGG, CVPR 2021 (arXiv 2101.03697), figure 2"

add_step(
    "fire",
    "squeeze by a 1×1, expand by 1×1 and 3×3",
    ("googlenet", "squeezenet-1.1"),
    "Inception's reduction and two of its branches: the 3×3 sees 16 channels, and gives half of what goes out.",
    _SQUEEZENET,
    (128, 55, 55),
    lambda: (
        ("3×3", row(conv("conv", 128, 3))),
        ("fire", row(
            conv("squeeze", 16),
            Parallel(name="expand", branches=(conv("expand_1x1", 64), conv("expand_3x3", 64, 3))),
        )),
    ),
)  # fmt: skip
add_step(
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
            normed("widen", 384, activation="relu6"), normed("conv", 384, 3, groups="depthwise", activation="relu6"),
            linear("narrow", 64),
        ))),
    ),
)  # fmt: skip
def _inverted(*gate: Node) -> Residual:
    body = _body(
        normed("widen", 240, activation="silu"), normed("conv", 240, 5, groups="depthwise", activation="silu"), *gate,
        linear("narrow", 40),
    )  # fmt: skip
    return Residual(name="block", body=body, activation="none")


add_step(
    "squeeze-excitation",
    "each channel is weighed by what all of the map holds",
    ("mobilenet-v2", "efficientnet-b0"),
    "Two 1×1 convolutions make a factor for each channel from the averages of all: nearly no MACs, and every unit then "
    "depends on the whole image.",
    _SE,
    (40, 28, 28),
    lambda: (
        ("inverted", _inverted()),
        ("with a gate", _inverted(squeeze_excitation("se", 240, 10, activation="silu"))),
    ),
)
add_step(
    "ghost",
    "half of the channels are cheap copies",
    ("mobilenet-v2", "ghostnet-1.0"),
    "Many maps look like one another: a 1×1 makes half of them, and a depthwise 3×3 makes the others from these.",
    _GHOSTNET,
    (128, 14, 14),
    lambda: (("1×1", row(normed("primary", 256))), ("ghosts", ghost("block", out_channels=256, norm="batch"))),
)
add_step(
    "modernise",
    "a 7×7 of each channel first, then a wide 1×1",
    ("resnet-50", "convnext-t"),
    "The depthwise convolution moves to the narrow end, where a 7×7 costs little; one normalisation, over channels, "
    "and one activation remain of three, as in a transformer's block, and the residual begins at a millionth.",
    _CONVNEXT,
    (96, 56, 56),
    lambda: (
        ("inverted", Residual(name="block", body=_body(
            normed("widen", 384), normed("conv", 384, 3, groups="depthwise"), linear("narrow", 96),
        ))),
        ("ConvNeXt's", Residual(name="block", activation="none", body=_body(
            conv("conv", 96, 7, groups="depthwise", bias=True, norm="layer", activation="none"),
            conv("widen", 384, activation="gelu"), conv("narrow", 96, activation="none"),
            Scale(name="scale", init=1e-6),
        ))),
    ),
)  # fmt: skip
add_step(
    "inception-depthwise",
    "a large depthwise convolution becomes four branches",
    ("convnext-t", "inceptionnext-t"),
    "Inception's idea on slices of the channels: an eighth each for 3×3, 1×11 and 11×1, and the rest is passed on: "
    "fewer reads of memory, which is what a depthwise 7×7 waits for.",
    _INCEPTIONNEXT,
    (96, 56, 56),
    lambda: (
        ("7×7", row(conv("conv", 96, 7, groups="depthwise", activation="none"))),
        ("four branches", side(
            (Slice(name="slice", start=0, stop=60),),
            *(
                (Slice(name="slice", start=start, stop=start + 12),
                 conv("conv", 12, kernel, groups="depthwise", activation="none"))
                for start, kernel in ((60, 3), (72, (1, 11)), (84, (11, 1)))
            ),
        )),
    ),
)  # fmt: skip
add_step(
    "fold",
    "three branches while training, one 3×3 afterwards",
    ("vgg-16", "repvgg-a0"),
    "A 3×3, a 1×1 and the identity, each normalised, are one linear map: after training they are folded into one 3×3 "
    "with a bias, which computes the same.",
    _REPVGG,
    (64, 28, 28),
    lambda: (
        ("while training", row(
            Parallel(name="branches", fuse="add", branches=(
                linear("conv_3x3", 64, 3), linear("conv_1x1", 64), Norm(name="identity"),
            )),
            Activation(name="relu"),
        )),
        ("folded", row(conv("conv_3x3", 64, 3))),
    ),
)  # fmt: skip
