"""Edits: each takes an architecture and returns a new one that shares every untouched node with the old.

A path names a node (``inception_3a/branch_3x3/reduce``); '' is the trunk. All raise ArchitectureError with the path,
the value and the rule if the result would not be an architecture, KeyError never.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pydantic

from . import _limits as limits
from ._architecture import Architecture, walk
from ._json import problems_of
from ._nodes import Attention, AttentionKind, Conv, Linear, NodeBase, Parallel, Pool, Residual, Sequence
from ._problems import ArchitectureError, Problem, Repair, quoted

_SHOWN = 30
_Made = TypeVar("_Made")
_Value = TypeVar("_Value", bound=pydantic.BaseModel)


def find(architecture: Architecture, path: str) -> Any:
    """The node at ``path``. Raises ArchitectureError naming the nearest existing parent and its children."""
    node: Any = architecture.trunk
    done: list[str] = []
    for name in path.split("/") if path else ():
        for child in node.nodes:
            if child.name == name:
                node = child
                break
        else:
            known = [child.name for child in node.nodes]
            held = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
            where = "/".join(done)
            raise _refuse(where, f"there is no {quoted(name)} in {where or 'the trunk'}; it holds {held or 'nothing'}")
        done.append(name)
    return node


def _inside(architecture: Architecture, path: str) -> Any:
    """The node at ``path``, which may not be the trunk itself."""
    if not path:
        raise _refuse("", "name a node inside the network; the trunk itself is not edited this way")
    return find(architecture, path)


def _refuse(path: str, message: str) -> ArchitectureError:
    return ArchitectureError([Problem(path=path, message=message)])


def _checked(make: Callable[[], _Made], data: object, path: str) -> _Made:
    try:
        return make()
    except pydantic.ValidationError as error:
        raise ArchitectureError(problems_of(error, data, path)) from None
    except ValueError as error:
        raise _refuse(path, str(error)) from None


def _copy(value: _Value, **fields: Any) -> _Value:
    """A copy with other fields, unchecked, and without what was worked out for the old one (hash, plan, steps)."""
    old = value.__dict__
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", {**{name: old[name] for name in type(value).__pydantic_fields__}, **fields})
    object.__setattr__(copy, "__pydantic_fields_set__", value.__pydantic_fields_set__ | fields.keys())
    object.__setattr__(copy, "__pydantic_extra__", None)
    object.__setattr__(copy, "__pydantic_private__", None)
    return copy


def _rebuild(architecture: Architecture, path: str, node: NodeBase | None, *, check: bool) -> Architecture:
    """``architecture`` with ``node`` at ``path`` (None removes it); ``check`` validates containers anew.

    Without ``check`` only the tuples along the path are new: changing a number inside a node cannot break a rule of its
    parents, and a ribbon asks for hundreds of such values.
    """
    chain = [architecture.trunk]
    names = path.split("/")
    for name in names[:-1]:
        chain.append(next(child for child in chain[-1].nodes if child.name == name))
    for depth in range(len(chain) - 1, -1, -1):
        parent, name = chain[depth], names[depth]
        siblings = [node if child.name == name else child for child in parent.nodes]
        nodes = tuple(siblings if node is not None else [child for child in siblings if child is not None])
        where = "/".join(names[:depth])
        if check:
            node = _checked(partial(parent.with_nodes, nodes), None, where)
        else:
            field = parent.child_field or ""
            node = _copy(parent, **{field: nodes[0] if field == "body" else nodes})
    return _with_trunk(architecture, node, check=check)


def _with_trunk(architecture: Architecture, trunk: Any, *, check: bool = True) -> Architecture:
    if not check:
        return _copy(architecture, trunk=trunk)
    fields = {name: getattr(architecture, name) for name in Architecture.model_fields}
    return _checked(lambda: Architecture(**{**fields, "trunk": trunk}), None, "")


def replace(architecture: Architecture, path: str, **fields: Any) -> Architecture:
    """Change fields of the node at ``path``; of the architecture itself where ``path`` is ''.

    >>> wider = replace(architecture, "inception_3a/branch_3x3/conv", out_channels=96)
    """
    if not path:
        values = {name: getattr(architecture, name) for name in Architecture.model_fields}
        data = {**values, **fields}
        return _checked(lambda: Architecture(**data), data, "")
    node = find(architecture, path)
    values = {name: getattr(node, name) for name in type(node).model_fields}
    unknown = [name for name in fields if name not in values]
    if unknown:
        raise _refuse(path, f"a {node.op} has no {quoted(unknown[0])}; it has {', '.join(values)}")
    data = {**values, **fields}
    changed = _checked(lambda: type(node)(**data), data, path)
    structural = "name" in fields or node.child_field in fields
    return _rebuild(architecture, path, changed, check=structural)


def put(architecture: Architecture, path: str, node: NodeBase) -> Architecture:
    """Put ``node`` in the place of the one at ``path``."""
    _inside(architecture, path)
    return _rebuild(architecture, path, node, check=True)


def remove(architecture: Architecture, path: str) -> Architecture:
    """Take the node at ``path`` away. A block keeps at least one branch."""
    _inside(architecture, path)
    parent = find(architecture, path.rpartition("/")[0])
    if isinstance(parent, Residual):
        raise _refuse(path, "the body of a residual cannot be removed; remove the residual instead")
    if isinstance(parent, Parallel) and len(parent.branches) == 1:
        raise _refuse(path, "a block needs at least one branch; remove the block instead")
    return _rebuild(architecture, path, None, check=True)


def insert(architecture: Architecture, parent: str, node: NodeBase, index: int | None = None) -> Architecture:
    """Add ``node`` among the children of ``parent`` at ``index`` (default: last), under a name that is free."""
    container = find(architecture, parent)
    if not container.child_field or isinstance(container, Residual):
        raise _refuse(parent, f"a {container.op} does not hold a list of nodes")
    nodes = list(container.nodes)
    if isinstance(container, Parallel) and len(nodes) >= limits.MAX_BRANCHES:
        raise _refuse(parent, f"a block has at most {limits.MAX_BRANCHES} branches, and this one has {len(nodes)}")
    named = _renamed(node, free_name(node.name, {child.name for child in nodes}))
    nodes.insert(len(nodes) if index is None else index, named)
    return _set_children(architecture, parent, container, nodes)


def _set_children(architecture: Architecture, path: str, container: Any, nodes: list[NodeBase]) -> Architecture:
    changed = _checked(lambda: container.with_nodes(tuple(nodes)), None, path)
    return _rebuild(architecture, path, changed, check=True) if path else _with_trunk(architecture, changed)


def _renamed(node: Any, name: str) -> Any:
    if node.name == name:
        return node
    return _copy(node, name=name)


def free_name(name: str, taken: set[str]) -> str:
    """``name``, or with _2, _3 ... behind it the first that is not taken."""
    if name not in taken:
        return name
    stem, _, number = name.rpartition("_")
    stem = stem if number.isdigit() and stem else name
    return next(
        candidate
        for n in range(2, limits.MAX_NODES + 2)
        if (candidate := f"{stem[: limits.MAX_NAME - 5]}_{n}") not in taken
    )


def duplicate(architecture: Architecture, path: str) -> Architecture:
    """Add a copy of the node right behind it."""
    node = _inside(architecture, path)
    parent = path.rpartition("/")[0]
    names = [child.name for child in find(architecture, parent).nodes]
    return insert(architecture, parent, node, names.index(node.name) + 1)


def move(architecture: Architecture, path: str, by: int) -> Architecture:
    """Move the node by ``by`` places among its siblings; it stops at the ends."""
    node = _inside(architecture, path)
    parent = path.rpartition("/")[0]
    container = find(architecture, parent)
    nodes = list(container.nodes)
    old = [child.name for child in nodes].index(node.name)
    nodes.insert(max(0, min(len(nodes) - 1, old + by)), nodes.pop(old))
    return _set_children(architecture, parent, container, nodes)


def rename(architecture: Architecture, path: str, name: str) -> Architecture:
    """Give the node another name."""
    return replace(architecture, path, name=name)


def transform(architecture: Architecture, change: Callable[[str, Any], Any], below: str = "") -> Architecture:
    """Apply ``change(path, leaf) -> leaf`` to every leaf below a path; a leaf returned as it is stays shared."""

    def visit(node: Any, path: str) -> Any:
        if not node.nodes and not node.child_field:
            return _checked(lambda: change(path, node), None, path)
        nodes = tuple(visit(child, f"{path}/{child.name}" if path else child.name) for child in node.nodes)
        unchanged = all(a is b for a, b in zip(nodes, node.nodes, strict=True))
        return node if unchanged else node.with_nodes(nodes)

    changed = visit(find(architecture, below), below)
    return _rebuild(architecture, below, changed, check=True) if below else _with_trunk(architecture, changed)


def with_fields(node: Any, **fields: Any) -> Any:
    """A validated copy of a node with other fields; the node itself where nothing would change."""
    values = {name: getattr(node, name) for name in type(node).model_fields}
    return node if {**values, **fields} == values else type(node)(**{**values, **fields})


def scale_width(architecture: Architecture, factor: float) -> Architecture:
    """Multiply the channels of all convolutions and hidden linear layers; classifiers keep their outputs.

    Rounded to the nearest whole number that the groups divide, and kept within 1 and the limit.
    """
    if not 0.01 <= factor <= 100:
        raise _refuse("", f"the width factor (={factor}) must be from 0.01 to 100")
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
    """Give every classifier ``classes`` outputs."""
    paths = classifiers(architecture)
    if not paths:
        raise _refuse("", "the network has no linear layer at its end whose outputs could be the classes")
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
    node = _inside(architecture, path)
    if isinstance(node, Residual):
        if shortcut is None:
            return put(architecture, path, _renamed(node.body, node.name))
        return replace(architecture, path, shortcut=shortcut, scale=scale)
    if shortcut is None:
        return architecture
    norm = next((n.norm for _, n in walk(node) if isinstance(n, Conv)), "none")
    body = _renamed(node, "body")
    fields: Any = {"name": node.name, "body": body, "shortcut": shortcut, "scale": scale, "norm": norm}
    return put(architecture, path, _checked(lambda: Residual(**fields), fields, path))


def attention_of(architecture: Architecture, path: str) -> str | None:
    """Path of the attention that ends the block at ``path``, if it has one."""
    node = find(architecture, path)
    if isinstance(node, Residual):
        return attention_of(architecture, f"{path}/{node.body.name}")
    if isinstance(node, Sequence) and node.children and isinstance(node.children[-1], Attention):
        return f"{path}/{node.children[-1].name}"
    return None


def set_attention(
    architecture: Architecture, path: str, kind: AttentionKind | None, reduction: int = 16
) -> Architecture:
    """End the block at ``path`` with attention of this kind, change it, or take it away (None).

    In a residual the attention stands at the end of the body, before the addition (Hu et al. 2018, figure 3).
    """
    node = _inside(architecture, path)
    if isinstance(node, Residual):
        return set_attention(architecture, f"{path}/{node.body.name}", kind, reduction)
    existing = attention_of(architecture, path)
    if existing is not None:
        if kind is not None:
            return replace(architecture, existing, kind=kind)
        if [child.name for child in node.children[:-1]] == ["branches"]:
            return put(architecture, path, _renamed(node.children[0], node.name))
        return remove(architecture, existing)
    if kind is None:
        return architecture
    attention = _checked(lambda: Attention(name="attention", kind=kind, reduction=reduction), None, path)
    if isinstance(node, Sequence):
        return insert(architecture, path, attention)
    wrapped = Sequence(name=node.name, children=(_renamed(node, "branches"), attention))
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
        else put(architecture, path, _checked(lambda: change(path, node), None, path))
    )


def apply_to_all_blocks(architecture: Architecture, path: str) -> Architecture:
    """Give every other block what the block at ``path`` has, except its channels.

    Fusion, residual, attention, and for equally named layers kernel_size, dilation, pooling kind, norm and activation.
    """
    source = find(architecture, path)
    model = block_parallel(source, path)
    if model is None:
        raise _refuse(path, "this node has no parallel branches to take as a model")
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
        kind = find(architecture, attention).kind if attention else None
        architecture = set_attention(architecture, block, kind)
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
