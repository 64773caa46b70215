"""The verb ``challenge``: what a class is to reach, runs that are handed in, and the board."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..text import format_share, quote
from ._arguments import find_architecture, whole_number
from ._running import open_manager
from ._text import escape, format_table, print_json

if TYPE_CHECKING:  # the store is loaded by the action that needs it
    from ..challenges import StoredChallenge
    from ..runs import Manager

ACTIONS = ("set", "list", "show", "hand-in", "take-back", "close", "reopen", "delete")


def _read_share(text: str) -> float:
    """70 % and 0.7 are the same."""
    number = text.strip().removesuffix("%").strip()
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"--accuracy {quote(text)} must be a share such as 70% or 0.7") from None
    return value / 100 if text.strip().endswith("%") else value


def _read_time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"--closes {quote(text)} must be a date or a time such as 2027-01-31T18:00") from None


def _set(args: argparse.Namespace, manager: Manager) -> StoredChallenge:
    from ..architecture import to_link
    from ..challenges import plan, start
    from ..datasets import get_card
    from ..search import ACCURACY, parse_limit

    return start(
        manager,
        plan(
            _name_of(args, "its title"), get_card(args.data).name, text=args.text or "",
            least_accuracy=None if args.accuracy is None else _read_share(args.accuracy),
            limits=[parse_limit(each) for each in args.limit or ()], rank=args.rank or ACCURACY,
            most_epochs=args.most_epochs, scratch=not args.from_weights,
            start=to_link(find_architecture(args.start)) if args.start else "",
            closes=None if args.closes is None else _read_time(args.closes),
        ),
    )  # fmt: skip


def _show(args: argparse.Namespace, manager: Manager, stored: StoredChallenge) -> None:
    from ..challenges import format_value, read_board, to_csv, to_data

    board, wanted = read_board(manager, stored, best=args.best), stored.challenge
    if args.csv:
        print(to_csv(stored, board), end="")
        return
    if args.json:
        print_json(to_data(stored, board))
        return
    state = "open" if wanted.open else "closed"
    if wanted.open and wanted.closes is not None:
        state += f" until {_date(wanted.closes)}"
    print(f"{stored.id}  {escape(wanted.title)}  ({state}; {escape(wanted.dataset)}; {', '.join(wanted.goals)})\n")
    rows = [
        (
            "-" if entry.place is None else str(entry.place),
            escape(entry.name),
            escape(entry.result.title),
            "-" if entry.result.accuracy is None else format_share(entry.result.accuracy),
            *(format_value(key, entry.result.values.get(key)) for key in wanted.keys),
            _date(entry.at),
            entry.id,
            "; ".join(entry.misses),
        )
        for entry in board
    ]
    header = ("place", "name", "run", "accuracy", *wanted.keys, "handed in", "entry", "misses")
    print(format_table(header, rows, f"><<>{'>' * len(wanted.keys)}<<<"))


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def _list(args: argparse.Namespace, manager: Manager) -> None:
    from ..challenges import list_challenges

    counts = manager.store.entries.count()
    found = list_challenges(manager)
    if args.json:
        print_json([
            {
                "id": stored.id,
                "title": stored.challenge.title,
                "dataset": stored.challenge.dataset,
                "goals": stored.challenge.goals,
                "open": stored.challenge.open,
                "entries": counts.get(stored.id, 0),
            }
            for stored in found
        ])  # fmt: skip
        return
    rows = [
        (
            stored.id,
            "open" if stored.challenge.open else "closed",
            str(counts.get(stored.id, 0)),
            escape(stored.challenge.dataset),
            escape(stored.challenge.title),
            ", ".join(stored.challenge.goals),
        )
        for stored in found
    ]
    print(format_table(("challenge", "state", "entries", "data", "title", "goals"), rows, "<<><<<"))


def _name_of(args: argparse.Namespace, what: str = "a challenge, as `explorer challenge list` shows it") -> str:
    if args.name is None:
        raise ValueError(f"{args.action}: name {what}")
    return str(args.name)


def _other(args: argparse.Namespace, what: str) -> str:
    if args.other is None:
        raise ValueError(f"{args.action}: name {what} behind the challenge")
    return str(args.other)


def _challenge(args: argparse.Namespace) -> None:
    from ..challenges import change, delete, get_challenge, hand_in, take_back

    with open_manager() as manager:
        if args.action == "list":
            _list(args, manager)
            return
        if args.action == "set":
            _show(args, manager, _set(args, manager))
            return
        name = _name_of(args)
        if args.action == "delete":
            delete(manager, name)
            print_json({"deleted": name}) if args.json else print(f"{name}  deleted")
            return
        if args.action == "hand-in":
            hand_in(manager, name, _other(args, "a run"), args.as_name or "")
        elif args.action == "take-back":
            take_back(manager, name, _other(args, "an entry"))
        elif args.action in ("close", "reopen"):
            change(manager, name, closed=args.action == "close")
        _show(args, manager, get_challenge(manager, name))


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "What a class is to reach on which data, the runs that are handed in, and the board."
    sub = verb("challenge", _challenge, text, arch=False, shape=False)
    sub.add_argument("action", metavar="ACTION", choices=ACTIONS, help=", ".join(ACTIONS))
    sub.add_argument("name", metavar="TITLE|CHALLENGE", nargs="?", help="of set a title; else as `list` shows it")
    sub.add_argument("other", metavar="RUN|ENTRY", nargs="?", help="of hand-in and take-back")
    sub.add_argument("--data", metavar="NAME", default="digits", help="of set: the data set; default: digits")
    sub.add_argument("--accuracy", metavar="SHARE", help="of set: the test accuracy to be reached, such as 70%%")
    sub.add_argument("--limit", action="append", metavar="METRIC=N", help="of set: macs=1e6; may be repeated")
    sub.add_argument("--rank", metavar="METRIC", help="of set: who is first; default: accuracy")
    sub.add_argument("--most-epochs", type=whole_number, metavar="N", help="of set: epochs of a run at most")
    sub.add_argument("--from-weights", action="store_true", help="of set: runs may start from trained weights")
    sub.add_argument("--start", metavar="ARCH", help="of set: a network to begin with")
    sub.add_argument("--closes", metavar="TIME", help="of set: until when, such as 2027-01-31T18:00")
    sub.add_argument("--text", metavar="TEXT", help="of set: what is said to those who take part")
    sub.add_argument("--as", dest="as_name", metavar="NAME", help="of hand-in: what you are called on the board")
    sub.add_argument("--best", action="store_true", help="the best entry of each person alone")
    sub.add_argument("--csv", action="store_true", help="the board as CSV")
