"""The one pass: shapes, params, MACs, memory and receptive field of every layer, in execution order.

Written for speed, since a page asks for hundreds of variants while a thumb moves: plain tuples, one function per node
kind, no objects. What a row or a field means is said once, in ``_readings``. Memory follows what torch's eager autograd
keeps on CPU, tensor by tensor; the tests compare it with ``saved_tensors_hooks`` and with the storages alive under a
dispatch mode.

A *tensor* here is (shape, field, grad, storage). ``grad`` tells whether autograd follows it. ``storage`` is a list
[bytes, kept for backward, origin]: views share it, and ``origin`` is the storage that inference would use instead, where
training makes a copy (dropout), else None. A *field* is (size h, w, stride h, w, start h, w, min_size h, w, aligned,
whole_input). A *row* is a ``Layer`` whose field is still such a tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..architecture import MAX_CHANNELS, Problem, Repair
from ..architecture.edit import output_conv
from ._readings import BYTES

Tensor = tuple[tuple[int, ...], tuple[Any, ...], bool, list[Any]]

PIXEL = (1, 1, 1, 1, 0, 0, 1, 1, True, False)
"""The field of the input itself."""

_INDEX_BYTES = 8
"""Max pooling remembers where each maximum was, as int64."""

_SAVES_OUTPUT = frozenset({"relu", "sigmoid", "tanh"})
"""Activations whose backward needs the output; the others need the input."""


class Walk:
    """One pass over an architecture. ``visit`` returns (output, peak): the peak counts the input as alive throughout,
    because in eager PyTorch the caller's frame holds it."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.problems: list[Problem] = []
        self.feature: tuple[tuple[int, ...], tuple[Any, ...]] | None = None
        self.in_head = 0

    def visit(self, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
        return _VISIT[node.op](self, node, path, x)

    def sums(self, start: int = 0) -> tuple[int, int, int, int]:
        """(params, params of auxiliary heads, MACs of inference, bytes kept) of the rows from ``start`` on."""
        params = auxiliary = macs = kept = 0
        for _, _, _, _, weight, bias, norm, multiply_adds, bytes_kept, _, in_head in self.rows[start:]:
            kept += bytes_kept
            if in_head is None:  # a remembered subtree: (params, auxiliary params) stand in the first two columns
                params += weight
                auxiliary += bias
                macs += multiply_adds
            elif in_head:
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
        self.rows.append((path, node.op, x[0], y[0], weight, bias, norm, macs, kept, y[1], self.in_head > 0))


def same_memory(a: Tensor, b: Tensor) -> bool:
    """Whether inference would hold both in one storage."""
    return (a[3][2] or a[3]) is (b[3][2] or b[3])


def _keep(x: Tensor) -> int:
    """Bytes newly kept for the backward pass if ``x`` is saved now."""
    storage = x[3]
    if storage[1]:
        return 0
    storage[1] = True
    return int(storage[0])


def _whole(field: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*field[:9], True)


def _activate(kind: str, y: Tensor) -> tuple[Tensor, int]:
    """(output, bytes kept) of the activation that ends a layer of ours; ReLU works in place there."""
    if kind == "none":
        return y, 0
    shape, field, grad, storage = y
    if kind != "relu":
        y = (shape, field, grad, [storage[0], kind in _SAVES_OUTPUT, None])
        return y, (storage[0] if grad else 0)
    return y, (_keep(y) if grad else 0)


def _extent(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[int, int]:
    """Output height and width of a window; a window larger than its padded input is a problem."""
    kernel, stride, dilation, pad, pad_end = node.geometry
    extents = []
    for axis in (0, 1):
        n = x[0][axis + 1]
        span = dilation[axis] * (kernel[axis] - 1) + 1
        room = n + pad[axis] + pad_end[axis] - span
        if room < 0:
            symmetric = node.padding != "same" and kernel[0] % 2 and kernel[1] % 2
            walk.refuse(
                path,
                f"a window of {span} does not fit the {('height', 'width')[axis]} of its input, {n} "
                f"+ {pad[axis] + pad_end[axis]} of padding",
                Repair(label="use padding 'same'", replacements=((path, (("padding", "same"),)),)) if symmetric else None,
            )
            room = 0
        steps = room // stride[axis]
        if node.op == "pool" and node.ceil_mode and room % stride[axis] and (steps + 1) * stride[axis] < n + pad[axis]:
            steps += 1  # torch drops a last window that would start in the padding beyond the image
        extents.append(steps + 1)
    return extents[0], extents[1]


def _maps(walk: Walk, node: Any, path: str, x: Tensor) -> bool:
    """Whether ``x`` is a feature map; a problem is noted if not."""
    if len(x[0]) == 3:
        return True
    walk.refuse(path, f"a {node.op} works on feature maps, but its input is a vector of {x[0][0]} after Flatten")
    return False


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


def _conv(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    shape, field, _, storage = x
    if len(shape) != 3:
        _maps(walk, node, path, x)
        return x, storage[0]
    c, h, w = shape
    (
        simple, out, taps, step_h, step_w, room_h, room_w, reach_h, reach_w, top, left, extra_h, extra_w,
        bias, norm, activation,
    ) = node.plan  # fmt: skip
    groups = 1
    if not simple:
        out, groups = _groups(walk, node, path, c)
    if taps != 1 or step_h != 1 or step_w != 1 or top or left:
        oh, ow = (h + room_h) // step_h + 1, (w + room_w) // step_w + 1
        if oh < 1 or ow < 1:
            oh, ow = _extent(walk, node, path, x)
        rh, rw, jh, jw, sh, sw, mh, mw, aligned, whole = field
        # Araujo et al. 2019, equations 1 to 4, in the form of the first input index
        gh, gw = reach_h * jh, reach_w * jw
        field = (
            rh + gh, rw + gw, jh * step_h, jw * step_w, sh - top * jh, sw - left * jw, mh + gh, mw + gw, aligned, whole,
        )  # fmt: skip
        h_in, w_in, h, w = h, w, oh, ow
    else:
        h_in, w_in = h, w
    weight = out * (c // groups) * taps
    positions = h * w
    size = out * positions * BYTES
    x_bytes = storage[0]
    if extra_h or extra_w:  # an even kernel: torch pads a copy of the input first, and that copy is what it keeps
        kept = c * (h_in + extra_h) * (w_in + extra_w) * BYTES
        peak = x_bytes + kept + size
    else:
        kept = 0 if storage[1] else x_bytes
        storage[1] = True
        peak = x_bytes + size
    if norm:
        kept += size + norm * BYTES * out  # its input, and the batch's mean and deviation
        peak = max(peak, x_bytes + 2 * size)
    saved = False
    if activation != "none":
        kept += size  # the input or the output, by kind
        saved = activation in _SAVES_OUTPUT
        if activation != "relu":
            peak = max(peak, x_bytes + 2 * size)
    y = (out, h, w)
    walk.rows.append(
        (path, "conv", shape, y, weight, bias * out, norm * out, weight * positions, kept, field, walk.in_head > 0)
    )
    return (y, field, True, [size, saved, None]), peak


def _pool(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    if not _maps(walk, node, path, x):
        return x, x[3][0]
    shape, (rh, rw, jh, jw, sh, sw, mh, mw, aligned, whole), grad, storage = x
    kernel, stride, _, pad, _ = node.geometry
    gh, gw = (kernel[0] - 1) * jh, (kernel[1] - 1) * jw
    field = (
        rh + gh, rw + gw, jh * stride[0], jw * stride[1], sh - pad[0] * jh, sw - pad[1] * jw, mh + gh, mw + gw,
        aligned, whole,
    )  # fmt: skip
    out = (shape[0], *_extent(walk, node, path, x))
    elements = out[0] * out[1] * out[2]
    y = (out, field, grad, [elements * BYTES, False, None])
    indices = elements * _INDEX_BYTES if node.kind == "max" else 0
    walk.row(node, path, x, y, kept=_keep(x) + indices if grad else 0)
    return y, storage[0] + elements * BYTES + indices


def _note_feature(walk: Walk, x: Tensor) -> None:
    if walk.feature is None and not walk.in_head:
        walk.feature = (x[0], x[1])


def _global_pool(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    if not _maps(walk, node, path, x):
        return x, x[3][0]
    _note_feature(walk, x)
    shape, field, grad, storage = x
    size = node.output_size
    out = (shape[0], *(size if isinstance(size, tuple) else (size, size)))
    elements = out[0] * out[1] * out[2]
    y = (out, _whole(field), grad, [elements * BYTES, False, None])
    kept = indices = 0
    if node.kind == "max":
        indices = elements * _INDEX_BYTES
        kept = _keep(x) + indices if grad else 0
    elif size != 1:  # the mean to 1×1 needs nothing for its backward pass
        kept = _keep(x) if grad else 0
    walk.row(node, path, x, y, kept=kept)
    return y, storage[0] + elements * BYTES + indices


def _flatten(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    shape, field, grad, storage = x
    if len(shape) == 3:
        _note_feature(walk, x)
    y = ((_size(shape) // BYTES,), _whole(field), grad, storage)
    walk.row(node, path, x, y)
    return y, storage[0]


def _linear(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    shape, field, _, storage = x
    if len(shape) != 1:
        walk.refuse(
            path,
            f"a linear layer works on a vector, but its input is {_times(shape)}; put GlobalPool and Flatten before it",
        )
        _note_feature(walk, x)
    out = node.out_features
    weight = _size(shape) // BYTES * out
    size = out * BYTES
    kept = _keep(x)
    y, more = _activate(node.activation, ((out,), _whole(field), True, [size, False, None]))
    walk.row(node, path, x, y, weight=weight, bias=out if node.bias else 0, macs=weight, kept=kept + more)
    return y, storage[0] + size * (1 if node.activation in ("none", "relu") else 2)


def _dropout(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    shape, field, grad, storage = x
    if not node.p:
        walk.row(node, path, x, x)
        return x, storage[0]
    # In training the mask is kept and the product is new memory; in inference the input itself passes through.
    size = _size(shape)
    y = (shape, field, grad, [size, False, storage[2] or storage])
    walk.row(node, path, x, y, kept=size if grad else 0)
    return y, storage[0]


def _local_response_norm(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    if not _maps(walk, node, path, x):
        return x, x[3][0]
    shape, field, grad, storage = x
    size = _size(shape)
    padded = (shape[0] + node.size - 1) * shape[1] * shape[2] * BYTES
    y = (shape, field, grad, [size, False, None])
    # input² padded over channels, its sum, and the divisor are kept beside the input (torch.nn.functional's formula)
    walk.row(node, path, x, y, kept=_keep(x) + padded + 2 * size if grad else 0)
    return y, storage[0] + max(size + padded, 3 * size)


def _norm(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    if not _maps(walk, node, path, x):
        return x, x[3][0]
    shape, field, _, storage = x
    size = _size(shape)
    y = (shape, field, True, [size, False, None])
    walk.row(node, path, x, y, norm=2 * shape[0], kept=_keep(x) + 2 * shape[0] * BYTES)
    return y, storage[0] + size


def _activation(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    shape, field, grad, storage = x
    if node.kind == "none":
        walk.row(node, path, x, x)
        return x, storage[0]
    size = _size(shape)
    y = (shape, field, grad, [size, False, None])  # never in place: others may read the same input
    kept = _keep(y if node.kind in _SAVES_OUTPUT else x) if grad else 0
    walk.row(node, path, x, y, kept=kept)
    return y, storage[0] + size


def _attention(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    if not _maps(walk, node, path, x):
        return x, x[3][0]
    shape, field, _, storage = x
    c, h, w = shape
    hidden = max(1, c // node.reduction)
    size, c_bytes, hidden_bytes, plane = _size(shape), c * BYTES, hidden * BYTES, h * w * BYTES
    y = (shape, _whole(field), True, [size, False, None])
    weight = 2 * c * hidden
    if node.kind == "se":
        # mean → hidden → channels → sigmoid: each step keeps one small vector; the product keeps the input
        kept = _keep(x) + c_bytes + hidden_bytes + c_bytes
        walk.row(node, path, x, y, weight=weight, bias=hidden + c, macs=weight, kept=kept)
        return y, storage[0] + c_bytes + size
    spatial = 2 * node.spatial_kernel**2
    macs = 2 * weight + spatial * h * w  # the shared MLP runs on the mean and on the maximum
    kept = _keep(x) + 2 * c_bytes + 2 * hidden_bytes + c_bytes  # two pooled, two hidden, the channel gate
    kept += size + plane + 2 * plane + plane  # the gated map, its maximum, the two planes, the position gate
    walk.row(node, path, x, y, weight=weight + spatial, macs=macs, kept=kept)
    channel_gate = max(3 * c_bytes + hidden_bytes, 4 * c_bytes)
    return y, storage[0] + max(channel_gate, c_bytes + size, size + 4 * plane, 2 * size + plane)


def _sequence(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    own = peak = x[3][0]
    y = x
    visit = walk.visit
    prefix = f"{path}/" if path else ""
    for child in node.children:
        held = 0 if same_memory(y, x) else own
        y, inner = visit(child, prefix + child.name, y)
        if held + inner > peak:
            peak = held + inner
    return y, peak


def _parallel(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    own = held = peak = x[3][0]
    outs: list[Tensor] = []
    for branch in node.branches:
        out, inner = walk.visit(branch, f"{path}/{branch.name}", x)
        peak = max(peak, held + inner - own)
        if not same_memory(out, x):
            held += out[3][0]
        outs.append(out)
    first = outs[0]
    if len(outs) == 1:
        walk.row(node, path, x, first)
        return first, peak
    fuse = node.fuse
    shape = first[0]
    channels = 0
    grad, equal = False, True
    for out in outs:
        if out[0][1:] != shape[1:] or len(out[0]) != len(shape):
            return _unequal_sizes(walk, node, path, outs), peak
        channels += out[0][0]
        equal = equal and out[0] == shape
        grad = grad or out[2]
    if fuse == "concat":
        shape = (channels, *shape[1:])
    elif not equal:
        _unequal_channels(walk, node, path, outs)
    size = _size(shape)
    kept = 0
    saved = False
    if fuse == "multiply":
        # a·b keeps both factors for each other's gradient; with more branches the product so far is a factor too
        product = first
        for other in outs[1:]:
            kept += (_keep(other) if product[2] else 0) + (_keep(product) if other[2] else 0)
            product = (shape, first[1], product[2] or other[2], [size, False, None])
        saved = product[3][1]
    y = (shape, _merge([out[1] for out in outs]), grad, [size, saved, None])
    walk.row(node, path, x, y, kept=kept)
    steps = 1 if fuse == "concat" or len(outs) == 2 else 2  # a + b + c holds a + b while c is added
    return y, max(peak, held + steps * size)


def _unequal_sizes(walk: Walk, node: Any, path: str, outs: list[Tensor]) -> Tensor:
    given = ", ".join(
        f"{branch.name} gives {_times(out[0][1:]) or 'a vector'}"
        for branch, out in zip(node.branches, outs, strict=True)
    )
    walk.refuse(path, f"fuse={node.fuse} needs equal heights and widths: {given}")
    return outs[0]


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


def _merge(fields: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The box around the fields of parallel paths."""
    first = fields[0]
    rh, rw, jh, jw, sh, sw, mh, mw, aligned, whole = first
    eh, ew = sh + rh, sw + rw
    centre_h, centre_w, stride_h, stride_w = sh + eh, sw + ew, jh, jw  # twice the centre, to stay with whole numbers
    for field in fields:
        if field == first:
            continue
        ch, cw, kh, kw, th, tw, nh, nw, also, all_of_it = field
        if kh != stride_h or kw != stride_w or 2 * th + ch != centre_h or 2 * tw + cw != centre_w or not also:
            aligned = False
        jh, jw = max(jh, kh), max(jw, kw)
        sh, sw, eh, ew = min(sh, th), min(sw, tw), max(eh, th + ch), max(ew, tw + cw)
        mh, mw = min(mh, nh), min(mw, nw)
        whole = whole or all_of_it
    return (eh - sh, ew - sw, jh, jw, sh, sw, mh, mw, aligned, whole)


def _residual(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    own = x[3][0]
    body, peak = walk.visit(node.body, f"{path}/{node.body.name}", x)
    held = own + (0 if same_memory(body, x) else body[3][0])
    shape, size = body[0], _size(body[0])
    short, weight, bias, norm, macs, kept = x, 0, 0, 0, 0, 0
    if node.shortcut == "projection":
        step = _projection_stride(walk, path, x, body)
        if step is not None:
            out, h, w = shape
            weight = x[0][0] * out
            norm = 2 * out if node.norm != "none" else 0
            bias = 0 if norm else out
            macs = weight * h * w
            kept = _keep(x) + (size + norm * BYTES if norm else 0)
            f = x[1]
            field = (*f[:2], f[2] * step[0], f[3] * step[1], *f[4:])
            short = (shape, field, True, [size, False, None])
            peak = max(peak, held + (2 if norm else 1) * size)
            held += size
    elif shape != x[0]:
        maps = len(shape) == len(x[0]) == 3
        walk.refuse(
            path,
            f"an identity shortcut needs equal shapes: the input is {_times(x[0])}, the body gives {_times(shape)}",
            Repair(label="use a projection", replacements=((path, (("shortcut", "projection"),)),)) if maps else None,
        )
    total = (shape, _merge([short[1], body[1]]), x[2] or body[2] or short[2], [size, False, None])
    y, more = _activate(node.activation, total)
    peak = max(peak, held + size * (1 if node.activation in ("none", "relu") else 2))
    walk.row(node, path, x, y, weight=weight, bias=bias, norm=norm, macs=macs, kept=kept + more)
    return y, peak


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


def _auxiliary(walk: Walk, node: Any, path: str, x: Tensor) -> tuple[Tensor, int]:
    walk.in_head += 1
    y = x
    for child in node.children:
        y, _ = walk.visit(child, f"{path}/{child.name}", y)
    walk.in_head -= 1
    if len(y[0]) != 1:
        walk.refuse(path, f"an auxiliary head must end in a vector of class scores, not {_times(y[0])}")
    return x, x[3][0]


def _size(shape: tuple[int, ...]) -> int:
    count = BYTES
    for extent in shape:
        count *= extent
    return count


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


_VISIT: dict[str, Callable[[Walk, Any, str, Tensor], tuple[Tensor, int]]] = {
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
