"""The verbs about experiments: ``experiments list | show | watch | seeds | pause | resume | stop | delete``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..text import format_duration, quote
from ._progress import show_progress
from ._running import hold_interrupts, look_after, open_manager
from ._text import escape, format_notes, format_table, print_json
from ._turns import expect_turns, list_turns, print_next

if TYPE_CHECKING:
    from ..experiments import StoredExperiment
    from ..runs import Manager, Run

_STOP_SECONDS = 40.0


def seeds_of(text: str) -> Sequence[int]:
    """3 is the seeds 0, 1, 2; 4,7 are those, and '5,' is one."""
    from ..experiments import parse_seeds

    if "," in text:
        return parse_seeds(text)
    try:
        return range(int(text))
    except ValueError:
        raise ValueError(f"--seeds {quote(text)} must be a number of seeds, or seeds such as 0,1,2") from None


def _progress(runs: list[Run], planned: int) -> str:
    """One line: finished runs, and the progress of the running ones."""
    ended = sum(run.status == "finished" for run in runs)
    parts = [f"{ended:,}/{planned:,} runs finished"]
    for run in runs:
        if run.status == "running":
            part = f", {run.step:,}/{run.steps:,} steps" if run.steps else ""
            parts.append(f"{escape(run.name)}: epoch {min(run.epoch + 1, run.setting('epochs'))}{part}")
    failed = sum(run.status == "failed" for run in runs)
    return "; ".join(parts + ([f"{failed} failed"] if failed else []))


def watch(manager: Manager, experiment: str) -> None:
    """Show the progress on stderr until no run is active: a bar on a terminal, else one line a change."""
    from ..experiments import get_experiment

    planned = get_experiment(manager, experiment).experiment
    epochs, told = planned.config.epochs * len(planned.trials), None
    live = sys.stderr.isatty()
    with hold_interrupts() as rest, show_progress("epochs") as tell:
        while True:
            look_after(manager)
            runs = [run for _, run in manager.trials(experiment)]
            state = [(run.status, run.epoch) for run in runs]
            line = _progress(runs, len(planned.trials))
            if live:
                # One that was stopped early has trained all that it will.
                done = sum(planned.config.epochs if run.status == "finished" else run.epoch for run in runs)
                tell(done, epochs, line)
            elif state != told:
                print(line, file=sys.stderr, flush=True)
            told = state
            if not any(run.active for run in runs):
                return
            rest()


def wait(manager: Manager, experiment: str) -> None:
    """Wait until no run is active, or until the time limit."""
    end = time.monotonic() + _STOP_SECONDS
    while any(run.active for _, run in manager.trials(experiment)) and time.monotonic() < end:
        look_after(manager)
        time.sleep(0.1)


def print_experiment(args: argparse.Namespace, manager: Manager, stored: StoredExperiment) -> None:
    """An experiment as it stands: JSON, Markdown, CSV, or a table for a terminal."""
    from ..experiments import (
        COLUMNS,
        CONVENTIONS,
        INTERACTION_COLUMNS,
        ONE_SEED,
        collect_gradients,
        collect_results,
        describe_conclusions,
        describe_gradients,
        draw_conclusions,
        format_epochs,
        interaction_cells,
        table_cells,
        to_csv,
        to_markdown,
    )

    rows = collect_results(manager, stored)
    turns = expect_turns(manager, [run for _, run in manager.store.trials(stored.id)])
    conclusions = draw_conclusions(manager, stored, rows)
    planned = stored.experiment
    form = "json" if args.json else getattr(args, "form", None)
    if form == "json":
        print_json({
            "id": stored.id,
            "name": planned.name,
            "created": stored.created,
            "base": planned.base.name,
            "design": planned.design,
            "seeds": list(planned.seeds),
            "config": planned.config.model_dump(),
            "variants": [row.to_data() for row in rows],
            "comparisons": [each.to_data() for each in conclusions.differences],
            "interactions": [each.to_data() for each in conclusions.interactions],
            "gradients": [asdict(each) for each in collect_gradients(manager, stored, rows)],
            "chance": conclusions.chance and asdict(conclusions.chance),
            "waiting": list_turns(turns),
            "spread": conclusions.spread and {**asdict(conclusions.spread), "interval_95": conclusions.spread.interval},
        })  # fmt: skip
    elif form == "markdown":
        print(to_markdown(stored, rows, conclusions), end="")
    elif form == "csv":
        print(to_csv(stored, rows, conclusions), end="")
    else:
        how = f"{planned.design}; {format_epochs(planned.config.epochs)}, seeds {', '.join(map(str, planned.seeds))}"
        print(f"{stored.id}  {escape(planned.name)}  ({how})\n")
        for columns, cells in (
            (COLUMNS, table_cells(rows, conclusions)), (INTERACTION_COLUMNS, interaction_cells(conclusions)),
        ):  # fmt: skip
            if cells:
                shown = [tuple(map(escape, row)) for row in cells]
                print(f"{format_table(columns, shown, '<' + '>' * (len(columns) - 1))}\n")
        for sentence in describe_conclusions(conclusions):
            way = f"; `python -m explorer experiments seeds {stored.id} 1,2` adds two" if sentence == ONE_SEED else ""
            print(f"{sentence}{way}.\n")
        gradients = collect_gradients(manager, stored, rows)
        if any(each.vanishes for each in gradients):
            print("\n".join(f"{escape(each)}." for each in describe_gradients(gradients)), end="\n\n")
        states = {row.label: row.states for row in rows if set(row.states) != {"finished"}}
        for label, counts in states.items():
            print(f"{escape(label)}: {', '.join(f'{count} {status}' for status, count in counts.items())}")
        print_next(turns)
        print()
        print(format_notes([(name, "", text) for name, text in CONVENTIONS.items()]))


# ---- the verbs ------------------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> None:
    from ..experiments import list_experiments

    with open_manager() as manager:
        look_after(manager)
        found = [(stored, [run for _, run in manager.trials(stored.id)]) for stored in list_experiments(manager)]
        if args.json:
            print_json([
                {
                    "id": stored.id,
                    "name": stored.experiment.name,
                    "created": stored.created,
                    "variants": [variant.label for variant in stored.experiment.variants],
                    "seeds": list(stored.experiment.seeds),
                    "runs": [run.id for run in runs],
                    "finished": sum(run.status == "finished" for run in runs),
                    "active": sum(run.active for run in runs),
                }
                for stored, runs in found
            ])  # fmt: skip
            return
        rows = [
            (
                stored.id,
                f"{sum(run.status == 'finished' for run in runs)}/{len(stored.experiment.trials)}",
                str(sum(run.active for run in runs)),
                str(len(stored.experiment.variants)),
                str(len(stored.experiment.seeds)),
                format_duration(sum(run.seconds for run in runs)),
                f"{datetime.fromtimestamp(stored.created).astimezone():%Y-%m-%d %H:%M}",
                escape(stored.experiment.name),
            )
            for stored, runs in found
        ]
        header = ("experiment", "done", "active", "variants", "seeds", "time", "begun", "name")
        print(format_table(header, rows, "<>>>>>><"))


def _show(args: argparse.Namespace) -> None:
    from ..experiments import get_experiment

    with open_manager() as manager:
        print_experiment(args, manager, get_experiment(manager, args.experiment))


def _watch_verb(args: argparse.Namespace) -> None:
    from ..experiments import get_experiment

    with open_manager() as manager:
        stored = get_experiment(manager, args.experiment)
        watch(manager, stored.id)
        print_experiment(args, manager, stored)


def _act(name: str, *, waits: bool) -> Callable[[argparse.Namespace], None]:
    def verb(args: argparse.Namespace) -> None:
        from .. import experiments

        with open_manager() as manager:
            count = getattr(experiments, name)(manager, args.experiment)
            look_after(manager)
            if waits:
                wait(manager, args.experiment)
            stored = experiments.get_experiment(manager, args.experiment)
            if args.json:
                print_experiment(args, manager, stored)
            else:
                print(f"{stored.id}  {name}: {count} runs")

    return verb


def _add_seeds(args: argparse.Namespace) -> None:
    from ..experiments import add_seeds

    with open_manager() as manager:
        seeds = seeds_of(args.seeds if "," in args.seeds else f"{args.seeds},")
        stored = add_seeds(manager, args.experiment, seeds)
        look_after(manager)
        print_experiment(args, manager, stored)


def _delete(args: argparse.Namespace) -> None:
    from ..experiments import delete

    with open_manager() as manager:
        delete(manager, args.experiment)
        if args.json:
            print_json({"deleted": args.experiment})
        else:
            print(f"{args.experiment}  deleted")


def add_forms(sub: argparse.ArgumentParser) -> None:
    for form in ("markdown", "csv"):
        sub.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=f"the table as {form}")


def add(verbs: Any) -> None:
    """Add the verbs to the command line."""
    text = "The experiments: list, show, watch, seeds, pause, resume, stop, delete."
    group = verbs.add_parser("experiments", help=text, description=text, allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, text in (
        ("list", _list, "All experiments."),
        ("show", _show, "The table of one experiment."),
        ("watch", _watch_verb, "Follow an experiment until its runs end; Ctrl-C does not stop it."),
        ("seeds", _add_seeds, "Train every variant from further seeds."),
        ("pause", _act("pause", waits=True), "Pause all its runs."),
        ("resume", _act("resume", waits=False), "Continue all its runs, including failed and deleted ones."),
        ("stop", _act("stop", waits=True), "End all its runs."),
        ("delete", _delete, "Delete an experiment with its runs."),
    ):
        sub = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        if name != "list":
            sub.add_argument("experiment", metavar="EXPERIMENT", help="as `experiments list` shows it")
        if name == "seeds":
            sub.add_argument("seeds", metavar="S,S", help="such as 3,4")
        if name in ("show", "watch", "seeds"):
            add_forms(sub)
        sub.add_argument("--json", action="store_true", help="plain data instead of text")
