"""Visits of the nodes that hold others: what flows between their children, and what joining them costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..architecture import IN_PLACE, Repair
from ..architecture.edit import output_conv
from ..text import compact_shape
from ._channel_layers import check_groups, norm_peak, statistics_bytes
from ._readings import BYTES, AuxiliaryHead
from ._walk import (
    Axis,
    Field,
    Tensor,
    Visit,
    Walk,
    activate,
    byte_size,
    mark_whole_input,
    pass_through,
    same_memory,
    save_for_backward,
    widen,
)


def _sequence(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    visits = walk.visits
    prefix = path + "/" if path else ""
    storage = x[3]
    origin = storage[2] or storage
    own = peak = storage[0]
    held = 0  # the input, once the chain has left it behind: this node's caller still holds it
    for op, name, child in node.steps:
        x = visits[op](walk, child, prefix + name, x)
        used = held + x[4]
        if used > peak:
            peak = used
        if not held and (x[3][2] or x[3]) is not origin:
            held = own
    shape, field, grad, storage, _ = x
    return shape, field, grad, storage, peak


def _parallel(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    visits = walk.visits
    prefix = path + "/"
    storage = x[3]
    origin = storage[2] or storage
    own = peak = storage[0]
    feature = walk.feature
    channels = others = 0  # of the branches so far: their channels, and the bytes that they hold
    grad = False
    outs: list[Tensor] = []
    fields: list[Field] = []
    for chain in node.chains:  # as in a sequence of its own
        out = x
        held = others
        for op, name, child in chain:
            out = visits[op](walk, child, prefix + name, out)
            used = held + out[4]
            if used > peak:
                peak = used
            if held == others and (out[3][2] or out[3]) is not origin:
                held += own
        shape, field, follows, made, _ = out
        outs.append(out)
        fields.append(field)
        channels += shape[0]
        if follows:
            grad = True
        if held != others:
            others += made[0]
    first = outs[0]
    if len(outs) == 1:
        walk.row(node, path, x, first)
        return (*first[:4], peak)
    if node.fuse != "concat":
        combined = _combine(walk, node, path, x, outs, grad, own + others, peak)
        if len(combined[0]) == 3:  # a pooling on the way was a gate's: the maps go on
            walk.feature = feature
        return combined
    if _sizes_differ(outs):
        return _unequal_sizes(walk, node, path, x, outs, peak)
    shape = first[0]
    shape = (channels, shape[1], shape[2]) if len(shape) == 3 else (channels,)
    field = _merge(fields)
    size = byte_size(shape)
    walk.rows.append((path, "parallel", x[0], shape, 0, 0, 0, 0, 0, field, walk.in_head))
    used = own + others + size
    return shape, field, grad, [size, False, None], used if used > peak else peak


def _combine(
    walk: Walk, node: Any, path: str, x: Tensor, outs: list[Tensor], grad: bool, held: int, peak: int
) -> Tensor:
    """A fusion element by element: a branch with 1 channel, or of height or width 1, is repeated along that axis."""
    shapes = [out[0] for out in outs]
    shape = tuple(map(max, zip(*shapes, strict=False)))
    if any(len(each) != len(shape) or not _repeats(each[1:], shape[1:]) for each in shapes):
        return _unequal_sizes(walk, node, path, x, outs, peak)
    if not all(each[0] in (1, shape[0]) for each in shapes):
        _unequal_channels(walk, node, path, outs)
    # What is repeated over the map is a gate as attention has one: of it all is seen from everywhere.
    spanning = [out[1] for out in outs if out[0][1:] == shape[1:]]
    field = _merge(spanning or [out[1] for out in outs])
    if len(spanning) < len(outs):
        field = mark_whole_input(field)
    kept = before = size = 0
    made = outs[0]
    for other in outs[1:]:
        if node.fuse == "multiply":
            # a·b keeps both factors for each other's gradient; with more branches the product so far is a factor too
            kept += (save_for_backward(other) if made[2] else 0) + (save_for_backward(made) if other[2] else 0)
        so_far = tuple(map(max, made[0], other[0]))
        before, size = size, byte_size(so_far)
        made = (so_far, field, made[2] or other[2], [size, False, None], 0)
    walk.rows.append((path, "parallel", x[0], shape, 0, 0, 0, 0, kept, field, walk.in_head))
    return shape, field, grad, [size, False, None], max(peak, held + before + size)  # a + b + c holds a + b meanwhile


def _repeats(size: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether repetition along axes of 1 makes the one size the other."""
    return all(side in (1, other) for side, other in zip(size, whole, strict=True))


