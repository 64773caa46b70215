"""Putting a run store together again: from the rows of a damaged file, and from what lies in the runs' folders."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from ._entries import EntryRow
from ._experiments import ExperimentRow, Trial
from ._files import atomic_write, is_locked, read_note
from ._history_file import HistoryFile, read_history
from ._home import RUN_ID, RunFolder, checkpoint_step, list_checkpoints, run_folders
from ._records import ACTIVE, EARLY_STOP, ENDED, Run, StoreError
from ._salvage import read_rows
from ._store import Store
from ._tables import AUDIT, DOCUMENTS, ENTRIES, EVENTS, EXPERIMENTS, METRICS, PEOPLE, RUNS, TRIALS

_BATCH = 5000
_LISTED_AGAIN = "listed again from its folder"
_ENTRIES = ".entries.jsonl"
"""How the name of the file ends that has what was handed in to a challenge."""


def describe(run: Run, trial: Trial | None) -> dict[str, Any]:
    """What a run's folder says of it and of its place in an experiment: it can be listed again without the store."""
    names = ("id", "name", "created", "architecture", "config", "memory", "notes", "tags", "owner", "shared")
    return {**{name: getattr(run, name) for name in names}, "trial": None if trial is None else trial.__dict__}


def write_experiment(root: Path, experiment: ExperimentRow) -> None:
    """Write an experiment beside the runs' folders, so that it can be listed again without the store."""
    path = _experiment_path(root, experiment.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(experiment.__dict__).encode())


def remove_experiment(root: Path, experiment: str) -> None:
    """Remove what ``write_experiment`` wrote."""
    _experiment_path(root, experiment).unlink(missing_ok=True)
    _experiment_path(root, experiment).with_suffix(_ENTRIES).unlink(missing_ok=True)


def write_entries(root: Path, store: Store, challenge: str) -> None:
    """Write what was handed in to a challenge beside its description, for the same reason."""
    text = "".join(f"{json.dumps(row.__dict__)}\n" for row in store.entries.of(challenge))
    atomic_write(_experiment_path(root, challenge).with_suffix(_ENTRIES), text.encode())


def _read_entries(path: Path) -> list[EntryRow]:
    """What ``write_entries`` wrote; lines that are none are left out."""
    found = []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in path.read_text(encoding="ascii").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                texts = {key: str(row[key]) for key in ("id", "challenge", "person", "name", "run", "data")}
                found.append(EntryRow(at=float(row["at"]), **texts))
    return found


def _experiment_path(root: Path, experiment: str) -> Path:
    if not RUN_ID.fullmatch(experiment):
        raise ValueError(f"{experiment[:60]!r} is no experiment")
    return root / "experiments" / f"{experiment}.json"


# ---- a damaged file -------------------------------------------------------------------------------------------------


def salvage(store: Store, root: Path, damaged: Path, home: str) -> str:
    """Fill an empty store with what can be read of a damaged file and of the runs' folders.

    Returns:
        A sentence about what was saved.
    """
    saved = _salvage_runs(store, root, damaged)
    again = relist(store, root, home)
    known = set(store.statuses())
    for run in known:
        _restore_from_folder(store, RunFolder(root, run))
    _relist_experiments(store, root)
    points = 0
    for table, rows in _batches(read_rows(damaged, (METRICS, DOCUMENTS, EVENTS))):
        rows = [row for row in rows if row["run"] in known]
        points += len(rows) if table is METRICS else 0
        store.insert_rows(table, rows)
    listed = f", {len(again)} listed again from folders" if again else ""
    return f"runs read from it: {len(saved)}, with {points:,} values of their curves{listed}"


def _salvage_runs(store: Store, root: Path, damaged: Path) -> set[str]:
    """Take over runs, experiments and who belongs to them, people and what they did. Returns the runs' ids."""
    runs: dict[str, dict[str, Any]] = {}
    for table, row in read_rows(damaged, (RUNS, EXPERIMENTS, TRIALS, PEOPLE, AUDIT, ENTRIES)):
        if table is RUNS and _is_run(row):
            before = runs.get(row["id"])
            if before is None or (row["attempt"], row["step"]) >= (before["attempt"], before["step"]):
                runs[row["id"]] = row
        elif table is not RUNS and (table is not EXPERIMENTS or _is_json(row["plan"], dict)):
            with contextlib.suppress(StoreError):  # twice the same
                store.insert_rows(table, [row])
    # A row from before the worker that left its note last is of no use.
    notes = {name: read_note(RunFolder(root, name).lock) for name in runs}
    current = [run for name, run in runs.items() if run["attempt"] >= notes[name].get("attempt", 0)]
    store.insert_rows(RUNS, current)
    return {run["id"] for run in current}


def _is_run(row: dict[str, Any]) -> bool:
    return bool(
        RUN_ID.fullmatch(row["id"])
        and row["status"] in (*ENDED, *ACTIVE)
        and row["requested_action"] in ("run", "pause", "stop")
        and _is_json(row["architecture"], dict)
        and _is_json(row["config"], dict)
        and _is_json(row["tags"], list)
    )


