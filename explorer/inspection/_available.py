"""The models that can be opened: shipped ones, those of runs, published ones. No torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from .. import catalog
from ..runs import (
    RUN_ID,
    Manager,
    Run,
    RunFolder,
    SavedFiles,
    Status,
    checkpoint_step,
    find_bytes_elsewhere,
    list_best,
    list_checkpoints,
    list_kept,
    list_saved,
)
from ..text import format_bytes, format_share
from ._imported import list_imported
from ._published import PUBLISHED
from ._shipped import load_model_cards

BEST = "best"
"""Stands for a step in the name of a run's model: the weights after its best epoch."""
ModelKind = Literal["shipped", "run", "imported", "published"]
"""Where a model comes from: with the program, from a training run, from another program, from torchvision or timm."""


@dataclass(frozen=True, kw_only=True)
class AvailableModel:
    """One model that can be opened by its name."""

    name: str
    """What ``models.open_model`` takes."""
    kind: ModelKind
    """Where it comes from."""
    title: str
    """Shown to people."""
    detail: str
    """Accuracy, status or size, in a few words."""
    ready: bool
    """Whether it can be opened now; published weights must be downloaded first."""
    checkpoints: tuple[str, ...] = ()
    """Of a run: names of its checkpoints, newest first; the run's own name means the newest that is valid."""
    best: str = ""
    """Of a run: what ``RUN@best`` is, such as 'best by validation, step 1,234'; '' where it has none."""

    aliases: tuple[str, ...] = ()
    """Further names that ``models.open_model`` takes."""

    @property
    def label(self) -> str:
        """One line for a list: its kind, title and names, so that a search in the list finds it by any of them."""
        kind = "" if self.kind == "shipped" else f"{self.kind} · "
        return f"{kind}{' · '.join((self.title, self.name, *self.aliases))}{'' if self.ready else ' (not here yet)'}"

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return asdict(self)


def list_models(manager: Manager, runs: Sequence[Run] | None = None) -> list[AvailableModel]:
    """List every model that can be opened by a name.

    Args:
        manager: Of the runs.
        runs: All of them as they have just been read; None: they are read.

    Returns:
        Shipped models, then runs that have a checkpoint and imported models (the newest first), then published weights.
    """
    entries = (_read_run(manager, run) for run in reversed(manager.runs() if runs is None else runs))
    return [
        *(
            AvailableModel(
                name=name, kind="shipped", title=card.title, ready=True,
                detail=f"{format_share(card.accuracy)} on {card.data}",
            )
            for name, card in load_model_cards().items()
        ),
        *(entry for entry in entries if entry is not None),
        *(
            AvailableModel(name=name, kind="imported", title=model.title, detail=model.detail, ready=True)
            for name, model in list_imported(manager.root).items()
        ),
        *(
            AvailableModel(
                name=spec.name,
                kind="published",
                title=spec.title,
                detail="here" if here else f"not downloaded, {format_bytes(spec.size_bytes)}",
                ready=here,
                aliases=() if spec.model == spec.name else (spec.model,),
            )
            for spec, here in ((spec, spec.path.is_file()) for spec in PUBLISHED.values())
        ),
    ]


def list_checkpoint_names(manager: Manager, run: str) -> tuple[str, ...]:
    """List the states of a run that can be opened, in the order of its training.

    Args:
        manager: Of the runs.
        run: Its identifier.

    Returns:
        Names that ``open_model`` takes, such as ``RUN@0``, the earliest step first; () where it has no checkpoint.

    Raises:
        ValueError: There is no such run.
    """
    folder = RunFolder(manager.root, manager.run(run).id).checkpoints
    found = {checkpoint_step(path) for path in (*list_checkpoints(folder), *list_kept(folder), *list_best(folder))}
    return tuple(f"{run}@{step}" for step in sorted(found))


def list_candidates(folder: Path, step: str) -> list[Path]:
    """List the files of weights that a name of a run may mean.

    Args:
        folder: Its checkpoints.
        step: '' for the newest checkpoint, ``best`` for the best epoch, or a number of updates.

    Returns:
        The files to try, the first one first.
    """
    if step == BEST:
        return list_best(folder)
    paths = list_checkpoints(folder)
    if not step:
        return paths
    paths += [*list_kept(folder), *list_best(folder)]
    return [path for path in paths if f"{checkpoint_step(path):010}" == step.rjust(10, "0")]


def describe_fetch(name: str, manager: Manager) -> str:
    """Say what opening a model has to wait for where its weights are in an object store.

    Args:
        name: As ``open_model`` takes it.
        manager: Of the runs.

    Returns:
        Such as 'Fetching 12 MB of weights from the object store'; '' where they are here, or nowhere.
    """
    run, _, step = name.partition("@")
    if not RUN_ID.fullmatch(run):
        return ""
    found = list_candidates(RunFolder(manager.root, run).checkpoints, step)
    size = find_bytes_elsewhere(found[0]) if found else 0
    return f"Fetching {format_bytes(size)} of weights from the object store" if size else ""


def suggest_model(name: str, manager: Manager) -> str:
    """Suggest what somebody may have meant by a name that no model has.

    Args:
        name: What was typed.
        manager: Of the runs.

    Returns:
        The end of a sentence that begins with what is wrong.
    """
    if name in catalog.names():
        return f"it is a network of the catalogue, whose weights are a file of yours: give {name}:WEIGHTS"
    models = list_models(manager)
    known = {entry.name.lower(): entry.name for entry in models}
    known |= {spec.model: spec.name for spec in PUBLISHED.values()}
    known |= {entry.title.lower(): entry.name for entry in models}
    networks = {each: f"{each}:WEIGHTS" for each in catalog.names() if each not in known}
    close = difflib.get_close_matches(name.lower()[:200], [*known, *networks], n=3, cutoff=0.7)
    meant = list(dict.fromkeys({**networks, **known}[each] for each in close))
    if meant:
        return f"did you mean {' or '.join(meant)}?"
    return "`python -m explorer models` shows all models"


def describe_best(best: Mapping[str, Any]) -> str:
    """How good the best epoch was, and by which images; ``best`` is as a checkpoint has it."""
    flatters = "" if best["split"] == "validation" else ", which also chose it"
    return f"best epoch {best['epoch']}: {format_share(best['accuracy'])} of the {best['split']} images right{flatters}"


def _read_run(manager: Manager, run: Run) -> AvailableModel | None:
    saved = list_saved(manager.root, run.id)
    return _describe_run(run.id, run.name, run.status, run.setting("dataset"), saved) if saved.checkpoints else None


@lru_cache(maxsize=20_000)  # there may be thousands, of which few have changed since the last look
def _describe_run(run: str, title: str, status: Status, dataset: str, saved: SavedFiles) -> AvailableModel:
    best = saved.best[:1]
    steps = sorted({checkpoint_step(path) for path in (*saved.checkpoints, *saved.kept)}, reverse=True)
    return AvailableModel(
        name=run,
        kind="run",
        title=title,
        detail=f"{status}, checkpoint of step {checkpoint_step(saved.checkpoints[0]):,}, {dataset}",
        ready=True,
        checkpoints=tuple(f"{run}@{each}" for each in (*steps, *(BEST for _ in best))),
        best="".join(f"best by {path.name.split('-')[1]}, step {checkpoint_step(path):,}" for path in best),
    )
