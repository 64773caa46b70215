"""Edits of whole networks and of their blocks; what ``edit`` offers, part two."""

from __future__ import annotations

from typing import Any

from . import _limits as limits
from ._architecture import Architecture, walk
from ._edit_tree import (
    find,
    find_inside,
    insert,
    put,
    refuse,
    remove,
    replace,
    transform,
    validate,
    with_fields,
    with_name,
)
from ._fields import AttentionKind
from ._nodes import Attention, Conv, Linear, Parallel, Pool, Residual, Sequence
from ._problems import Repair


def scale_width(architecture: Architecture, factor: float) -> Architecture:
    """Multiply the channels of all convolutions and hidden linear layers; classifiers keep their outputs.

    Args:
        architecture: what is edited; it stays as it is.
        factor: 0.01 to 100. Channels are rounded to the nearest number that the groups divide, from 1 to the limit.

    Raises:
        ArchitectureError: the factor is outside its range.
    """
    if not 0.01 <= factor <= 100:
        raise refuse("", f"the width factor (={factor}) must be from 0.01 to 100")
    keep = set(classifiers(architecture))

    def change(path: str, node: Any) -> Any:
        if isinstance(node, Conv) and isinstance(node.out_channels, int):
            step = node.groups if isinstance(node.groups, int) else 1
            wide = max(step, round(node.out_channels * factor / step) * step)
            return with_fields(node, out_channels=min(wide, limits.MAX_CHANNELS // step * step))
        if isinstance(node, Linear) and path not in keep:
            return with_fields(node, out_features=min(max(1, round(node.out_features * factor)), limits.MAX_FEATURES))
        return node

    return transform(architecture, change)


def classifiers(architecture: Architecture) -> list[str]:
    """Paths of the linear layers whose outputs are the classes: the trunk's last, and each auxiliary head's last."""
    linears = [path for path, node in walk(architecture) if isinstance(node, Linear)]
    heads = [path for path, node in walk(architecture) if node.op == "auxiliary"]
    groups: dict[str, str] = {}
    for path in linears:
        groups[next((head for head in heads if path.startswith(f"{head}/")), "")] = path
    return list(groups.values())


def set_classes(architecture: Architecture, classes: int) -> Architecture:
    """Give every classifier ``classes`` outputs, those of auxiliary heads too.

    Raises:
        ArchitectureError: the network has no classifier, or ``classes`` is outside 1 to the limit.
    """
    paths = classifiers(architecture)
    if not paths:
        raise refuse("", "the network has no linear layer at its end whose outputs could be the classes")
    for path in paths:
        architecture = replace(architecture, path, out_features=classes)
    return architecture


def apply_repair(architecture: Architecture, repair: Repair) -> Architecture:
    """Make the replacements of a repair."""
    for path, fields in repair.replacements:
        architecture = replace(architecture, path, **dict(fields))
    return architecture


# ---- blocks: what the editor of a page speaks about ---------------------------------------------------------------


def blocks(architecture: Architecture) -> list[str]:
    """Paths of the trunk's nodes that hold parallel branches: its blocks."""
    return [node.name for node in architecture.trunk.nodes if block_parallel(node, node.name) is not None]


def block_parallel(node: Any, path: str) -> str | None:
    """Path of the first Parallel at or below ``node``, looking through residuals and sequences but not auxiliaries."""
    if isinstance(node, Parallel):
        return path
    if isinstance(node, Residual | Sequence):
        for child in node.nodes:
            found = block_parallel(child, f"{path}/{child.name}")
            if found is not None:
                return found
    return None


def set_residual(architecture: Architecture, path: str, shortcut: str | None, scale: float = 1.0) -> Architecture:
    """Wrap the node at ``path`` in a residual with this shortcut ('identity' or 'projection'), or unwrap it (None).

    The block keeps its name; what was there becomes the residual's ``body``.
    """
    node = find_inside(architecture, path)
    if isinstance(node, Residual):
        if shortcut is None:
            return put(architecture, path, with_name(node.body, node.name))
        return replace(architecture, path, shortcut=shortcut, scale=scale)
    if shortcut is None:
        return architecture
    norm = next((n.norm for _, n in walk(node) if isinstance(n, Conv)), "none")
    body = with_name(node, "body")
    fields: Any = {"name": node.name, "body": body, "shortcut": shortcut, "scale": scale, "norm": norm}
    return put(architecture, path, validate(lambda: Residual(**fields), fields, path))


def attention_of(architecture: Architecture, path: str) -> str | None:
    """Path of the attention that ends the block at ``path``, if it has one."""
    node = find(architecture, path)
    if isinstance(node, Residual):
        return attention_of(architecture, f"{path}/{node.body.name}")
    if isinstance(node, Sequence) and node.children and isinstance(node.children[-1], Attention):
        return f"{path}/{node.children[-1].name}"
    return None


def set_attention(
    architecture: Architecture, path: str, kind: AttentionKind | None, reduction: int | None = None
) -> Architecture:
    """End the block at ``path`` with attention of this kind, change it, or take it away (None).

    Without ``reduction`` attention that is there keeps its own, and new one has Attention's default. In a residual the
    attention stands at the end of the body, before the addition (Hu et al. 2018, figure 3).
    """
    node = find_inside(architecture, path)
    if isinstance(node, Residual):
        return set_attention(architecture, f"{path}/{node.body.name}", kind, reduction)
    fields: dict[str, Any] = {} if reduction is None else {"reduction": reduction}
    existing = attention_of(architecture, path)
    if existing is not None:
        if kind is not None:
            return replace(architecture, existing, kind=kind, **fields)
        if [child.name for child in node.children[:-1]] == ["branches"]:
            return put(architecture, path, with_name(node.children[0], node.name))
        return remove(architecture, existing)
    if kind is None:
        return architecture
    attention = validate(lambda: Attention(name="attention", kind=kind, **fields), None, path)
    if isinstance(node, Sequence):
        return insert(architecture, path, attention)
    wrapped = Sequence(name=node.name, children=(with_name(node, "branches"), attention))
    return put(architecture, path, wrapped)


def output_conv(node: Any, path: str) -> tuple[str, int] | None:
    """(path of the convolution that sets the output channels of ``node`` at ``path``, outputs per channel of it).

    A ghost branch gives two outputs per channel of its primary convolution. None where no one convolution decides.
    """
    if isinstance(node, Conv):
        return (path, 1) if isinstance(node.out_channels, int) else None
    if isinstance(node, Residual):
        return output_conv(node.body, f"{path}/{node.body.name}")
    if not isinstance(node, Sequence):
        return None
    copies = 1
    for child in reversed(node.nodes):
        if _passes_channels(child):
            continue
        if isinstance(child, Parallel) and all(map(_passes_channels, child.branches)):
            copies *= len(child.branches) if child.fuse == "concat" else 1
            continue
        found = output_conv(child, f"{path}/{child.name}")
        return None if found is None else (found[0], found[1] * copies)
    return None


def _passes_channels(node: Any) -> bool:
    """Whether a node gives as many channels as it gets, whatever they are."""
    if isinstance(node, Conv):
        return node.out_channels == "same"
    if isinstance(node, Sequence):
        return all(map(_passes_channels, node.nodes))
    return not node.child_field and not isinstance(node, Linear)


def set_style(architecture: Architecture, path: str, **style: Any) -> Architecture:
    """Set ``norm`` or ``activation`` of every convolution below ``path`` ('' for the whole network).

    Convolutions without an activation keep none: they end a residual body or a depthwise step on purpose.
    """

    def change(_: str, node: Any) -> Any:
        if not isinstance(node, Conv):
            return node
        fields = {k: v for k, v in style.items() if k != "activation" or node.activation != "none"}
        return with_fields(node, **fields)

    node = find(architecture, path)
    return (
        transform(architecture, change, path)
        if path == "" or node.child_field
        else put(architecture, path, validate(lambda: change(path, node), None, path))
    )


def _copy_attention(architecture: Architecture, path: str, model: Attention | None) -> Architecture:
    """Give the block at ``path`` the attention of another one: its kind, reduction and window."""
    if model is None:
        return set_attention(architecture, path, None)
    architecture = set_attention(architecture, path, model.kind, model.reduction)
    return replace(architecture, attention_of(architecture, path) or path, spatial_kernel=model.spatial_kernel)


def apply_to_all_blocks(architecture: Architecture, path: str) -> Architecture:
    """Give every other block what the block at ``path`` has, except its channels.

    Fusion, residual, attention, and for equally named layers kernel_size, dilation, pooling kind, norm and activation.
    """
    source = find(architecture, path)
    model = block_parallel(source, path)
    if model is None:
        raise refuse(path, "this node has no parallel branches to take as a model")
    leaves = dict(walk(find(architecture, model)))
    attention = attention_of(architecture, path)
    fields_of: tuple[tuple[type, tuple[str, ...]], ...] = (
        (Conv, ("kernel_size", "dilation", "norm", "activation")),
        (Pool, ("kind", "kernel_size")),
    )
    for block in blocks(architecture):
        if block == path:
            continue
        residual = source if isinstance(source, Residual) else None
        architecture = _copy_attention(architecture, block, find(architecture, attention) if attention else None)
        shortcut = residual.shortcut if residual else None
        architecture = set_residual(architecture, block, shortcut, residual.scale if residual else 1.0)
        target = block_parallel(find(architecture, block), block) or block
        architecture = replace(architecture, target, fuse=find(architecture, model).fuse)
        for inner, node in list(walk(find(architecture, target))):
            same = leaves.get(inner)
            for kind_of_node, names in fields_of:
                if isinstance(node, kind_of_node) and isinstance(same, kind_of_node):
                    if getattr(node, "stride", 1) != 1:
                        names = tuple(n for n in names if n != "kernel_size")
                    fields = {name: getattr(same, name) for name in names}
                    architecture = replace(architecture, f"{target}/{inner}", **fields)
    return architecture