def _is_json(text: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


def _batches(
    rows: Iterable[tuple[sql.Table, dict[str, Any]]],
) -> Iterator[tuple[sql.Table, list[dict[str, Any]]]]:
    for table, group in itertools.groupby(rows, key=lambda pair: pair[0]):
        while batch := [row for _, row in itertools.islice(group, _BATCH)]:
            yield table, batch


# ---- folders --------------------------------------------------------------------------------------------------------


def relist(store: Store, root: Path, home: str) -> list[str]:
    """List the runs again that have a folder and no row, with what they reached, and the experiments that lack one.

    Returns:
        The ids of those runs.
    """
    known = store.statuses()
    again = [name for name in run_folders(root) if name not in known and _relist(store, root, name, home)]
    _relist_experiments(store, root)
    return again


def _relist(store: Store, root: Path, name: str, home: str) -> bool:
    folder = RunFolder(root, name)
    try:
        known = json.loads(folder.description.read_text(encoding="utf-8"))
        fields = {key: known[key] for key in ("id", "name", "created", "architecture", "config", "memory", "notes")}
        fields |= {"owner": str(known.get("owner", "")), "shared": bool(known.get("shared", False))}
        tags = tuple(map(str, known["tags"]))
        epochs = int(json.loads(fields["config"])["epochs"])
        trial = None if known.get("trial") is None else Trial(**known["trial"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no description, no run: half made or half deleted
    if fields["id"] != name:
        return False
    points, reached = read_history(folder.history)
    if not reached:  # of a version that did not write it
        reached = {"step": _newest_step(folder)}
    note = read_note(folder.lock)
    status, reason = _last_state(folder, note, reached, epochs)
    attempt, device, host = int(note.get("attempt", 0)), str(note.get("device", "")), str(note.get("host", ""))
    fields |= {"attempt": attempt, "device": device, "host": host, "home": home, **reached}
    try:
        store.add(**fields, tags=tags, status=status, reason=reason, trial=trial)
    except StoreError as error:
        if not error.duplicate:
            raise
        store.add(**fields, tags=tags, status=status, reason=reason)  # another run has its place in the experiment
    store.record(name, points)
    store.log_event(name, _LISTED_AGAIN)
    return True


def _newest_step(folder: RunFolder) -> int:
    newest = list_checkpoints(folder.checkpoints)
    return checkpoint_step(newest[0]) if newest else 0


def _last_state(folder: RunFolder, note: dict[str, Any], reached: dict[str, Any], epochs: int) -> tuple[str, str]:
    """The state of a run without a row, and why, by its lock and its course."""
    if is_locked(folder.lock):
        return "running", ""
    status, reason = note.get("status"), str(note.get("reason", ""))
    early = reason.startswith(EARLY_STOP)
    if status == "finished" and not early and reached.get("epoch", epochs) < epochs:
        status, reason = "interrupted", ""  # it had been extended and waited
    if status not in ENDED or status == "lost":
        status = "interrupted"
    if "attempt" not in note:
        return status, f"{_LISTED_AGAIN}; it had not begun"
    lost = "" if "epoch" in reached else "; its curves were lost with the run store"
    if not reason or lost:
        reason = f"{reason}; {_LISTED_AGAIN}{lost}" if reason else f"{_LISTED_AGAIN}{lost}"
    return status, reason


def _restore_from_folder(store: Store, folder: RunFolder) -> None:
    """What the folder of a listed run has beside its row: its course, and its place in an experiment."""
    store.record(folder.path.name, read_history(folder.history)[0])
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        trial = json.loads(folder.description.read_text(encoding="utf-8"))["trial"]
        if trial is not None and store.trial_of(folder.path.name) is None:
            store.insert_rows(TRIALS, [{"run": folder.path.name, **Trial(**trial).__dict__}])


def _relist_experiments(store: Store, root: Path) -> None:
    known = {experiment.id for experiment in store.experiments.all()}
    for path in sorted((root / "experiments").glob("*.json")):
        if path.stem in known or not RUN_ID.fullmatch(path.stem):
            continue
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            row = ExperimentRow(
                id=path.stem, name=str(found["name"]), created=float(found["created"]), plan=str(found["plan"]),
                owner=str(found.get("owner", "")), shared=bool(found.get("shared", False)),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if _is_json(row.plan, dict):
            store.experiments.save(row)
            for entry in _read_entries(path.with_suffix(_ENTRIES)):
                with contextlib.suppress(StoreError):  # twice the same
                    store.entries.add(entry)


def write_histories(store: Store, root: Path) -> None:
    """Write beside the checkpoints of ended runs the course that an earlier version kept in the store alone."""
    ended = store.statuses(*ENDED)
    for name in ended:
        folder = RunFolder(root, name)
        if folder.history.exists() or not folder.path.is_dir():
            continue
        run = store.get(name)
        points = [point for each in store.series(name) for point in store.points(name, each)]  # all or nothing
        reached = {"epoch": run.epoch, "step": run.step, "seconds": run.seconds}
        HistoryFile(folder.history, max(1, run.steps)).append(points, **reached)
        folder.history.touch()  # also where nothing was reached: no run is asked about twice


def describe_experiments(store: Store, root: Path) -> None:
    """Write beside the runs' folders what an earlier version kept in the store alone: experiments, and their runs'."""
    for experiment in store.experiments.all():
        if _experiment_path(root, experiment.id).exists():
            continue
        for trial, run in store.trials(experiment.id):
            folder = RunFolder(root, run.id)
            if folder.path.is_dir():
                atomic_write(folder.description, json.dumps(describe(run, trial)).encode())
        write_experiment(root, experiment)
