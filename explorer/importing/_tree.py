"""Series-parallel tree → nodes of an architecture, under the model's own names, and where each tensor goes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pydantic import ValidationError

from .. import architecture as arch
from ..analysis import projection_stride
from ._graph import Graph, Operation
from ._leaves import NORMS, Leaf, LeafMaker, common_scope
from ._problem import DoesNotFit
from ._reduce import Item, Join, Step

_SHORTCUTS = ("downsample", "shortcut", "projection", "proj", "skip", "identity")


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Branches with their joint, or a residual block."""

    operations: tuple[Operation, ...]
    scope: tuple[str, ...]
    branches: tuple[tuple[_Part, ...], ...]
    fuse: str
    residual: Mapping[str, Any] | None = None
    """Settings of a residual block, whose only branch is the body."""
    projection: Mapping[str, str] = field(default_factory=dict)
    """Tensors of its projection, as a leaf has them."""

    @property
    def kind(self) -> str:
        return "residual" if self.residual is not None else self.fuse


_Part = Leaf | _Block


@dataclass(kw_only=True)
class Tree:
    """Nodes in order, and what they take over."""

    nodes: tuple[Any, ...] = ()
    tensors: dict[str, str] = field(default_factory=dict)
    """For each name of the state dict of the built network the model's key."""


