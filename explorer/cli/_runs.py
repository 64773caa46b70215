"""The verbs about training: ``train`` and ``runs list | show | watch | pause | resume | extend | stop | share | export
| delete``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import format_bytes, format_duration, format_share, quote_path
from ._arguments import find_architecture, whole_number
from ._evaluate import format_classes
from ._progress import show_progress
from ._running import (
    add_cluster,
    add_fit,
    add_settings,
    fit_network,
    hold_interrupts,
    look_after,
    open_manager,
    require_training,
    training_config,
)
from ._start import add_start, open_weights, start_changes, tell_carried
from ._text import escape, format_table, print_json
from ._turns import expect_turns, turn_data

if TYPE_CHECKING:  # the store and pydantic's other users are loaded by the verb that needs them
    from ..runs import Manager, Run

_STOP_SECONDS = 40.0
_MOST_CLASSES = 20
"""In the table of ``runs show``."""
_FORMATS = ("tensorboard", "csv", "json")


# ---- watching -------------------------------------------------------------------------------------------------------


def _latest(manager: Manager, run: Run, name: str) -> float | None:
    points = manager.store.points(run.id, name, after=run.step - 1000)
    return points[-1].value if points else None


def _progress(manager: Manager, run: Run, *, bar: bool = False) -> str:
    """One line: progress, accuracy, speed and remaining time; beside a ``bar``, what that does not tell."""
    from ..runs import series

    if run.status != "running" or not run.steps:
        turn = expect_turns(manager, [run]).get(run.id)
        state = f"{run.status}, {turn.describe()}" if turn else run.status
        return f"{run.id}  {state}{f': {escape(run.reason)}' if run.reason else ''}"
    parts = [f"epoch {min(run.epoch + 1, run.setting('epochs'))}/{run.setting('epochs')}"]
    parts += [] if bar else [f"step {run.step:,}/{run.steps:,}"]
    for name, form in (
        (series.TRAIN_LOSS, "loss {:.4f}".format),
        (series.TRAIN_ACCURACY, lambda share: f"accuracy {format_share(share, 1)}"),
        (series.IMAGES_PER_SECOND, "{:,.0f} images/s".format),
    ):
        value = _latest(manager, run, name)
        if value is not None:
            parts.append(form(value))
    if run.step and not bar:
        parts.append(f"{format_duration(run.seconds / run.step * (run.steps - run.step))} to go")
    if not manager.is_responding(run):
        parts.append("not responding")
    return f"{run.id}  {'  '.join(parts)}"


def watch(manager: Manager, run_id: str) -> Run:
    """Show the progress on stderr until the run ends: a bar on a terminal, else a line an epoch."""
    live, last_epoch = sys.stderr.isatty(), -1
    with hold_interrupts() as rest, show_progress("steps") as tell:
        while True:
            look_after(manager)
            run = manager.run(run_id)
            if live and run.steps:
                tell(run.step, run.steps, _progress(manager, run, bar=True))
            elif not live and (run.epoch != last_epoch or not run.active):
                last_epoch = run.epoch
                print(_progress(manager, run), file=sys.stderr, flush=True)
            if not run.active:
                return run
            rest()


def _epochs(manager: Manager, run: Run) -> list[dict[str, Any]]:
    """The numbers of every epoch, one dictionary each."""
    found: dict[int, dict[str, Any]] = {}
    from ..runs import series

    for name in manager.store.series(run.id):
        if name.startswith(series.EPOCH):
            for point in manager.store.points(run.id, name):
                row = found.setdefault(point.step, {"step": point.step, "seconds": round(point.seconds, 3)})
                row[name.removeprefix(series.EPOCH)] = point.value
    return [{"epoch": number, **found[step]} for number, step in enumerate(sorted(found), start=1)]


def _full(manager: Manager, run: Run) -> dict[str, Any]:
    from ..runs import CARRIED, average_recall, find_chance, find_class_metrics

    chance = find_chance(manager.store, run.id)
    classes = {
        split: {"average_recall": average_recall(found[1]), "classes": [each.to_data() for each in found[1]]}
        for split in ("validation", "test")
        if (found := find_class_metrics(manager.store, run.id, split)) is not None
    }
    carried = manager.store.latest(run.id, CARRIED)
    environments = manager.store.documents(run.id, "environment")
    return {
        **run.to_data(),
        **turn_data(expect_turns(manager, [run]).get(run.id)),
        "responding": manager.is_responding(run),
        "folder": manager.has_folder(run),
        "epochs": _epochs(manager, run),
        "chance": {"uniform": chance.uniform, "majority": chance.majority} if chance else None,
        "classes": classes,
        "carried": carried[1] if carried else None,
        "environment": environments[-1][1] if environments else None,
        "events": [{"at": at, "text": text} for at, text in manager.store.events(run.id)],
    }


def _print_state(args: argparse.Namespace, manager: Manager, run: Run) -> None:
    """The state of a run after a command."""
    if args.json:
        print_json(_full(manager, run))
    else:
        print(f"{run.id}  {run.status}{f': {escape(run.reason)}' if run.reason else ''}")


# ---- the verbs ------------------------------------------------------------------------------------------------------


def _train(args: argparse.Namespace) -> None:
    require_training()
    architecture, config = find_architecture(args.arch), training_config(args)
    from .. import datasets
    from ..training import check, describe_start, find_warnings, parse, start

    with open_manager(args.cluster) as manager:
        weights = open_weights(args, architecture, manager)
        if weights is not None:
            config = config.changed(start=start_changes(args, weights))
        architecture, config, changes = fit_network(args, architecture, config, weights)
        notes = f"Fitted to the data: {'; '.join(changes)}." if changes else ""
        run = start(manager, architecture, config, name=args.name, notes=notes, weights=weights)
        # The run's own configuration, where a path has become a name.
        config = parse(run.config)
        fit, told = check(architecture, config, manager), [notes] if notes else []
        if weights is not None and config.start is not None:
            from ..training.starting import find_start_warnings

            plan = weights.plan(architecture, config.start, datasets.get_card(config.dataset).classes)
            told += [f"Starts from {weights.name} ({weights.provenance}): {plan.describe()}.", *weights.notes]
            told += [*describe_start(architecture, config.start), *find_start_warnings(architecture, config, plan)]
            tell_carried(plan)
        if datasets.get_card(config.dataset).streamed:
            told.append(fit.images)
        if config.kept_epochs:
            told.append(f"Keeps the weights of {len(config.kept_epochs)} moments; checkpoints take up to "
                        f"{format_bytes(fit.disk)} of disk in all.")  # fmt: skip
        told += [f"It {fit.waits_for}."] if fit.waits_for else []
        for sentence in (*told, *find_warnings(architecture, config)):
            print(f"{run.id}  {escape(sentence)}", file=sys.stderr)
        if args.detach:
            look_after(manager)
            _print_state(args, manager, manager.run(run.id))
            return
        run = follow(manager, run)
        if args.json:
            print_json(_full(manager, run))
        else:
            _print_epochs(_epochs(manager, run))
        if run.status == "failed":
            raise ValueError(f"run {run.id} failed: {run.reason}")


def follow(manager: Manager, run: Run) -> Run:
    """Watch a run that this command has started until it ends; Ctrl-C pauses it."""
    try:
        return watch(manager, run.id)
    except KeyboardInterrupt:
        manager.pause(run.id)
        run = until_ended(manager, run.id)
        print(f"\n{run.id}  {run.status}; `python -m explorer runs resume {run.id}` continues it", file=sys.stderr)
        raise


def _print_epochs(epochs: list[dict[str, Any]]) -> None:
    if not epochs:
        return
    splits = [name for name in ("train", "validation", "test") if f"{name}/loss" in epochs[0]]
    header = ["epoch", *(f"{name} {what}" for name in splits for what in ("loss", "accuracy")), "time"]
    rows = [
        [str(row["epoch"])]
        + [text for name in splits for text in (f"{row[f'{name}/loss']:.4f}", format_share(row[f"{name}/accuracy"]))]
        + [format_duration(row["seconds"])]
        for row in epochs
        if all(f"{name}/loss" in row for name in splits)
    ]
    print(format_table(header, rows, ">" * len(header)))


def _list(args: argparse.Namespace) -> None:
    from ..runs import series

    with open_manager() as manager:
        look_after(manager)
        runs = manager.runs()
        turns = expect_turns(manager, runs)
        if args.json:
            print_json([{**run.to_data(), **turn_data(turns.get(run.id))} for run in runs])
            return
        accuracies = manager.store.curves([run.id for run in runs], series.TEST_ACCURACY)
        rows = []
        for run in runs:
            best, turn = max(accuracies.get(run.id, ()), default=None), turns.get(run.id)
            state = run.status if manager.is_responding(run) else "not responding"
            rows.append((
                run.id,
                f"{run.status}, {turn.describe(brief=True)}" if turn else state,
                f"{run.epoch:,}/{run.setting('epochs'):,}",
                "" if best is None else format_share(best),
                format_duration(run.seconds),
                run.device if manager.owns(run) else escape(f"{run.device} on {run.host}").strip(),
                escape(run.setting("dataset")),
                escape(run.name),
            ))  # fmt: skip
        print(format_table(("run", "state", "epochs", "best test", "time", "device", "data", "name"), rows, "<<>>><<<"))


def _list_settings(config: dict[str, Any]) -> list[tuple[str, Any]]:
    """The settings that a run has, those of its start behind the word."""
    start = {f"start {name}": value for name, value in (config.get("start") or {}).items() if value not in ("", [])}
    return [(name, value) for name, value in {**config, "start": None, **start}.items() if value is not None]


def _show(args: argparse.Namespace) -> None:
    from ..runs import FOLDER_GONE, find_chance, find_class_metrics

    with open_manager() as manager:
        run = manager.run(args.run_id)
        full = _full(manager, run)
        if args.json:
            print_json(full)
            return
        print(f"{_progress(manager, run)}\n")
        facts = [("name", escape(run.name)), ("device", run.device or "-"), ("time", format_duration(run.seconds))]
        facts += [(name, escape(value)) for name, value in _list_settings(full["config"])]
        if full["environment"]:
            facts += [("images", escape(full["environment"].get("preprocessing", "-")))]
        facts += [] if full["folder"] else [("folder", f"{FOLDER_GONE}; its curves are kept")]
        facts += [("tags", escape(", ".join(run.tags)))] if run.tags else []
        facts += [("notes", escape(run.notes))] if run.notes else []
        print(format_table(("setting", "value"), facts, "<<"))
        if full["epochs"]:
            print()
            _print_epochs(full["epochs"])
        if chance := find_chance(manager.store, run.id):
            print(f"\nOf the test accuracies, {chance.describe()}.")
        if found := find_class_metrics(manager.store, run.id):
            print(f"\nTest images after the last epoch, {format_classes(found[1], most=_MOST_CLASSES)}")
        print()
        for event in full["events"]:
            print(f"{datetime.fromtimestamp(event['at']).astimezone():%Y-%m-%d %H:%M:%S}  {escape(event['text'])}")


def _log(args: argparse.Namespace) -> None:
    from ..runs import read_log

    with open_manager() as manager:
        run = manager.run(args.run_id)
        text = read_log(manager.root, run.id)
        if args.json:
            print_json({"run": run.id, "log": text})
        else:
            for line in text.splitlines():
                print(escape(line))


def _watch_verb(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        _print_state(args, manager, watch(manager, manager.run(args.run_id).id))


def until_ended(manager: Manager, run_id: str) -> Run:
    from ..runs import wait_until_ended

    return wait_until_ended(manager, run_id, _STOP_SECONDS)


def _pause(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        manager.pause(args.run_id)
        _print_state(args, manager, until_ended(manager, args.run_id))


def _stop(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        manager.stop(args.run_id)
        _print_state(args, manager, until_ended(manager, args.run_id))


def _resume(args: argparse.Namespace) -> None:
    with open_manager(args.cluster) as manager:
        manager.resume(args.run_id)
        look_after(manager)
        _print_state(args, manager, manager.run(args.run_id))


def _extend(args: argparse.Namespace) -> None:
    from ..training import extend

    with open_manager(args.cluster) as manager:
        extend(manager, args.run_id, args.epochs)
        if manager.store.trial_of(args.run_id) is not None:
            left = "it belongs to an ablation or a search, where it no longer counts: it has more epochs than planned"
            print(f"{args.run_id}  {left}", file=sys.stderr)
        look_after(manager)
        _print_state(args, manager, manager.run(args.run_id))


def _export(args: argparse.Namespace) -> None:
    from ..runs import export_to

    with open_manager() as manager:
        run = manager.run(args.run_id)
        try:
            paths = export_to(manager.store, run, args.format, Path(args.target))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValueError(f"cannot write {quote_path(args.target)}: {reason}") from None
        if args.json:
            print_json({"run": run.id, "files": [str(path) for path in paths]})
        else:
            print("\n".join(escape(path) for path in paths))


def _share(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        if any(each.id == args.run_id for each in manager.store.experiments.all()):
            manager.share_experiment(args.run_id, not args.off)
        else:
            manager.share(args.run_id, not args.off)
        if args.json:
            print_json({"shared": not args.off, "id": args.run_id})
        else:
            print(f"{args.run_id}  {'its owner alone sees it' if args.off else 'others may look'}")


def _delete(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        manager.delete(args.run_id)
        if args.json:
            print_json({"deleted": args.run_id})
        else:
            print(f"{args.run_id}  deleted")


def add(verb: Callable[..., Any], verbs: Any) -> None:
    """Add the verbs to the command line."""
    text = "Train a network in a process of its own; Ctrl-C pauses it."
    sub = verb("train", _train, text, arch=True, shape=False)
    add_settings(sub)
    add_fit(sub)
    add_start(sub)
    sub.add_argument("--seed", type=whole_number, metavar="S")
    sub.add_argument("--name", metavar="TEXT", help="title of the run; default: the network's")
    sub.add_argument("--detach", action="store_true", help="start it and return at once")

    text = "The runs: list, show, log, watch, pause, resume, extend, stop, share, export, delete."
    group = verbs.add_parser("runs", help=text, description=text, allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, text in (
        ("list", _list, "All runs."),
        ("show", _show, "One run: settings, epochs, events."),
        ("log", _log, "What the processes of a run have printed last: warnings, tracebacks."),
        ("watch", _watch_verb, "Follow a run until it ends; Ctrl-C does not stop it."),
        ("pause", _pause, "Write a checkpoint and release the device."),
        ("resume", _resume, "Continue from the last checkpoint."),
        ("extend", _extend, "Train a run that has ended for more epochs."),
        ("stop", _stop, "End a run."),
        ("share", _share, "Let others look at a run, an experiment or a search, or no longer."),
        ("export", _export, "Write the curves for TensorBoard, as a table, or everything as JSON."),
        ("delete", _delete, "Delete a run with its checkpoints and curves."),
    ):
        sub = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        if name != "list":
            sub.add_argument("run_id", metavar="RUN", help="as `runs list` shows it")
        if name in ("resume", "extend"):
            add_cluster(sub)
        if name == "share":
            sub.add_argument("--off", action="store_true", help="its owner alone sees it from now on")
        if name == "extend":
            sub.add_argument("epochs", type=whole_number, metavar="EPOCHS")
        if name == "export":
            sub.add_argument("target", metavar="FOLDER|FILE.zip", help="destination; created if it does not exist")
            sub.add_argument("--format", choices=_FORMATS, default=_FORMATS[0], help=f"default: {_FORMATS[0]}")
        sub.add_argument("--json", action="store_true", help="plain data instead of text")
