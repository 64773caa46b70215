"""What the layers of a network answer while it learns: how large, and how many units never answer at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from ..architecture import Architecture
from ..modules import build

OBSERVED_IMAGES = 64
"""At most so many images of a batch are looked at."""
RECTIFIERS = (nn.ReLU, nn.ReLU6)


class ActivationObserver:
    """A plain view of a network that learns: the same tensors, in evaluation mode, layer by layer.

    The network itself runs some of its layers as one, perhaps compiled; this one can be watched by hooks, and neither
    its dropout nor its batch norm changes what the network will do next.
    """

    def __init__(self, architecture: Architecture, network: nn.Module) -> None:
        self._view = build(architecture, device="meta").eval()
        # Assigned, not copied: an update of the network's weights is one of these.
        self._view.load_state_dict(network.state_dict(), assign=True)
        self._scales: dict[str, Tensor] = {}
        self._dead: dict[str, list[Tensor]] = {}
        self._units: dict[str, int] = {}
        for name, block in self._view.named_children():
            block.register_forward_hook(self._note_scale(name))
            for layer in block.modules():
                if isinstance(layer, RECTIFIERS):
                    layer.register_forward_hook(self._note_dead(name))

    @torch.no_grad()
    def observe(
        self, x_BCHW: Tensor, precision: Callable[[], AbstractContextManager[Any]]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Run some images through the network.

        Args:
            x_BCHW: Images as the network gets them.
            precision: Makes the context in which the network runs.

        Returns:
            By top-level block: the root of the mean square of its output; and, of blocks with a ReLU, the share of
            units whose ReLU gives 0 for every image and position. A unit is a channel of a map or one of a vector; the
            ReLU inside attention's gates does not count. On the device: nothing here waits for it.
        """
        self._scales, self._dead, self._units = {}, {}, {}
        with precision():
            self._view(x_BCHW)
        shares = {name: torch.stack(dead).sum() / self._units[name] for name, dead in self._dead.items()}
        return self._scales, shares

    def _note_scale(self, block: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self._scales[block] = output.float().square().mean().sqrt()

        return note

    def _note_dead(self, block: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            others = [axis for axis in range(output.ndim) if axis != 1]
            self._dead.setdefault(block, []).append((output.amax(others) <= 0).sum())
            self._units[block] = self._units.get(block, 0) + output.shape[1]

        return note
