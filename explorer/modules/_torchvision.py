"""torchvision's names of weights as ours, for the networks of which we have the same architecture."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

_GOOGLENET = {
    "conv1": "conv1",
    "conv2": "conv2_reduce",
    "conv3": "conv2",
    "aux1": "auxiliary_1",
    "aux2": "auxiliary_2",
    "branch1": "branch_1x1",
    "branch2.0": "branch_3x3.reduce",
    "branch2.1": "branch_3x3.conv",
    "branch3.0": "branch_5x5.reduce",
    "branch3.1": "branch_5x5.conv",
    "branch4.1": "branch_pool.project",
}

# torchvision's blocks are flat; ours hold each branch, and each split, as a node of its own.
_INCEPTION_V3 = {
    r"branch(5x5|7x7|3x3dbl|7x7dbl|7x7x3)_(\d)\.": r"branch\1.branch\1_\2.",
    r"branch3x3_([12])\.": r"branch3x3.branch3x3_\1.",
    r"branch3x3(dbl)?_([23])([ab])\.": r"branch3x3\1.split.branch3x3\1_\2_\3.",
    r"branch_pool\.": r"branch_pool.branch_pool.",
}
_COUNTER = ".num_batches_tracked"


def _googlenet(key: str) -> str:
    block = re.fullmatch(r"inception(\d\w)\.(branch\d(?:\.\d)?)\.(.*)", key)
    if block:
        name, branch, rest = block.groups()
        return f"inception_{name}.{_GOOGLENET.get(branch, branch)}.{rest}"
    first, _, rest = key.partition(".")
    first = _GOOGLENET.get(first, first)
    rest = re.sub(r"^(fc\d?)\.", r"\1.linear.", rest) if first.startswith("auxiliary") else rest
    return f"fc.linear.{rest}" if first == "fc" else f"{first}.{rest}"


def _inception_v3(key: str) -> str:
    if re.match(r"(AuxLogits\.)?fc\.", key):
        return re.sub(r"fc\.", "fc.linear.", key)
    return next((re.sub(pattern, ours, key) for pattern, ours in _INCEPTION_V3.items() if re.search(pattern, key)), key)


_NAMES: dict[str, Callable[[str], str]] = {"googlenet-torchvision": _googlenet, "inception-v3": _inception_v3}


def from_torchvision(architecture: str, weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Rename torchvision's weights to our names.

    Files older than torch 0.4.1 do not count the batches that a norm has seen; nothing of ours reads that number, and
    it becomes zero.

    Args:
        architecture: The catalogue's name, 'googlenet-torchvision' or 'inception-v3'.
        weights: Torchvision's state dict.
        network: Built from that architecture.

    Returns:
        The tensors by our names; the strict ``fill`` checks whether each of ours is there exactly once.

    Raises:
        KeyError: Torchvision has no such network.
    """
    renamed: dict[str, Tensor] = {}
    for key, tensor in weights.items():
        ours = _NAMES[architecture](key)
        renamed[key if ours in renamed else ours] = tensor  # of two for one place, the second is one too many
    if not any(key.endswith(_COUNTER) for key in renamed):
        zero = torch.zeros((), dtype=torch.int64)
        renamed |= {key: zero for key in network.state_dict() if key.endswith(_COUNTER)}
    return renamed
