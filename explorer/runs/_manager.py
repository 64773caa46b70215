"""The manager: makes runs, starts their workers, asks them to pause or stop, and keeps the store up to date.

Any number of programs may open a manager on a data directory to read and to make requests. Starting workers and
cleaning up is for one at a time, the *owner*: a server for as long as it lives, a command for a moment. Locks that the
kernel frees tell which workers of this machine live, never process ids or clocks; those of a cluster: see ``_ray``.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ._data_directory import DataDirectory
from ._entries import EntryRow
from ._experiments import ExperimentRow, Trial
from ._files import Lock, atomic_write, remove_folder, write_folder
from ._home import RunFolder, new_run_id, validate_run_id
from ._queue_limit import QueueLimit
from ._quotas import check_quotas, find_quotas
from ._records import FOLDER_GONE, RESUMABLE, RequestedAction, Run, Status, StoreError
from ._repair import describe, remove_experiment, write_entries, write_experiment
from ._supervisor import AlreadyManaged


class Manager(DataDirectory):
    """The runs of one data directory: lists them, takes requests, starts and supervises their workers.

    Methods that take a run's id raise ValueError, in one sentence for people, for an unknown id or an invalid request.
    """

    def create(
        self,
        name: str,
        architecture: str,
        config: str,
        *,
        memory: int = 0,
        notes: str = "",
        tags: Iterable[str] = (),
        trial: Trial | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Run:
        """Queue a new run.

        Args:
            name: A title for people.
            architecture: JSON.
            config: The training configuration, JSON.
            memory: Bytes that it is expected to need.
            notes: Free text.
            tags: Short texts by which people find it.
            trial: Its place in an experiment.
            files: What its worker needs in its folder, by name; written before the run can be started.

        Returns:
            The run, in the state ``queued``.

        Raises:
            ValueError: Too many runs are queued or running: of everybody, or of whom it would belong to.
            StoreError: It could not be written, or the trial has a run (``duplicate``).
        """
        self.check_capacity(1)
        whose = "" if self.person is None else self.person.id
        if trial is not None:  # what goes on for somebody, such as a search, is theirs
            whose = self.store.experiments.owner_of(trial.experiment)[0]
            if self.person is None:
                check_quotas(self.store, self.root, whose, runs=1)
        run_id = new_run_id()
        folder = RunFolder(self.root, run_id).path
        if files:
            write_folder(folder, files)
        try:
            run = self.store.add(
                id=run_id, name=name, created=time.time(), architecture=architecture, config=config, memory=memory,
                notes=notes, tags=tuple(tags), status="queued", trial=trial, home=self.home_id,
                host=socket.gethostname(), limit=self._limit_queue(self.home_id, whose),
            )  # fmt: skip
        except ValueError as error:
            if not isinstance(error, StoreError) or error.duplicate:  # a database that is away may have it all the same
                remove_folder(folder)
            raise
        self._describe(run, trial)
        self.log_action("start", f"run {run_id}", name)
        return run

    def pause(self, run: str) -> Run:
        """Have a run write a checkpoint and give its device up; ``resume`` goes on from there."""
        return self._request(run, "pause", "paused")

    def stop(self, run: str) -> Run:
        """End a run. Wins over a pause that was asked for at the same time."""
        return self._request(run, "stop", "stopped")

    def resume(self, run: str) -> Run:
        """Queue a run again, to go on from its last checkpoint. Of two simultaneous calls one fails."""
        before = self.run(run)
        if before.status in RESUMABLE:
            self.check_quotas(runs=1)
        limit = self._limit_queue(before.home, before.owner)
        queued = {"status": "queued", "requested_action": "run", "reason": ""}
        event = f"resumed after it was {before.status}"
        if not self.store.update(run, where={"status": RESUMABLE}, event=event, turn="waits", limit=limit, **queued):
            now = self.store.get(run)
            self._refuse_without_folder(now)
            way = "extend it by some epochs" if now.status == "finished" else "there is nothing to resume"
            raise ValueError(f"run {run} is {now.status} already; {way}")
        self.log_action("resume", f"run {run}")
        return self.store.get(run)

    def reconfigure(self, run: str, config: str, *, memory: int, queue: bool = False) -> Run:
        """Change the training configuration of a run that is not running.

        Args:
            run: Its id.
            config: The new configuration, JSON.
            memory: Bytes that it is expected to need now.
            queue: Resume it as well.

        Returns:
            The run after the change.
        """
        statuses: tuple[Status, ...] = (*RESUMABLE, "finished")
        before = self.run(run)
        self._refuse_foreign(before, "change")
        fields: dict[str, Any] = {"config": config, "memory": memory}
        if queue:
            self.check_quotas(runs=1)
            self._refuse_without_folder(before)
            fields |= {"status": "queued", "requested_action": "run", "reason": ""}
        limit = self._limit_queue(before.home, before.owner) if queue else None
        where = {"status": statuses}
        if not self.store.update(run, where=where, turn="waits" if queue else None, limit=limit, **fields):
            raise ValueError(f"run {run} is {self.store.get(run).status}; pause it first")
        self.log_action("extend" if queue else "change", f"run {run}")
        self._describe(self.store.get(run), self.store.trial_of(run))
        return self.store.get(run)

    def annotate(
        self, run: str, *, name: str | None = None, notes: str | None = None, tags: Iterable[str] | None = None
    ) -> Run:
        """Change the title, notes or tags of a run; None leaves each as it is."""
        given: dict[str, Any] = {"name": name, "notes": notes, "tags": None if tags is None else tuple(tags)}
        fields = {key: value for key, value in given.items() if value is not None}
        if fields:
            self.store.update(validate_run_id(run), **fields)
            self._describe(self.store.get(run), self.store.trial_of(run))
            self.log_action("describe", f"run {run}", ", ".join(fields))
        return self.store.get(run)

    def share(self, run: str, shared: bool) -> Run:
        """Let others look at a run, or no longer. One of an experiment is shared with that alone: ``share_experiment``.

        Raises ValueError if it is not the person's for whom the manager acts.
        """
        trial = self.store.trial_of(validate_run_id(run))
        if trial is not None:
            raise ValueError(f"run {run} is part of {trial.experiment}; share that, with all its runs")
        self.store.update(run, shared=shared)
        self._describe(self.store.get(run), None)
        self.log_action("share" if shared else "unshare", f"run {run}")
        return self.store.get(run)

    def save_experiment(self, experiment: ExperimentRow) -> None:
        """Store an experiment, or its changes, in the store and beside the runs' folders."""
        write_experiment(self.root, self.store.experiments.save(experiment))
        self.log_action("save", f"{experiment.kind} {experiment.id}", experiment.name)

    def share_experiment(self, experiment: str, shared: bool) -> None:
        """Let others look at an experiment or a search, with all its runs, or no longer."""
        stored = self.store.experiments.share(experiment, shared)
        write_experiment(self.root, stored)
        for trial, run in self.store.trials(experiment):
            self._describe(run, trial)
        self.log_action("share" if shared else "unshare", f"{stored.kind} {experiment}", stored.name)

    def remove_experiment(self, experiment: str) -> None:
        """Forget an experiment; its runs stay, on their own."""
        self.store.experiments.require_change(experiment)
        remove_experiment(self.root, experiment)
        self.store.entries.remove(experiment)
        self.store.experiments.remove(experiment)
        self.log_action("delete", f"experiment {experiment}")

    def add_entry(self, entry: EntryRow) -> None:
        """Hand in to a challenge. Raises StoreError (``duplicate``) where the run has been handed in to it already."""
        self.store.entries.add(entry)
        write_entries(self.root, self.store, entry.challenge)
        self.log_action("hand in", f"challenge {entry.challenge}", f"run {entry.run}")

    def remove_entry(self, entry: EntryRow) -> None:
        """Take back what was handed in."""
        self.store.entries.remove(entry.challenge, entry.id)
        write_entries(self.root, self.store, entry.challenge)
        self.log_action("take back", f"challenge {entry.challenge}", f"run {entry.run} of {entry.name}")

    def delete(self, run: str) -> None:
        """Remove a run with its checkpoints and curves. Raises ValueError while its worker runs."""
        folder, found = RunFolder(self.root, run), self.run(run)
        self.store.require_change(run)
        self._refuse_foreign(found, "delete")
        lock = None
        if found.status != "running":  # a running one whose folder is gone has no lock to be asked
            folder.path.mkdir(parents=True, exist_ok=True)
            lock = Lock.acquire(folder.lock, note=False)
        if lock is None:
            raise ValueError(f"run {run} is running; stop it first")
        with lock:
            # Out of sight first: were we killed here, no half run would be listed again from its folder.
            away = folder.path.with_name(f".deleted-{run}-{os.getpid()}")
            os.replace(folder.path, away)
            self._scheduler.complete_deletion(away)
        self.log_action("delete", f"run {run}", found.name)

    def _request(self, run: str, action: RequestedAction, end: Status) -> Run:
        before = self.run(run)
        idle: tuple[Status, ...] = ("queued",) if action == "pause" else ("queued", "paused", "interrupted")
        weaker = ("run",) if action == "pause" else ("run", "pause")
        while True:
            event = f"{end} while it was {before.status}"
            if self.store.update(run, where={"status": idle}, event=event, status=end, requested_action=action):
                self.log_action(action, f"run {run}")
                return self.store.get(run)
            asked = self.store.update(
                run,
                where={"status": ("running",), "requested_action": weaker},
                event=f"asked to {action}",  # a quick worker would write its answer before
                requested_action=action,
                requested_at=time.monotonic() if self.owns(before) else 0.0,
            )
            now = self.store.get(run)
            if asked or now.status not in idle:
                break
            before = now  # it ran when the first question was put, and came to rest before the second: once more
        if not asked and now.status not in ("running", end):
            raise ValueError(f"run {run} is {now.status}; there is nothing to {action}")
        if asked:
            self.log_action(action, f"run {run}")
        return now

    def _limit_queue(self, home: str, whose: str) -> QueueLimit:
        """How many runs there may be in the queue; an administrator who acts has none of their own, but that of all."""
        admin = self.person is not None and self.person.admin
        each = None if admin else find_quotas(self.everybody.store, whose).queue
        return QueueLimit(home=home, person=whose, runs_each=each)

    def _refuse_foreign(self, run: Run, what: str) -> None:
        if not self.owns(run):
            raise ValueError(
                f"run {run.id} belongs to another data directory on {run.host or 'an unknown machine'}, which shares "
                f"this database; {what} it there"
            )

    def _refuse_without_folder(self, run: Run) -> None:
        if not self.has_folder(run):
            raise ValueError(f"run {run.id} cannot go on: {FOLDER_GONE}; clone it to train it again from the beginning")

    def _describe(self, run: Run, trial: Trial | None) -> None:
        """Write what its folder says of a run; of another data directory's that is not here."""
        if not self.owns(run):
            return
        folder = RunFolder(self.root, run.id)
        folder.checkpoints.mkdir(parents=True, exist_ok=True)
        atomic_write(folder.description, json.dumps(describe(run, trial)).encode())


def wait_until_ended(manager: Manager, run: str, seconds: float = 60.0) -> Run:
    """Wait until a run is neither queued nor running, supervising the directory meanwhile where nobody else does.

    Args:
        manager: Of the run's data directory.
        run: The run's id.
        seconds: How long to wait at most.

    Returns:
        The run as it is then, perhaps still running.

    Raises:
        ValueError: There is no such run.
    """
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AlreadyManaged):
            manager.tick()
        found = manager.run(run)
        if not found.active or time.monotonic() > end:
            return found
        time.sleep(0.1)
