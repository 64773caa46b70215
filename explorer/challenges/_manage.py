"""Challenges in the run store: set, handed in to, closed and deleted."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

from ..runs import EntryRow, ExperimentRow, Manager, StoreError, new_run_id, series
from ..text import quote
from ._board import Entry, read_board
from ._challenge import Challenge, StoredChallenge
from ._results import read_result

MAX_NAME = 60
"""Characters of a name on the board."""
MAX_ENTRIES = 5_000
"""Of one challenge."""


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
    result = read_result(found, wanted, curve)
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