def _sizes_differ(outs: list[Tensor]) -> bool:
    """Whether the heights and widths are not all alike; vectors have none."""
    shape = outs[0][0]
    if len(shape) != 3:
        return any(len(out[0]) == 3 for out in outs)
    _, h, w = shape
    for out in outs:
        shape = out[0]
        if len(shape) != 3 or shape[1] != h or shape[2] != w:
            return True
    return False


def _unequal_sizes(walk: Walk, node: Any, path: str, x: Tensor, outs: list[Tensor], peak: int) -> Tensor:
    given = ", ".join(
        f"{branch.name} gives {compact_shape(out[0][1:]) or 'a vector'}"
        for branch, out in zip(node.branches, outs, strict=True)
    )
    maps = all(len(out[0]) == 3 for out in outs)
    otherwise = "" if node.fuse == "concat" else ", or 1, which is repeated"
    walk.refuse(path, f"fusion {node.fuse} needs equal heights and widths{otherwise}: {given}", by_size=maps)
    first = outs[0]
    channels = sum(out[0][0] for out in outs) if node.fuse == "concat" else first[0][0]
    y = ((channels, *first[0][1:]), *first[1:4], peak)
    walk.row(node, path, x, y)
    return y


def _unequal_channels(walk: Walk, node: Any, path: str, outs: list[Tensor]) -> None:
    pairs = list(zip(node.branches, (out[0][0] for out in outs), strict=True))
    counts = ", ".join(f"{branch.name} has {channels:,}" for branch, channels in pairs)
    every = [output_conv(branch, f"{path}/{branch.name}") for branch, _ in pairs]
    # A branch that passes its input through has the channels that it has; the others can be given as many.
    fixed = [channels for (_, channels), end in zip(pairs, every, strict=True) if end is None and channels != 1]
    target = max(fixed or [channels for _, channels in pairs])
    ends = [end for (_, channels), end in zip(pairs, every, strict=True) if channels not in (1, target)]
    if all(end and target % end[1] == 0 for end in ends):
        changes = tuple((end[0], (("out_channels", target // end[1]),)) for end in ends if end)
        repair = Repair(label=f"give every branch {target} channels", replacements=changes)
    else:
        repair = Repair(label="use concat", replacements=((path, (("fuse", "concat"),)),))
    walk.refuse(path, f"fusion {node.fuse} needs equal channels, or 1, which is repeated: {counts}", repair)


def _merge(fields: Sequence[Field]) -> Field:
    """The box around the fields of parallel paths."""
    box = last = fields[0]
    for field in fields:
        if field != last:  # neighbours often see the same
            box, last = _enclose(box, field), field
    return box


def _enclose(one: Field, other: Field) -> Field:
    axis_h, axis_w, aligned, whole = one
    other_h, other_w, agree, everything = other
    box_h, centred = _hull(axis_h, other_h)
    if axis_w is axis_h and other_w is other_h:
        box_w = box_h
    else:
        box_w, centred_w = _hull(axis_w, other_w)
        centred = centred and centred_w
        if box_w == box_h:
            box_w = box_h
    return box_h, box_w, aligned and agree and centred, whole or everything


def _hull(one: Axis, other: Axis) -> tuple[Axis, bool]:
    """(box around two paths on one axis, whether they have the same stride and centre)."""
    size, stride, start, least = one
    size_2, stride_2, start_2, least_2 = other
    end, end_2 = start + size, start_2 + size_2
    centred = stride == stride_2 and start + end == start_2 + end_2
    if start_2 < start:
        start = start_2
    if end_2 > end:
        end = end_2
    if stride_2 > stride:
        stride = stride_2
    if least_2 < least:
        least = least_2
    return (end - start, stride, start, least), centred


def _residual(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape_in, field_in, grad, storage, _ = x
    own = storage[0]
    inner = node.body
    body = walk.visits[inner.op](walk, inner.plan, f"{path}/{inner.name}", x)
    shape, field, follows, made, peak = body
    held = own + (0 if same_memory(body, x) else made[0])
    size = byte_size(shape)
    weight = bias = norm = macs = kept = 0
    if node.shortcut == "projection":
        step = _projection_stride(walk, path, x, body)
        if step is not None:
            out, h, w = shape
            weight = shape_in[0] * out
            norm = 2 * out if node.norm != "none" else 0
            if node.norm == "group":
                check_groups(walk, path, "norm_groups", node.norm_groups, shape)
            bias = 0 if norm else out
            macs = weight * h * w
            kept = save_for_backward(x) + (size + statistics_bytes(node.norm, node.norm_groups, shape) if norm else 0)
            axis_h, axis_w, aligned, whole = field_in
            whole |= node.norm == "group"
            field_in = (widen(axis_h, (0, step[0], 0)), widen(axis_w, (0, step[1], 0)), aligned, whole)
            grad = True
            peak = max(peak, held + size + (norm_peak(node.norm, node.norm_groups, shape) if norm else 0))
            held += size
    elif shape != shape_in:
        maps = len(shape) == len(shape_in) == 3
        walk.refuse(
            path,
            f"an identity shortcut needs equal shapes: the input is {compact_shape(shape_in)}, "
            f"the body gives {compact_shape(shape)}",
            Repair(label="use a projection", replacements=((path, (("shortcut", "projection"),)),)) if maps else None,
            by_size=maps and shape[0] == shape_in[0],
        )
    peak = max(peak, held + size * (1 if node.activation in IN_PLACE else 2))
    if node.drop_path and follows:
        kept += BYTES  # the factor of the image
    y, more = activate(node.activation, shape, _merge((field_in, field)), grad or follows, size, peak)
    walk.row(node, path, x, y, weight=weight, bias=bias, norm=norm, macs=macs, kept=kept + more)
    return y


def _projection_stride(walk: Walk, path: str, x: Tensor, body: Tensor) -> tuple[int, int] | None:
    """Stride at which a 1×1 convolution gives the body's size; a problem if there is none, None for vectors."""
    if len(body[0]) != 3 or len(x[0]) != 3:
        walk.refuse(path, "a projection shortcut joins feature maps, not vectors")
        return None
    (_, *size_in), (_, *size_out) = x[0], body[0]
    steps = projection_stride(size_in, size_out)
    if any((n - 1) // step + 1 != out for n, step, out in zip(size_in, steps, size_out, strict=True)):
        walk.refuse(
            path,
            f"no stride of a 1×1 projection turns {compact_shape(size_in)} into the body's {compact_shape(size_out)}",
            by_size=True,
        )
    return steps


def projection_stride(size_in: Sequence[int], size_out: Sequence[int]) -> tuple[int, int]:
    """Find the stride of a projection shortcut.

    Args:
        size_in: (height, width) of the block's input.
        size_out: (height, width) of its body's output.

    Returns:
        Stride at which a 1×1 convolution turns the one into the other, if any does; for large maps beyond what a
        node's own stride may be.
    """
    return -(-size_in[0] // size_out[0]), -(-size_in[1] // size_out[1])


def _auxiliary(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    outside, walk.in_head = walk.in_head, True
    storage, rows, misfits = x[3], len(walk.rows), len(walk.misfits)
    was_kept = storage[1]
    prefix = path + "/"
    y = x
    for op, name, child in node.steps:
        y = walk.visits[op](walk, child, prefix + name, y)
    walk.in_head = outside
    reason = ""
    if len(walk.misfits) > misfits:  # it cannot run, so that nothing is kept because of it
        reason = str(walk.misfits[misfits])
        storage[1] = was_kept
        walk.rows[rows:] = [(*row[:8], 0, *row[9:]) for row in walk.rows[rows:]]
    walk.heads.append(AuxiliaryHead(path, reason))
    if len(y[0]) != 1:
        walk.refuse(path, f"an auxiliary head must end in a vector of class scores, not {compact_shape(y[0])}")
    return pass_through(x)


CONTAINERS: dict[str, Visit] = {
    "sequence": _sequence,
    "parallel": _parallel,
    "residual": _residual,
    "auxiliary": _auxiliary,
}
