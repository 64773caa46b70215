"""Edits of whole networks and of their blocks; what ``edit`` offers, part two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import _limits as limits
from ._architecture import Architecture, walk
from ._channel_nodes import Slice
from ._columns import block_parallel, blocks
from ._edit_runs import norm_of_first_conv
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
        architecture: What is edited; it stays as it is.
        factor: 0.01 to 100. Channels are rounded to the nearest number that the groups divide, from 1 to the limit.

    Returns:
        The new architecture.

    Raises:
        ArchitectureError: The factor is outside its range.
    """
    if not 0.01 <= factor <= 100:
        raise refuse("", f"the width factor (={factor}) must be from 0.01 to 100")
    keep = set(classifiers(architecture))

    return transform(architecture, lambda path, node: node if path in keep else widen(node, factor))


def widen(node: Any, factor: float) -> Any:
    """Multiply the width of one layer.

    Args:
        node: A leaf.
        factor: Positive. Channels are rounded to the nearest number that the groups divide, from 1 to the limit.

    Returns:
        The convolution or linear layer with its new width; any other layer as it is.
    """
    if isinstance(node, Conv) and isinstance(node.out_channels, int):
        step = node.groups if isinstance(node.groups, int) else 1
        wide = max(step, round(node.out_channels * factor / step) * step)
        return with_fields(node, out_channels=min(wide, limits.MAX_CHANNELS // step * step))
    if isinstance(node, Linear):
        return with_fields(node, out_features=min(max(1, round(node.out_features * factor)), limits.MAX_FEATURES))
    return node


def classifiers(architecture: Architecture) -> list[str]:
    """Find the layers whose outputs are the classes: the last linear layer of the trunk, and of each auxiliary head.

    Where there is no linear layer, the last convolution is it, if its maps are only pooled to 1×1 and flattened.

    Args:
        architecture: The network.

    Returns:
        Their paths.

    Source: Lin et al. 2014, "Network in network", section 3.2, for the convolution with a map for each class.
    """
    heads = {path: node for path, node in walk(architecture) if node.op == "auxiliary"}
    groups: dict[str, str] = {}
    for path, node in walk(architecture):
        if isinstance(node, Linear):
            groups[next((head for head in heads if path.startswith(f"{head}/")), "")] = path
    roots: dict[str, Any] = {"": architecture.trunk, **heads}
    for path, root in roots.items():
        if path not in groups and (conv := _scoring_conv(root, path)):
            groups[path] = conv
    return list(groups.values())


def _scoring_conv(root: Any, path: str) -> str | None:
    """The convolution at the end of a chain that makes one map for each class."""
    chain = list(_unroll(root, path))
    behind = set()
    while chain and chain[-1][1].op in ("activation", "dropout", "pool", "global_pool", "flatten"):
        behind.add(chain.pop()[1].op)
    if not chain or not {"global_pool", "flatten"} <= behind:
        return None
    path, node = chain[-1]
    return path if isinstance(node, Conv) and node.groups == 1 and isinstance(node.out_channels, int) else None


def _unroll(root: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """What stands one after another in a sequence and in the sequences within it, with paths."""
    for node in root.nodes:
        path = f"{prefix}/{node.name}" if prefix else node.name
        if isinstance(node, Sequence):
            yield from _unroll(node, path)
        elif node.op != "auxiliary":
            yield path, node


def count_classes(architecture: Architecture) -> dict[str, int]:
    """Count the outputs of each classifier.

    Args:
        architecture: The network.

    Returns:
        By the paths that ``classifiers`` finds, in its order.
    """
    found = {path: find(architecture, path) for path in classifiers(architecture)}
    return {path: getattr(node, _class_field(node)) for path, node in found.items()}


def _class_field(node: Any) -> str:
    return "out_features" if isinstance(node, Linear) else "out_channels"


def set_classes(architecture: Architecture, classes: int, path: str | None = None) -> Architecture:
    """Give every classifier as many outputs as there are classes, those of auxiliary heads too.

    Args:
        architecture: What is edited; it stays as it is.
        classes: Number of classes.
        path: Of one classifier, which alone is changed; None for all.

    Returns:
        The new architecture.

    Raises:
        ArchitectureError: The network has no classifier, or ``classes`` is outside 1 to the limit.
    """
    paths = classifiers(architecture) if path is None else [path]
    if not paths:
        raise refuse("", "the network ends in no linear layer or convolution whose outputs could be the classes")
    for each in paths:
        architecture = replace(architecture, each, **{_class_field(find(architecture, each)): classes})
    return architecture


def apply_repair(architecture: Architecture, repair: Repair) -> Architecture:
    """Make the replacements of a repair.

    Args:
        architecture: What is edited; it stays as it is.
        repair: The repair of a problem of this architecture.

    Returns:
        The new architecture; other problems may remain.

    Raises:
        ArchitectureError: The repair is of another architecture, so that a path or a value is not valid.
    """
    for path, fields in repair.replacements:
        architecture = replace(architecture, path, **dict(fields))
    return architecture


# ---- blocks: what the editor of a page speaks about ---------------------------------------------------------------


def set_residual(architecture: Architecture, path: str, shortcut: str | None, scale: float = 1.0) -> Architecture:
    """Wrap a node in a residual, change the residual, or unwrap it.

    The block keeps its name; what was there becomes the residual's ``body``.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the node; not the trunk.
        shortcut: 'identity' or 'projection'; None unwraps.
        scale: Factor of the body.

    Returns:
        The new architecture.

    Raises:
        ArchitectureError: The path, the shortcut or the scale is not valid.
    """
    node = find_inside(architecture, path)
    if isinstance(node, Residual):
        if shortcut is None:
            return put(architecture, path, with_name(node.body, node.name))
        return replace(architecture, path, shortcut=shortcut, scale=scale)
    if shortcut is None:
        return architecture
    body = with_name(node, "body")
    fields: Any = {
        "name": node.name, "body": body, "shortcut": shortcut, "scale": scale, **norm_of_first_conv(node),
    }  # fmt: skip
    return put(architecture, path, validate(lambda: Residual(**fields), fields, path))


def attention_of(architecture: Architecture, path: str) -> str | None:
    """Find the attention that ends a block.

    Args:
        architecture: The network.
        path: Path of the block.

    Returns:
        Path of the attention; None where the block ends in none.

    Raises:
        ArchitectureError: The path is not valid.
    """
    node = find(architecture, path)
    if isinstance(node, Residual):
        return attention_of(architecture, f"{path}/{node.body.name}")
    if isinstance(node, Sequence) and node.children and isinstance(node.children[-1], Attention):
        return f"{path}/{node.children[-1].name}"
    return None


def set_attention(
    architecture: Architecture, path: str, kind: AttentionKind | None, reduction: int | None = None
) -> Architecture:
    """End a block with attention, change its attention, or take it away.

    In a residual the attention stands at the end of the body, before the addition.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the block; not the trunk.
        kind: 'se', 'cbam' or 'eca'; None takes the attention away.
        reduction: Channels over hidden width. None: attention that is there keeps its own, new one has the default.

    Returns:
        The new architecture.

    Raises:
        ArchitectureError: The path, the kind or the reduction is not valid.

    Source: Hu et al. 2018, "Squeeze-and-excitation networks", figure 3.
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
    """Find the convolution that sets the output channels of a node.

    Args:
        node: Any node.
        path: Its path.

    Returns:
        (path of the convolution, channels that the node gives for each channel of it): 2 for a ghost branch, else 1.
        None where no one convolution decides.
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
    return not node.child_field and not isinstance(node, Linear | Slice)


def _copy_attention(architecture: Architecture, path: str, model: Attention | None) -> Architecture:
    """Give the block at ``path`` the attention of another one: its kind, reduction and kernels."""
    if model is None:
        return set_attention(architecture, path, None)
    architecture = set_attention(architecture, path, model.kind, model.reduction)
    return replace(
        architecture, attention_of(architecture, path) or path, spatial_kernel=model.spatial_kernel,
        channel_kernel=model.channel_kernel,
    )  # fmt: skip


def apply_to_all_blocks(architecture: Architecture, path: str) -> Architecture:
    """Give every other block what one block has, except its channels.

    Fusion, residual, attention, and for equally named layers kernel_size, dilation, pooling kind, norm and activation.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the block that is the model.

    Returns:
        The new architecture. Its layers need not fit together.

    Raises:
        ArchitectureError: The path is not valid, or the node has no parallel branches.
    """
    source = find(architecture, path)
    model = block_parallel(source, path)
    if model is None:
        raise refuse(path, "this node has no parallel branches to take as a model")
    leaves = dict(walk(find(architecture, model)))
    attention = attention_of(architecture, path)
    fields_of: tuple[tuple[type, tuple[str, ...]], ...] = (
        (Conv, ("kernel_size", "dilation", "norm", "norm_groups", "activation")),
        (Pool, ("kind", "kernel_size")),
    )
    for block in blocks(architecture):
        if block == path:
            continue
        residual = source if isinstance(source, Residual) else None
        architecture = _copy_attention(architecture, block, find(architecture, attention) if attention else None)
        shortcut = residual.shortcut if residual else None
        architecture = set_residual(architecture, block, shortcut)
        if residual:
            architecture = replace(architecture, block, scale=residual.scale, drop_path=residual.drop_path)
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
