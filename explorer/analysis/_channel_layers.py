"""Visits of the layers that normalise, scale, cut out or reorder channels; ``_walk`` says what a visit is."""

from __future__ import annotations

from math import gcd
from typing import Any

from ..architecture import Repair
from ._readings import BYTES
from ._walk import Tensor, Visit, Walk, byte_size, mark_whole_input, pass_through, refuse_vector, save_for_backward


def statistics_bytes(kind: str, groups: int, shape: tuple[int, ...]) -> int:
    """Bytes of the means and deviations that a norm computes of one map: two numbers for each set that it averages."""
    c, h, w = shape
    return 2 * BYTES * {"batch": c, "layer": h * w, "group": groups}[kind]


def norm_peak(kind: str, groups: int, shape: tuple[int, ...]) -> int:
    """Bytes that are alive at once in inference while a map is normalised, the map itself left out."""
    if kind == "batch":  # by fixed statistics, which are part of the network
        return byte_size(shape)
    made = byte_size(shape) + statistics_bytes(kind, groups, shape)
    c, h, w = shape
    if kind == "layer" and c > 1 and h * w > 1:  # it works with the channels innermost, and lays its result back
        return max(made, 2 * byte_size(shape))
    return made


def check_groups(walk: Walk, path: str, field: str, groups: int, shape: tuple[int, ...]) -> None:
    """Note that a group norm cannot deal its channels out, or that nothing would be left of them."""
    channels, height, width = shape
    if channels == groups and height * width == 1:  # torch refuses it, too
        message = f"each of the {groups:,} groups of the group norm has a single number, of which it leaves nothing"
        walk.refuse(path, message, by_size=True)
    if channels % groups:
        fits = gcd(channels, groups)
        message = f"{channels:,} channels cannot be dealt out to the {groups:,} groups of the group norm"
        label = f"use {fits} group{'' if fits == 1 else 's'} in the norm"
        walk.refuse(path, message, Repair(label=label, replacements=((path, ((field, fits),)),)))


def _local_response_norm(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return refuse_vector(walk, node.op, path, x)
    size = byte_size(shape)
    padded = (shape[0] + node.size - 1) * shape[1] * shape[2] * BYTES
    y = (shape, field, grad, [size, False, None], storage[0] + max(size + padded, 3 * size))
    # input² padded over channels, its sum, and the divisor are kept beside the input (torch.nn.functional's formula)
    walk.row(node, path, x, y, kept=save_for_backward(x) + padded + 2 * size if grad else 0)
    return y


def _norm(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, _, storage, _ = x
    if len(shape) != 3:
        return refuse_vector(walk, node.op, path, x)
    kind, groups = node.kind, node.groups
    if kind == "group":
        check_groups(walk, path, "groups", groups, shape)
        field = mark_whole_input(field)
    y = (shape, field, True, [byte_size(shape), False, None], storage[0] + norm_peak(kind, groups, shape))
    kept = save_for_backward(x) + statistics_bytes(kind, groups, shape)
    walk.row(node, path, x, y, norm=2 * shape[0], kept=kept)
    return y


def _scale(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    size = byte_size(shape)
    weight, bias = node.count_params(shape[0])
    y = (shape, field, grad or bool(weight or bias), [size, False, None], storage[0] + size)
    walk.row(node, path, x, y, weight=weight, bias=bias, kept=save_for_backward(x) if weight else 0)
    return y


def _slice(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return refuse_vector(walk, node.op, path, x)
    channels, start, stop = shape[0], node.start, node.stop
    if start >= channels or (stop != "end" and stop > channels):
        repair = None
        if start < channels:
            repair = Repair(label="take all channels to the end", replacements=((path, (("stop", "end"),)),))
        last = "on" if stop == "end" else f"to {stop - 1:,}"
        walk.refuse(path, f"channels {start:,} {last} are to be taken, but only {channels:,} come in", repair)
        start, stop = min(start, channels - 1), "end"
    taken = (channels if stop == "end" else stop) - start
    y = ((taken, *shape[1:]), field, grad, storage, storage[0])  # a view of the same memory
    walk.row(node, path, x, y)
    return y


def _channel_shuffle(walk: Walk, node: Any, path: str, x: Tensor) -> Tensor:
    shape, field, grad, storage, _ = x
    if len(shape) != 3:
        return refuse_vector(walk, node.op, path, x)
    channels, groups = shape[0], node.groups
    if channels % groups:
        fits = gcd(channels, groups)
        walk.refuse(
            path,
            f"{channels:,} channels cannot be dealt out to {groups:,} groups",
            Repair(label=f"use {fits} group{'' if fits == 1 else 's'}", replacements=((path, (("groups", fits),)),)),
        )
    if groups in (1, channels):  # nothing changes its place
        walk.row(node, path, x, x)
        return pass_through(x)
    size = byte_size(shape)
    y = (shape, field, grad, [size, False, None], storage[0] + size)
    walk.row(node, path, x, y)
    return y


CHANNEL_LAYERS: dict[str, Visit] = {
    "local_response_norm": _local_response_norm,
    "norm": _norm,
    "scale": _scale,
    "slice": _slice,
    "channel_shuffle": _channel_shuffle,
}
