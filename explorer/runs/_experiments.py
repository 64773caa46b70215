"""Experiments in the run store: runs that belong together, each by its variant and its seed."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sql

from ..person import Person
from ..text import suggest
from ._people import describe_owner, seen_by
from ._tables import EXPERIMENTS, RUNS, TRIALS

Kind = Literal["experiment", "search", "challenge"]
"""What the table holds: variants × seeds, searches, which have runs; and challenges, to which runs are handed in."""
_KIND = re.compile(r'\{"kind": "(search|challenge)"')
_VERBS: dict[Kind, str] = {"experiment": "experiments list", "search": "search list", "challenge": "challenge list"}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The place of a run in an experiment: its variant and its seed. No two runs have the same."""

    experiment: str
    """Identifier of the experiment."""
    variant: str
    """Label of the variant."""
    seed: int
    """The seed."""


@dataclass(frozen=True, kw_only=True)
class ExperimentRow:
    """One row of ``experiments``."""

    id: str
    """Its identifier."""
    name: str
    """Its title."""
    created: float
    """Seconds since 1970."""
    plan: str
    """JSON that ``explorer.experiments``, ``explorer.search`` or ``explorer.challenges`` reads, by ``kind``."""
    owner: str = ""
    """The id of the person whose it is; '' where it was made without sign-in."""
    shared: bool = False
    """Whether others may look."""

    @property
    def kind(self) -> Kind:
        """What it is."""
        found = _KIND.match(self.plan)
        return found[1] if found else "experiment"  # type: ignore[return-value]


class Experiments:
    """Reads and writes of the table ``experiments``, each in one transaction."""

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[sql.Connection]],
        delete: Callable[..., None],
        person: Person | None = None,
    ) -> None:
        """Read and write experiments.

        Args:
            transaction: Opens a transaction.
            delete: Executes statements that delete.
            person: Who looks; None for everybody's.
        """
        self._transaction, self._delete, self._person = transaction, delete, person

    def save(self, experiment: ExperimentRow) -> ExperimentRow:
        """Add an experiment, or change the one of its id, whose owner stays. Returns it as it is stored."""
        table = EXPERIMENTS
        fields = {name: getattr(experiment, name) for name in ("name", "created", "plan")}
        with self._transaction() as connection:
            if self._find(connection, experiment.id) is None:
                owner = experiment.owner if self._person is None else self._person.id
                connection.execute(
                    table.insert().values(id=experiment.id, owner=owner, shared=experiment.shared, **fields)
                )
            else:
                self._require_change(connection, experiment.id)
                connection.execute(table.update().where(table.c.id == experiment.id).values(**fields))
            row = self._find(connection, experiment.id)
            assert row is not None
            return row

    def share(self, experiment: str, shared: bool) -> ExperimentRow:
        """Let others look at an experiment and its runs, or no longer. Returns it as it is then."""
        runs = sql.select(TRIALS.c.run).where(TRIALS.c.experiment == experiment)
        with self._transaction() as connection:
            self._require_change(connection, experiment)
            connection.execute(EXPERIMENTS.update().where(EXPERIMENTS.c.id == experiment).values(shared=shared))
            connection.execute(RUNS.update().where(RUNS.c.id.in_(runs)).values(shared=shared))
            row = self._find(connection, experiment)
            assert row is not None
            return row

    def all(self) -> list[ExperimentRow]:
        """All experiments, oldest first."""
        query = EXPERIMENTS.select().where(*self._seen()).order_by(EXPERIMENTS.c.created, EXPERIMENTS.c.id)
        with self._transaction() as connection:
            return [ExperimentRow(**row._mapping) for row in connection.execute(query)]

    def get(self, experiment: str, kind: Kind) -> ExperimentRow:
        """One experiment or search. Raises ValueError if there is none of this name."""
        query = EXPERIMENTS.select().where(EXPERIMENTS.c.id == experiment, *self._seen())
        with self._transaction() as connection:
            row = connection.execute(query).one_or_none()
        found = None if row is None else ExperimentRow(**row._mapping)
        if found is None or found.kind != kind:
            known: dict[str, str] = {}
            for each in self.all():
                if each.kind == kind:
                    known |= {each.name: each.id, each.id: each.id}
            hint = suggest(experiment, known, f"`python -m explorer {_VERBS[kind]}` shows them")
            raise ValueError(f"there is no {kind} {experiment[:60]!r}; {hint}")
        return found

    def owner_of(self, experiment: str) -> tuple[str, bool]:
        """(whose an experiment is, whether others may look at it); ('', False) if there is none."""
        with self._transaction() as connection:
            found = self._find(connection, experiment)
        return ("", False) if found is None else (found.owner, found.shared)

    def require_change(self, experiment: str) -> None:
        """Raise ValueError if an experiment may not be changed by who looks."""
        with self._transaction() as connection:
            self._require_change(connection, experiment)

    def remove(self, experiment: str) -> None:
        """Forget an experiment; its runs stay, on their own."""
        self.require_change(experiment)
        self._delete(
            TRIALS.delete().where(TRIALS.c.experiment == experiment),
            EXPERIMENTS.delete().where(EXPERIMENTS.c.id == experiment),
        )

    def _seen(self) -> list[sql.ColumnElement[bool]]:
        return [] if self._person is None else seen_by(self._person, EXPERIMENTS)

    def _find(self, connection: sql.Connection, experiment: str) -> ExperimentRow | None:
        row = connection.execute(EXPERIMENTS.select().where(EXPERIMENTS.c.id == experiment)).one_or_none()
        return None if row is None else ExperimentRow(**row._mapping)

    def _require_change(self, connection: sql.Connection, experiment: str) -> None:
        found = self._find(connection, experiment)
        if self._person is None or found is None or self._person.may_change(found.owner):
            return
        if not self._person.may_look(found.owner, found.shared):
            raise ValueError(f"there is no {found.kind} {experiment[:60]!r}")
        raise ValueError(f"{found.kind} {experiment} {describe_owner(connection, found.owner)}")
