"""ONNX's operators that give the same numbers another form, or take some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from ._building import NoForm, Value
from ._onnx import OnnxReader, Read, Result
from ._onnx_file import Node
from ._onnx_norms import find_group_norm
from ._onnx_settings import MAX_CONSTANT, TOO_MANY, read_axes


def _reshape(r: OnnxReader, node: Node) -> Result:
    wanted = r.whole_numbers(node.inputs[1])
    numbers = r.constant(node.inputs[0])
    sizes = numbers.shape if numbers is not None else r.sizes(node.inputs[0])
    zero = bool(node.settings.get("allowzero", 0))
    shape = [int(sizes[at]) if each == 0 and not zero else each for at, each in enumerate(wanted)]
    known = prod([each for each in shape if each != -1])
    if shape.count(-1) == 1 and known:
        shape[shape.index(-1)] = prod(sizes) // known
    if prod(shape) != prod(sizes) or min(shape, default=1) < 0:
        raise NoForm(f"{'×'.join(map(str, sizes))} numbers have no form of {'×'.join(map(str, wanted))}")
    if numbers is not None:
        return numbers.reshape(shape)
    if tuple(shape) == sizes:
        return r.value(node.inputs[0])
    if (norm := find_group_norm(r, node, shape)) is not None:
        return norm
    if (same := _find_strides(r, node, shape)) is not None:
        return same
    return r.builder.view(r.value(node.inputs[0]), tuple(shape[1:]))


def _find_strides(r: OnnxReader, node: Node, shape: Sequence[int]) -> Value | None:
    """All numbers in a row, then picked in the same order: how torch's exporter writes ``as_strided``."""
    gather = r.only_user(node.outputs[0])
    if len(shape) != 1 or gather is None or gather.op != "Gather" or gather.settings.get("axis", 0):
        return None
    index = r.constant(gather.inputs[1])
    if index is None or index.size != shape[0] or index.shape[:1] != (r.batch,):
        return None
    if not np.array_equal(index.reshape(-1), np.arange(index.size)):
        return None
    r.give_as(node.outputs[0], gather)
    return r.builder.view(r.value(node.inputs[0]), index.shape[1:])


def _flatten(r: OnnxReader, node: Node) -> Result:
    sizes = r.sizes(node.inputs[0])
    if node.settings.get("axis", 1) % len(sizes) != 1:
        raise NoForm("it mixes the images of a batch")
    return r.builder.view(r.value(node.inputs[0]), (prod(sizes[1:]),))


def _squeeze(r: OnnxReader, node: Node) -> Result:
    axes = read_axes(r, node, 1)
    numbers = r.constant(node.inputs[0])
    sizes = numbers.shape if numbers is not None else r.sizes(node.inputs[0])
    dropped = {each % len(sizes) for each in axes} if axes is not None else {
        at for at, each in enumerate(sizes) if each == 1
    }
    if any(sizes[each] != 1 for each in dropped):
        raise NoForm("it drops an axis that has more than one number")
    shape = tuple(each for at, each in enumerate(sizes) if at not in dropped)
    if numbers is not None:
        return numbers.reshape(shape)
    if 0 in dropped:
        raise NoForm("it drops the batch")
    return r.builder.view(r.value(node.inputs[0]), shape[1:])


def _unsqueeze(r: OnnxReader, node: Node) -> Result:
    axes = read_axes(r, node, 1) or ()
    numbers = r.constant(node.inputs[0])
    sizes = numbers.shape if numbers is not None else r.sizes(node.inputs[0])
    rank = len(sizes) + len(axes)
    added, rest = {each % rank for each in axes}, iter(sizes)
    shape = tuple(1 if at in added else next(rest) for at in range(rank))
    if numbers is not None:
        return numbers.reshape(shape)
    if 0 in added:
        raise NoForm("it adds an axis before the batch")
    return r.builder.view(r.value(node.inputs[0]), shape[1:])


def _transpose(r: OnnxReader, node: Node) -> Result:
    numbers = r.constant(node.inputs[0])
    order = node.settings.get("perm")
    if numbers is not None:
        return np.transpose(numbers, order)
    x = r.value(node.inputs[0])
    return r.builder.permute(x, tuple(order or reversed(range(len(r.sizes(node.inputs[0]))))))


