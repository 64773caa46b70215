"""Our names of weights as torchvision and timm name them, for the networks of which we have the same architecture.

Where both have a network, they mostly agree: timm's Inception v3 and ResNet are torchvision's.
"""

from __future__ import annotations

import re

from . import _timm
from ._later_names import LATER
from ._renaming import PLAIN, Naming, Rule, places, rename

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


def _find_vgg_places(*counts: int) -> tuple[Rule, ...]:
    """torchvision's VGG is one list of convolutions, ReLUs and poolings; ``counts`` are the convolutions of a stage."""
    table, place = {}, 0
    for stage, count in enumerate(counts, 1):
        for n in range(1, count + 1):
            table[f"conv{stage}.conv{stage}_{n}"] = f"features.{place}"
            place += 2
        place += 1
    return places(table)


_VGG_CLASSIFIER = (*places({"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}), PLAIN)
_TIMM_VGG_CLASSIFIER = (*places({"fc6": "pre_logits.fc1", "fc7": "pre_logits.fc2", "fc8": "head.fc"}), PLAIN)
_ALEXNET = rename(
    *places({
        "conv1": "features.0", "conv2": "features.3", "conv3": "features.6", "conv4": "features.8",
        "conv5": "features.10", "fc6": "classifier.1", "fc7": "classifier.4", "fc8": "classifier.6",
    }),
    PLAIN,
)  # fmt: skip
_RESNET = rename(
    (r"\.body\.", "."),
    (r"\bconv(\d)\.bn\.", r"bn\1."),
    (r"\.shortcut\.conv\.", ".downsample.0."),
    (r"\.shortcut\.bn\.", ".downsample.1."),
    PLAIN,
)


NAMINGS: dict[str, Naming] = {
    "": lambda name: name,
    "torchvision's names (GoogLeNet)": _googlenet,
    "torchvision's names (Inception v3), which timm shares": _inception_v3,
    "torchvision's names (AlexNet)": _ALEXNET,
    "torchvision's names (VGG-11)": rename(*_find_vgg_places(1, 1, 2, 2, 2), *_VGG_CLASSIFIER),
    "torchvision's names (VGG-16)": rename(*_find_vgg_places(2, 2, 3, 3, 3), *_VGG_CLASSIFIER),
    "timm's names (VGG-11)": rename(*_find_vgg_places(1, 1, 2, 2, 2), *_TIMM_VGG_CLASSIFIER),
    "timm's names (VGG-16)": rename(*_find_vgg_places(2, 2, 3, 3, 3), *_TIMM_VGG_CLASSIFIER),
    "torchvision's names (ResNet), which timm shares": _RESNET,
    "timm's names (Inception v4)": _timm.INCEPTION_V4,
    "timm's names (Inception-ResNet v2)": _timm.INCEPTION_RESNET_V2,
    "timm's names (Xception)": _timm.XCEPTION,
    **LATER,
}
"""How a file may name the weights of a network: from our name to the file's. '' is our own way."""
