"""The verb ``lesson``: a few short runs that together show one thing, and their results side by side."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..text import compact_shape, format_share
from ._arguments import whole_number
from ._running import add_changes, look_after, open_manager, require_training, setting_changes
from ._runs import until_ended, watch
from ._text import WIDTH, escape, format_table, print_json

if TYPE_CHECKING:
    from ..runs import Manager, Run


def _lesson(args: argparse.Namespace) -> None:
    from ..training import lesson, start_lesson

    if args.name is None:
        _list(args)
        return
    require_training()
    found = lesson(args.name)
    with open_manager(args.cluster) as manager:
        runs = start_lesson(manager, found.name, **setting_changes(args))
        look_after(manager)
        if not args.json:
            print(f"{found.title}\n\n{textwrap.fill(found.text, WIDTH)}\n", flush=True)
        if not args.detach:
            try:
                for run in runs:
                    watch(manager, run.id)
            except KeyboardInterrupt:
                _pause(manager, runs)
                raise
        _print_state(args, manager, runs)


def _list(args: argparse.Namespace) -> None:
    from ..training import LESSONS

    if args.json:
        print_json([
            {
                "name": each.name, "title": each.title, "text": each.text,
                "trials": [
                    {"network": trial.network, "dataset": trial.dataset, "config": trial.config().model_dump()}
                    for trial in each.runs
                ],
            }
            for each in LESSONS.values()
        ])  # fmt: skip
        return
    lessons = [(each.name, str(len(each.runs)), each.title) for each in LESSONS.values()]
    print(format_table(("lesson", "runs", "what it shows"), lessons, "<><"))


def _pause(manager: Manager, runs: list[Run]) -> None:
    for run in runs:
        with contextlib.suppress(ValueError):  # it has ended already
            manager.pause(run.id)
            until_ended(manager, run.id)
    way = "`python -m explorer runs list` shows them, `runs resume` continues them"
    print(f"\nthe runs are paused; {way}", file=sys.stderr)


def _print_state(args: argparse.Namespace, manager: Manager, runs: list[Run]) -> None:
    """What each network sees beside what it has learnt."""
    from ..analysis import analyze
    from ..architecture import from_json
    from ..runs import series

    rows: list[dict[str, Any]] = []
    for run in (manager.run(run.id) for run in runs):
        tested = manager.store.points(run.id, series.TEST_ACCURACY)
        rows.append({
            "id": run.id,
            "name": run.name,
            "status": run.status,
            "reason": run.reason,
            "dataset": run.setting("dataset"),
            "receptive_field": list(analyze(from_json(run.architecture)).totals.receptive_field.size),
            "test_accuracy": tested[-1].value if tested else None,
        })  # fmt: skip
    if args.json:
        print_json(rows)
    else:
        cells = [
            (row["id"], row["status"], escape(row["name"]), row["dataset"], compact_shape(row["receptive_field"]),
             "" if row["test_accuracy"] is None else format_share(row['test_accuracy']))
            for row in rows
        ]  # fmt: skip
        print(format_table(("run", "state", "network", "data", "sees", "test accuracy"), cells, "<<<<>>"))
    for row in rows:
        if row["status"] == "failed":
            raise ValueError(f"run {row['id']} failed: {row['reason']}")


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "A few short runs that demonstrate one effect, with their results; without a name: list the lessons."
    sub = verb("lesson", _lesson, text, arch=False, shape=False)
    sub.add_argument("name", nargs="?", metavar="NAME", help="such as long-range")
    add_changes(sub)
    sub.add_argument("--seed", type=whole_number, metavar="S")
    sub.add_argument("--detach", action="store_true", help="start them and return at once")
