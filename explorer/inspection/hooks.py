"""Looking into a network, and changing what flows in it, without anybody else noticing."""

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
    """The same network as modules of its own around the same tensors.

    Hooks put there are seen by nobody else, in whatever thread, and are gone with it.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, shared)


def get_module(network: Network, path: str) -> nn.Module:
    """The module of a node. Not by attributes: a node may be called 'forward'."""
    module: nn.Module = network
    for name in path.split("/"):
        found = module._modules[name]
        assert found is not None
        module = found
    return module


def edit_outputs(model: Model, changes: dict[str, OutputEdit]) -> Network:
    """The model's network, what the nodes at some paths give replaced by a function of it. Raises ValueError."""
    network = copy_for_hooks(model.network)
    for path, change in changes.items():
        check_path(model.architecture, path)
        get_module(network, path).register_forward_hook(lambda _module, _inputs, output, change=change: change(output))
    return network


def capture_outputs(
    model: Model, x_BCHW: Tensor, paths: Iterable[str], *, gradients: bool = False
) -> dict[str, Tensor]:
    """What the nodes at some paths give for inputs, and under '' the scores (N, classes).

    With ``gradients`` the scores can be derived by each of them, as if nothing came before it. Raises ValueError for a
    path that the network does not have.
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
