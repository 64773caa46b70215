"""The verb ``search``: networks and settings proposed by Optuna, trained as runs, within limits."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..text import format_decimal, format_duration, format_share, quote
from ._arguments import find_architecture, whole_number
from ._experiments import seeds_of
from ._progress import show_progress
from ._running import (
    add_fit,
    add_settings,
    fit_network,
    hold_interrupts,
    look_after,
    open_manager,
    require_training,
    training_config,
)
from ._text import escape, format_table, print_json
from ._turns import expect_turns, list_turns, print_next

if TYPE_CHECKING:  # the store is loaded by the action that needs it
    from ..runs import Manager
    from ..search import Budget, Findings, Standing, StoredSearch

_VARY = "widths,branches"


def _budget(args: argparse.Namespace) -> Budget | None:
    from ..search import Budget

    given = {"trials": args.trials, "epochs": args.total_epochs, "seconds": args.seconds}
    return Budget(**given) if any(value is not None for value in given.values()) else None


def _start(args: argparse.Namespace, manager: Manager) -> StoredSearch:
    from ..search import Budget, parse_limit, plan, start
    from ..training import find_warnings

    if args.id is not None:
        raise ValueError(f"{quote(args.id)} is one argument too many; an action such as show comes first")
    network, config, changes = fit_network(args, find_architecture(args.what), training_config(args))
    search = plan(
        network, config, (args.vary or _VARY).split(","), budget=_budget(args) or Budget(trials=20),
        objectives=(args.objective or "accuracy,macs").split(","),
        limits=[parse_limit(each) for each in args.limit or ()],
        sampler=args.sampler or "tpe", pruner=args.pruner or "none", at_once=args.at_once or 1, name=args.name or "",
    )  # fmt: skip
    stored = start(manager, search, baseline=args.baseline)
    notes = [f"Fitted to the data: {'; '.join(changes)}."] if changes else []
    for sentence in (*notes, *find_warnings(network, stored.search.space.config)):
        print(f"{stored.id}  {escape(sentence)}", file=sys.stderr)
    print(f"{stored.id}  {escape(search.name)}: {len(search.space.dimensions)} dimensions", file=sys.stderr)
    return stored


def _progress(standing: Standing) -> str:
    counts: dict[str, int] = {}
    for trial in standing.trials:
        counts[trial.state] = counts.get(trial.state, 0) + 1
    parts = [f"{count} {state}" for state, count in counts.items()]
    done = [trial for trial in standing.trials if trial.complete]
    if done:
        best = max(done, key=lambda trial: trial.values[0])
        parts.append(f"best {format_share(best.values[0])} in trial {best.number}")
    return ", ".join(parts) or "no trial yet"


def _leave(manager: Manager, stored: StoredSearch) -> None:
    """Begin the first trials of a search, and say who begins the others."""
    from ..search import advance

    advance(manager, stored.id)
    look_after(manager)
    way = f"`python -m explorer search resume {stored.id}` follows it"
    print(f"{stored.id}  begun; further trials begin while the app runs, and {way}", file=sys.stderr)


def _follow(manager: Manager, stored: StoredSearch) -> None:
    """Advance a search, and its baseline after it, to the end. Ctrl-C pauses it."""
    from ..search import get_search, pause

    try:
        _watch(manager, stored)
        if stored.search.baseline:
            _watch(manager, get_search(manager, stored.search.baseline))
    except KeyboardInterrupt:
        for search in filter(None, (stored.id, stored.search.baseline)):
            with contextlib.suppress(ValueError):  # the baseline was deleted meanwhile
                pause(manager, search)
        look_after(manager)
        print(f"\n{stored.id}  paused; `python -m explorer search resume {stored.id}` continues it", file=sys.stderr)
        raise


def _watch(manager: Manager, stored: StoredSearch) -> None:
    from ..search import advance

    told = ""
    with hold_interrupts() as rest, show_progress("epochs") as tell:
        while True:
            standing = advance(manager, stored.id)
            look_after(manager)
            line = _progress(standing)
            if sys.stderr.isatty():
                done = sum(trial.run.epoch for trial in standing.trials)
                left = stored.search.budget.trials or len(standing.trials)
                tell(done, max(done, left * stored.search.epochs), line)
            elif line != told:
                print(f"{stored.id}  {line}", file=sys.stderr, flush=True)
            told = line
            if standing.over:
                if not standing.ended[:1].isdecimal():
                    print(f"{stored.id}  ended: {escape(standing.ended)}", file=sys.stderr)
                return
            rest()


# ---- what is shown --------------------------------------------------------------------------------------------------


def _show(args: argparse.Namespace, manager: Manager, stored: StoredSearch) -> None:
    from ..search import collect_findings, to_data

    findings = collect_findings(manager, stored)
    turns = expect_turns(manager, [each for trial in findings.trials for each in (trial.run, *trial.repeats)])
    if args.json:
        print_json({**to_data(manager, stored, findings), "waiting": list_turns(turns)})
        return
    search = stored.search
    limits = f"; {', '.join(map(str, search.limits))}" if search.limits else ""
    how = f"{search.sampler}, pruning {search.pruner}; {len(search.space.dimensions)} dimensions{limits}"
    print(f"{stored.id}  {escape(search.name)}  ({how})\n")
    keys = [each.key for each in search.objectives]
    rows = [
        (
            str(trial.number),
            "*" if trial.number in findings.front else "",
            trial.state,
            str(trial.run.epoch),
            *(_cell(key, value, known=bool(trial.curve)) for key, value in zip(keys, trial.values, strict=True)),
            escape(trial.reason or search.space.describe_changes(trial.point)),
        )
        for trial in findings.trials
    ]
    header = ("trial", "front", "state", "epochs", *keys, "why, or what is changed")
    print(format_table(header, rows, f"><<>{'>' * len(keys)}<"))
    print_next(turns)
    for sentence in _conclude(manager, stored, findings):
        print(f"\n{sentence}")


def _cell(key: str, value: float, *, known: bool) -> str:
    if key == "accuracy":
        return format_share(value) if known else "-"
    return f"{value:,.0f}"


def _conclude(manager: Manager, stored: StoredSearch, findings: Findings) -> list[str]:
    from ..search import describe_hypervolume, measure_choice

    said = [sentence for sentence in [describe_hypervolume(findings)] if sentence]
    if findings.importance:
        most = list(findings.importance.items())[:5]
        parts = ", ".join(f"{escape(key)} ({format_share(share, 0)})" for key, share in most)
        said.append(f"Accuracy varies with {parts}.")
    if findings.correlation is not None:
        rank = format_decimal(findings.correlation, 2, signed=True)
        said.append(f"Parameters alone: rank correlation {rank} with accuracy.")
    for trial in findings.trials:
        if trial.repeats:
            sample = measure_choice(manager, trial)
            mean = "no finished run yet" if sample.mean is None else format_share(sample.mean)
            ends = " to ".join(map(format_share, sample.interval or ()))
            ends = f", 95 % interval {ends}" if ends else ""
            said.append(f"Trial {trial.number} from {len(sample.values)} seeds: test accuracy {mean}{ends}.")
    if not any(trial.repeats for trial in findings.trials) and findings.front:
        said.append(f"One seed chose them; `python -m explorer search repeat {stored.id} --trial {findings.front[0]}` "
                    "trains one from further seeds.")  # fmt: skip
    return said


# ---- the actions ----------------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> None:
    from ..search import list_searches, read_standing

    with open_manager() as manager:
        found = [(stored, read_standing(manager, stored)) for stored in list_searches(manager)]
        if args.json:
            print_json([
                {
                    "id": stored.id,
                    "name": stored.search.name,
                    "created": stored.created,
                    "sampler": stored.search.sampler,
                    "trials": len(standing.trials),
                    "active": standing.active,
                    "ended": standing.ended,
                }
                for stored, standing in found
            ])  # fmt: skip
            return
        rows = [
            (
                stored.id,
                str(len(standing.trials)),
                str(standing.active),
                stored.search.sampler,
                format_duration(sum(trial.run.seconds for trial in standing.trials)),
                f"{datetime.fromtimestamp(stored.created).astimezone():%Y-%m-%d %H:%M}",
                escape(stored.search.name),
            )
            for stored, standing in found
        ]
        print(format_table(("search", "trials", "active", "sampler", "time", "begun", "name"), rows, "<>><>><"))


def _show_verb(args: argparse.Namespace, manager: Manager) -> StoredSearch:
    from ..search import get_search

    return get_search(manager, args.id)


def _resume(args: argparse.Namespace, manager: Manager) -> StoredSearch:
    from ..search import get_search, resume

    require_training()
    stored = resume(manager, args.id, _budget(args))
    if stored.search.baseline:
        with contextlib.suppress(ValueError):  # it was deleted meanwhile
            resume(manager, get_search(manager, stored.search.baseline).id, _budget(args))
    _follow(manager, stored)
    return stored


def _stop(args: argparse.Namespace, manager: Manager) -> StoredSearch:
    from ..search import get_search, stop

    print(f"{args.id}  stop: {stop(manager, args.id)} runs", file=sys.stderr)
    look_after(manager)
    return get_search(manager, args.id)


def _repeat(args: argparse.Namespace, manager: Manager) -> StoredSearch:
    from ..search import get_search, repeat

    require_training()
    if args.trial is None:
        raise ValueError("repeat: name the trial whose network is trained again, such as --trial 3")
    repeat(manager, args.id, args.trial, tuple(seeds_of(args.seeds or "3")))
    with hold_interrupts() as rest:
        while any(run.active for _, run in manager.trials(args.id)):
            look_after(manager)
            rest()
    return get_search(manager, args.id)


def _delete(args: argparse.Namespace) -> None:
    from ..search import delete

    with open_manager() as manager:
        delete(manager, _name_of(args))
        if args.json:
            print_json({"deleted": args.id})
        else:
            print(f"{args.id}  deleted")


def _name_of(args: argparse.Namespace) -> str:
    if args.id is None:
        raise ValueError(f"{args.what}: name a search as `python -m explorer search list` shows it")
    return str(args.id)


_ACTIONS: dict[str, Callable[[argparse.Namespace, Manager], StoredSearch]] = {
    "show": _show_verb,
    "resume": _resume,
    "stop": _stop,
    "repeat": _repeat,
}


def _search(args: argparse.Namespace) -> None:
    if args.what in ("list", "delete"):
        (_list if args.what == "list" else _delete)(args)
        return
    with open_manager(args.cluster) as manager:
        if args.what in _ACTIONS:
            _name_of(args)
            stored = _ACTIONS[args.what](args, manager)
        else:
            require_training()
            stored = _start(args, manager)
            (_leave if args.detach else _follow)(manager, stored)
        _show(args, manager, stored)


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "Search networks and settings: trials are runs, within limits; Ctrl-C pauses. Has actions of its own."
    sub = verb("search", _search, text, arch=False, shape=False)
    text = "the network that is varied; or list, show, resume, stop, repeat, delete"
    sub.add_argument("what", metavar="ARCH|ACTION", help=text)
    sub.add_argument("id", metavar="SEARCH", nargs="?", help="of an action, as `search list` shows it")
    sub.add_argument("--data", dest="dataset", metavar="NAME|PATH", help="the same as --dataset")
    text = "of widths, kernels, dilations, branches, residual, attention, depth, rate, batch, augmentation; default: "
    sub.add_argument("--vary", metavar="W,W", help=text + _VARY)
    sub.add_argument("--objective", metavar="O,O", help="accuracy and metrics; default: accuracy,macs")
    text = "what every network keeps, before it is trained: params=1e6, coverage>=0.9; may be given several times"
    sub.add_argument("--limit", action="append", metavar="METRIC=N", help=text)
    sub.add_argument("--trials", type=whole_number, metavar="N", help="budget in runs; default: 20")
    sub.add_argument("--total-epochs", type=whole_number, metavar="N", help="budget in epochs of all runs")
    sub.add_argument("--seconds", type=float, metavar="S", help="budget in seconds of training")
    sub.add_argument("--sampler", metavar="NAME", help="tpe, nsga or random; default: tpe")
    sub.add_argument("--pruner", metavar="NAME", help="asha, median or none; default: none")
    sub.add_argument("--at-once", type=whole_number, metavar="N", help="runs at one time; default: 1")
    sub.add_argument("--baseline", action="store_true", help="then a random search of equal budget, to compare with")
    sub.add_argument("--detach", action="store_true", help="begin it and return at once; the app lets it go on")
    sub.add_argument("--trial", type=whole_number, metavar="N", help="of repeat: whose network is trained again")
    sub.add_argument("--seeds", metavar="N|S,S", help="of repeat: how many, or which; default: 3, which is 0,1,2")
    sub.add_argument("--seed", type=whole_number, metavar="N", help="of the sampler and of every run")
    add_settings(sub)
    add_fit(sub)
    sub.add_argument("--name", metavar="TEXT", help="title of the search")
