"""Factors: named, pure changes of an architecture, whose effect an ablation measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..analysis import repair
from ..architecture import NAME_PATTERN, Architecture, ArchitectureError, edit
from ..text import shorten, suggest
from . import factor_edits as edits

_WITHOUT = "without-"
FROM_WEIGHTS = "from-weights"
"""Name of the one factor that leaves the network as it is, and changes what its runs start from."""


class NotApplicable(ValueError):
    """The factor changes nothing in this network, or cannot be applied to it; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One change that an ablation makes, the same in every block."""

    name: str
    """Key for addresses and the command line."""
    title: str
    """Two or three words, for labels."""
    summary: str
    """What it does, in one sentence."""
    group: str
    """Factors of one group are levels of the same thing, such as two kinds of attention: never combined."""
    change: Callable[[Architecture], Architecture] = field(repr=False, compare=False)
    """The change, before repairs; blocks in which it is impossible are left unchanged."""
    reason_unchanged: str = "nothing in this network would change"
    """Why it does not apply where the change has no effect."""

    def apply(self, architecture: Architecture) -> Architecture:
        """Apply the factor to a network, and repair the result to a valid one.

        Args:
            architecture: The network; it stays as it is.

        Returns:
            The changed network.

        Raises:
            NotApplicable: Nothing would change, or the result cannot be repaired; the message says why.
        """
        try:
            changed, _ = repair(self.change(architecture))
        except ArchitectureError as error:
            raise NotApplicable(f"{self.title}: {error}") from None
        if changed == architecture:
            raise NotApplicable(f"{self.title}: {self.reason_unchanged}")
        return changed

    def reason_not_applicable(self, architecture: Architecture) -> str:
        """Find why the factor cannot be applied to a network; '' where it can."""
        try:
            self.apply(architecture)
        except NotApplicable as error:
            return str(error)
        return ""


_NO_BLOCKS = "the network has no blocks of parallel branches that could take it"



def _depth(times: int, words: str) -> Factor:
    return Factor(
        name=f"depth-{times}",
        title=f"{times} × the blocks",
        summary=f"Each block is followed by {words} more like it, at stride 1 and with the identity as shortcut.",
        group="depth",
        change=edits.repeat_blocks(times),
        reason_unchanged="there is neither a residual nor a block of parallel branches at stride 1 to repeat",
    )


# In the order in which they are applied together: branches and widths first, what wraps the result last.
_FACTORS = (
    _depth(3, "two"),
    _depth(7, "six"),
    Factor(
        name="add",
        title="fusion by addition",
        summary="Branches are added instead of concatenated; each then gives as many channels as the widest did.",
        group="fusion",
        change=edits.apply_to_each_block(edits.fuse_by_addition),
        reason_unchanged="no block of parallel branches can be added up",
    ),
    Factor(
        name="dilation-2",
        title="dilation 2",
        summary="3×3 convolutions (of the blocks, if there are any) sample every second pixel, which gives them the "
        "receptive field of a 5×5 at no cost.",
        group="dilation",
        change=edits.set_dilation(2, only=lambda g: g.kernel == (3, 3) and g.dilation == (1, 1)),
        reason_unchanged="no undilated 3×3 convolution keeps the size of its map",
    ),
    Factor(
        name="no-dilation",
        title="no dilation",
        summary="Dilated convolutions become undilated ones of the same kernel: as many weights, a smaller receptive "
        "field.",
        group="dilation",
        change=edits.set_dilation(1, only=lambda g: g.dilation != (1, 1)),
        reason_unchanged="nothing is dilated",
    ),
    Factor(
        name="width-0.5",
        title="half the width",
        summary="Every convolution has half as many channels; the number of classes stays.",
        group="width",
        change=edits.scale_width(0.5),
    ),
    Factor(
        name="width-2",
        title="double width",
        summary="Every convolution has twice as many channels; the number of classes stays.",
        group="width",
        change=edits.scale_width(2.0),
    ),
    Factor(
        name="batch-norm",
        title="batch norm",
        summary="Batch normalisation between every convolution and its activation, in place of its bias.",
        group="norm",
        change=edits.set_norm("batch"),
        reason_unchanged="every convolution has it already",
    ),
    Factor(
        name="no-norm",
        title="no norm",
        summary="Without batch normalisation; the convolutions get their biases back.",
        group="norm",
        change=edits.set_norm("none"),
        reason_unchanged="nothing is normalised",
    ),
    Factor(
        name="residual",
        title="residual",
        summary="A shortcut around each block, added before a ReLU; a 1×1 projection where the shapes differ "
        "(He et al. 2016).",
        group="residual",
        change=edits.apply_to_each_block(edits.add_residual),
        reason_unchanged=f"{_NO_BLOCKS}, or each has a shortcut",
    ),
    Factor(
        name="no-residual",
        title="no residual",
        summary="Without shortcuts; the activation after each addition stays.",
        group="residual",
        change=edits.remove_residuals,
        reason_unchanged="there is no shortcut",
    ),
    Factor(
        name="se",
        title="SE",
        summary="Squeeze-and-excitation at the end of each block: weights for channels (Hu et al. 2018).",
        group="attention",
        change=edits.set_attention("se"),
        reason_unchanged=_NO_BLOCKS,
    ),
    Factor(
        name="cbam",
        title="CBAM",
        summary="CBAM at the end of each block: weights for channels, then for positions (Woo et al. 2018).",
        group="attention",
        change=edits.set_attention("cbam"),
        reason_unchanged=_NO_BLOCKS,
    ),
    Factor(
        name="no-attention",
        title="no attention",
        summary="Without squeeze-and-excitation and CBAM.",
        group="attention",
        change=edits.remove_attention,
        reason_unchanged="there is no attention",
    ),
)
_BY_NAME = {factor.name: factor for factor in _FACTORS}


def _without_branch(branch: str) -> Factor:
    return Factor(
        name=f"{_WITHOUT}{branch}",
        title=f"without {branch}",
        summary=f"Every block loses its branch {branch}; a block keeps at least one.",
        group=f"{_WITHOUT}{branch}",
        change=edits.remove_branch(branch),
        reason_unchanged=f"no block can lose a branch named {branch}",
    )


def list_factors(architecture: Architecture) -> list[Factor]:
    """List all factors for a network, in the order of application.

    Args:
        architecture: The network.

    Returns:
        One factor for each name of a branch, then the general ones. Some may not be applicable: see
        ``Factor.reason_not_applicable``.
    """
    names: dict[str, None] = {}
    for block in edit.blocks(architecture):
        branches = edit.find(architecture, edits.parallel_path(architecture, block)).branches
        names |= {branch.name: None for branch in branches if len(branches) > 1}
    return [*map(_without_branch, names), *_FACTORS]


def get_factor(name: str) -> Factor:
    """Find a factor by its name.

    Args:
        name: As ``list_factors`` gives it.

    Returns:
        The factor.

    Raises:
        ValueError: There is none; the message lists the known names.
    """
    branch = name.removeprefix(_WITHOUT)
    if branch != name and NAME_PATTERN.fullmatch(branch):
        return _without_branch(branch)
    if name not in _BY_NAME:
        known = f"known: {', '.join(_BY_NAME)}, {_WITHOUT}BRANCH with the name of a branch"
        near = suggest(name, _BY_NAME.keys(), known) if branch == name else known
        raise ValueError(f"there is no factor {name[:60]!r}; {near}")
    return _BY_NAME[name]


def start_factor(weights: str) -> Factor:
    """The factor that runs start from weights of this name, in place of random ones."""
    return Factor(
        name=FROM_WEIGHTS,
        title=f"from {shorten(weights, 40)}",
        summary="Runs start from these weights: what fits is carried over, the rest begins anew by the seed.",
        group="start",
        change=lambda architecture: architecture,
    )


def application_order(factor: Factor) -> int:
    """Position in the order in which factors are applied."""
    return list(_BY_NAME).index(factor.name) if factor.name in _BY_NAME else -1


def changed_nodes(before: Architecture, after: Architecture) -> list[str]:
    """Find the nodes of the trunk that differ between two architectures.

    Args:
        before: The earlier architecture.
        after: The later one.

    Returns:
        Names of nodes of ``after``; those that it has lost are not among them.
    """
    old = {node.name: node for node in before.trunk.nodes}
    return [node.name for node in after.trunk.nodes if old.get(node.name) != node]
