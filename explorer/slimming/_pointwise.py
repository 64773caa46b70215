"""1×1 convolutions that read the same input, or one another, as one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..analysis import Analysis, analyze
from ..architecture import POINTWISE, Architecture, ArchitectureError, Conv, Parallel, Sequence, Slice, edit, walk
from ..modules import Network
from ..text import format_bytes, quote
from ._runs import dotted, find_runs
from ._slimmed import THE_SAME, Slimmed, compare_scores, make_network, name_after, read_tensors

_Tensors = dict[str, Tensor]


def merge_pointwise(architecture: Architecture, network: Network, images_BCHW: Tensor | None = None) -> Slimmed:
    """Merge 1×1 convolutions: those with which neighbouring branches begin, and those that follow one another.

    Neighbouring branches of a block that begin with 1×1 convolutions of one form (the reductions of an Inception block)
    read the input through one wider convolution; slices deal its channels out. Where such branches are nothing else,
    they become one branch. Two convolutions without anything between them, of which the first is 1×1, become one where
    that adds no MACs.

    Args:
        architecture: The network.
        network: Its module with the weights; it stays as it is.
        images_BCHW: Images as the network takes them, to compare the scores on beside random inputs.

    Returns:
        The network with fewer convolutions and, where branches were merged, the same weights and MACs.

    Raises:
        ValueError: There is nothing to merge.
    """
    analysis = analyze(architecture)
    slim, tensors = architecture, read_tensors(network)
    paths: list[str] = []
    notes: list[str] = []
    slim, tensors, joined = _join_followers(slim, tensors, analysis)
    if joined:
        notes.append(f"{len(joined):,} convolutions follow a 1×1 without anything between them, and took it in")
    merged, saved_bytes, launches = [], 0, 0
    for path, node in reversed(list(walk(slim))):  # what is inside a block first: its paths stay valid meanwhile
        if not isinstance(node, Parallel) or _in_head(slim, path):
            continue
        for names in _groups(node):
            try:
                slim, tensors = _merge(slim, tensors, path, names)
            except ArchitectureError as error:
                notes.append(f"The branches of {path} stay apart: {error}")
                continue
            channels, *size = analysis.by_path[path].input_shape
            saved_bytes += (len(names) - 1) * channels * size[0] * size[1] * 4
            launches += len(names) - 1
            merged += [f"{path}/{name}" for name in names]
    if merged:
        notes.append(
            f"{launches:,} convolutions fewer are launched, and {format_bytes(saved_bytes)} fewer are read for each "
            f"image: each input once for all 1×1 convolutions on it"
        )
    paths = [*joined, *merged]
    if not paths:
        raise ValueError(
            f"{quote(architecture.name)} has nothing to merge: no neighbouring branches begin with 1×1 convolutions of "
            f"one form (stride, norm, activation), and none is followed by a convolution without anything between"
        )
    slim = name_after(slim, "merged")
    made = make_network(slim, tensors)
    return Slimmed(
        step="merge", before=architecture, architecture=slim, network=made, paths=tuple(paths),
        proof=compare_scores(network, made, architecture.input_shape, THE_SAME, images_BCHW), notes=tuple(notes),
    )  # fmt: skip


def _in_head(architecture: Architecture, path: str) -> bool:
    names = path.split("/")
    return any(edit.find(architecture, "/".join(names[:end])).op == "auxiliary" for end in range(1, len(names)))


# ---- one after another ----------------------------------------------------------------------------------------------


def _join_followers(
    architecture: Architecture, tensors: _Tensors, analysis: Analysis
) -> tuple[Architecture, _Tensors, list[str]]:
    """A 1×1 without norm and activation, and the convolution behind it, as that convolution."""
    joined: list[str] = []
    for run in find_runs(architecture):
        nodes = [(path, node) for path, node in run if path]
        place = 0
        while place + 1 < len(nodes):
            (first_path, first), (path, second) = nodes[place], nodes[place + 1]
            if not _may_join(first, second, tensors, first_path):
                place += 1
                continue
            inputs = analysis.by_path[first_path].input_shape[0]
            _, *size = analysis.by_path[path].output_shape
            _, *size_before = analysis.by_path[first_path].output_shape
            width, outputs = (len(tensors[f"{dotted(each)}.conv.weight"]) for each in (first_path, path))
            taps = second.geometry.kernel[0] * second.geometry.kernel[1]
            apart = inputs * width * size_before[0] * size_before[1] + width * outputs * taps * size[0] * size[1]
            if inputs * outputs * taps * size[0] * size[1] > apart:
                place += 1
                continue
            architecture, bias = _join(architecture, tensors, first_path, path, second)
            joined.append(first_path)
            nodes[place : place + 2] = [(path, second.model_copy(update={"bias": bias}))]
            place = max(0, place - 1)
    return architecture, tensors, joined


def _may_join(first: Any, second: Any, tensors: _Tensors, path: str) -> bool:
    if not isinstance(first, Conv) or not isinstance(second, Conv) or first.geometry != POINTWISE:
        return False
    plain = first.norm == "none" and first.activation == "none"
    if not plain or first.groups != 1 or second.groups != 1:
        return False
    laid = second.is_sized or any((*second.geometry.pad, *second.geometry.pad_end))
    bias = tensors.get(f"{dotted(path)}.conv.bias")
    return not laid or bias is None or not bool(bias.any())  # zeros around the map do not get the first one's bias


def _join(
    architecture: Architecture, tensors: _Tensors, first_path: str, path: str, second: Conv
) -> tuple[Architecture, bool]:
    first, name = dotted(first_path), dotted(path)
    inner = tensors.pop(f"{first}.conv.weight").double()[:, :, 0, 0]
    shift = tensors.pop(f"{first}.conv.bias", None)
    outer, bias = tensors[f"{name}.conv.weight"].double(), tensors.get(f"{name}.conv.bias")
    tensors[f"{name}.conv.weight"] = torch.einsum("omhw,mi->oihw", outer, inner)
    if shift is not None and bool(shift.any()):
        moved = outer.sum((2, 3)) @ shift.double()
        bias = moved if bias is None else moved + bias.double()
        tensors[f"{name}.conv.bias"] = bias
    filters = len(outer) if second.out_channels == "same" else second.out_channels
    architecture = edit.replace(architecture, path, bias=bias is not None, out_channels=filters)
    return _take_away(architecture, first_path), bias is not None


def _take_away(architecture: Architecture, path: str) -> Architecture:
    parent = edit.find(architecture, path.rpartition("/")[0])
    if isinstance(parent, Sequence):
        return edit.remove(architecture, path)
    return edit.put(architecture, path, Sequence(name=path.rpartition("/")[2]))


# ---- side by side ---------------------------------------------------------------------------------------------------


def _opening(branch: Any) -> Conv | None:
    first = branch
    while isinstance(first, Sequence) and first.children:
        first = first.children[0]
    if not isinstance(first, Conv) or first.groups != 1 or first.norm not in ("none", "batch"):
        return None
    window = first.geometry
    plain = window.kernel == (1, 1) and not any((*window.pad, *window.pad_end))
    return first if plain else None


def _opening_path(branch: Any, path: str) -> str:
    while isinstance(branch, Sequence):
        branch = branch.children[0]
        path = f"{path}/{branch.name}"
    return path


def _groups(node: Parallel) -> list[list[str]]:
    """Runs of two or more neighbouring branches whose 1×1 convolutions can be one."""
    runs: list[list[str]] = []
    form: object = None
    for branch in node.branches:
        opening = _opening(branch)
        found = opening and (
            opening.geometry.stride, opening.has_bias, opening.norm,
            opening.norm_eps if opening.norm == "batch" else 0, opening.activation,
        )  # fmt: skip
        if found and found == form:
            runs[-1].append(branch.name)
        elif found:
            runs.append([branch.name])
        form = found
    if node.fuse != "concat":  # a sum of convolutions alone is one convolution: what fold_branches does
        lone = {branch.name for branch in node.branches if isinstance(branch, Conv)}
        runs = [run for run in runs if not set(run) <= lone]
    return [run for run in runs if len(run) > 1]


def _merge(
    architecture: Architecture, tensors: _Tensors, path: str, names: list[str]
) -> tuple[Architecture, _Tensors]:
    """The branches of these names behind one convolution, in a branch of their own or, if they are all, alone."""
    node = edit.find(architecture, path)
    taken = [branch for branch in node.branches if branch.name in names]
    openings = [_opening(branch) for branch in taken]
    sources = [dotted(_opening_path(branch, f"{path}/{branch.name}")) for branch in taken]
    widths = [len(tensors[f"{source}.conv.weight"]) for source in sources]
    (first, *_), whole = openings, len(names) == len(node.branches)
    assert first is not None
    lone = node.fuse == "concat" and all(isinstance(branch, Conv) for branch in taken)
    if lone and not whole:
        name = taken[0].name
        replaced: Any = first.model_copy(update={"name": name, "out_channels": sum(widths)})
        conv_path, inner_path = f"{path}/{name}", ""
    else:
        wide = first.model_copy(update={"name": "pointwise", "out_channels": sum(widths)})
        inner = Parallel(name="branches", branches=tuple(_slices(taken, widths, node.fuse)), fuse=node.fuse)
        name = node.name if whole else edit.free_name("merged", {branch.name for branch in node.branches})
        replaced = Sequence(name=name, children=(wide,) if lone else (wide, inner))
        base = path if whole else f"{path}/{name}"
        conv_path, inner_path = f"{base}/pointwise", f"{base}/branches"
    if whole:
        changed = edit.put(architecture, path, replaced)
    else:
        rest: list[Any] = []
        for branch in node.branches:
            if branch.name not in names:
                rest.append(branch)
            elif branch.name == names[0]:
                rest.append(replaced)
        changed = edit.put(architecture, path, node.with_nodes(tuple(rest)))
    moved = _move(tensors, path, names, sources, dotted(conv_path), dotted(inner_path))
    return changed, moved


def _slices(branches: list[Any], widths: list[int], fuse: str) -> list[Any]:
    """Each branch with a slice in the place of its convolution; branches that are nothing else share one."""
    made: list[Any] = []
    start, joins = 0, False
    for branch, width in zip(branches, widths, strict=True):
        if isinstance(branch, Conv) and joins:
            made[-1] = made[-1].model_copy(update={"stop": start + width})
        else:
            made.append(_with_opening(branch, start, start + width))
        joins = isinstance(branch, Conv) and fuse == "concat"
        start += width
    return made


def _with_opening(branch: Any, start: int, stop: int) -> Any:
    if isinstance(branch, Conv):
        return Slice(name=branch.name, start=start, stop=stop)
    first = _with_opening(branch.children[0], start, stop)
    return branch.model_copy(update={"children": (first, *branch.children[1:])})


def _move(
    tensors: _Tensors, path: str, names: list[str], sources: list[str], conv: str, inner: str
) -> _Tensors:
    """The weights side by side under the name of the wide convolution, all else of the branches under its new name."""
    prefixes = {f"{dotted(path)}.{name}.": f"{inner}.{name}." for name in names}
    opened = tuple(f"{source}." for source in sources)
    moved: _Tensors = {}
    for key, tensor in tensors.items():
        if key.startswith(opened):
            continue
        prefix = next((each for each in prefixes if key.startswith(each)), None)
        moved[f"{prefixes[prefix]}{key.removeprefix(prefix)}" if prefix else key] = tensor
    for key in [key for key in tensors if key.startswith(opened[0])]:
        ending = key.removeprefix(opened[0])
        parts = [tensors[f"{source}{ending}"] for source in opened]
        moved[f"{conv}.{ending}"] = parts[0] if parts[0].ndim == 0 else torch.cat(parts)
    return moved
