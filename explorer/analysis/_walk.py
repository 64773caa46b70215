"""The one pass: shapes, params, MACs, memory and receptive field of every layer, in execution order.

Written for speed, since a page asks for hundreds of variants while a thumb moves: plain tuples, one function per node
kind, no objects; comparisons instead of ``max``, items instead of slices, since a call costs as much as ten operations.
A visit is handed the node's ``plan``: the node itself, or its numbers where each look-up would count. What a row or a
field means is said once, in ``_readings``. Memory follows what torch's eager autograd keeps on CPU, tensor by tensor;
the tests compare it with ``saved_tensors_hooks`` and with the storages alive under a dispatch mode.

A *tensor* here is (shape, field, grad, storage, peak). ``grad`` tells whether autograd follows it. ``storage`` is a
list [bytes, kept for backward, origin]: views share it, and ``origin`` is the storage that inference would use instead,
where training makes a copy (dropout), else None. ``peak`` is the most bytes that were alive while the node made it, its
input counted throughout, because in eager PyTorch the caller's frame holds it. A *field* is (axis h, axis w, aligned,
whole_input) with an *axis* (size, stride, start, min_size); where both axes are alike they are one object, and half
the work is spared. A *row* is a ``Layer`` whose field is still such a tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..architecture import SAVES_OUTPUT, Architecture, Problem, Repair, edit
from ._readings import BYTES, AuxiliaryHead

Axis = tuple[int, int, int, int]
Field = tuple[Axis, Axis, bool, bool]
Tensor = tuple[tuple[int, ...], Field, bool, list[Any], int]
Visit = Callable[["Walk", Any, str, Tensor], Tensor]

_PIXEL_AXIS = (1, 1, 0, 1)
PIXEL = (_PIXEL_AXIS, _PIXEL_AXIS, True, False)
"""The field of the input itself."""


class Walk:
    """One pass over an architecture. ``visits`` says for each op which function visits such a node."""

    def __init__(self, visits: dict[str, Visit], architecture: Architecture) -> None:
        self.visits = visits
        self.architecture = architecture
        self.rows: list[tuple[Any, ...]] = []
        self.problems: list[Problem] = []
        self.misfits: list[Problem] = []
        self.heads: list[AuxiliaryHead] = []
        self.feature: tuple[tuple[int, ...], Field] | None = None
        self.in_head = False

    def find(self, path: str) -> Any:
        """The node at a path, for who has its plan alone and has something to refuse."""
        return edit.find(self.architecture, path)

    def sums(self, start: int = 0) -> tuple[int, int, int, int]:
        """(params, params of auxiliary heads, MACs of inference, bytes kept) of the rows from ``start`` on."""
        params = auxiliary = macs = kept = 0
        for _, _, _, _, weight, bias, norm, multiply_adds, bytes_kept, _, in_head in self.rows[start:]:
            kept += bytes_kept
            if in_head:
                auxiliary += weight + bias + norm
            else:
                params += weight + bias + norm
                macs += multiply_adds
        return params, auxiliary, macs, kept

    def refuse(self, path: str, message: str, repair: Repair | None = None, *, by_size: bool = False) -> None:
        """Note a problem. One that another image size might not have (``by_size``) is, in a head, the head's alone."""
        found = self.misfits if by_size and self.in_head else self.problems
        found.append(Problem(path=path, message=message, repair=repair))

    def row(
        self,
        node: Any,
        path: str,
        x: Tensor,
        y: Tensor,
        *,
        weight: int = 0,
        bias: int = 0,
        norm: int = 0,
        macs: int = 0,
        kept: int = 0,
    ) -> None:
        self.rows.append((path, node.op, x[0], y[0], weight, bias, norm, macs, kept, y[1], self.in_head))


def refuse_vector(walk: Walk, op: str, path: str, x: Tensor) -> Tensor:
    """Note that a node that works on maps is given a vector."""
    name = f"{'an' if op[0] in 'aeiou' else 'a'} {op.replace('_', ' ')}"
    walk.refuse(path, f"{name} works on feature maps, but its input is a vector of {x[0][0]:,} after flatten")
    return pass_through(x)


def same_memory(a: Tensor, b: Tensor) -> bool:
    """Whether inference would hold both in one storage."""
    return (a[3][2] or a[3]) is (b[3][2] or b[3])


def pass_through(x: Tensor) -> Tensor:
    """``x`` as the output of a node that passes it on: making it took nothing more."""
    shape, field, grad, storage, _ = x
    return shape, field, grad, storage, storage[0]


def save_for_backward(x: Tensor) -> int:
    """Bytes newly kept for the backward pass if ``x`` is saved now."""
    storage = x[3]
    if storage[1]:
        return 0
    storage[1] = True
    return int(storage[0])


def mark_whole_input(field: Field) -> Field:
    axis_h, axis_w, aligned, _ = field
    return axis_h, axis_w, aligned, True


def widen(axis: Axis, window: tuple[int, int, int]) -> Axis:
    """Araujo et al. 2019, equations 1 to 4, in the form of the first input index."""
    size, stride, start, min_size = axis
    reach, step, before = window
    grown = reach * stride
    return (size + grown, stride * step, start - before * stride, min_size + grown)


def widen_field(field: Field, window: tuple[Any, ...]) -> Field:
    """Work out the field behind a window.

    Args:
        field: That of what the window reads.
        window: As ``Geometry.lay_out`` gives it.

    Returns:
        The field of what it makes.

    Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
        equations 1 to 4.
    """
    axis_h, axis_w, aligned, whole = field
    _, window_h, window_w, square = window
    if not (square and axis_w is axis_h):
        return widen(axis_h, window_h), widen(axis_w, window_w), aligned, whole
    size, stride, start, min_size = axis_h
    reach, step, before = window_h
    grown = reach * stride
    seen = (size + grown, stride * step, start - before * stride, min_size + grown)
    return seen, seen, aligned, whole


def activate(kind: str, shape: tuple[int, ...], field: Field, grad: bool, size: int, peak: int) -> tuple[Tensor, int]:
    """(output, bytes kept) of the activation that ends a layer of ours; ReLU works in place there."""
    saved = grad and kind in SAVES_OUTPUT
    return (shape, field, grad, [size, saved, None], peak), (size if grad and kind != "none" else 0)


def byte_size(shape: tuple[int, ...]) -> int:
    count = BYTES
    for extent in shape:
        count *= extent
    return count
