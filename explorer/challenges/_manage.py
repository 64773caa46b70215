"""Challenges in the run store: set, handed in to, closed and deleted; and the board."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from ..analysis import METRICS, analyze
from ..architecture import Architecture, from_json, to_link
from ..runs import EntryRow, ExperimentRow, Manager, Run, StoreError, new_run_id, series
from ..search import ACCURACY, measure
from ..text import escape_csv, format_count, format_share, quote
from ._challenge import Challenge

MAX_NAME = 60
"""Characters of a name on the board."""
MAX_ENTRIES = 5_000
"""Of one challenge."""


@dataclass(frozen=True, kw_only=True)
class StoredChallenge:
    """A challenge in the run store."""

    id: str
    """Identifier in the run store; it stands in the link that is handed out."""
    created: float
    """Seconds since 1970."""
    owner: str
    """The id of the person who set it; '' without sign-in."""
    challenge: Challenge
    """What is to be reached."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run has reached, as a challenge asks for it. Nothing of it changes when the run is deleted."""

    run: str
    """The run's id."""
    title: str
    """The run's title."""
    architecture: str
    """Its network, JSON."""
    dataset: str
    """Name of the data set."""
    accuracy: float | None
    """Test accuracy after the last epoch, from 0 to 1; None before there is one."""
    epochs: int
    """Epochs trained."""
    seed: int
    """Where its random numbers came from."""
    scratch: bool
    """Whether its weights began at random."""
    values: dict[str, float | None]
    """The metrics of its network by key; None where one has no one value."""

    @property
    def network(self) -> Architecture:
        """The network, without the weights."""
        return from_json(self.architecture)


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


def list_challenges(manager: Manager) -> list[StoredChallenge]:
    """List the challenges of a run store.

    Args:
        manager: Of the runs.

    Returns:
        All challenges, oldest first.

    Raises:
        ValueError: One of them cannot be read by this version.
    """
    return [_from_row(row) for row in manager.store.experiments.all() if row.kind == "challenge"]


def get_challenge(manager: Manager, challenge: str) -> StoredChallenge:
    """Find a challenge in the run store.

    Args:
        manager: Of the runs.
        challenge: Its identifier.

    Returns:
        The challenge.

    Raises:
        ValueError: There is none, or this version cannot read it.
    """
    return _from_row(manager.store.experiments.get(challenge, "challenge"))


def _from_row(row: ExperimentRow) -> StoredChallenge:
    challenge = Challenge.from_json(row.name, row.plan)
    return StoredChallenge(id=row.id, created=row.created, owner=row.owner, challenge=challenge)


def _save(manager: Manager, challenge: str, created: float, what: Challenge) -> StoredChallenge:
    manager.save_experiment(
        # Whoever has the link may look: a challenge is made to be shared.
        ExperimentRow(id=challenge, name=what.title, created=created, plan=what.to_json(), shared=True)
    )
    return get_challenge(manager, challenge)


def start(manager: Manager, challenge: Challenge) -> StoredChallenge:
    """Set a challenge.

    Args:
        manager: Of the runs.
        challenge: As ``plan`` gives it.

    Returns:
        The challenge with its identifier.

    Raises:
        StoreError: It could not be written.
    """
    return _save(manager, new_run_id(), time.time(), challenge)


def change(
    manager: Manager,
    challenge: str,
    *,
    text: str | None = None,
    closes: float | None = None,
    closed: bool | None = None,
) -> StoredChallenge:
    """Change what is said of a challenge, and until when it is open. What is to be reached stays as it was set.

    Args:
        manager: Of the runs.
        challenge: Its identifier.
        text: What is said to those who take part; None leaves it.
        closes: Until when runs can be handed in, in seconds since 1970; None leaves it.
        closed: Whether it is closed by hand; opening it again takes a time away that has passed. None leaves it.

    Returns:
        The challenge as it is then.

    Raises:
        ValueError: There is no such challenge, or it is not the person's for whom the manager acts.
    """
    stored = get_challenge(manager, challenge)
    given = {"text": text, "closes": closes, "closed": closed}
    changed = stored.challenge.changed(**{key: value for key, value in given.items() if value is not None})
    if closed is False and changed.closes is not None and changed.closes <= time.time():
        changed = changed.changed(closes=None)
    return _save(manager, challenge, stored.created, changed)


def delete(manager: Manager, challenge: str) -> None:
    """Delete a challenge with what was handed in; runs stay.

    Args:
        manager: Of the runs.
        challenge: Its identifier.

    Raises:
        ValueError: There is none, or it is not the person's for whom the manager acts.
    """
    get_challenge(manager, challenge)
    manager.remove_experiment(challenge)


# ---- results --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _measure(architecture: str, keys: tuple[str, ...]) -> dict[str, float | None]:
    network = from_json(architecture)
    totals = analyze(network).totals
    return {key: measure(key, network, totals) for key in keys}


def collect_results(manager: Manager, challenge: Challenge, *, most: int = 100) -> list[Result]:
    """Collect what can be handed in to a challenge.

    Args:
        manager: Of the runs; where it acts for somebody, their own ones count.
        challenge: The challenge.
        most: How many results.

    Returns:
        The results of the newest finished runs on its data, newest first, whether or not they reach the goals.
    """
    own = manager.person
    runs = [
        run
        for run in manager.store.runs("finished")
        if run.setting("dataset") == challenge.dataset and (own is None or run.owner == own.id)
    ][-most:]
    curves = manager.store.curves([run.id for run in runs], series.TEST_ACCURACY)
    return [_read_result(run, challenge, curves.get(run.id, [])) for run in reversed(runs)]


