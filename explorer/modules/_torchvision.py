"""Our names of weights as torchvision and timm name them, for the networks of which we have the same architecture.

The two libraries agree: timm's Inception v3 is torchvision's, and it has no GoogLeNet with batch normalisation.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Naming = Callable[[str], str]
"""From our name of a weight to the file's."""

_GOOGLENET = {
    "conv2_reduce": "conv2",
    "conv2": "conv3",
    "auxiliary_1": "aux1",
    "auxiliary_2": "aux2",
    "branch_1x1": "branch1",
    "branch_3x3.reduce": "branch2.0",
    "branch_3x3.conv": "branch2.1",
    "branch_5x5.reduce": "branch3.0",
    "branch_5x5.conv": "branch3.1",
    "branch_pool.project": "branch4.1",
}
_LINEAR = re.compile(r"\b(fc\d?)\.linear\.")


def _googlenet(name: str) -> str:
    block = re.fullmatch(r"inception_(\d\w)\.(branch_1x1|branch_\w+\.\w+)\.(.*)", name)
    if block:
        stage, branch, rest = block.groups()
        return f"inception{stage}.{_GOOGLENET.get(branch, branch)}.{rest}"
    first, _, rest = name.partition(".")
    return _LINEAR.sub(r"\1.", f"{_GOOGLENET.get(first, first)}.{rest}")


def _inception_v3(name: str) -> str:
    """Their blocks are flat; ours hold each branch, and each split, as a node of its own."""
    name = re.sub(r"\.branch\w+\.(?:split\.)?(branch\w+)\.", r".\1.", name)
    return _LINEAR.sub(r"\1.", re.sub(r"(branch\w+_\d)_([ab])\.", r"\1\2.", name))


_PLAIN = (r"\.(?:conv|linear)\.(weight|bias)$", r".\1")
"""Convolutions and linear layers hold weight and bias themselves."""


def rename(*rules: tuple[str, str]) -> Naming:
    """Make a naming of patterns and of what stands for them; each is replaced, in their order."""
    compiled = [(re.compile(pattern), new) for pattern, new in rules]

    def naming(name: str) -> str:
        for pattern, new in compiled:
            name = pattern.sub(new, name)
        return name

    return naming


_SQUEEZENET = rename((r"\.expand\.expand", ".expand"), _PLAIN)
_DENSENET = rename(
    (r"conv0\.bn", "norm0"),
    (r"(denselayer\d+)\.new\.", r"\1."),
    (r"(denselayer\d+)\.conv1\.bn", r"\1.norm2"),
    _PLAIN,
)


def _old_densenet(name: str) -> str:
    """The file that torchvision publishes is older than its names: norm1 is norm.1 there, conv2 conv.2."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", _DENSENET(name))


_MOBILENET_V2 = rename(
    (r"^features\.1\.conv\.depthwise\.", "features.1.conv.expand."),  # the first block widens nothing
    (r"^features\.1\.conv\.project\.conv\.", "features.1.conv.1."),
    (r"^features\.1\.conv\.project\.bn\.", "features.1.conv.2."),
    (r"\.expand\.conv\.", ".0.0."),
    (r"\.expand\.bn\.", ".0.1."),
    (r"\.depthwise\.conv\.", ".1.0."),
    (r"\.depthwise\.bn\.", ".1.1."),
    (r"\.project\.conv\.", ".2."),
    (r"\.project\.bn\.", ".3."),
    (r"^features\.(\d+)\.conv\.weight", r"features.\1.0.weight"),
    (r"^features\.(\d+)\.bn\.", r"features.\1.1."),
    _PLAIN,
)
_STEM_AND_HEAD = (
    (r"^features\.0\.conv\.", "conv_stem."),
    (r"^features\.0\.bn\.", "bn1."),
    (r"^features\.\d+\.conv\.weight", "conv_head.weight"),
    (r"^features\.\d+\.bn\.", "bn2."),
    (r"^classifier\.1\.linear\.", "classifier."),
)
_IN_BLOCKS = (
    (r"^(blocks\.0\.0)\.depthwise\.conv\.", r"\1.conv_dw."),  # the first block widens nothing
    (r"^(blocks\.0\.0)\.depthwise\.bn\.", r"\1.bn1."),
    (r"^(blocks\.0\.0)\.project\.conv\.", r"\1.conv_pw."),
    (r"^(blocks\.0\.0)\.project\.bn\.", r"\1.bn2."),
    (r"\.expand\.conv\.", ".conv_pw."),
    (r"\.expand\.bn\.", ".bn1."),
    (r"\.depthwise\.conv\.", ".conv_dw."),
    (r"\.depthwise\.bn\.", ".bn2."),
    (r"\.project\.conv\.", ".conv_pwl."),
    (r"\.project\.bn\.", ".bn3."),
)
"""timm's names of the layers of an inverted residual block."""


def _mobilenet_v2_blocks() -> tuple[tuple[str, str], ...]:
    """timm counts the blocks by stages, torchvision one after another."""
    places = [(stage, n) for stage, repeats in enumerate((1, 2, 3, 4, 3, 3, 1)) for n in range(repeats)]
    return tuple(
        (rf"^features\.{number}\.conv\.(?=expand|depthwise|project)", f"blocks.{stage}.{n}.")
        for number, (stage, n) in enumerate(places, 1)
    )


_TIMM_MOBILENET_V2 = rename(*_mobilenet_v2_blocks(), *_IN_BLOCKS, *_STEM_AND_HEAD)
_REPVGG = rename((r"\.sum\.", "."), (r"^head\.fc\.linear\.", "head.fc."))
_FOLDED_REPVGG = rename((r"\.sum\.conv\.", ".reparam_conv."), (r"^head\.fc\.linear\.", "head.fc."))


NAMINGS: dict[str, Naming] = {
    "": lambda name: name,
    "torchvision's names (GoogLeNet)": _googlenet,
    "torchvision's names (Inception v3), which timm shares": _inception_v3,
    "torchvision's names (SqueezeNet)": _SQUEEZENET,
    "torchvision's names (DenseNet), which timm shares": _DENSENET,
    "torchvision's older names (DenseNet)": _old_densenet,
    "torchvision's names (MobileNetV2)": _MOBILENET_V2,
    "timm's names (MobileNetV2)": _TIMM_MOBILENET_V2,
    "timm's names (RepVGG)": _REPVGG,
    "timm's names (RepVGG, folded)": _FOLDED_REPVGG,
}
"""How a file may name the weights of a network: from our name to the file's. '' is our own way."""
