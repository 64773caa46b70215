"""Forward hooks on copies of a network, which leave the shared network untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from ..modules import Network
from ._paths import check_path
from .models import Model

OutputEdit = Callable[[Tensor], Tensor]


def copy_for_hooks(network: Network) -> Network:
    """A copy of the modules that shares all parameters and buffers.

    Hooks on the copy affect no other user of the network, in no other thread, and disappear with the copy.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, shared)


def get_module(network: Network, path: str) -> nn.Module:
    """Find the module of a node. Not by attribute: a node may be named 'forward'.

    Args:
        network: The network.
        path: Path of the node, which the network has.

    Returns:
        The module.
    """
    module: nn.Module = network
    for name in path.split("/"):
        found = module._modules[name]
        assert found is not None
        module = found
    return module


def edit_outputs(model: Model, changes: dict[str, OutputEdit]) -> Network:
    """Copy the model's network so that the outputs of some nodes are replaced by a function of them.

    Args:
        model: The model; it stays as it is.
        changes: For each path what makes the new output out of the old one.

    Returns:
        The copy, which shares all parameters with the model.

    Raises:
        ValueError: The network does not have a path.
    """
    network = copy_for_hooks(model.network)
    for path, change in changes.items():
        check_path(model.architecture, path)
        get_module(network, path).register_forward_hook(lambda _module, _inputs, output, change=change: change(output))
    return network


def capture_outputs(
    model: Model, x_BCHW: Tensor, paths: Iterable[str], *, gradients: bool = False
) -> dict[str, Tensor]:
    """Run a model and keep the outputs of some nodes.

    Args:
        model: The model.
        x_BCHW: Normalised inputs (N, C, H, W), on any device.
        paths: Paths of nodes.
        gradients: Make each output a leaf: the scores can be differentiated with respect to it.

    Returns:
        The outputs by path, and under '' the scores (N, classes); all on the model's device.

    Raises:
        ValueError: The network does not have a path.
    """
    found: dict[str, Tensor] = {}

    def capture(path: str) -> OutputEdit:
        def keep(output: Tensor) -> Tensor:
            found[path] = output.detach().requires_grad_() if gradients else output
            return found[path]

        return keep

    network = edit_outputs(model, {path: capture(path) for path in paths})
    with torch.set_grad_enabled(gradients):
        found[""] = network(x_BCHW.to(model.device))
    return found
