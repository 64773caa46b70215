"""The board of a challenge: who has handed in what, in which place, and that to take away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..analysis import METRICS
from ..architecture import to_link
from ..runs import Manager
from ..search import ACCURACY
from ..text import escape_csv
from ._challenge import Challenge, StoredChallenge
from ._results import Result, find_misses


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A result that was handed in, with its place on the board."""

    id: str
    """Its identifier."""
    person: str
    """The id of who handed it in; '' without sign-in."""
    name: str
    """What they are called on the board."""
    at: float
    """When, in seconds since 1970."""
    result: Result
    """What was handed in."""
    misses: tuple[str, ...]
    """Which goals it misses, and by what; empty where it reaches them all."""
    place: int | None
    """From 1 among those who reach all goals; equal results share one. None for the others."""


def read_board(manager: Manager, stored: StoredChallenge, *, best: bool = False) -> list[Entry]:
    """Read the board of a challenge.

    Args:
        manager: Of the runs.
        stored: The challenge.
        best: Whether each person stands on it once, with their best entry.

    Returns:
        First those that reach all goals, the best first; then the others, the most accurate first. Among equals the
        earlier comes first. Without sign-in a person is a name.
    """
    wanted = stored.challenge
    rows = []
    for row in manager.store.entries.of(stored.id):
        result = Result(**json.loads(row.data))
        rows.append((row, result, find_misses(wanted, result)))
    rows.sort(key=lambda each: (bool(each[2]), -_score(wanted, each[1]) if not each[2] else -(each[1].accuracy or 0.0)))
    seen: set[tuple[str, str]] = set()
    found: list[Entry] = []
    place, last = 0, None
    for row, result, misses in rows:
        who = (row.person, "" if row.person else row.name.casefold())
        if best and who in seen:
            continue
        seen.add(who)
        if not misses and _score(wanted, result) != last:
            place, last = 1 + sum(not entry.misses for entry in found), _score(wanted, result)
        found.append(
            Entry(
                id=row.id, person=row.person, name=row.name, at=row.at, result=result, misses=misses,
                place=None if misses else place,
            )
        )  # fmt: skip
    return found


def _score(challenge: Challenge, result: Result) -> float:
    """The more, the better."""
    if challenge.rank == ACCURACY:
        return result.accuracy or 0.0
    value = result.values.get(challenge.rank)
    if value is None:
        return float("-inf")
    return value if METRICS[challenge.rank].trade_off == "most" else -value


def to_data(stored: StoredChallenge, board: Sequence[Entry]) -> dict[str, Any]:
    """Convert a challenge and its board to plain data for JSON.

    Args:
        stored: The challenge.
        board: As ``read_board`` gives it.

    Returns:
        The challenge with its goals in words and its entries; networks as link text.
    """
    wanted = stored.challenge
    return {
        "id": stored.id,
        "title": wanted.title,
        "text": wanted.text,
        "dataset": wanted.dataset,
        "goals": wanted.goals,
        "rank": wanted.rank,
        "open": wanted.open,
        "closes": wanted.closes,
        "entries": [
            {
                "place": entry.place,
                "name": entry.name,
                "run": entry.result.run,
                "title": entry.result.title,
                "accuracy": entry.result.accuracy,
                "epochs": entry.result.epochs,
                "seed": entry.result.seed,
                **{key: entry.result.values.get(key) for key in wanted.keys},
                "misses": list(entry.misses),
                "at": entry.at,
                "network": to_link(entry.result.network),
            }
            for entry in board
        ],
    }


def to_csv(stored: StoredChallenge, board: Sequence[Entry]) -> str:
    """Write a board as CSV, a row an entry. No text in it is taken for a formula by a spreadsheet.

    Args:
        stored: The challenge.
        board: As ``read_board`` gives it.

    Returns:
        The text, with a header.
    """
    rows = to_data(stored, board)["entries"]
    keys = ("place", "name", "title", "accuracy", "epochs", "seed", *stored.challenge.keys, "misses", "at", "run",
            "network")  # fmt: skip
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        row["misses"] = "; ".join(row["misses"])
        row["at"] = datetime.fromtimestamp(row["at"]).astimezone().isoformat(timespec="seconds")
        cells = ("" if row[key] is None else row[key] for key in keys)
        writer.writerow([escape_csv(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()