def _slice(r: OnnxReader, node: Node) -> Result:
    starts, stops = r.whole_numbers(node.inputs[1]), r.whole_numbers(node.inputs[2])
    axes = r.whole_numbers(node.inputs[3]) if len(node.inputs) > 3 and node.inputs[3] else tuple(range(len(starts)))
    steps = r.whole_numbers(node.inputs[4]) if len(node.inputs) > 4 and node.inputs[4] else (1,) * len(starts)
    numbers = r.constant(node.inputs[0])
    if numbers is not None:
        cuts = [slice(None)] * numbers.ndim
        for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
            cuts[axis] = slice(start, stop, step)
        return numbers[tuple(cuts)]
    x, sizes = r.value(node.inputs[0]), r.sizes(node.inputs[0])
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        if step != 1:
            raise NoForm("a cut with steps has no form here")
        first, last, _ = slice(start, stop).indices(sizes[axis])
        if (first, last) != (0, sizes[axis]):
            x = r.builder.cut(x, axis, first, last)
    return x


def _split(r: OnnxReader, node: Node) -> list[Result]:
    axis = int(node.settings.get("axis", 0))
    numbers = r.constant(node.inputs[0])
    sizes = numbers.shape if numbers is not None else r.sizes(node.inputs[0])
    whole = sizes[axis]
    if len(node.inputs) > 1 and node.inputs[1]:
        parts = r.whole_numbers(node.inputs[1])
    else:
        count = node.settings.get("num_outputs") or len(node.outputs)
        size = -(-whole // count)
        parts = tuple(node.settings.get("split") or (min(size, whole - at * size) for at in range(count)))
    if sum(parts) != whole or min(parts) < 1:
        raise NoForm(f"its parts are not {whole} together")
    found: list[Result] = []
    at = 0
    for part in parts:
        if numbers is not None:
            found.append(np.take(numbers, range(at, at + part), axis))
        else:
            found.append(r.builder.cut(r.value(node.inputs[0]), axis, at, at + part))
        at += part
    return found


def _pad(r: OnnxReader, node: Node) -> Value:
    pads = r.whole_numbers(node.inputs[1])
    value = r.number(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else 0.0
    if len(node.inputs) > 3 and node.inputs[3]:
        axes = [each % 4 for each in r.whole_numbers(node.inputs[3])]
        whole = [0] * 8
        for at, axis in enumerate(axes):
            whole[axis], whole[axis + 4] = pads[at], pads[at + len(axes)]
        pads = tuple(whole)
    mode = node.settings.get("mode", "constant")
    if mode != "constant" or len(pads) != 8 or value is None or any(pads[each] for each in (0, 1, 4, 5)):
        raise NoForm("only padding of height and width by a number has a form here")
    return r.builder.pad(r.value(node.inputs[0]), ((pads[2], pads[6]), (pads[3], pads[7])), value)


def _expand(r: OnnxReader, node: Node) -> Result:
    wanted = r.whole_numbers(node.inputs[1])
    numbers = r.constant(node.inputs[0])
    if numbers is not None:
        shape = np.broadcast_shapes(numbers.shape, wanted)
        if prod(shape) > max(MAX_CONSTANT, numbers.size):
            raise NoForm(TOO_MANY)
        return np.broadcast_to(numbers, shape)
    r.sizes(node.inputs[0])
    return r.value(node.inputs[0])  # what joins do themselves


def _split_to_sequence(r: OnnxReader, node: Node) -> list[Result]:
    """Parts that are picked by number."""
    picks = r.users.get(node.outputs[0], [])
    if not picks or any(each.op != "SequenceAt" or r.number(each.inputs[1]) is None for each in picks):
        raise NoForm("only parts that are picked by a constant number have a form here")
    axis, sizes = int(node.settings.get("axis", 0)), r.sizes(node.inputs[0])
    whole = sizes[axis]
    wanted = r.whole_numbers(node.inputs[1]) if len(node.inputs) > 1 else (1,)
    if not (node.settings.get("keepdims", 1) or len(node.inputs) > 1) or min(wanted) < 1:
        raise NoForm("parts without their axis have no form here")
    is_list = r.values[node.inputs[1]].ndim > 0 if len(node.inputs) > 1 else False  # type: ignore[union-attr]
    parts = wanted if is_list else [min(wanted[0], whole - at) for at in range(0, whole, wanted[0])]
    ends = np.cumsum(parts)
    for pick in picks:
        at = int(r.number(pick.inputs[1]) or 0)
        start, stop = int(ends[at] - parts[at]), int(ends[at])
        r.values[pick.outputs[0]] = r.builder.cut(r.value(node.inputs[0]), axis, start, stop)
        r.taken.add(id(pick))
    return []


FORMS: Mapping[str, Read] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Slice": _slice,
    "Split": _split,
    "SplitToSequence": _split_to_sequence,
    "Pad": _pad,
    "Expand": _expand,
}