def _read_result(run: Run, challenge: Challenge, curve: Sequence[float]) -> Result:
    return Result(
        run=run.id, title=run.name, architecture=run.architecture, dataset=str(run.setting("dataset")),
        accuracy=curve[-1] if curve else None, epochs=run.epoch, seed=int(run.setting("seed") or 0),
        scratch=run.setting("start") is None, values=_measure(run.architecture, tuple(challenge.keys)),
    )  # fmt: skip


def find_misses(challenge: Challenge, result: Result) -> tuple[str, ...]:
    """Find the goals that a result misses.

    Args:
        challenge: What is to be reached.
        result: What a run has reached.

    Returns:
        One part of a sentence each, with both numbers; empty where all goals are reached.
    """
    found = []
    least = challenge.least_accuracy
    if least is not None and (result.accuracy is None or result.accuracy < least):
        reached = "is not known" if result.accuracy is None else f"{_exact(result.accuracy, least)} is below"
        found.append(f"test accuracy {reached} {'' if result.accuracy is None else format_share(least)}".rstrip())
    found += filter(None, (limit.reason_broken(result.values.get(limit.key)) for limit in challenge.limits))
    if challenge.most_epochs is not None and result.epochs > challenge.most_epochs:
        found.append(f"{result.epochs:,} epochs are above {challenge.most_epochs:,}")
    if challenge.scratch and not result.scratch:
        found.append("its weights did not begin at random")
    return tuple(found)


def _exact(value: float, bound: float) -> str:
    """With as many digits as tell it from the bound."""
    return next(
        (text for digits in (2, 3, 4, 6) if (text := format_share(value, digits)) != format_share(bound, digits)),
        format_share(value, 9),
    )


def hand_in(manager: Manager, challenge: str, run: str, name: str = "") -> Entry:
    """Hand in a run to a challenge: what it has reached is copied to the board.

    Args:
        manager: Of the runs.
        challenge: The challenge's identifier.
        run: The run's id; it must have finished on the challenge's data. Goals that it misses are told on the board.
        name: What the person is called on the board; by default the name they are signed in with.

    Returns:
        The entry with its place.

    Raises:
        ValueError: The challenge is closed, the run does not fit it or was handed in before, it belongs to somebody
            else, or there is no name.
    """
    stored, found = get_challenge(manager, challenge), manager.run(run)
    person, wanted = manager.person, stored.challenge
    if not wanted.open:
        raise ValueError(f"{wanted.title} is closed: nothing can be handed in any more")
    if person is not None and found.owner != person.id:
        raise ValueError(f"run {run} is not yours; hand in one that you have trained")
    shown = " ".join(name.split()) or (person.name if person else "")
    if not shown:
        raise ValueError("a name is missing: write what you are called on the board")
    if found.status != "finished":
        raise ValueError(f"run {run} is {found.status}; only one that has finished can be handed in")
    if found.setting("dataset") != wanted.dataset:
        raise ValueError(
            f"run {run} was trained on {quote(str(found.setting('dataset')))}; this challenge asks for "
            f"{quote(wanted.dataset)}"
        )
    if manager.store.entries.count().get(challenge, 0) >= MAX_ENTRIES:
        raise ValueError(f"{wanted.title} has {MAX_ENTRIES:,} entries, which is the most; its author can delete some")
    curve = manager.store.curves([run], series.TEST_ACCURACY).get(run, [])
    result = _read_result(found, wanted, curve)
    row = EntryRow(
        id=new_run_id(), challenge=challenge, person=person.id if person else "", name=shown[:MAX_NAME], run=run,
        at=time.time(), data=json.dumps(asdict(result)),
    )  # fmt: skip
    try:
        manager.add_entry(row)
    except StoreError as error:
        if error.duplicate:
            raise ValueError(f"run {run} has been handed in already") from None
        raise
    return next(entry for entry in read_board(manager, stored) if entry.id == row.id)


def take_back(manager: Manager, challenge: str, entry: str) -> None:
    """Take an entry off the board. Whose it is may do so, and who set the challenge.

    Args:
        manager: Of the runs.
        challenge: The challenge's identifier.
        entry: The entry's identifier.

    Raises:
        ValueError: There is no such entry, or it is somebody else's.
    """
    stored = get_challenge(manager, challenge)
    row = next((row for row in manager.store.entries.of(challenge) if row.id == entry), None)
    if row is None:
        raise ValueError(f"there is no entry {quote(entry)} on the board of {stored.challenge.title}")
    person = manager.person
    if person is not None and not (person.may_change(row.person) or person.may_change(stored.owner)):
        raise ValueError(f"this entry belongs to {row.name}; they and who set the challenge can take it back")
    manager.remove_entry(row)


# ---- the board ------------------------------------------------------------------------------------------------------


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


def format_value(key: str, value: float | None) -> str:
    """Write a metric of the board.

    Args:
        key: Of ``METRICS``, or ``coverage``.
        value: Its number; None where it has no one value.

    Returns:
        With every digit: a limit is met or missed by one.
    """
    if value is None:
        return "–"
    return format_count(round(value)) if key in METRICS else format_share(value)


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
