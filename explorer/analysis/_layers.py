"""Visits of the primitive layers: each returns its output tensor and adds a row; ``_walk`` says what those are."""

from __future__ import annotations

from typing import Any

from ..architecture import MAX_CHANNELS, SAVES_OUTPUT, Repair
from ..text import compact_shape
from ._channel_layers import CHANNEL_LAYERS, check_groups, norm_peak, statistics_bytes
from ._readings import BYTES
from ._walk import (
    Tensor,
    Visit,
    Walk,
    byte_size,
    mark_whole_input,
    pass_through,
    refuse_vector,
    save_for_backward,
    widen_field,
)

_INDEX_BYTES = 8
"""Max pooling remembers where each maximum was, as int64."""


def _refuse_window(walk: Walk, path: str, x: Tensor) -> None:
    """Note that the window is larger than its padded input."""
    node = walk.find(path)
    kernel, _, dilation, pad, pad_end = node.geometry_on(x[0][1:])
    span = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    repair = None
    if node.padding != "same" and kernel[0] % 2 and kernel[1] % 2:
        repair = Repair(label="use padding 'same'", replacements=((path, (("padding", "same"),)),))
    zeros = (pad[0] + pad_end[0], pad[1] + pad_end[1])
    padding = f" with {compact_shape(zeros)} of padding" if any(zeros) else ""
    window, given = compact_shape(span), compact_shape(x[0][1:])
    walk.refuse(path, f"a window of {window} does not fit its input of {given}{padding}", repair, by_size=True)


def _groups(walk: Walk, path: str, c: int, given: tuple[int | str, int | str]) -> tuple[int, int]:
    """(out_channels, groups) with 'same' and 'depthwise' resolved."""
    out, groups = (c if isinstance(each, str) else each for each in given)
    if c % groups == 0 == out % groups:
        return out, groups
    what = f"{c} input channels" if c % groups else f"{out} channels"
    near = max(groups, round(out / groups) * groups)
    by_channels = c % groups == 0 and near <= MAX_CHANNELS
    walk.refuse(
        path,
        f"{what} are not divisible by the {groups} groups",
        Repair(label=f"set {near} channels", replacements=((path, (("out_channels", near),)),))
        if by_channels
        else Repair(label="use one group", replacements=((path, (("groups", 1),)),)),
    )
    return out, 1


