"""What others may have to change so that an edit becomes possible: guesses, each of which is then tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..analysis import analyze, repair
from ..architecture import Architecture, ArchitectureError, Conv, Parallel, Pool, Residual, edit, walk
from ._commands import Command, apply, stride_layer

Changes = dict[str, dict[str, Any]]
"""Values of fields by the path of their node."""
SAME = ("same", "tf_same")
"""Paddings that keep the size of any map at stride 1."""


def merge(*several: Changes) -> Changes:
    """All changes in one; of two of one field the later."""
    merged: Changes = {}
    for changes in several:
        for path, fields in changes.items():
            merged[path] = {**merged.get(path, {}), **fields}
    return merged


def list_companions(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """What may change at the layer itself, or beside it, when some of its fields get new values."""
    yield from _paddings(architecture, path, fields)
    yield from _kernels(architecture, path, fields)
    yield from _divisible(architecture, path, fields)
    yield from _joined_channels(architecture, path, fields)
    yield from _equal_strides(architecture, path, fields)


def list_first_changes(architecture: Architecture, command: Command) -> Iterator[Changes]:
    """What others may have to change before: known repairs, what keeps a shape or a size, a fusion, a shortcut."""
    path = str(command.get("path", ""))
    if "identity" in (command.get("value"), command.get("shortcut")) or command.get("value") == "residual":
        yield from _kept_shapes(architecture, path)
    try:
        _, found = repair(apply(architecture, command))
    except ArchitectureError:
        found = ()
    known = merge(*({at: dict(fields)} for each in found if each.repair for at, fields in each.repair.replacements))
    here = {at for at, _ in walk(architecture)}
    if known and set(known) <= here:
        yield known
    for at in (path, *_parents(path)) if path else ():
        node = edit.find(architecture, at)
        windows = [each for each, leaf in walk(node, at) if getattr(leaf, "padding", "same") != "same"]
        if windows and (at != path or command["do"] != "set"):
            yield {each: {"padding": "same"} for each in windows}
        if isinstance(node, Parallel) and node.fuse != "concat":
            yield {at: {"fuse": "concat"}}
        if isinstance(node, Residual) and node.shortcut == "identity":
            yield {at: {"shortcut": "projection"}}


def _paddings(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """Padding as a number: first that which keeps the output's size, then half the window and none."""
    node = edit.find(architecture, path)
    if not hasattr(node, "padding") or "padding" in fields or not fields.keys() & {"kernel_size", "dilation", "stride"}:
        return
    layer = analyze(architecture).by_path[path]
    new = edit.copy_without_checks(node, **{**fields, "padding": 0}).geometry
    kept, half = [], []
    for axis, (given, wanted) in enumerate(zip(layer.input_shape[1:], layer.output_shape[1:], strict=True)):
        reach = new.dilation[axis] * (new.kernel[axis] - 1)
        fits = [p for p in range(reach + 1) if (given + 2 * p - reach - 1) // new.stride[axis] + 1 == wanted]
        kept.append(fits[0] if fits else None)
        half.append(reach // 2)
    for h, w in (kept, half, [0, 0]):
        if h is not None and w is not None:
            yield {path: {"padding": h if h == w else (h, w)}}


def _kernels(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """The window that some padding keeps the size with; for 'same' the nearest odd ones."""
    node = edit.find(architecture, path)
    if "padding" not in fields or not hasattr(node, "kernel_size") or "kernel_size" in fields:
        return
    if fields["padding"] == "tf_same":
        return
    if fields["padding"] == "same":
        for step in (1, -1):
            odd = tuple(side + (step if side % 2 == 0 else 0) for side in node.geometry.kernel)
            yield {path: {"kernel_size": odd[0] if odd[0] == odd[1] else odd}}
        return
    new = edit.copy_without_checks(node, padding=fields["padding"]).geometry
    sizes = [(before + behind) // dilation + 1 for before, behind, dilation in
             zip(new.pad, new.pad_end, new.dilation, strict=True)]  # fmt: skip
    yield {path: {"kernel_size": sizes[0] if sizes[0] == sizes[1] else tuple(sizes)}}


def _divisible(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """Channels that the groups divide: the next more; and each channel a group, where nothing else will do."""
    node, groups = edit.find(architecture, path), fields.get("groups")
    if not isinstance(node, Conv) or not isinstance(groups, int) or not isinstance(node.out_channels, int):
        return
    if groups > 0:
        yield {path: {"out_channels": -(-node.out_channels // groups) * groups}}


def _joined_channels(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """The same channels for all branches that are added or multiplied."""
    channels = fields.get("out_channels")
    for at in _parents(path):
        parallel = edit.find(architecture, at)
        if not isinstance(channels, int) or not isinstance(parallel, Parallel) or parallel.fuse == "concat":
            continue
        ends = [edit.output_conv(branch, f"{at}/{branch.name}") for branch in parallel.branches]
        own = next((end for end in ends if end and end[0] == path), None)
        if own and all(end and channels * own[1] % end[1] == 0 for end in ends):
            yield {end[0]: {"out_channels": channels * own[1] // end[1]} for end in ends if end}


def _equal_strides(architecture: Architecture, path: str, fields: dict[str, Any]) -> Iterator[Changes]:
    """The same stride in the other branches; then with the padding, too, with which all halve alike."""
    stride = fields.get("stride")
    for at in _parents(path) if stride is not None else ():
        parallel = edit.find(architecture, at)
        if not isinstance(parallel, Parallel):
            continue
        others = [f"{at}/{branch.name}" for branch in parallel.branches]
        others = [each for each in others if not f"{path}/".startswith(f"{each}/")]
        ends = [stride_layer(edit.find(architecture, each), each) for each in others]
        if not all(ends):
            continue
        strides: Changes = {end: {"stride": stride} for end in ends if end}
        yield strides
        windows = [each for each in (path, *strides) if edit.find(architecture, each).padding not in SAME]
        yield merge(strides, {each: {"padding": "same"} for each in windows})


def _kept_shapes(architecture: Architecture, path: str) -> Iterator[Changes]:
    """What makes a body give what it gets, so that an identity can be added to it: channels, strides, or both."""
    node = edit.find(architecture, path)
    inner, at = (node.body, f"{path}/{node.body.name}") if isinstance(node, Residual) else (node, path)
    layers = analyze(architecture).below(at)
    if not layers or len(layers[0].input_shape) != 3 or len(layers[-1].output_shape) != 3:
        return
    given, taken = layers[0].input_shape, layers[-1].output_shape
    nodes = [(at, inner), *walk(inner, at)] if inner.child_field else [(at, inner)]
    leaves = [(each, leaf) for each, leaf in nodes if isinstance(leaf, Conv | Pool)]
    sizes: Changes = {}
    if given[1:] != taken[1:]:
        sizes = merge(
            {each: {"stride": 1} for each, leaf in leaves if leaf.geometry.stride != (1, 1)},
            {each: {"padding": "same"} for each, leaf in leaves if leaf.padding not in SAME},
        )
    channels: list[Changes] = [{}]
    if given[0] != taken[0]:
        channels = list(_outputs(architecture, inner, at, given[0]))
    yield from (merge(sizes, each) for each in channels)


def _outputs(architecture: Architecture, node: Any, path: str, wanted: int) -> Iterator[Changes]:
    """What makes a node give so many channels: its last convolution, or the widest branch of its last split."""
    end = edit.output_conv(node, path)
    if end:
        if wanted % end[1] == 0:
            yield {end[0]: {"out_channels": wanted // end[1]}}
        return
    main = edit.block_parallel(node, path)
    if main is None:
        return
    analysis = analyze(architecture)
    given: dict[str, int] = {}
    ends: dict[str, tuple[str, int]] = {}
    for branch in edit.find(architecture, main).branches:
        at = f"{main}/{branch.name}"
        layers = analysis.below(at)
        given[at] = layers[-1].output_shape[0] if layers else 0
        found = edit.output_conv(branch, at)
        if found:
            ends[at] = found
    if not ends:
        return
    rest = wanted - sum(given.values())
    for at in sorted(ends, key=lambda each: -given[each]):
        conv, copies = ends[at]
        if given[at] + rest > 0 and (given[at] + rest) % copies == 0:
            yield {conv: {"out_channels": (given[at] + rest) // copies}}
            return
    fixed = sum(count for at, count in given.items() if at not in ends)
    free = sum(given[at] for at in ends)
    if wanted - fixed < len(ends) or any(copies != 1 for _, copies in ends.values()):
        return
    shares = {at: max(1, (wanted - fixed) * given[at] // free) for at in ends}
    widest = max(shares, key=shares.__getitem__)
    shares[widest] += wanted - fixed - sum(shares.values())
    yield {ends[at][0]: {"out_channels": share} for at, share in shares.items()}


def _parents(path: str) -> list[str]:
    """Paths of the nodes around a node, the nearest first."""
    names = path.split("/")[:-1]
    return ["/".join(names[:end]) for end in range(len(names), 0, -1)]
