"""Factors: named, pure changes of an architecture, each of which answers one question of an ablation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ..analysis import repair
from ..architecture import (
    Activation,
    Architecture,
    ArchitectureError,
    Attention,
    AttentionKind,
    Conv,
    Norm,
    Residual,
    Sequence,
    edit,
    walk,
)

_WITHOUT = "without-"


class NotApplicable(ValueError):
    """The factor changes nothing in this network, or cannot be had in it; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One thing that an ablation adds, takes away or changes, the same way in every block."""

    name: str
    """Key for addresses and the command line."""
    title: str
    """Two or three words, for labels."""
    summary: str
    """What it does, in one sentence."""
    group: str
    """Factors of one group are levels of the same thing, such as two kinds of attention: never combined."""
    change: Callable[[Architecture], Architecture] = field(repr=False, compare=False)
    """The change, before repairs; blocks in which it is impossible are left as they are."""
    unmet: str = "nothing in this network would change"
    """Why it does not apply where the change leaves everything as it was."""

    def apply(self, architecture: Architecture) -> Architecture:
        """The architecture with the factor, a working network. Raises NotApplicable with the reason."""
        try:
            changed, _ = repair(self.change(architecture))
        except ArchitectureError as error:
            raise NotApplicable(f"{self.title}: {error}") from None
        if changed == architecture:
            raise NotApplicable(f"{self.title}: {self.unmet}")
        return changed

    def refusal(self, architecture: Architecture) -> str:
        """Why it does not apply to a network, '' where it does."""
        try:
            self.apply(architecture)
        except NotApplicable as error:
            return str(error)
        return ""


def _each_block(change: Callable[[Architecture, str], Architecture]) -> Callable[[Architecture], Architecture]:
    """``change(architecture, block)`` for every block in which the result, once repaired, works."""

    def all_blocks(architecture: Architecture) -> Architecture:
        for block in edit.blocks(architecture):
            try:
                architecture, _ = repair(change(architecture, block))
            except ArchitectureError:  # such as a shortcut around a block that crops its input: the block stays
                continue
        return architecture

    return all_blocks


def _parallel(architecture: Architecture, block: str) -> str:
    """Path of a block's branches."""
    found = edit.block_parallel(edit.find(architecture, block), block)
    assert found is not None  # that is what makes it a block
    return found


def _residual(architecture: Architecture, block: str) -> Architecture:
    if any(isinstance(node, Residual) for _, node in _with_itself(architecture, block)):
        return architecture
    return edit.set_residual(architecture, block, "identity")  # the repair makes it a projection where shapes differ


def _with_itself(architecture: Architecture, path: str) -> list[tuple[str, Any]]:
    node = edit.find(architecture, path)
    return [(path, node), *walk(node, path)]


def _no_residual(architecture: Architecture) -> Architecture:
    """Every residual replaced by its body and the activation that followed the addition."""
    for path in reversed([path for path, node in walk(architecture) if isinstance(node, Residual)]):
        node = edit.find(architecture, path)
        children = node.body.children if isinstance(node.body, Sequence) else (node.body,)
        if node.activation != "none":
            name = edit.free_name("activation", {child.name for child in children})
            children = (*children, Activation(name=name, kind=node.activation))
        architecture = edit.put(architecture, path, Sequence(name=node.name, children=children))
    return architecture


def _attention(kind: AttentionKind) -> Callable[[Architecture], Architecture]:
    return _each_block(lambda architecture, block: edit.set_attention(architecture, block, kind))


def _no_attention(architecture: Architecture) -> Architecture:
    for block in edit.blocks(architecture):
        architecture = edit.set_attention(architecture, block, None)
    return edit.transform(architecture, lambda _, node: _nothing(node) if isinstance(node, Attention) else node)


def _nothing(node: Any) -> Sequence:
    """The identity under the name of a node."""
    return Sequence(name=node.name)


def _norm(kind: Literal["none", "batch"]) -> Callable[[Architecture], Architecture]:
    def change(architecture: Architecture) -> Architecture:
        def leaf(_: str, node: Any) -> Any:
            if isinstance(node, Conv):
                # Where the norm goes, the bias that it made needless comes back.
                return edit.with_fields(node, norm=kind, bias="auto") if node.norm != kind else node
            return _nothing(node) if isinstance(node, Norm) and kind == "none" else node

        architecture = edit.transform(architecture, leaf)
        for path, node in list(walk(architecture)):
            if isinstance(node, Residual) and node.shortcut == "projection" and node.norm != kind:
                architecture = edit.replace(architecture, path, norm=kind)
        return architecture

    return change


def _dilation(rate: int, *, only: Callable[[Conv], bool]) -> Callable[[Architecture], Architecture]:
    """This dilation for convolutions that keep the size of their map; in blocks, or everywhere if there are none."""

    def change(architecture: Architecture) -> Architecture:
        blocks = set(edit.blocks(architecture))

        def leaf(path: str, node: Any) -> Any:
            inside = not blocks or path.partition("/")[0] in blocks
            if not inside or not isinstance(node, Conv) or not only(node):
                return node
            g = node.geometry
            reach = [d * (k - 1) for d, k in zip(g.dilation, g.kernel, strict=True)]
            keeps = g.stride == (1, 1) and all(a + b == r for a, b, r in zip(g.pad, g.pad_end, reach, strict=True))
            return edit.with_fields(node, dilation=rate, padding="same") if keeps else node

        return edit.transform(architecture, leaf)

    return change


def _add(architecture: Architecture, block: str) -> Architecture:
    path = _parallel(architecture, block)
    if len(edit.find(architecture, path).branches) < 2:
        return architecture
    return edit.replace(architecture, path, fuse="add")


