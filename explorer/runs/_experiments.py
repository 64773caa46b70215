"""Experiments in the run store: runs that belong together, each by its variant and its seed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sql

from ..text import suggest
from ._tables import EXPERIMENTS, TRIALS

Kind = Literal["experiment", "search"]
"""What several runs may belong to: variants × seeds, or the trials of a search."""


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
    """JSON that ``explorer.experiments`` or ``explorer.search`` reads, by ``kind``."""

    @property
    def kind(self) -> Kind:
        """What the runs belong to."""
        return "search" if self.plan.startswith('{"kind": "search"') else "experiment"


class Experiments:
    """Reads and writes of the table ``experiments``, each in one transaction."""

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[sql.Connection]], delete: Callable[..., None]
    ) -> None:
        self._transaction, self._delete = transaction, delete

    def save(self, experiment: ExperimentRow) -> None:
        """Add an experiment, or change the one of its id."""
        known = EXPERIMENTS.update().where(EXPERIMENTS.c.id == experiment.id)
        with self._transaction() as connection:
            if not connection.execute(known.values(**experiment.__dict__)).rowcount:
                connection.execute(EXPERIMENTS.insert().values(**experiment.__dict__))

    def all(self) -> list[ExperimentRow]:
        """All experiments, oldest first."""
        query = EXPERIMENTS.select().order_by(EXPERIMENTS.c.created, EXPERIMENTS.c.id)
        with self._transaction() as connection:
            return [ExperimentRow(**row._mapping) for row in connection.execute(query)]

    def get(self, experiment: str, kind: Kind) -> ExperimentRow:
        """One experiment or search. Raises ValueError if there is none of this name."""
        with self._transaction() as connection:
            row = connection.execute(EXPERIMENTS.select().where(EXPERIMENTS.c.id == experiment)).one_or_none()
        found = None if row is None else ExperimentRow(**row._mapping)
        if found is None or found.kind != kind:
            known: dict[str, str] = {}
            for each in self.all():
                if each.kind == kind:
                    known |= {each.name: each.id, each.id: each.id}
            verb = "search list" if kind == "search" else "experiments list"
            hint = suggest(experiment, known, f"`python -m explorer {verb}` shows them")
            raise ValueError(f"there is no {kind} {experiment[:60]!r}; {hint}")
        return found

    def remove(self, experiment: str) -> None:
        """Forget an experiment; its runs stay, on their own."""
        self._delete(
            TRIALS.delete().where(TRIALS.c.experiment == experiment),
            EXPERIMENTS.delete().where(EXPERIMENTS.c.id == experiment),
        )
