"""``lint``: all rules over one architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ...architecture import Architecture, edit
from ._borders import find_mostly_padding, find_padding_fixes
from ._branches import find_alignments, find_misaligned
from ._depth import find_depth_fixes, find_unproductive
from ._findings import RULES, Finding, Fix
from ._gridding import find_gridding, find_gridding_fixes, find_hdc
from ._lines import Network
from ._strides import find_stride_fixes, find_stride_gaps

Find = Callable[[Network], Iterator[Finding]]
Mend = Callable[[Network, Finding], tuple[tuple[Fix, ...], str]]

_MOST_FIXES = 100
_FINDERS: dict[str, Find] = {
    "gridding": find_gridding,
    "hdc": find_hdc,
    "stride-gap": find_stride_gaps,
    "misaligned": find_misaligned,
    "unproductive": find_unproductive,
    "padding": find_mostly_padding,
}
_MENDERS: dict[str, Mend] = {
    "gridding": find_gridding_fixes,
    "stride-gap": find_stride_fixes,
    "misaligned": find_alignments,
    "unproductive": find_depth_fixes,
    "padding": find_padding_fixes,
}


def lint(
    architecture: Architecture, input_shape: tuple[int, int, int] | None = None, *, fixes: bool = True
) -> tuple[Finding, ...]:
    """Find what a network's designer may not want, each with edits that mend it and lose nothing.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) in place of the architecture's own.
        fixes: Whether to search for fixes, which takes longer than all else.

    Returns:
        The findings, by rule in the order of ``RULES`` and then in execution order; () where there is nothing to say.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
    """
    if input_shape is not None:
        architecture = edit.replace(architecture, "", input_shape=tuple(input_shape))
    network = Network(architecture)
    found = [finding for rule in RULES for finding in _FINDERS[rule](network)]
    return tuple(_mend(network, finding) for finding in found) if fixes else tuple(found)


def apply_fixes(
    architecture: Architecture, rules: Sequence[str] = tuple(RULES)
) -> tuple[Architecture, tuple[tuple[Finding, Fix], ...], tuple[Finding, ...]]:
    """Apply the first fix of the first finding that has one, again and again.

    Args:
        architecture: The network.
        rules: Ids of the rules whose findings are mended.

    Returns:
        (the network afterwards, each finding with the fix that was applied, in order, the findings that are left).

    Raises:
        ArchitectureError: Layers do not fit together.
    """
    applied: list[tuple[Finding, Fix]] = []
    while True:
        network = Network(architecture)
        left = [finding for rule in RULES if rule in rules for finding in _FINDERS[rule](network)]
        mended = next((each for finding in left if (each := _mend(network, finding)).fixes), None)
        if mended is None or len(applied) == _MOST_FIXES:
            return architecture, tuple(applied), tuple(_mend(network, finding) for finding in left)
        applied.append((mended, mended.fixes[0]))
        architecture = mended.fixes[0].architecture


def find_fixes(architecture: Architecture, finding: Finding) -> tuple[Fix, ...]:
    """Search for edits that mend a finding: no more MACs or parameters, the same shapes, at least the same field.

    Args:
        architecture: The network that was linted, with the input shape that it was linted for.
        finding: One of its findings.

    Returns:
        The fixes, each proved by analysing its result; () where the searched edits hold none.
        ``Finding.searched`` of ``lint`` says which edits those are.
    """
    return _mend(Network(architecture), finding).fixes


def _mend(network: Network, finding: Finding) -> Finding:
    mender = _MENDERS.get(finding.rule)
    if mender is None:
        return finding
    fixes, searched = mender(network, finding)
    return replace(finding, fixes=fixes, searched=searched)