def _width(factor: float) -> Callable[[Architecture], Architecture]:
    return lambda architecture: edit.scale_width(architecture, factor)


def _without(branch: str) -> Callable[[Architecture], Architecture]:
    def change(architecture: Architecture, block: str) -> Architecture:
        path = _parallel(architecture, block)
        names = [each.name for each in edit.find(architecture, path).branches]
        return edit.remove(architecture, f"{path}/{branch}") if branch in names and len(names) > 1 else architecture

    return _each_block(change)


_NO_BLOCKS = "the network has no blocks of parallel branches that could take it"

# In the order in which they are applied together: branches and widths first, what wraps the result last.
_FACTORS = (
    Factor(
        name="add",
        title="fusion by addition",
        summary="Branches are added instead of concatenated; each then gives as many channels as the widest did.",
        group="fusion",
        change=_each_block(_add),
        unmet="no block of parallel branches can be added up",
    ),
    Factor(
        name="dilation-2",
        title="dilation 2",
        summary="3×3 convolutions (of the blocks, if there are any) take every second pixel, which makes their reach "
        "that of a 5×5 at no cost.",
        group="dilation",
        change=_dilation(2, only=lambda conv: conv.geometry.kernel == (3, 3) and conv.geometry.dilation == (1, 1)),
        unmet="no undilated 3×3 convolution keeps the size of its map",
    ),
    Factor(
        name="no-dilation",
        title="no dilation",
        summary="Dilated convolutions become plain ones of the same kernel: as many weights, less reach.",
        group="dilation",
        change=_dilation(1, only=lambda conv: conv.geometry.dilation != (1, 1)),
        unmet="nothing is dilated",
    ),
    Factor(
        name="width-0.5",
        title="half the width",
        summary="Every convolution has half as many channels; the classes stay.",
        group="width",
        change=_width(0.5),
    ),
    Factor(
        name="width-2",
        title="double width",
        summary="Every convolution has twice as many channels; the classes stay.",
        group="width",
        change=_width(2.0),
    ),
    Factor(
        name="batch-norm",
        title="batch norm",
        summary="Batch normalisation between every convolution and its activation, in place of its bias.",
        group="norm",
        change=_norm("batch"),
        unmet="every convolution has it already",
    ),
    Factor(
        name="no-norm",
        title="no norm",
        summary="Without batch normalisation; the convolutions get their biases back.",
        group="norm",
        change=_norm("none"),
        unmet="nothing is normalised",
    ),
    Factor(
        name="residual",
        title="residual",
        summary="A shortcut around each block, added before a ReLU; a 1×1 projection where the shapes differ "
        "(He et al. 2016).",
        group="residual",
        change=_each_block(_residual),
        unmet=f"{_NO_BLOCKS}, or each has a shortcut",
    ),
    Factor(
        name="no-residual",
        title="no residual",
        summary="Without shortcuts; the activation behind each addition stays.",
        group="residual",
        change=_no_residual,
        unmet="there is no shortcut",
    ),
    Factor(
        name="se",
        title="SE",
        summary="Squeeze-and-excitation at the end of each block: weights for channels (Hu et al. 2018).",
        group="attention",
        change=_attention("se"),
        unmet=_NO_BLOCKS,
    ),
    Factor(
        name="cbam",
        title="CBAM",
        summary="CBAM at the end of each block: weights for channels, then for positions (Woo et al. 2018).",
        group="attention",
        change=_attention("cbam"),
        unmet=_NO_BLOCKS,
    ),
    Factor(
        name="no-attention",
        title="no attention",
        summary="Without squeeze-and-excitation and CBAM.",
        group="attention",
        change=_no_attention,
        unmet="there is no attention",
    ),
)
_BY_NAME = {factor.name: factor for factor in _FACTORS}


def _without_branch(branch: str) -> Factor:
    return Factor(
        name=f"{_WITHOUT}{branch}",
        title=f"without {branch}",
        summary=f"Every block loses its branch {branch}; a block keeps at least one.",
        group=f"{_WITHOUT}{branch}",
        change=_without(branch),
        unmet=f"no block can lose a branch named {branch}",
    )


def factors(architecture: Architecture) -> list[Factor]:
    """All factors for a network, in the order of application: one for each name of a branch, then the general ones.

    Not all of them need apply: see ``Factor.refusal``.
    """
    names: dict[str, None] = {}
    for block in edit.blocks(architecture):
        branches = edit.find(architecture, _parallel(architecture, block)).branches
        names |= {branch.name: None for branch in branches if len(branches) > 1}
    return [*map(_without_branch, names), *_FACTORS]


def factor(name: str) -> Factor:
    """A factor by its name. Raises ValueError with the names there are."""
    branch = name.removeprefix(_WITHOUT)
    if branch != name and branch.isidentifier():
        return _without_branch(branch)
    if name not in _BY_NAME:
        known = f"{', '.join(_BY_NAME)}, {_WITHOUT}BRANCH with the name of a branch"
        raise ValueError(f"there is no factor {name[:60]!r}; known: {known}")
    return _BY_NAME[name]


def rank(factor: Factor) -> int:
    """Place in the order of application."""
    return list(_BY_NAME).index(factor.name) if factor.name in _BY_NAME else -1


def changed_parts(before: Architecture, after: Architecture) -> list[str]:
    """Names of the trunk's nodes that a factor has changed."""
    old = {node.name: node for node in before.trunk.nodes}
    return [node.name for node in after.trunk.nodes if old.get(node.name) != node]
