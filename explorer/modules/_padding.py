"""Padding that torch's layers do not have: more at one end than at the other, or by the size of the map."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .. import architecture as arch


class Border:
    """What is laid around a map before a window reads it.

    Args:
        g: The window.
        common: (height, width) of the padding at each end that is left to the layer behind.
        sized: The padding is TensorFlow's SAME, by the size of the map, and not that of ``g``.
    """

    def __init__(self, g: arch.Geometry, common: tuple[int, int], sized: bool) -> None:
        self.sized = sized
        self.stride = g.stride
        self.reach = tuple(d * (k - 1) for d, k in zip(g.dilation, g.kernel, strict=True))
        (top, left), (bottom, right) = g.pad, g.pad_end
        self.fixed = (left - common[1], right - common[1], top - common[0], bottom - common[0])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is ever laid around."""
        return not self.sized and not any(self.fixed)

    def on(self, x_BCHW: Tensor) -> tuple[int, ...]:
        """(left, right, top, bottom) around this map."""
        if not self.sized:
            return self.fixed
        height, width = (arch.tf_same(x_BCHW.shape[2 + axis], self.reach[axis], self.stride[axis]) for axis in (0, 1))
        return (*width, *height)

    def pad(self, x_BCHW: Tensor, value: float = 0.0) -> Tensor:
        """The map with its border of ``value``."""
        border = self.on(x_BCHW)
        return F.pad(x_BCHW, border, value=value) if any(border) else x_BCHW


class PaddedPool(nn.Module):
    """The pooling ``pool`` behind a border: of -inf where it takes the maximum, else of zeros.

    An average that does not count padding is divided by the share of its window that lies on the map.
    """

    def __init__(self, node: arch.Pool) -> None:
        super().__init__()
        g = node.geometry
        self.border = Border(g, (0, 0), node.is_sized)
        self.pool: nn.Module = (nn.MaxPool2d if node.kind == "max" else nn.AvgPool2d)(g.kernel, stride=g.stride)
        self.value = float("-inf") if node.kind == "max" else 0.0
        self.shares = node.kind == "avg" and not node.count_include_pad

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.shares or not any(self.border.on(x_BCHW)):
            return self.pool(self.border.pad(x_BCHW, self.value))
        # Not called as a module is: hooks shall see the map alone.
        share_11HW = self.pool.forward(self.border.pad(x_BCHW.new_ones(1, 1, *x_BCHW.shape[2:])))
        return self.pool(self.border.pad(x_BCHW)).div_(share_11HW)
