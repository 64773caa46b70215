"""What was done with a model on its way to a slim one, kept for the session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import streamlit as st

from . import data, models, state

KEY = "inspect_slim"
_MOST = 3
"""Models whose steps are kept for when one comes back to them."""


class Stage(NamedTuple):
    """A step that was taken, and the model that it left."""

    step: Any
    """A ``Slimmed``."""
    model: Any


class Way(NamedTuple):
    """The steps of one model."""

    base: Any
    done: tuple[Stage, ...] = ()
    undone: tuple[Stage, ...] = ()

    @property
    def model(self) -> Any:
        """As the steps left it."""
        return self.done[-1].model if self.done else self.base

    def take(self, stages: Sequence[Stage]) -> Way:
        """One step further, or several."""
        return Way(self.base, (*self.done, *stages))

    def undo(self) -> Way:
        """One step back."""
        return Way(self.base, self.done[:-1], (*self.undone, self.done[-1])) if self.done else self

    def redo(self) -> Way:
        """One step forward again."""
        return Way(self.base, (*self.done, self.undone[-1]), self.undone[:-1]) if self.undone else self


def _ways() -> dict[str, Way]:
    found: dict[str, Way] = st.session_state.setdefault(KEY, {})
    return found


def find_way(model: Any) -> Way:
    """The steps of a model so far."""
    return _ways().get(model.digest, Way(model))


def keep(way: Way) -> None:
    """Remember the steps, in place of those before."""
    ways = _ways()
    ways.pop(way.base.digest, None)
    ways[way.base.digest] = way
    while len(ways) > _MOST:
        del ways[next(iter(ways))]
    state.change()


def make_stage(way: Way, step: Any) -> Stage:
    """A step with the model that it leaves."""
    from explorer.slimming import as_model

    return Stage(step, as_model(way.base, step.architecture, step.network))


def list_cards(way: Way) -> dict[str, Any]:
    """The data sets that are here and have the model's classes."""
    return {card.name: card for card in data.list_cards() if data.matches_model(way.base, card)}


def find_dataset(way: Way, part: Literal["train", "test"]) -> str:
    """The data set that fits the model; '' where none is here."""
    cards = list_cards(way)
    usual = models.find_dataset(state.state()["model"], part)
    return usual if usual in cards else next(iter(cards), "")
