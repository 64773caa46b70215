"""The one pass: shapes, params, MACs, memory and receptive field of every layer, in execution order.

Written for speed, since a page asks for hundreds of variants while a thumb moves: plain tuples, one function per node
kind, no objects. What a row or a field means is said once, in ``_readings``. Memory follows what torch's eager autograd
keeps on CPU, tensor by tensor; the tests compare it with ``saved_tensors_hooks`` and with the storages alive under a
dispatch mode.

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

from ..architecture import MAX_CHANNELS, Problem, Repair
from ..architecture.edit import output_conv
from ._readings import BYTES

Axis = tuple[int, int, int, int]
Field = tuple[Axis, Axis, bool, bool]
Tensor = tuple[tuple[int, ...], Field, bool, list[Any], int]
Visit = Callable[["Walk", Any, str, Tensor], Tensor]

_PIXEL_AXIS = (1, 1, 0, 1)
PIXEL = (_PIXEL_AXIS, _PIXEL_AXIS, True, False)
"""The field of the input itself."""

_INDEX_BYTES = 8
"""Max pooling remembers where each maximum was, as int64."""

_SAVES_OUTPUT = frozenset({"relu", "sigmoid", "tanh"})
"""Activations whose backward needs the output; the others need the input."""


class Walk:
    """One pass over an architecture. ``visits`` says for each op which function visits such a node."""

    def __init__(self, visits: dict[str, Visit] | None = None) -> None:
        self.visits = visits or VISITS
        self.rows: list[tuple[Any, ...]] = []
        self.add = self.rows.append
        self.problems: list[Problem] = []
        self.feature: tuple[tuple[int, ...], Field] | None = None
        self.in_head = False

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

    def refuse(self, path: str, message: str, repair: Repair | None = None) -> None:
        self.problems.append(Problem(path=path, message=message, repair=repair))

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
        self.add((path, node.op, x[0], y[0], weight, bias, norm, macs, kept, y[1], self.in_head))


def same_memory(a: Tensor, b: Tensor) -> bool:
    """Whether inference would hold both in one storage."""
    return (a[3][2] or a[3]) is (b[3][2] or b[3])


def _through(x: Tensor) -> Tensor:
    """``x`` as the output of a node that passes it on: making it took nothing more."""
    return (*x[:4], x[3][0])


def _keep(x: Tensor) -> int:
    """Bytes newly kept for the backward pass if ``x`` is saved now."""
    storage = x[3]
    if storage[1]:
        return 0
    storage[1] = True
    return int(storage[0])


def _whole(field: Field) -> Field:
    return (*field[:3], True)


def _activate(kind: str, shape: tuple[int, ...], field: Field, grad: bool, size: int, peak: int) -> tuple[Tensor, int]:
    """(output, bytes kept) of the activation that ends a layer of ours; ReLU works in place there."""
    saved = grad and kind in _SAVES_OUTPUT
    return (shape, field, grad, [size, saved, None], peak), (size if grad and kind != "none" else 0)


def _widen(axis: Axis, along: tuple[int, int, int]) -> Axis:
    """Araujo et al. 2019, equations 1 to 4, in the form of the first input index."""
    size, stride, start, min_size = axis
    reach, step, before = along
    grown = reach * stride
    return (size + grown, stride * step, start - before * stride, min_size + grown)


def _no_room(walk: Walk, node: Any, path: str, x: Tensor) -> None:
    """Note for each axis on which the window is larger than the padded input."""
    kernel, _, dilation, pad, pad_end = node.geometry
    for axis, side in enumerate(("height", "width")):
        n = x[0][axis + 1]
        span = dilation[axis] * (kernel[axis] - 1) + 1
        padding = pad[axis] + pad_end[axis]
        if n + padding < span:
            repair = None
            if node.padding != "same" and kernel[0] % 2 and kernel[1] % 2:
                repair = Repair(label="use padding 'same'", replacements=((path, (("padding", "same"),)),))
            message = f"a window of {span} does not fit the {side} of its input, {n} + {padding} of padding"
            walk.refuse(path, message, repair)


def _needs_maps(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    walk.refuse(path, f"a {node.op} works on feature maps, but its input is a vector of {x[0][0]} after Flatten")
    return _through(x)


def _groups(walk: Walk, node: Any, path: str, c: int) -> tuple[int, int]:
    """(out_channels, groups) with 'same' and 'depthwise' resolved."""
    out = c if node.out_channels == "same" else node.out_channels
    groups = c if node.groups == "depthwise" else node.groups
    if c % groups == 0 == out % groups:
        return out, groups
    what = f"in_channels (={c})" if c % groups else f"out_channels (={out})"
    near = max(groups, round(out / groups) * groups)
    by_channels = c % groups == 0 and near <= MAX_CHANNELS
    walk.refuse(
        path,
        f"{what} must be divisible by groups (={groups})",
        Repair(label=f"set {near} channels", replacements=((path, (("out_channels", near),)),))
        if by_channels
        else Repair(label="use one group", replacements=((path, (("groups", 1),)),)),
    )
    return out, 1


def _conv(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    if len(shape) != 3:
        return _needs_maps(walk, node, path, x)
    c, h, w = shape
    window, out, taps, bias, norm, activation = node.plan
    groups = 1
    if out is None:
        out, groups = _groups(walk, node, path, c)
    held = storage[0]
    padded = 0
    if window:
        room_h, room_w, step_h, step_w, along_h, along_w, square, uneven_h, uneven_w = window
        if uneven_h or uneven_w:  # torch pads a copy of the input first, and that copy is what it keeps
            padded = c * (h + uneven_h) * (w + uneven_w) * BYTES
        h = (h + room_h - 1) // step_h + 1
        w = (w + room_w - 1) // step_w + 1
        if h < 1 or w < 1:
            _no_room(walk, node, path, x)
            h, w = max(h, 1), max(w, 1)
        axis_h, axis_w, aligned, whole = field
        seen = _widen(axis_h, along_h)
        field = (seen, seen if square and axis_w is axis_h else _widen(axis_w, along_w), aligned, whole)
    if padded:
        kept = padded
    elif storage[1]:
        kept = 0
    else:
        kept = held
        storage[1] = True
    weight = out * (c // groups) * taps
    positions = h * w
    size = out * positions * BYTES
    peak = held + padded + size
    if norm:
        kept += size + norm * BYTES * out  # its input, and the batch's mean and deviation
        peak = max(peak, held + 2 * size)
    saved = False
    if activation != "none":
        kept += size  # the input or the output, by kind
        if activation == "relu":  # in place
            saved = True
        else:
            saved = activation in _SAVES_OUTPUT
            peak = max(peak, held + 2 * size)
    y = (out, h, w)
    walk.add((path, "conv", shape, y, weight, bias * out, norm * out, weight * positions, kept, field, walk.in_head))
    return y, field, True, [size, saved, None], peak


def _pool(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return _needs_maps(walk, node, path, x)
    c, h, w = shape
    room_h, room_w, step_h, step_w, along_h, along_w, square, _, _ = node.window
    room_h, room_w = h + room_h - 1, w + room_w - 1
    if room_h < 0 or room_w < 0:
        _no_room(walk, node, path, x)
        room_h, room_w = max(room_h, 0), max(room_w, 0)
    oh, ow = room_h // step_h + 1, room_w // step_w + 1
    if node.ceil_mode:  # torch drops a last window that would start in the padding beyond the image
        oh += room_h % step_h > 0 and oh * step_h < h + along_h[2]
        ow += room_w % step_w > 0 and ow * step_w < w + along_w[2]
    axis_h, axis_w, aligned, whole = field
    seen = _widen(axis_h, along_h)
    field = (seen, seen if square and axis_w is axis_h else _widen(axis_w, along_w), aligned, whole)
    y = (c, oh, ow)
    elements = c * oh * ow
    size = elements * BYTES
    indices = elements * _INDEX_BYTES if node.kind == "max" else 0
    held = storage[0]
    kept = 0
    if grad:
        kept = indices
        if not storage[1]:
            kept += held
            storage[1] = True
    walk.add((path, "pool", shape, y, 0, 0, 0, 0, kept, field, walk.in_head))
    return y, field, grad, [size, False, None], held + size + indices


def _note_feature(walk: Walk, x: Tensor) -> None:
    if walk.feature is None and not walk.in_head:
        walk.feature = (x[0], x[1])


def _global_pool(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return _needs_maps(walk, node, path, x)
    _note_feature(walk, x)
    size = node.output_size
    out = (shape[0], *(size if isinstance(size, tuple) else (size, size)))
    elements = out[0] * out[1] * out[2]
    kept = indices = 0
    if node.kind == "max":
        indices = elements * _INDEX_BYTES
        kept = _keep(x) + indices if grad else 0
    elif size != 1:  # the mean to 1×1 needs nothing for its backward pass
        kept = _keep(x) if grad else 0
    y = (out, _whole(field), grad, [elements * BYTES, False, None], storage[0] + elements * BYTES + indices)
    walk.row(node, path, x, y, kept=kept)
    return y


def _flatten(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) == 3:
        _note_feature(walk, x)
    y = ((_size(shape) // BYTES,), _whole(field), grad, storage, storage[0])
    walk.row(node, path, x, y)
    return y


def _linear(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    if len(shape) != 1:
        walk.refuse(
            path,
            f"a linear layer works on a vector, but its input is {_times(shape)}; put GlobalPool and Flatten before it",
        )
        _note_feature(walk, x)
    out = node.out_features
    weight = _size(shape) // BYTES * out
    size = out * BYTES
    peak = storage[0] + size * (1 if node.activation in ("none", "relu") else 2)
    kept = _keep(x)
    y, more = _activate(node.activation, (out,), _whole(field), True, size, peak)
    walk.row(node, path, x, y, weight=weight, bias=out if node.bias else 0, macs=weight, kept=kept + more)
    return y


def _dropout(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if not node.p:
        walk.row(node, path, x, x)
        return _through(x)
    # In training the mask is kept and the product is new memory; in inference the input itself passes through.
    size = _size(shape)
    y = (shape, field, grad, [size, False, storage[2] or storage], storage[0])
    walk.row(node, path, x, y, kept=size if grad else 0)
    return y


def _local_response_norm(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return _needs_maps(walk, node, path, x)
    size = _size(shape)
    padded = (shape[0] + node.size - 1) * shape[1] * shape[2] * BYTES
    y = (shape, field, grad, [size, False, None], storage[0] + max(size + padded, 3 * size))
    # input² padded over channels, its sum, and the divisor are kept beside the input (torch.nn.functional's formula)
    walk.row(node, path, x, y, kept=_keep(x) + padded + 2 * size if grad else 0)
    return y


def _norm(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    if len(shape) != 3:
        return _needs_maps(walk, node, path, x)
    size = _size(shape)
    y = (shape, field, True, [size, False, None], storage[0] + size)
    walk.row(node, path, x, y, norm=2 * shape[0], kept=_keep(x) + 2 * shape[0] * BYTES)
    return y


def _activation(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if node.kind == "none":
        walk.row(node, path, x, x)
        return _through(x)
    size = _size(shape)
    y = (shape, field, grad, [size, False, None], storage[0] + size)  # never in place: others may read the same input
    kept = _keep(y if node.kind in _SAVES_OUTPUT else x) if grad else 0
    walk.row(node, path, x, y, kept=kept)
    return y


def _attention(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    if len(shape) != 3:
        return _needs_maps(walk, node, path, x)
    c, h, w = shape
    hidden = max(1, c // node.reduction)
    size, c_bytes, hidden_bytes, plane = _size(shape), c * BYTES, hidden * BYTES, h * w * BYTES
    weight = 2 * c * hidden
    if node.kind == "se":
        # mean → hidden → channels → sigmoid: each step keeps one small vector; the product keeps the input
        y = (shape, _whole(field), True, [size, False, None], storage[0] + c_bytes + size)
        kept = _keep(x) + c_bytes + hidden_bytes + c_bytes
        walk.row(node, path, x, y, weight=weight, bias=hidden + c, macs=weight, kept=kept)
        return y
    spatial = 2 * node.spatial_kernel**2
    macs = 2 * weight + spatial * h * w  # the shared MLP runs on the mean and on the maximum
    kept = _keep(x) + 2 * c_bytes + 2 * hidden_bytes + c_bytes  # two pooled, two hidden, the channel gate
    kept += size + plane + 2 * plane + plane  # the gated map, its maximum, the two planes, the position gate
    channel_gate = max(3 * c_bytes + hidden_bytes, 4 * c_bytes)
    peak = storage[0] + max(channel_gate, c_bytes + size, size + 4 * plane, 2 * size + plane)
    y = (shape, _whole(field), True, [size, False, None], peak)
    walk.row(node, path, x, y, weight=weight + spatial, macs=macs, kept=kept)
    return y


def _sequence(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    visits = walk.visits
    prefix = path + "/" if path else ""
    storage = x[3]
    origin = storage[2] or storage
    own = peak = storage[0]
    held = 0  # the input, once the chain has left it behind: this node's caller still holds it
    for op, name, child in node.steps:
        x = visits[op](walk, child, prefix + name, x)
        if held + x[4] > peak:
            peak = held + x[4]
        if not held and (x[3][2] or x[3]) is not origin:
            held = own
    return x[0], x[1], x[2], x[3], peak


def _parallel(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    visits = walk.visits
    prefix = path + "/"
    storage = x[3]
    origin = storage[2] or storage
    own = held = peak = storage[0]
    outs: list[Tensor] = []
    for op, name, branch in node.steps:
        out = visits[op](walk, branch, prefix + name, x)
        outs.append(out)
        if held + out[4] - own > peak:
            peak = held + out[4] - own
        made = out[3]
        if (made[2] or made) is not origin:
            held += made[0]
    first = outs[0]
    if len(outs) == 1:
        walk.row(node, path, x, first)
        return (*first[:4], peak)
    fuse = node.fuse
    shape = first[0]
    sides = shape[1:]
    channels = 0
    grad, equal = False, True
    for given, _, follows, _, _ in outs:
        if given[1:] != sides or len(given) != len(shape):
            return _unequal_sizes(walk, node, path, outs, peak)
        channels += given[0]
        equal = equal and given == shape
        grad = grad or follows
    if fuse == "concat":
        shape = (channels, *sides)
    elif not equal:
        _unequal_channels(walk, node, path, outs)
    size = _size(shape)
    kept = 0
    if fuse == "multiply":
        # a·b keeps both factors for each other's gradient; with more branches the product so far is a factor too
        product = first
        for other in outs[1:]:
            kept += (_keep(other) if product[2] else 0) + (_keep(product) if other[2] else 0)
            product = (shape, first[1], product[2] or other[2], [size, False, None], 0)
    field = _merge([out[1] for out in outs])
    walk.add((path, "parallel", x[0], shape, 0, 0, 0, 0, kept, field, walk.in_head))
    steps = 1 if fuse == "concat" or len(outs) == 2 else 2  # a + b + c holds a + b while c is added
    return shape, field, grad, [size, False, None], max(peak, held + steps * size)


def _unequal_sizes(walk: Walk, node: Any, path: str, outs: list[Tensor], peak: int) -> Tensor:
    given = ", ".join(
        f"{branch.name} gives {_times(out[0][1:]) or 'a vector'}"
        for branch, out in zip(node.branches, outs, strict=True)
    )
    walk.refuse(path, f"fuse={node.fuse} needs equal heights and widths: {given}")
    return (*outs[0][:4], peak)


def _unequal_channels(walk: Walk, node: Any, path: str, outs: list[Tensor]) -> None:
    pairs = list(zip(node.branches, (out[0][0] for out in outs), strict=True))
    counts = ", ".join(f"{branch.name} has {channels}" for branch, channels in pairs)
    target = max(channels for _, channels in pairs)
    ends = [output_conv(branch, f"{path}/{branch.name}") for branch, channels in pairs if channels != target]
    if all(ends):
        changes = tuple((end, (("out_channels", target),)) for end in ends if end)
        repair = Repair(label=f"give every branch {target} channels", replacements=changes)
    else:  # a branch that passes its input through cannot be widened
        repair = Repair(label="use concat", replacements=((path, (("fuse", "concat"),)),))
    walk.refuse(path, f"fuse={node.fuse} needs equal channels: {counts}", repair)


def _merge(fields: list[Field]) -> Field:
    """The box around the fields of parallel paths."""
    first = fields[0]
    axis_h, axis_w, aligned, whole = first
    alike = axis_h is axis_w
    others = [field for field in fields if field != first]
    if not others:
        return first
    for other_h, other_w, also, all_of_it in others:
        alike = alike and other_h is other_w
        aligned = aligned and also
        whole = whole or all_of_it
    axis_h, centred = _hull(axis_h, [field[0] for field in others])
    if alike:
        return axis_h, axis_h, aligned and centred, whole
    axis_w, also = _hull(axis_w, [field[1] for field in others])
    return axis_h, axis_w, aligned and centred and also, whole


def _hull(first: Axis, others: list[Axis]) -> tuple[Axis, bool]:
    """(box around parallel paths, whether all have the same stride and centre) on one axis."""
    size, jump, start, min_size = first
    stride, end = jump, start + size
    centre = start + end  # twice the centre, to stay with whole numbers
    centred = True
    for size, other, begin, least in others:
        if other != jump or 2 * begin + size != centre:
            centred = False
            if other > stride:
                stride = other
        if begin < start:
            start = begin
        if begin + size > end:
            end = begin + size
        if least < min_size:
            min_size = least
    return (end - start, stride, start, min_size), centred


def _residual(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape_in, field_in, grad, storage, _ = x
    own = storage[0]
    inner = node.body
    body = walk.visits[inner.op](walk, inner, f"{path}/{inner.name}", x)
    shape, field, follows, made, peak = body
    held = own + (0 if same_memory(body, x) else made[0])
    size = _size(shape)
    weight = bias = norm = macs = kept = 0
    if node.shortcut == "projection":
        step = _projection_stride(walk, path, x, body)
        if step is not None:
            out, h, w = shape
            weight = shape_in[0] * out
            norm = 2 * out if node.norm != "none" else 0
            bias = 0 if norm else out
            macs = weight * h * w
            kept = _keep(x) + (size + norm * BYTES if norm else 0)
            axis_h, axis_w, aligned, whole = field_in
            field_in = (_widen(axis_h, (0, step[0], 0)), _widen(axis_w, (0, step[1], 0)), aligned, whole)
            grad = True
            peak = max(peak, held + (2 if norm else 1) * size)
            held += size
    elif shape != shape_in:
        maps = len(shape) == len(shape_in) == 3
        walk.refuse(
            path,
            f"an identity shortcut needs equal shapes: the input is {_times(shape_in)}, the body gives {_times(shape)}",
            Repair(label="use a projection", replacements=((path, (("shortcut", "projection"),)),)) if maps else None,
        )
    peak = max(peak, held + size * (1 if node.activation in ("none", "relu") else 2))
    y, more = _activate(node.activation, shape, _merge([field_in, field]), grad or follows, size, peak)
    walk.row(node, path, x, y, weight=weight, bias=bias, norm=norm, macs=macs, kept=kept + more)
    return y


def _projection_stride(walk: Walk, path: str, x: Tensor, body: Tensor) -> tuple[int, int] | None:
    """Stride at which a 1×1 convolution gives the body's size, None (and a problem) if there is none."""
    if len(body[0]) != 3 or len(x[0]) != 3:
        walk.refuse(path, "a projection shortcut joins feature maps, not vectors")
        return None
    steps = []
    for n_in, n_out in zip(x[0][1:], body[0][1:], strict=True):
        step = -(-n_in // n_out)
        if (n_in - 1) // step + 1 != n_out:
            walk.refuse(
                path,
                f"no stride of a 1×1 projection turns {_times(x[0][1:])} into the body's {_times(body[0][1:])}",
            )
            return None
        steps.append(step)
    return steps[0], steps[1]


def _auxiliary(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    outside, walk.in_head = walk.in_head, True
    y = x
    for op, name, child in node.steps:
        y = walk.visits[op](walk, child, f"{path}/{name}", y)
    walk.in_head = outside
    if len(y[0]) != 1:
        walk.refuse(path, f"an auxiliary head must end in a vector of class scores, not {_times(y[0])}")
    return _through(x)


def _size(shape: tuple[int, ...]) -> int:
    count = BYTES
    for extent in shape:
        count *= extent
    return count


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


VISITS: dict[str, Visit] = {
    "conv": _conv,
    "pool": _pool,
    "global_pool": _global_pool,
    "flatten": _flatten,
    "linear": _linear,
    "dropout": _dropout,
    "local_response_norm": _local_response_norm,
    "norm": _norm,
    "activation": _activation,
    "attention": _attention,
    "sequence": _sequence,
    "parallel": _parallel,
    "residual": _residual,
    "auxiliary": _auxiliary,
}
