"""The run store as one person sees it, who is signed in: what is neither theirs nor shared is not there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql

from ..person import Person
from ._experiments import Experiments, Trial
from ._people import describe_owner, seen_by
from ._queue_limit import QueueLimit
from ._records import Run
from ._store import Store
from ._tables import RUNS


class PersonalStore(Store):
    """A store that shows what a person may look at, and changes what they may change."""

    def __init__(self, whole: Store, person: Person) -> None:
        """Look at a store with somebody's eyes.

        Args:
            whole: Everybody's store; its database is used.
            person: Who looks.
        """
        self.__dict__.update(whole.__dict__)
        self._person = person
        self.experiments = Experiments(self._transaction, self._delete, person)

    def _seen(self) -> list[sql.ColumnElement[bool]]:
        return seen_by(self._person, RUNS)

    def require_look(self, run: str) -> None:
        """Raise ValueError, as for a run that there is not, if this person may not see it."""
        self.get(run)

    def require_change(self, run: str) -> None:
        """Raise ValueError if this person may not change a run; as for one that there is not if they may not see it."""
        found = self.get(run)
        if not self._person.may_change(found.owner):
            with self._transaction() as connection:
                raise ValueError(f"run {run} {describe_owner(connection, found.owner)}")

    def add(self, *, trial: Trial | None = None, limit: QueueLimit | None = None, **fields: Any) -> Run:
        """Add a run of this person; one of an experiment belongs to whom that belongs to."""
        if trial is None:
            fields["owner"] = self._person.id
        else:
            self.experiments.require_change(trial.experiment)
        return super().add(trial=trial, limit=limit, **fields)
