"""Channels taken out of a network: its nodes' numbers, and the rows and columns of its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..architecture import Architecture, edit, walk
from ._channels import Coupling, Cut, Member
from ._runs import dotted

Mask = NDArray[np.bool_]
"""For each id of a coupling whether it stays."""
Kept = dict[str, tuple[Mask | None, Mask | None]]
"""For the names of tensors which rows and which columns stay; None: all."""


def cut_architecture(architecture: Architecture, coupling: Coupling, stays: Mask) -> Architecture:
    """The design with the channels that stay; every node keeps its name."""
    changes: dict[str, dict[str, Any]] = {}
    nodes: dict[str, Any] = dict(walk(architecture))
    for member in coupling.members:
        fields = _fields_of(member, nodes[member.path], stays)
        changes.setdefault(member.path, {}).update(fields)
    for cut in coupling.slices:
        changes[cut.path] = _slice_fields(cut, nodes[cut.path], stays)
    for cut in coupling.shuffles:
        if nodes[cut.path].groups != 1:  # as many groups as channels: nothing changes its place
            changes[cut.path] = {"groups": int(stays[cut.inputs].sum())}
    return edit.copy_without_checks(architecture, trunk=_rebuild(architecture.trunk, "", changes))


def _rebuild(node: Any, path: str, changes: dict[str, dict[str, Any]]) -> Any:
    """The node with other numbers in it; a search does this often, so nothing is checked: fewer channels are valid."""
    fields = dict(changes.get(path, {}))
    if node.child_field:
        nodes = tuple(_rebuild(each, f"{path}/{each.name}" if path else each.name, changes) for each in node.nodes)
        fields[node.child_field] = nodes[0] if node.child_field == "body" else nodes
    return edit.copy_without_checks(node, **fields) if fields else node


def _fields_of(member: Member, node: Any, stays: Mask) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    outputs = int(stays[member.outputs].sum())
    if member.kind == "conv":
        inputs = int(stays[member.inputs].sum())
        same = node.out_channels == "same" and outputs == inputs
        fields["out_channels"] = "same" if same else outputs
        if node.groups != "depthwise":
            fields["groups"] = _left(member.groups, member.inputs, stays)
    elif member.kind == "linear":
        fields["out_features"] = outputs
    if member.norm_groups:
        name = "groups" if member.kind == "norm" else "norm_groups"
        fields[name] = _left(member.norm_groups, member.outputs, stays)
    return fields


def _left(groups: int, ids: NDArray[np.int64], stays: Mask) -> int:
    """How many whole groups stay."""
    return int(stays[ids.reshape(groups, -1)[:, 0]].sum()) if groups > 1 else groups


def _slice_fields(cut: Cut, node: Any, stays: Mask) -> dict[str, Any]:
    start = int(stays[cut.inputs[: cut.start]].sum())
    stop = "end" if node.stop == "end" else start + int(stays[cut.outputs].sum())
    return {"start": start, "stop": stop}


def find_kept(architecture: Architecture, coupling: Coupling, tensors: dict[str, Tensor], stays: Mask) -> Kept:
    """Which rows and columns of each tensor stay; tensors that lose none are not among them."""
    kept: Kept = {}
    for member in coupling.members:
        rows, columns = stays[member.outputs], stays[member.inputs]
        name = dotted(member.path)
        if member.kind == "attention":
            node = edit.find(architecture, member.path)
            hidden = _hidden(tensors[f"{name}.reduce.weight"], max(1, int(rows.sum()) // node.reduction))
            kept |= {f"{name}.reduce.weight": (hidden, columns), f"{name}.expand.weight": (rows, hidden)}
            kept |= {f"{name}.reduce.bias": (hidden, None), f"{name}.expand.bias": (rows, None)}
            continue
        layer = f"{name}.shortcut.conv" if member.kind == "projection" else f"{name}.{member.kind}"
        if member.makes_channels:
            kept[f"{layer}.weight"] = (rows, columns if member.groups == 1 else None)
            kept[f"{layer}.bias"] = (rows, None)
        norm = "bn" if member.norm == "batch" else "norm"
        if member.kind in ("norm", "scale"):
            beside = name
        else:
            beside = f"{name}.shortcut.{norm}" if member.kind == "projection" else f"{name}.{norm}"
        for part in ("weight", "bias", "running_mean", "running_var"):
            kept[f"{beside}.{part}"] = (rows, None)
    return {
        key: (rows, columns)
        for key, (rows, columns) in kept.items()
        if key in tensors and not all(each is None or each.all() for each in (rows, columns))
    }


def _hidden(weight: Tensor, count: int) -> Mask:
    """The hidden units of an attention that stay, as many as its reduction asks: those that read the most."""
    strongest = weight.flatten(1).abs().sum(1).argsort(descending=True, stable=True)[:count]
    stays = np.zeros(len(weight), bool)
    stays[strongest.numpy()] = True
    return stays


def cut_tensors(tensors: dict[str, Tensor], kept: Kept) -> dict[str, Tensor]:
    """The rows and columns that stay."""
    made = dict(tensors)
    for key, masks in kept.items():
        for axis, mask in enumerate(masks):
            if mask is not None:
                made[key] = made[key].index_select(axis, torch.from_numpy(np.flatnonzero(mask)))
    return made


def zero_tensors(tensors: dict[str, Tensor], kept: Kept) -> dict[str, Tensor]:
    """The same shapes as before, with zeros where something is taken out."""
    made = dict(tensors)
    for key, masks in kept.items():
        made[key] = made[key].clone()
        for axis, mask in enumerate(masks):
            if mask is not None:
                made[key].index_fill_(axis, torch.from_numpy(np.flatnonzero(~mask)), 0)
    return made
