"""With which weights a network of the Receptive field page can be measured: random ones, and all that are trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, NamedTuple

from explorer import catalog
from explorer.architecture import Architecture
from explorer.experiments import find_runs
from explorer.inspection import AvailableModel, list_checkpoint_names, list_imported, list_models, load_model_cards
from pages.ui.inspect import state as inspect_state
from pages.ui.manager import manager

from . import state

INITIAL = "initial"
"""The network before any training."""
COURSE = "@all"
"""Behind the name of a run: all of its checkpoints."""
_STEP = re.compile(r"@(\d+)$", re.ASCII)


class State(NamedTuple):
    """A network in one state."""

    key: str
    """What tells it from every other state of this network."""
    title: str
    """Shown to people."""
    step: int | None
    """Updates of its training so far; None where that is not known."""
    open: Callable[[], Any]
    """Gives the network with its weights. Imports torch, touches nothing of Streamlit."""
    model: str
    """What tells its preprocessing from that of others: its run's or model's name; '' where it has none of its own."""


def list_choices(architecture: Architecture) -> dict[str, str]:
    """What can be chosen, with titles; trained weights of this very network first."""
    found = {}
    runs = {run.id for _, run in find_runs(manager(), [architecture])}
    for entry in list_models(manager()):
        if entry.ready and (entry.name in runs if entry.kind == "run" else _fits(architecture, entry)):
            found[entry.name] = f"{f'{entry.kind} · ' if entry.kind in ('run', 'imported') else ''}{entry.title}"
            if entry.kind == "run" and len(names := list_checkpoint_names(manager(), entry.name)) > 1:
                found[f"{entry.name}{COURSE}"] = f"run · {entry.title} · all {len(names)} checkpoints"
                found |= {name: f"run · {entry.title} · step {int(name.partition('@')[2]):,}" for name in names}
    own = inspect_state.state()["own"]
    if own is not None and (own.architecture.input_shape, own.architecture.trunk) == (
        architecture.input_shape,
        architecture.trunk,
    ):
        found[inspect_state.OWN] = f"your weights · {own.name}"
    return {**found, INITIAL: "initial (random, before any training)"}


def choose(choices: dict[str, str]) -> str:
    """The chosen weights, or the usual ones where these are none of the choices."""
    chosen = state.state()["weights"]
    return chosen if chosen in choices else next(iter(choices))


def _fits(architecture: Architecture, entry: AvailableModel) -> bool:
    return bool(_look_up(entry.name, entry.kind) == (architecture.input_shape, architecture.trunk))


@lru_cache(maxsize=64)
def _look_up(name: str, kind: str) -> Any:
    if kind == "imported":
        architecture = list_imported(manager().root)[name].architecture
    else:
        architecture = load_model_cards()[name].to_architecture() if kind == "shipped" else catalog.get(name)
    return architecture.input_shape, architecture.trunk


def list_states(architecture: Architecture, chosen: str, device: str, seed: int, *, beside: bool) -> list[State]:
    """The states that a choice means, in the order of training.

    Args:
        architecture: The network.
        chosen: A key of ``list_choices``.
        device: Where it computes.
        seed: Of initial weights that are no run's.
        beside: Whether the initial weights are measured, too, where one trained state was chosen.
    """
    run = chosen.partition("@")[0]
    own = inspect_state.state()["own"]
    names: tuple[str, ...] = () if run in ("", INITIAL) else (run,)
    with suppress(ValueError):  # no run
        trained = manager().run(run)
        every = list_checkpoint_names(manager(), run)
        names = every if chosen.endswith(COURSE) else (chosen,) if "@" in chosen else every[-1:]
        seed = int(trained.setting("seed") or 0)
    states = [_open_later(name, device) for name in names]
    if chosen == inspect_state.OWN:
        states = [State(f"own {own.digest}", own.name, None, lambda: own, f"own {own.digest}")]
    if chosen == INITIAL or (beside and len(states) == 1 and states[0].step != 0):
        states.insert(0, State(f"{INITIAL} {seed}", "initial", 0, partial(_begin, architecture, seed, device), ""))
    return states


def _open_later(name: str, device: str) -> State:
    step = _STEP.search(name)
    number = int(step[1]) if step else None
    runs = manager()

    def open_it() -> Any:
        from explorer.inspection.opening import open_model

        return open_model(name, runs, device=device)

    return State(name, name if number is None else f"step {number:,}", number, open_it, name.partition("@")[0])


def _begin(architecture: Architecture, seed: int, device: str) -> Any:
    from explorer.inspection.opening import open_initial

    return open_initial(architecture, seed, device=device)
