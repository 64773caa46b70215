"""What nodes with a sliding window have in common: its geometry, on maps of any size."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

from ._geometry import Geometry, geometry_of
from ._node_base import NodeBase


class Windowed(NodeBase):
    """A node with a window: ``kernel_size``, ``stride``, ``padding``, and ``dilation`` where it has one."""

    @cached_property
    def geometry(self) -> Geometry:
        """The window as integers. Where it ``is_sized``, its padding is that of a map whose size the stride divides."""
        return geometry_of(*self._numbers)

    @cached_property
    def is_sized(self) -> bool:
        """Whether the padding depends on the size of the input: 'tf_same', where a window takes steps."""
        sides = zip(self.geometry.kernel, self.geometry.stride, strict=True)
        return self._numbers[3] == "tf_same" and any(kernel > 1 and stride > 1 for kernel, stride in sides)

    def geometry_on(self, size: tuple[int, ...]) -> Geometry:
        """Find the window as it is on a map.

        Args:
            size: (height, width) of the map.

        Returns:
            The window, with the padding that it has there.
        """
        return geometry_of(*self._numbers, (size[0], size[1])) if self.is_sized else self.geometry

    @cached_property
    def meaning(self) -> dict[str, Any]:
        """As of any node: a kernel of 3 is (3, 3), 'same' a number."""
        values, geometry = super().meaning, self.geometry
        values |= {"kernel_size": geometry.kernel, "stride": geometry.stride}
        values["padding"] = "tf_same" if self.is_sized else (geometry.pad, geometry.pad_end)
        return values | ({"dilation": geometry.dilation} if "dilation" in values else {})

    def window(self, pads_all: bool) -> Any:
        """What the analysis needs of the window, or, where it ``is_sized``, a function that gives it for a size."""
        return partial(_window_on, self._numbers) if self.is_sized else self.geometry.lay_out(pads_all)

    @property
    def _numbers(self) -> tuple[Any, Any, Any, Any]:
        fields = self.__dict__
        return fields["kernel_size"], fields["stride"], fields.get("dilation", 1), fields["padding"]


def _window_on(numbers: tuple[Any, Any, Any, Any], height: int, width: int) -> tuple[Any, ...]:
    return geometry_of(*numbers, (height, width)).lay_out(True)
