"""Our names of weights as torchvision and timm name them, for the networks of which we have the same architecture.

The two libraries agree: timm's Inception v3 is torchvision's, and it has no GoogLeNet with batch normalisation.
"""

from __future__ import annotations

import re

from ._later_names import LATER
from ._renaming import Naming

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


NAMINGS: dict[str, Naming] = {
    "": lambda name: name,
    "torchvision's names (GoogLeNet)": _googlenet,
    "torchvision's names (Inception v3), which timm shares": _inception_v3,
    **LATER,
}
"""How a file may name the weights of a network: from our name to the file's. '' is our own way."""
