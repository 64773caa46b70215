"""One pass of torchinfo and one of FlopCounterMode over the inference network, on the meta device.

Both run on shapes alone: no weight and no activation is ever allocated. Batch size 1, float32, eval mode.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torchinfo
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo.enums import Units
from torchinfo.layer_info import LayerInfo
from torchinfo.torchinfo import clear_cached_forward_pass

from ..architecture import Architecture, walk
from ..modules import Network, build

TORCHINFO = f"torchinfo {torchinfo.__version__}"
FLOP_COUNTER = f"FlopCounterMode of torch {torch.__version__}"

_EVERY_LEVEL = 1000


def image_of(architecture: Architecture) -> Tensor:
    """One image (1, C, H, W), shape only."""
    return torch.empty(1, *architecture.input_shape, device="meta")


def meta_network(architecture: Architecture) -> Network:
    """The inference network without memory. Raises ArchitectureError where the layers do not fit together."""
    network = build(architecture, device="meta").eval()
    for module in network.modules():
        # torchinfo asks every module for its kernel_size; a child of that name must not answer.
        if "kernel_size" in module._modules:
            module.__dict__["kernel_size"] = 0
    return network


def torchinfo_statistics(architecture: Architecture, depth: int | None = None) -> torchinfo.ModelStatistics:
    """torchinfo's own result for one image: input, output and kernel sizes, parameters and mult-adds by layer.

    ``depth`` limits the levels that its text shows; None shows all. Total mult-adds are written in full: torchinfo's
    rounded form prints the name of an enum from Python 3.11 on.
    """
    statistics = torchinfo.summary(
        meta_network(architecture),
        input_data=image_of(architecture),
        device="meta",
        mode="eval",
        depth=_EVERY_LEVEL if depth is None else depth,
        col_names=("input_size", "output_size", "num_params", "kernel_size", "mult_adds"),
        row_settings=("var_names", "depth"),
        verbose=0,
    )
    clear_cached_forward_pass()  # it keeps the last network of each class name alive for nobody
    statistics.formatting.macs_units = Units.NONE
    return statistics


def path_of(info: LayerInfo) -> str:
    """Path of a row of torchinfo below the network, names joined by slashes; '' for the network itself."""
    names: list[str] = []
    layer: LayerInfo | None = info
    while layer is not None and layer.depth > 0:
        names.append(layer.var_name)
        layer = layer.parent_info
    return "/".join(reversed(names))


class Owners:
    """Which node of the architecture a torch module belongs to: ``conv1/bn`` is part of ``conv1``."""

    def __init__(self, architecture: Architecture) -> None:
        self._paths = {path for path, _ in walk(architecture)}

    def __getitem__(self, path: str) -> str:
        while path and path not in self._paths:
            path = path.rpartition("/")[0]
        return path


class _OneScope:
    """Stands in for FlopCounterMode's module tracker, which hooks every module of the process, other threads' too."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def flops_by_node(architecture: Architecture) -> dict[str, int]:
    """FLOPs that FlopCounterMode counts in one forward pass, by path of the node; '' is the network's total."""
    network, owners = meta_network(architecture), Owners(architecture)
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = cast(Any, _OneScope())
    flops: dict[str, int] = {}
    before = 0

    def enter(*_: object) -> None:
        nonlocal before
        before = counter.get_total_flops()

    def leave(path: str) -> Any:
        def hook(*_: object) -> None:
            flops[path] = flops.get(path, 0) + counter.get_total_flops() - before

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            module.register_forward_pre_hook(enter)
            module.register_forward_hook(leave(owners[name.replace(".", "/")]))
    with torch.no_grad(), counter:
        network(image_of(architecture))
    flops[""] = counter.get_total_flops()
    return flops
