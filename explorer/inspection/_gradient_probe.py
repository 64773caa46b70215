"""The gradient of one unit with respect to a network's input, whatever its scale."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from ..architecture import walk
from .hooks import get_module
from .models import NetworkState


class _Reached(Exception):
    """The node's output, on its way out of the network: what comes behind it is not computed."""

    def __init__(self, output: Tensor) -> None:
        self.output = output


class GradientProbe:
    """A copy of a network that is followed back from one node, its gradients rescaled on the way.

    Where all that the node depends on passes through one tensor, each image's gradient there is divided by its largest
    entry, whose logarithm is kept: no depth makes it overflow or vanish.
    """

    def __init__(self, state: NetworkState, path: str, dtype: torch.dtype) -> None:
        self._network = copy.deepcopy(state.network).to(dtype)
        self._log2_B = torch.zeros(0)
        nodes = dict(walk(state.architecture))
        for each in nodes:
            above = each.split("/")[:-1]
            if all(nodes["/".join(above[: end + 1])].op == "sequence" for end in range(len(above))):
                get_module(self._network, each).register_forward_hook(self._rescale)
        get_module(self._network, path).register_forward_hook(self._stop)

    def _stop(self, _module: object, _inputs: object, output: Tensor) -> None:
        raise _Reached(output)

    def _rescale(self, _module: object, _inputs: object, output: Tensor) -> None:
        def divide(gradient: Tensor) -> Tensor:
            peaks_B = gradient.flatten(1).abs().amax(1)
            peaks_B = torch.where(peaks_B.isfinite() & (peaks_B > 0), peaks_B, 1.0)
            self._log2_B += peaks_B.log2()
            return gradient / peaks_B.view(-1, *[1] * (gradient.ndim - 1))

        output.register_hook(divide)  # type: ignore[no-untyped-call]

    def differentiate(
        self, x_BCHW: Tensor, unit: tuple[int, int], channel: int | None
    ) -> Iterator[tuple[Tensor, float]]:
        """For each image whose unit and gradient are finite: its mean |gradient| (H, W) over the input's channels, and
        the binary logarithm of the factor that was taken out of it."""
        self._log2_B = torch.zeros(len(x_BCHW), device=x_BCHW.device, dtype=x_BCHW.dtype)
        with torch.enable_grad():
            x_BCHW.requires_grad_()
            try:
                output = self._network(x_BCHW)
            except _Reached as reached:
                output = reached.output
            units_BC = output[:, :, *unit] if output.ndim == 4 else output
            units_B = units_BC.sum(1) if channel is None else units_BC[:, channel]
        (gradient,) = torch.autograd.grad(units_B.sum(), x_BCHW)
        means_BHW = gradient.abs().mean(1)
        good_B = units_B.detach().isfinite() & means_BHW.flatten(1).isfinite().all(1)
        for place in good_B.nonzero()[:, 0].tolist():
            yield means_BHW[place], float(self._log2_B[place])
