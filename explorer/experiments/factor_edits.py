"""The edits of an ablation's factors, the same in every block: architecture → architecture, before repairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ..analysis import repair
from ..architecture import (
    Activation,
    Architecture,
    ArchitectureError,
    Attention,
    AttentionKind,
    Conv,
    Geometry,
    Norm,
    Residual,
    Sequence,
    edit,
    walk,
)


def apply_to_each_block(change: Callable[[Architecture, str], Architecture]) -> Callable[[Architecture], Architecture]:
    """``change(architecture, block)`` for every block in which the result, once repaired, works."""

    def all_blocks(architecture: Architecture) -> Architecture:
        for block in edit.blocks(architecture):
            try:
                architecture, _ = repair(change(architecture, block))
            except ArchitectureError:  # such as a shortcut around a block that crops its input: the block is unchanged
                continue
        return architecture

    return all_blocks


def parallel_path(architecture: Architecture, block: str) -> str:
    """Path of the node with a block's branches."""
    found = edit.block_parallel(edit.find(architecture, block), block)
    assert found is not None  # that is what makes it a block
    return found


def repeat_blocks(times: int) -> Callable[[Architecture], Architecture]:
    """Let each block be followed by ``times − 1`` more like it, which keep its map: stride 1, identity as shortcut.

    Blocks are residuals and nodes with parallel branches; one without a shortcut whose stride is above 1 has no copy.
    """

    def change(architecture: Architecture) -> Architecture:
        blocks = set(edit.blocks(architecture))
        for place, node in reversed([*enumerate(architecture.trunk.nodes)]):
            if isinstance(node, Residual) or (node.name in blocks and not has_stride(node)):
                for number in range(times, 1, -1):
                    taken = {each.name for each in architecture.trunk.nodes}
                    name = edit.free_name(f"{node.name}_{number}", taken)
                    copy = edit.with_fields(at_stride_1(node), name=name)
                    architecture = edit.insert(architecture, "", copy, place + 1)
        return architecture

    return change


def has_stride(node: Any) -> bool:
    """Whether the node, or one in it, has a stride above 1."""
    return any(getattr(each, "stride", 1) not in (1, (1, 1)) for _, each in [("", node), *walk(node)])


def at_stride_1(node: Any) -> Any:
    """The node with stride 1 everywhere; its shortcuts become identities, and the repair projects where it must."""
    if isinstance(node, Residual):
        return edit.with_fields(node, shortcut="identity", body=at_stride_1(node.body))
    if node.child_field:
        return edit.with_fields(node, **{node.child_field: tuple(map(at_stride_1, node.nodes))})
    return edit.with_fields(node, stride=1) if hasattr(node, "stride") else node


def add_residual(architecture: Architecture, block: str) -> Architecture:
    """Add a shortcut to a block that has none: the identity, or after the repair a projection where shapes differ."""
    if any(isinstance(node, Residual) for _, node in _with_itself(architecture, block)):
        return architecture
    return edit.set_residual(architecture, block, "identity")


def _with_itself(architecture: Architecture, path: str) -> list[tuple[str, Any]]:
    node = edit.find(architecture, path)
    return [(path, node), *walk(node, path)]


def find_blocks(architecture: Architecture, column: str) -> list[str]:
    """A column that is a block or a residual itself, else the residuals that stand in it one after another."""
    node = edit.find(architecture, column)
    if isinstance(node, Residual) or column in edit.blocks(architecture):
        return [column]
    return [f"{column}/{each.name}" for each in node.nodes if isinstance(node, Sequence) and isinstance(each, Residual)]


def remove_residuals(architecture: Architecture, below: str = "") -> Architecture:
    """Replace every residual at or below a path by its body and the activation that followed the addition."""
    found = walk(architecture) if not below else _with_itself(architecture, below)
    for path in reversed([path for path, node in found if isinstance(node, Residual)]):
        node = edit.find(architecture, path)
        children = node.body.children if isinstance(node.body, Sequence) else (node.body,)
        if node.activation != "none":
            name = edit.free_name("activation", {child.name for child in children})
            children = (*children, Activation(name=name, kind=node.activation))
        architecture = edit.put(architecture, path, Sequence(name=node.name, children=children))
    return architecture