def _conv(walk: Walk, plan: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    window, out, given, weight, bias, norm, kept, alive, saved, normed = plan
    try:
        c, h, w = shape
    except ValueError:
        return refuse_vector(walk, "conv", path, x)
    if out is None:
        out, groups = _groups(walk, path, c, given)
        weight *= out * (c // groups)
        bias, norm, kept = bias * out, norm * out, kept * out
    else:
        weight *= c
    held = storage[0]
    padded = 0
    if window:
        if window.__class__ is not tuple:
            window = window(h, w)
        field = widen_field(field, window)
        if window[0]:
            padding_h, padding_w, step_h, step_w, added_h, added_w = window[0]
            if added_h or added_w:  # a copy of the input is padded first, and that copy is what is kept
                padded = c * (h + added_h) * (w + added_w) * BYTES
            h = (h + padding_h - 1) // step_h + 1
            w = (w + padding_w - 1) // step_w + 1
            if h < 1 or w < 1:
                _refuse_window(walk, path, x)
                h, w = max(h, 1), max(w, 1)
    positions = h * w
    map_bytes = positions * BYTES
    size = out * map_bytes
    kept = kept * map_bytes + norm * BYTES  # the norm's input and statistics; the activation's input or output
    peak = held + alive * size
    if normed:
        (kind, groups), y = normed, (out, h, w)
        kept += statistics_bytes(kind, groups, y) - norm * BYTES
        peak = max(peak, held + size + norm_peak(kind, groups, y))
        if kind == "group":
            check_groups(walk, path, "norm_groups", groups, y)
            field = mark_whole_input(field)
    if padded:
        kept += padded
        peak = max(peak, held + padded + size)
    elif not storage[1]:
        kept += held
        storage[1] = True
    y = (out, h, w)
    walk.rows.append((path, "conv", shape, y, weight, bias, norm, weight * positions, kept, field, walk.in_head))
    return y, field, True, [size, saved, None], peak


def _pool(walk: Walk, plan: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    window, is_max, ceil_mode, counts_padding = plan
    try:
        c, h, w = shape
    except ValueError:
        return refuse_vector(walk, "pool", path, x)
    if counts_padding is not None:
        return _padded_pool(walk, plan, path, x)
    y = shape
    if window[0]:
        h, w = _pooled(h, w, window, ceil_mode)
        if h < 1 or w < 1:
            _refuse_window(walk, path, x)
            h, w = max(h, 1), max(w, 1)
        y = (c, h, w)
    field = widen_field(field, window)
    elements = c * h * w
    size = elements * BYTES
    indices = elements * _INDEX_BYTES if is_max else 0
    held = storage[0]
    kept = 0
    if grad:
        kept = indices
        if not storage[1]:
            kept += held
            storage[1] = True
    walk.rows.append((path, "pool", shape, y, 0, 0, 0, 0, kept, field, walk.in_head))
    return y, field, grad, [size, False, None], held + size + indices


def _padded_pool(walk: Walk, plan: Any, path: str, x: Tensor) -> Tensor:
    """A pooling that reads a padded copy of its input, because torch's pads both ends alike."""
    shape, field, grad, storage, _ = x
    window, is_max, ceil_mode, counts_padding = plan
    c, h, w = shape
    if window.__class__ is not tuple:
        window = window(h, w)
    *_, added_h, added_w = window[0] or (0, 0)
    if not (added_h or added_w):
        return _pool(walk, (window, is_max, ceil_mode, None), path, x)
    plane = (h + added_h) * (w + added_w) * BYTES
    out_h, out_w = _pooled(h, w, window, ceil_mode)
    if out_h < 1 or out_w < 1:
        _refuse_window(walk, path, x)
        out_h, out_w = max(out_h, 1), max(out_w, 1)
    field = widen_field(field, window)
    elements = c * out_h * out_w
    indices = elements * _INDEX_BYTES if is_max else 0
    kept = c * plane + indices
    peak = storage[0] + c * plane + elements * BYTES + indices
    if not (is_max or counts_padding):  # the share of each window that is no padding is a map of its own
        share = out_h * out_w * BYTES
        peak = max(peak + share, storage[0] + h * w * BYTES + plane)
        kept += share
    y = (c, out_h, out_w)
    walk.rows.append((path, "pool", shape, y, 0, 0, 0, 0, kept if grad else 0, field, walk.in_head))
    return y, field, grad, [elements * BYTES, False, None], peak


def _pooled(h: int, w: int, window: tuple[Any, ...], ceil_mode: bool) -> tuple[int, int]:
    """Height and width of a pool's output."""
    (padding_h, padding_w, step_h, step_w, _, _), reach_h, reach_w, _ = window
    last_h, last_w = h + padding_h - 1, w + padding_w - 1  # where the last window starts that hangs over no border
    oh, ow = last_h // step_h + 1, last_w // step_w + 1
    if ceil_mode:  # one more, even the only one, unless it would start in the padding beyond the image
        oh += last_h % step_h > 0 and oh * step_h < h + reach_h[2]
        ow += last_w % step_w > 0 and ow * step_w < w + reach_w[2]
    return oh, ow


def _global_pool(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return refuse_vector(walk, node.op, path, x)
    _note_feature(walk, x)
    size = node.output_size
    out = (shape[0], *(size if isinstance(size, tuple) else (size, size)))
    elements = out[0] * out[1] * out[2]
    kept = indices = 0
    if node.kind == "max":
        indices = elements * _INDEX_BYTES
        kept = save_for_backward(x) + indices if grad else 0
    elif size != 1:  # the mean to 1×1 needs nothing for its backward pass
        kept = save_for_backward(x) if grad else 0
    y = (out, mark_whole_input(field), grad, [elements * BYTES, False, None], storage[0] + elements * BYTES + indices)
    walk.rows.append((path, "global_pool", shape, out, 0, 0, 0, 0, kept, y[1], walk.in_head))
    return y


def _flatten(walk: Walk, _: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) == 3:
        _note_feature(walk, x)
    y = ((byte_size(shape) // BYTES,), mark_whole_input(field), grad, storage, storage[0])
    walk.rows.append((path, "flatten", shape, y[0], 0, 0, 0, 0, 0, y[1], walk.in_head))
    return y


def _linear(walk: Walk, plan: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    out, bias, alive, activated, saved = plan
    features = shape[0]
    if len(shape) != 1:
        given = compact_shape(shape)
        walk.refuse(
            path,
            f"a linear layer works on a vector, but its input is {given}; put a global pool and flatten before it",
        )
        _note_feature(walk, x)
        features = byte_size(shape) // BYTES
    field = mark_whole_input(field)
    weight = features * out
    size = out * BYTES
    held = storage[0]
    kept = size if activated else 0
    if not storage[1]:
        kept += held
        storage[1] = True
    y = (out,)
    walk.rows.append((path, "linear", shape, y, weight, bias, 0, weight, kept, field, walk.in_head))
    return y, field, True, [size, saved, None], held + alive * size


def _dropout(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if not node.p:
        walk.row(node, path, x, x)
        return pass_through(x)
    # In training the mask is kept and the product is new memory; in inference the input itself passes through.
    size = byte_size(shape)
    y = (shape, field, grad, [size, False, storage[2] or storage], storage[0])
    walk.rows.append((path, "dropout", shape, shape, 0, 0, 0, 0, size if grad else 0, field, walk.in_head))
    return y


def _activation(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if node.kind == "none":
        walk.row(node, path, x, x)
        return pass_through(x)
    size = byte_size(shape)
    y = (shape, field, grad, [size, False, None], storage[0] + size)  # never in place: others may read the same input
    kept = save_for_backward(y if node.kind in SAVES_OUTPUT else x) if grad else 0
    walk.row(node, path, x, y, kept=kept)
    return y


def _attention(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    if len(shape) != 3:
        return refuse_vector(walk, node.op, path, x)
    c, h, w = shape
    hidden = max(1, c // node.reduction)
    size, c_bytes, hidden_bytes, plane = byte_size(shape), c * BYTES, hidden * BYTES, h * w * BYTES
    weight = 2 * c * hidden
    if node.kind == "se":
        # mean → hidden → channels → sigmoid: each step keeps one small vector; the product keeps the input
        y = (shape, mark_whole_input(field), True, [size, False, None], storage[0] + c_bytes + size)
        kept = save_for_backward(x) + c_bytes + hidden_bytes + c_bytes
        walk.row(node, path, x, y, weight=weight, bias=hidden + c, macs=weight, kept=kept)
        return y
    if node.kind == "eca":
        # mean → convolution over the channels → sigmoid; the convolution keeps the means
        kernel = node.channel_kernel_of(c)
        y = (shape, mark_whole_input(field), True, [size, False, None], storage[0] + c_bytes + size)
        walk.row(node, path, x, y, weight=kernel, macs=kernel * c, kept=save_for_backward(x) + 2 * c_bytes)
        return y
    spatial = 2 * node.spatial_kernel**2
    macs = 2 * weight + spatial * h * w  # the shared MLP runs on the mean and on the maximum
    kept = save_for_backward(x) + 2 * c_bytes + 2 * hidden_bytes + c_bytes  # two pooled, two hidden, the channel gate
    kept += size + plane + 2 * plane + plane  # the gated map, its maximum, the two planes, the position gate
    channel_gate = max(3 * c_bytes + hidden_bytes, 4 * c_bytes)
    peak = storage[0] + max(channel_gate, c_bytes + size, size + 4 * plane, 2 * size + plane)
    y = (shape, mark_whole_input(field), True, [size, False, None], peak)
    walk.row(node, path, x, y, weight=weight + spatial, macs=macs, kept=kept)
    return y


def _note_feature(walk: Walk, x: Tensor) -> None:
    if walk.feature is None and not walk.in_head:
        walk.feature = (x[0], x[1])


LAYERS: dict[str, Visit] = {
    "conv": _conv,
    "pool": _pool,
    "global_pool": _global_pool,
    "flatten": _flatten,
    "linear": _linear,
    "dropout": _dropout,
    "activation": _activation,
    "attention": _attention,
    **CHANNEL_LAYERS,
}