class TreeMaker:
    """Makes nodes of the items of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.leaves = LeafMaker(graph)
        self.tree = Tree()

    def make(self, items: Sequence[Item]) -> Tree:
        """Make the nodes of a network.

        Args:
            items: What leads from the image to the result.

        Returns:
            The nodes with their names, and the tensors.

        Raises:
            DoesNotFit: An operation has no form in the algebra, or is beyond one of its limits.
        """
        self.tree = Tree()
        self.tree.nodes = tuple(self._nest(self._fuse(items), 0, ""))
        return self.tree

    # ---- operations to parts ----

    def _fuse(self, items: Sequence[Item]) -> tuple[_Part, ...]:
        """Items in order, what belongs together made one."""
        parts: list[_Part] = []
        at = 0
        while at < len(items):
            item = items[at]
            at += 1
            if isinstance(item, Join):
                following = items[at] if at < len(items) else None
                act = following.operation if isinstance(following, Step) else None
                part = self._join(item, act)
                parts.append(part)
                at += part.operations[-1] is act and act is not None
                continue
            operation = item.operation
            if operation.kind in ("conv", "linear"):
                norm = act = None
                if operation.kind == "conv" and at < len(items) and _kind_of(items[at]) in NORMS:
                    norm = items[at].operation
                    at += 1
                if at < len(items) and _kind_of(items[at]) == "activation":
                    act = items[at].operation
                    at += 1
                is_conv = operation.kind == "conv"
                parts.append(self.leaves.conv(operation, norm, act) if is_conv else self.leaves.linear(operation, act))
                continue
            parts.append(self.leaves.other(operation))
        return tuple(parts)

    def _join(self, join: Join, following: Operation | None) -> _Block:
        act = following if following is not None and following.kind == "activation" else None
        operation, branches = join.operation, [self._fuse(branch) for branch in join.branches]
        scope = common_scope(join.operations)
        if operation.kind == "add" and len(branches) == 2:
            found = self._residual(join, branches, act, scope)
            if found:
                return found
        if operation.kind != "concat":  # a sum of sums is one sum
            flat: list[tuple[_Part, ...]] = []
            for branch in branches:
                inner = branch[0] if len(branch) == 1 else None
                if isinstance(inner, _Block) and inner.fuse == operation.kind and inner.residual is None:
                    flat += inner.branches
                else:
                    flat.append(branch)
            branches = flat
        if len(branches) > 8:
            raise DoesNotFit(operation.name, f"{len(branches)} branches; at most 8 are allowed")
        return _Block(operations=join.operations, scope=scope, branches=tuple(branches), fuse=operation.kind)

    def _residual(
        self, join: Join, branches: list[tuple[_Part, ...]], act: Operation | None, scope: tuple[str, ...]
    ) -> _Block | None:
        """shortcut + scale · body, where it is that."""
        plain = [number for number, branch in enumerate(branches) if not branch]
        projection: Leaf | None = None
        if len(plain) == 1:
            body = branches[1 - plain[0]]
        elif not plain:
            likely = [n for n, branch in enumerate(branches) if len(branch) == 1 and self._projects(branch[0], join)]
            named = [n for n in likely if set(branches[n][0].scope) & set(_SHORTCUTS)]
            chosen = (named or likely)[:1]
            if not chosen:
                return None
            first = branches[chosen[0]][0]
            assert isinstance(first, Leaf)
            projection, body = first, branches[1 - chosen[0]]
        else:
            return None
        settings: dict[str, Any] = {"activation": act.settings["function"] if act else "none"}
        if body and isinstance(body[-1], Leaf) and body[-1].kind == "factor":
            factor = body[-1].operations[0].settings["factor"]
            if 0 < factor <= 10:
                settings["scale"] = factor
                body = body[:-1]
        taken: dict[str, str] = {}
        if projection is not None:
            node = projection.make("shortcut")
            settings |= {"shortcut": "projection", "norm": node.norm}
            if node.norm != "none":
                settings |= {"norm_eps": node.norm_eps, "norm_groups": node.norm_groups}
            taken = {f"shortcut.{name}": key for name, key in projection.tensors.items()}
        operations = (*join.operations, act) if act else join.operations
        # A module's own activation belongs to its block.
        wider = common_scope(operations)
        return _Block(
            operations=operations, scope=wider if len(wider) == len(scope) else scope, branches=(body,), fuse="add",
            residual=settings, projection=taken,
        )  # fmt: skip

    def _projects(self, part: _Part, join: Join) -> bool:
        """Whether a branch is as a residual's projection: a 1×1 convolution of the block's stride, perhaps a norm."""
        if not isinstance(part, Leaf) or part.operations[0].kind != "conv":
            return False
        operation, node = part.operations[0], part.make("shortcut")
        size_in, size_out = self.leaves.shape_of(operation.inputs[0])[1:], operation.shape[1:]
        has_norm = node.norm != "none"
        return bool(
            node.geometry == arch.Geometry((1, 1), projection_stride(size_in, size_out), (1, 1), (0, 0), (0, 0))
            and node.groups == 1
            and node.activation == "none"
            and ("bias" in operation.tensors) != has_norm
            and node.out_channels == join.operation.shape[0]
        )

    # ---- parts to named nodes ----

    def _nest(self, parts: Sequence[_Part], depth: int, prefix: str) -> list[Any]:
        """Nodes of parts, in sequences as the model has its modules; ``depth`` modules are named already."""
        nodes: list[Any] = []
        taken: dict[str, int] = {}
        at = 0
        while at < len(parts):
            first = parts[at]
            segment = first.scope[depth] if len(first.scope) > depth else ""
            group = list(takewhile(lambda part, s=segment: s and part.scope[depth : depth + 1] == (s,), parts[at:]))  # type: ignore[misc]
            if len(group) < 2:
                name = _unique("_".join(first.scope[depth:]) or first.kind, taken)
                nodes.append(self._node(first, name, prefix))
                at += 1
                continue
            name = _unique(segment, taken)
            children = self._nest(group, depth + 1, f"{prefix}{name}/")
            nodes.append(arch.Sequence(name=name, children=tuple(children)))
            at += len(group)
        return nodes

    def _node(self, part: _Part, name: str, prefix: str) -> Any:
        path = f"{prefix}{name}"
        if isinstance(part, Leaf):
            self._take(path, part.tensors)
            return part.make(name)
        depth = len(part.scope)
        self._take(path, part.projection)
        if part.residual is not None:
            body = self._branch(part.branches[0], depth, f"{path}/", "body", {"shortcut": 1})
            return self._checked(arch.Residual, part, name=name, body=body, **part.residual)
        taken: dict[str, int] = {}
        branches = [
            self._branch(branch, depth, f"{path}/", f"branch{n}", taken) for n, branch in enumerate(part.branches, 1)
        ]
        return self._checked(arch.Parallel, part, name=name, branches=tuple(branches), fuse=part.fuse)

    def _checked(self, kind: Any, part: _Block, **fields: Any) -> Any:
        try:
            return kind(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise DoesNotFit(part.operations[-1].name, first["msg"].removeprefix("Value error, ")) from None

    def _branch(self, parts: Sequence[_Part], depth: int, prefix: str, otherwise: str, taken: dict[str, int]) -> Any:
        if not parts:
            return arch.Sequence(name=_unique("identity", taken), children=())
        segments = [part.scope[depth] if len(part.scope) > depth else "" for part in parts]
        if len(parts) == 1:
            return self._node(parts[0], _unique("_".join(parts[0].scope[depth:]) or parts[0].kind, taken), prefix)
        known = {each for each in segments if each}
        if len(known) == 1 and "" not in segments:
            name = _unique(segments[0], taken)
            children = self._nest(parts, depth + 1, f"{prefix}{name}/")
        else:
            name = _unique(_common_letters(known) or otherwise, taken)
            children = self._nest(parts, depth, f"{prefix}{name}/")
        return arch.Sequence(name=name, children=tuple(children))

    def _take(self, path: str, tensors: Mapping[str, str]) -> None:
        for name, key in tensors.items():
            self.tree.tensors[f"{path.replace('/', '.')}.{name}"] = key


def _kind_of(item: Item) -> str:
    return item.operation.kind if isinstance(item, Step) else ""


def _common_letters(names: set[str]) -> str:
    """What names have in common at their beginning, if that is more than a letter."""
    if not names:
        return ""
    first, last = min(names), max(names)
    common = "".join(a for a, b in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    common = re.sub(r"[_.\d]*$", "", common) if common not in names else common
    return common if len(common) > 2 else ""


def _unique(name: str, taken: dict[str, int]) -> str:
    """A name that a node may have and no sibling has; of each that is taken its last number is known."""
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:58] or "node"
    found = stem
    while found in taken:
        taken[stem] += 1
        found = f"{stem}_{taken[stem]}"
    taken[found] = 1
    return found
