"""When it is the turn of runs that wait, in text and as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the store is loaded by the verb that needs it
    from ..runs import Manager, Run
    from ..training import ExpectedStart


def expect_turns(manager: Manager, runs: Iterable[Run]) -> dict[str, ExpectedStart]:
    """When it is the turn of those that wait, by their ids."""
    waiting = [run.id for run in runs if run.status == "queued"]
    if not waiting:
        return {}
    from ..training import expect_starts

    found = expect_starts(manager)
    return {run: found[run] for run in waiting if run in found}


def turn_data(turn: ExpectedStart | None) -> dict[str, Any]:
    """The same as plain data, for one run."""
    seconds = None if turn is None or turn.seconds is None else round(turn.seconds, 1)
    return {"position": turn and turn.position, "starts_in_seconds": seconds}


def list_turns(turns: dict[str, ExpectedStart]) -> list[dict[str, Any]]:
    """The same for several, the next first."""
    return [{"run": run, **turn_data(turn)} for run, turn in sorted(turns.items(), key=lambda each: each[1].position)]


def print_next(turns: dict[str, ExpectedStart]) -> None:
    """Tell when the next of several starts, where some wait."""
    from ..training import describe_next

    if turns:
        print(f"\n{describe_next(turns.values())}.")
