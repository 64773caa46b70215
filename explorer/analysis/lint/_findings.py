"""What the linter returns, and what each of its rules means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ...architecture import Architecture
from ...text import compact_shape, format_percent, format_signed

Severity = Literal["warning", "note"]
"""'warning' for what costs information or work, 'note' for what is worth knowing."""


class Rule(NamedTuple):
    """A rule of the linter."""

    title: str
    """Its name for people."""
    meaning: str
    """What a finding of it says, in one sentence without a full stop."""


RULES: dict[str, Rule] = {
    "gridding": Rule(
        "Gridding",
        "positions inside the outline of a unit's field that reach it on no path; the outline is the smallest shape "
        "without a gap in any row or column, so that the corners of a cross of 1×n beside n×1 are no holes. Judged for "
        "the last feature map on the image, and for every run of two or more windows up to a stride on its own input",
    ),
    "hdc": Rule(
        "HDC's rule",
        "the rule of hybrid dilated convolution, M₂ ≤ K (Wang et al. 2018), and the exact answer differ for a chain "
        "of convolutions of one kernel size",
    ),
    "stride-gap": Rule(
        "Stride leaves gaps",
        "positions between others of a feature map that no unit of the next layer, or of any branch of it, reads",
    ),
    "misaligned": Rule(
        "Misaligned branches",
        "branches that meet have units at one index whose fields differ in centre or stride",
    ),
    "unproductive": Rule(
        "Unproductive layers",
        "layers with a window whose input already sees more than the image, on both axes and by its shortest path "
        "(Richter et al. 2021: behind the border layer); they add no context",
    ),
    "padding": Rule(
        "Mostly padding",
        "at least half of all taps of a layer's units fall on padding, not on its input",
    ),
}
"""Every rule by its id, in the order in which findings are listed."""


@dataclass(frozen=True, kw_only=True)
class Fix:
    """An edit that mends a finding, proved by analysing its result. Pairs are (before, after)."""

    label: str
    """What it does, as the caption of a button."""
    changes: tuple[str, ...]
    """Each change in a few words, with the path of its node."""
    architecture: Architecture = field(repr=False)
    """The network after it."""
    params: tuple[int, int]
    """Parameters, auxiliary heads included."""
    macs: tuple[int, int]
    """Multiply-adds of one image in inference."""
    receptive_field: tuple[tuple[int, int], tuple[int, int]]
    """(height, width) of the field at the finding's node, in pixels of the image."""
    coverage: tuple[float, float] | None = None
    """Share of the box that a unit sees, of the map that the finding is about; None for rules of other things."""

    def describe(self) -> str:
        """Say what it changes in numbers, in one line.

        Returns:
            'parameters 0, MACs 0, field 13×13 → 13×13, coverage 29 % → 100 %'.
        """
        words = [
            f"parameters {format_signed(self.params[1] - self.params[0])}",
            f"MACs {format_signed(self.macs[1] - self.macs[0])}",
            f"field {' → '.join(compact_shape(size) for size in self.receptive_field)}",
        ]
        if self.coverage is not None:
            words.append(f"coverage {' → '.join(format_percent(share, 1) for share in self.coverage)}")
        return ", ".join(words)

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON, without the network."""
        sizes = [list(size) for size in self.receptive_field]
        return {
            "label": self.label,
            "changes": list(self.changes),
            "params": list(self.params),
            "macs": list(self.macs),
            "receptive_field": sizes,
            "coverage": None if self.coverage is None else list(self.coverage),
        }


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a network that its designer may not want."""

    rule: str
    """Id of its rule, a key of ``RULES``."""
    severity: Severity
    """'warning' or 'note'."""
    path: str
    """Path of the node at which it shows."""
    layers: tuple[str, ...]
    """Paths of the nodes that cause it, in execution order."""
    summary: str
    """What is found in a few words."""
    message: str
    """What is found, in sentences with this network's numbers."""
    numbers: dict[str, Any] = field(compare=False)
    """The same as plain data; which keys there are depends on the rule."""
    fixes: tuple[Fix, ...] = ()
    """Edits that mend it, the best first."""
    searched: str = ""
    """Which edits were tried, in one sentence; '' before the search."""

    @property
    def title(self) -> str:
        """The rule's name for people."""
        return RULES[self.rule].title

    @property
    def meaning(self) -> str:
        """What a finding of the rule says."""
        return RULES[self.rule].meaning

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {
            "rule": self.rule,
            "title": self.title,
            "meaning": self.meaning,
            "severity": self.severity,
            "path": self.path,
            "layers": list(self.layers),
            "summary": self.summary,
            "message": self.message,
            "numbers": self.numbers,
            "fixes": [fix.to_data() for fix in self.fixes],
            "searched": self.searched,
        }