def set_attention(kind: AttentionKind) -> Callable[[Architecture], Architecture]:
    """Set attention of this kind at the end of every block, in place of any other."""
    return apply_to_each_block(lambda architecture, block: edit.set_attention(architecture, block, kind))


def remove_attention(architecture: Architecture) -> Architecture:
    """Remove all attention, in blocks or elsewhere."""
    for block in edit.blocks(architecture):
        architecture = edit.set_attention(architecture, block, None)
    return edit.transform(architecture, lambda _, node: _without_gate(node))


def _without_gate(node: Any) -> Any:
    """What is left of a node that is attention, or of one that weighs branches by another."""
    if isinstance(node, Attention):
        return _identity(node)
    if not edit.is_gate(node):
        return node
    weighed = [branch for branch in node.branches if branch.name not in node.gates]
    return edit.with_fields(weighed[0], name=node.name) if len(weighed) == 1 else node.with_nodes(tuple(weighed))


def _identity(node: Any) -> Sequence:
    """An empty sequence, which computes the identity, under the name of a node."""
    return Sequence(name=node.name)


def set_norm(kind: Literal["none", "batch"]) -> Callable[[Architecture], Architecture]:
    """Set batch normalisation for every convolution and projection; 'none' removes it, and layers of it."""

    def changes(node: Any) -> bool:
        return bool(node.norm_kind == "batch" if kind == "none" else node.norm_kind != "batch")

    def change(architecture: Architecture) -> Architecture:
        def leaf(_: str, node: Any) -> Any:
            if isinstance(node, Conv):
                # Without the norm the convolution needs the bias that the norm made redundant.
                return edit.with_fields(node, norm=kind, bias="auto") if changes(node) else node
            return _identity(node) if isinstance(node, Norm) and kind == "none" and changes(node) else node

        architecture = edit.transform(architecture, leaf)
        for path, node in list(walk(architecture)):
            if isinstance(node, Residual) and node.shortcut == "projection" and changes(node):
                architecture = edit.replace(architecture, path, norm=kind)
        return architecture

    return change


def set_dilation(rate: int, *, only: Callable[[Geometry], bool]) -> Callable[[Architecture], Architecture]:
    """Set this dilation for convolutions that keep the size of their map; in blocks, or everywhere without blocks."""

    def change(architecture: Architecture) -> Architecture:
        blocks = set(edit.blocks(architecture))

        def leaf(path: str, node: Any) -> Any:
            inside = not blocks or edit.column_of(architecture, path) in blocks
            if not inside or not isinstance(node, Conv) or not only(node.geometry):
                return node
            keeps = node.geometry.stride == (1, 1) and is_padded_to_size(node)
            return edit.with_fields(node, dilation=rate, padding="same") if keeps else node

        return edit.transform(architecture, leaf)

    return change


def is_padded_to_size(conv: Conv) -> bool:
    """Whether the padding makes up for the window: at stride 1 the map keeps its size."""
    g = conv.geometry
    reach = [d * (k - 1) for d, k in zip(g.dilation, g.kernel, strict=True)]
    return conv.padding in ("same", "tf_same") or all(
        2 * before == 2 * behind == each for before, behind, each in zip(g.pad, g.pad_end, reach, strict=True)
    )


def fuse_by_addition(architecture: Architecture, block: str) -> Architecture:
    """Fuse a block's branches by addition; the repair makes them equally wide."""
    path = parallel_path(architecture, block)
    if len(edit.find(architecture, path).branches) < 2:
        return architecture
    return edit.replace(architecture, path, fuse="add")


def scale_width(factor: float) -> Callable[[Architecture], Architecture]:
    """Multiply the width of every convolution and hidden linear layer."""
    return lambda architecture: edit.scale_width(architecture, factor)


def remove_branch(branch: str) -> Callable[[Architecture], Architecture]:
    """Remove the branch of this name from every block that has another one."""
    def change(architecture: Architecture, block: str) -> Architecture:
        path = parallel_path(architecture, block)
        names = [each.name for each in edit.find(architecture, path).branches]
        return edit.remove(architecture, f"{path}/{branch}") if branch in names and len(names) > 1 else architecture

    return apply_to_each_block(change)
