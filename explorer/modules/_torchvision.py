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


_PARTS = (
    (r"\.(?:conv|linear)\.(weight|bias)$", r".\1"),
)
"""Behind all rules of a family: their convolutions and linear layers hold weight and bias themselves."""


def rename(*rules: tuple[str, str]) -> Naming:
    """Make a naming of patterns and what stands for them; each is replaced, in their order."""
    compiled = [(re.compile(pattern), new) for pattern, new in (*rules, *_PARTS)]

    def naming(name: str) -> str:
        for pattern, new in compiled:
            name = pattern.sub(new, name)
        return name

    return naming


_SQUEEZENET = rename((r"\.expand\.expand", ".expand"))
_DENSENET = rename(
    (r"conv0\.bn", "norm0"),
    (r"(denselayer\d+)\.new\.", r"\1."),
    (r"(denselayer\d+)\.conv1\.bn", r"\1.norm2"),
)


def _old_densenet(name: str) -> str:
    """The file that torchvision publishes is older than its names: norm1 is norm.1 there, conv2 conv.2."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", _DENSENET(name))


NAMINGS: dict[str, Naming] = {
    "": lambda name: name,
    "torchvision's names (GoogLeNet)": _googlenet,
    "torchvision's names (Inception v3), which timm shares": _inception_v3,
    "torchvision's names (SqueezeNet)": _SQUEEZENET,
    "torchvision's names (DenseNet), which timm shares": _DENSENET,
    "torchvision's older names (DenseNet)": _old_densenet,
}
"""How a file may name the weights of a network: from our name to the file's. '' is our own way."""
