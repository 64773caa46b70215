"""How every page describes runs: the name of a state, the titles of several runs, and the panels of their curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from explorer import figures, training
from explorer.runs import ChanceLevel, Curve, Run, series
from pages.ui.manager import history, manager

from .state import steps_per_epoch

STATES: dict[str, tuple[str, str, Any]] = {
    "queued": ("waiting for its device", ":material/schedule:", "gray"),
    "running": ("running", ":material/play_arrow:", "blue"),
    "paused": ("paused", ":material/pause:", "orange"),
    "stopped": ("stopped", ":material/stop:", "gray"),
    "interrupted": ("interrupted", ":material/power_off:", "orange"),
    "failed": ("failed", ":material/error:", "red"),
    "finished": ("finished", ":material/check:", "green"),
    "lost": ("lost", ":material/folder_off:", "red"),
}
"""For each state of a run its name for people, icon and colour."""


def describe_next(runs: Iterable[str]) -> str:
    """When it is the turn of the next of several runs, in a few words; '' where none waits."""
    turns = training.expect_starts(manager())
    ours = [turns[run] for run in runs if run in turns]
    return training.describe_next(ours)


def curve_panels(runs: list[Run]) -> list[dict[str, Any]]:
    """Loss and accuracy of all runs, as ``figures.lay_out_curves`` takes them."""
    past = history()
    chance = [level for run in runs if (level := past.chance(run)) is not None]
    return lay_out_panels(len(runs), lambda index, name: past.curve(runs[index], name), chance)


def lay_out_panels(
    count: int, curve: Callable[[int, str], Curve], chance: Iterable[ChanceLevel]
) -> list[dict[str, Any]]:
    """The same for so many runs, whose series ``curve`` reads by place and name."""

    def lines(*wanted: tuple[str, str, bool]) -> list[figures.Line]:
        found = []
        for index in range(count):
            for stored, name, marked in wanted:
                read = curve(index, stored)
                if len(read):
                    found.append(
                        figures.Line(
                            run=index, name=name, marked=marked,
                            steps=read.steps, values=read.values, seconds=read.seconds,
                        )
                    )  # fmt: skip
        return found

    def panel(key: str, title: str, note: str, form: str) -> dict[str, Any]:
        wanted = [(series.of_step(key), "train", False)]
        wanted += [(series.of_epoch(split, key), split, True) for split in ("validation", "test")]
        return {"key": key, "title": title, "note": note, "format": form, "lines": lines(*wanted)}

    chance = list(dict.fromkeys(chance))
    note = "correct predictions" + (f"; {chance[0].name_levels()}" if len(chance) == 1 else "")
    levels = list(dict.fromkeys(each for level in chance for each in level.levels()))
    return [
        panel("loss", "Loss", "cross entropy", "number"),
        {**panel("accuracy", "Accuracy", note, "percent"), "levels": levels},
    ]


def list_titles(runs: list[Run]) -> list[tuple[str, str, float]]:
    """(id, title, steps an epoch) of runs; where titles repeat, what tells them apart is added."""
    names = [run.name for run in runs]
    made = []
    for run in runs:
        title = run.name
        if names.count(run.name) > 1:
            title = f"{run.name} · seed {run.setting('seed')}"
            if sum(1 for other in runs if other.name == run.name and other.setting("seed") == run.setting("seed")) > 1:
                title = f"{run.name} · {run.id[-6:]}"
        made.append((run.id, title[:80], steps_per_epoch(run)))
    return made
