"""The geometry of a window in plain numbers, and where its padding comes from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ._fields import Sides, Size, pair


class Geometry(NamedTuple):
    """A window on both axes as plain integers, (height, width)."""

    kernel: tuple[int, int]
    """Height and width of the window."""
    stride: tuple[int, int]
    """Step of the window."""
    dilation: tuple[int, int]
    """Distance between taps of the kernel."""
    pad: tuple[int, int]
    """Border before the first row and the first column."""
    pad_end: tuple[int, int]
    """Border behind the last row and the last column."""

    def lay_out(self, pads_all: bool = False) -> tuple[Any, ...]:
        """Write the same in the numbers that sizes and receptive fields are made of.

        Args:
            pads_all: All padding is laid around a copy of the map, and not just what one end has more than the other.

        Returns:
            (resize, axis h, axis w, whether both axes are alike). ``resize`` is (padding_total h, w; stride h, w;
            added h, w): n pixels become (n + padding_total - 1) // stride + 1, where ``padding_total`` is both
            paddings less the reach; ``added`` are the rows and columns that a copy of the map has more than the map, 0
            where the layer itself pads. It is None for a window that changes no size. An ``axis`` is (reach from the
            first tap to the last, stride, padding before).
        """
        return _lay_out(self, pads_all)

    @property
    def is_symmetric(self) -> bool:
        """Whether there is as much padding behind as before."""
        return self.pad == self.pad_end


@lru_cache(maxsize=4096)  # a network has hundreds of layers and a handful of windows
def _lay_out(geometry: Geometry, pads_all: bool) -> tuple[Any, ...]:
    sides = list(zip(*geometry, strict=True))
    axis = [(dilation * (kernel - 1), stride, before) for kernel, stride, dilation, before, _ in sides]
    padding_total = [before + after - dilation * (kernel - 1) for kernel, _, dilation, before, after in sides]
    added = [before + after if pads_all else abs(after - before) for _, _, _, before, after in sides]
    resize = (*padding_total, *geometry.stride, *added)
    return (None if resize == (0, 0, 1, 1, 0, 0) else resize, *axis, axis[0] == axis[1])


POINTWISE = Geometry((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))


def tf_same(size: int, reach: int, stride: int) -> tuple[int, int]:
    """Pad one axis as TensorFlow's SAME does: ⌈size / stride⌉ outputs, the odd zero behind.

    >>> tf_same(224, 2, 2), tf_same(225, 2, 2)
    ((0, 1), (1, 1))

    Args:
        size: Pixels of the axis.
        reach: From the first tap of the window to the last, dilation · (kernel - 1).
        stride: Step of the window.

    Returns:
        (zeros before, zeros behind).

    Source: TensorFlow, tf.nn.convolution, "Notes on padding".
    """
    total = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
    return total // 2, total - total // 2


@lru_cache(maxsize=4096)
def geometry_of(
    kernel: Size, stride: Size, dilation: Size, padding: Size | Sides | Literal["same", "tf_same"],
    size: tuple[int, int] | None = None,
) -> Geometry:  # fmt: skip
    """The window as integers; 'tf_same' on a map of ``size``, without one as where the strides divide it."""
    k, s, d = pair(kernel), pair(stride), pair(dilation)
    reach = (d[0] * (k[0] - 1), d[1] * (k[1] - 1))
    if padding == "same":  # dilation·(kernel - 1) zeros an axis; the odd one out goes to the end, as torch does
        start = (reach[0] // 2, reach[1] // 2)
        return Geometry(k, s, d, start, (reach[0] - start[0], reach[1] - start[1]))
    if padding == "tf_same":
        top, bottom = tf_same((size or s)[0], reach[0], s[0])
        left, right = tf_same((size or s)[1], reach[1], s[1])
        return Geometry(k, s, d, (top, left), (bottom, right))
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        (top, bottom), (left, right) = (pair(each) for each in padding)
        return Geometry(k, s, d, (top, left), (bottom, right))
    both = pair(padding)
    return Geometry(k, s, d, both, both)


def write_padding(geometry: Geometry) -> Size | Sides:
    """Write the padding of a window as a field holds it.

    Args:
        geometry: The window.

    Returns:
        One number, (height, width), or ((top, bottom), (left, right)).
    """
    if not geometry.is_symmetric:
        (top, left), (bottom, right) = geometry.pad, geometry.pad_end
        return (top, bottom), (left, right)
    return geometry.pad[0] if geometry.pad[0] == geometry.pad[1] else geometry.pad
