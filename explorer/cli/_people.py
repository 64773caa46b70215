"""The verbs about a server that several people share: ``people list | audit``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..text import quote
from ._arguments import whole_number
from ._running import open_manager
from ._text import escape, format_table, print_json

if TYPE_CHECKING:  # the store is loaded by the action that needs it
    from ..runs import PersonRow

_LINES = 50


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"


def _list(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        people = manager.store.people.all()
        if args.json:
            print_json([asdict(each) for each in people])
            return
        rows = [(each.id, escape(each.name), escape(each.email), _time(each.last_seen)) for each in people]
        print(format_table(("id", "name", "email", "last here"), rows, "<<<<"))


def _find_person(people: list[PersonRow], text: str) -> str:
    """The id of somebody who is named by id, verified email or name."""
    wanted = text.strip().casefold()
    found = [each for each in people if wanted in (each.id, each.email.casefold(), each.name.casefold())]
    if len(found) == 1:
        return found[0].id
    if not found:
        raise ValueError(f"--person {quote(text)}: nobody of this id, email or name has signed in; see: people list")
    raise ValueError(f"--person {quote(text)}: {len(found)} people have this name; name one by the id in: people list")


def _audit(args: argparse.Namespace) -> None:
    with open_manager() as manager:
        people = manager.store.people.all()
        person = None if args.person is None else _find_person(people, args.person)
        lines = manager.read_audit(args.lines, person)
        if args.json:
            print_json([asdict(each) for each in lines])
            return
        names = {each.id: each.name for each in people}
        rows = [
            (_time(each.at), escape(names.get(each.person, each.person)), escape(each.action), escape(each.object),
             escape(each.detail))
            for each in lines
        ]  # fmt: skip
        print(format_table(("when", "who", "did", "to", "more"), rows, "<<<<<"))


def add(verbs: Any) -> None:
    """Add the verbs to the command line."""
    text = "Who has signed in on a shared server, and what they did: list, audit."
    group = verbs.add_parser("people", help=text, description=text, allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    sub = actions.add_parser("list", help="All who have signed in.", description="All who have signed in.")
    sub.set_defaults(run=_list)
    sub.add_argument("--json", action="store_true", help="plain data instead of text")
    text = "What people did, newest first."
    sub = actions.add_parser("audit", help=text, description=text)
    sub.set_defaults(run=_audit)
    sub.add_argument("--person", metavar="WHO", help="of one person alone: id, email or name")
    sub.add_argument("--lines", type=whole_number, default=_LINES, metavar="N", help=f"at most; default: {_LINES}")
    sub.add_argument("--json", action="store_true", help="plain data instead of text")
