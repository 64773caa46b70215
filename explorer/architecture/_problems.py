"""What is wrong with an architecture, in sentences that name the place, the value and the rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A repair that is offered with a problem: other values for fields of named nodes."""

    label: str
    """What the repair does, as the caption of a button."""
    replacements: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
    """(path, ((field, value), ...)) for each node to change."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One broken rule at one place."""

    path: str
    """Path of the node, '' for the architecture itself."""
    message: str
    """The rule and the value that breaks it, in one sentence."""
    repair: Repair | None = None
    """A change that would repair it, where there is an obvious one."""
    labelled: str = ""
    """The message with the label of the field that it begins with, for who sees labels; '' where it names no field."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ArchitectureError(ValueError):
    """An architecture that cannot be used. ``problems`` holds every broken rule, not only the first.

    >>> error = ArchitectureError([Problem(path="stem/conv", message="kernel_size (=0) must be from 1 to 31")])
    >>> str(error)
    'stem/conv: kernel_size (=0) must be from 1 to 31'
    """

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"... and {len(self.problems) - _SHOWN} more")
        super().__init__("; ".join(lines))

    def with_labels(self) -> ArchitectureError:
        """Write the same problems for people who see labels: 'channels (0) must be at least 1'.

        Returns:
            The error that names fields by their labels, ``field_label``.
        """
        return ArchitectureError([replace(each, message=each.labelled or each.message) for each in self.problems])

    def describe(self, limit: int = 3) -> str:
        """Write the first problems on one line, each with the repair that is offered.

        Args:
            limit: Problems that are written out; the others are counted.

        Returns:
            The line.
        """
        found = [f"{each} ({each.repair.label})" if each.repair else str(each) for each in self.problems]
        more = len(found) - limit
        return "; ".join(found[:limit]) + (f"; and {more} more" if more > 0 else "")
