"""Lessons: a few short runs that together demonstrate one effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import catalog
from ..runs import Manager, Run
from ..text import suggest
from ._config import TrainConfig
from ._launch import start
from ._recipes import recipe


@dataclass(frozen=True, kw_only=True)
class LessonRun:
    """One run of a lesson."""

    network: str
    """Name in the catalogue."""
    dataset: str
    """Name of the data set."""
    recipe: str
    """Name of the recipe."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings that differ from the recipe's."""

    def config(self, **changes: Any) -> TrainConfig:
        """Make the configuration, with ``changes`` on top. Raises ValueError where a value is not allowed."""
        return recipe(self.recipe, self.dataset).changed(**{**self.changes, **changes})


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A few short runs that together demonstrate one effect."""

    name: str
    """Key on the command line and in links, and the tag of the runs."""
    title: str
    """What is shown, in one sentence."""
    text: str
    """What to expect, and why."""
    runs: tuple[LessonRun, ...]
    """The runs that show it."""


def _long_range() -> Lesson:
    # Found by experiment: each of 12 seeds reached 100 % within two epochs of some seconds; the third is a margin.
    # The course's own settings need ten times as long for it.
    changes = {"lr": 0.01, "batch_size": 64, "epochs": 3, "normalise": "data"}
    return Lesson(
        name="long-range",
        title="A network cannot learn what it cannot see",
        text="Which of two marks, 8 rows apart, is the lighter one? Two networks of equal parameters and MACs: "
        "three 3×3 convolutions see 7 rows and stay at 50 %, which can be proven; with dilations 1, 2, 4 they see 15 "
        "and classify every image correctly. The receptive field on the Design page predicts it: 9 rows are needed.",
        runs=tuple(
            LessonRun(network=network, dataset="long-range-8", recipe="course", changes=changes)
            for network in ("near-sighted-cnn", "far-sighted-cnn")
        ),
    )


LESSONS: dict[str, Lesson] = {lesson.name: lesson for lesson in (_long_range(),)}
"""By name."""


def lesson(name: str) -> Lesson:
    """Find a lesson by its name.

    Args:
        name: A key of ``LESSONS``.

    Returns:
        The lesson.

    Raises:
        ValueError: There is none; the message has the names there are.
    """
    if name not in LESSONS:
        raise ValueError(f"there is no lesson {name[:60]!r}; {suggest(name, LESSONS.keys())}")
    return LESSONS[name]


def start_lesson(manager: Manager, name: str, **changes: Any) -> list[Run]:
    """Queue the runs of a lesson.

    Args:
        manager: Of the runs.
        name: A key of ``LESSONS``.
        changes: Settings of ``TrainConfig`` that differ from the lesson's, such as a seed or a device.

    Returns:
        The runs in order.

    Raises:
        ValueError: There is no such lesson, or a setting cannot have that value, and then nothing is queued; or as
            ``start``.
    """
    found = lesson(name)
    configs = [run.config(**changes) for run in found.runs]
    return [
        start(manager, catalog.get(run.network), config, tags=(found.name,))
        for run, config in zip(found.runs, configs, strict=True)
    ]
