"""What torch itself says of a network: parameters, shapes, FLOPs, saved tensors, storages alive."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode


def parameter_split(module: nn.Module) -> tuple[int, int, int]:
    """(weights, biases, normalisation) by the layers that own them."""
    weight = bias = norm = 0
    for layer in module.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):
                norm += parameter.numel()
            elif name == "weight":
                weight += parameter.numel()
            else:
                bias += parameter.numel()
    return weight, bias, norm


def watch_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """What gets, in each forward from now on, the shape of one image's output of every module, by path."""
    shapes: dict[str, tuple[int, ...]] = {}

    def remember(path: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            shapes[path] = tuple(output.shape[1:])

        return hook

    for name, module in network.named_modules():
        if name:
            module.register_forward_hook(remember(name.replace(".", "/")))
    return shapes


def infer(network: nn.Module, image: Tensor) -> tuple[Tensor, int]:
    """What a network says in an inference, and half of what torch's own counter says of that."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output: Tensor = network.eval()(image)
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return output, flops // 2


def _own_storages(network: nn.Module) -> set[int]:
    return {t.untyped_storage()._cdata for t in (*network.parameters(), *network.buffers())}


@contextmanager
def _single_values_allowed() -> Iterator[None]:
    """Batch normalisation works on one value a channel too; torch refuses it as useless, which is beside the point."""
    refuse = torch.nn.functional._verify_batch_size
    torch.nn.functional._verify_batch_size = lambda size: None
    try:
        yield
    finally:
        torch.nn.functional._verify_batch_size = refuse


def saved_bytes(network: nn.Module, image: Tensor) -> int:
    """Bytes of the storages that autograd keeps in a training forward, each once, without weights and buffers."""
    own = _own_storages(network)
    kept: list[Tensor] = []  # held, so that no address is used twice

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with _single_values_allowed(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = network.train()(image)
    sizes = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in kept}
    del output
    return sum(size for storage, size in sizes.items() if storage not in own)


class _Alive(TorchDispatchMode):
    """Adds up the storages that are alive after each operation."""

    def __init__(self, own: set[int], image: Tensor) -> None:
        super().__init__()
        self.own = own
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0
        self.note(image)

    def note(self, value: Any) -> None:
        for tensor in tree_iter(value):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.own:
                storage = tensor.untyped_storage()
                known = self.storages.get(storage._cdata)
                if known is None or known[0].expired():
                    self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        alive = 0
        for key, (reference, size) in list(self.storages.items()):
            if reference.expired():
                del self.storages[key]
            else:
                alive += size
        self.peak = max(self.peak, alive)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.note(output)
        return output


def peak_bytes(network: nn.Module, image: Tensor) -> int:
    """Largest sum of the storages alive at one time in an inference, the image counted, weights not."""
    gc.disable()  # nothing here is circular: a storage must die by its last reference
    try:
        with torch.no_grad(), _Alive(_own_storages(network), image) as alive:
            network.eval()(image)
    finally:
        gc.enable()
    return alive.peak
