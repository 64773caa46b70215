"""The manager: makes runs, starts their workers, asks them to pause or stop, and keeps the store up to date.

Any number of programs may open a manager on a data directory to read and to make requests. Starting workers and
cleaning up is for one at a time, the *owner*: a server for as long as it lives, a command for a moment. Locks that the
kernel frees tell which workers of this machine live, never process ids or clocks; those of a cluster: see ``_ray``.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..home import home
from ..person import Person
from ._entries import EntryRow
from ._experiments import ExperimentRow, Trial
from ._files import Lock, atomic_write, write_folder
from ._home import RUN_ID, RunFolder, new_run_id, read_home_id, validate_run_id
from ._local import LocalPlace
from ._open import open_store
from ._people import AuditLine
from ._personal import PersonalStore
from ._place import Place
from ._quotas import Usage, check_quotas, measure_usage
from ._ray import RayPlace
from ._records import ACTIVE, FOLDER_GONE, RESUMABLE, RequestedAction, Run, Status, StoreError
from ._repair import describe, remove_experiment, write_entries, write_experiment
from ._scheduler import Scheduler
from ._supervisor import AlreadyManaged, Supervisor

RESPONDS_SECONDS = 10.0
"""Without a sign of life for so long, a worker is shown as not responding."""
MAX_ACTIVE = 200
_log = logging.getLogger(__name__)


class Manager:
    """The runs of one data directory: lists them, takes requests, starts and supervises their workers.

    Methods that take a run's id raise ValueError, in one sentence for people, for an unknown id or an invalid request.
    """

    def __init__(
        self,
        root: Path | None = None,
        url: str | None = None,
        *,
        worker_command: Callable[[], Sequence[str]] | None = None,
        per_device: int = 1,
        cluster: str | None = None,
    ) -> None:
        """Open the runs of a data directory.

        Args:
            root: The data directory; by default ``explorer.home.home()``.
            url: Another database, as SQLAlchemy writes it; by default ``EXPLORER_DATABASE_URL``, then SQLite.
            worker_command: Gives the command that works on a run when its id is put behind it, asked when a worker is
                started. Without it queued runs stay queued.
            per_device: How many runs may share a device.
            cluster: Where Ray listens, such as 'auto' or 'ray://host:10001'; by default ``EXPLORER_CLUSTER``, then
                nowhere: runs are processes of this machine.

        Raises:
            StoreError: The store cannot be read or written.
            ValueError: Ray is not installed, or the database is one that only this machine reaches.
        """
        self.root = root or home()
        self.url = url or os.environ.get("EXPLORER_DATABASE_URL") or None
        self.store, self.messages = open_store(self.root, self.url)
        """``messages``: a sentence about each repair of the store, for people."""
        self.home_id = read_home_id(self.root)
        """Which of the data directories that may share a database this is."""
        self.person: Person | None = None
        """For whom it acts; None for everybody."""
        self._whole: Manager | None = None
        """What it acts on, where it acts for somebody."""
        places: list[Place] = [LocalPlace(self.root, self.url, self.store, worker_command, per_device)]
        address = cluster or os.environ.get("EXPLORER_CLUSTER", "").strip()
        if address:
            places.append(RayPlace(address, self.root, self.url, self.store, self.home_id, worker_command))
        self._scheduler = Scheduler(self.root, self.store, self.home_id, places)
        self._supervisor = Supervisor(self.root, self._scheduler, places)

    # ---- ownership of the data directory -----------------------------------------------------------------------------

    def acquire(self, patience: float = 2.0) -> None:
        """Become the owner until ``close``, waiting ``patience`` seconds for another one. Raises AlreadyManaged."""
        self._supervisor.acquire(patience)

    @property
    def supervising(self) -> bool:
        """Whether this manager owns the directory."""
        return self._supervisor.supervising

    def supervise(self, patience: float = 2.0) -> None:
        """Own the directory and keep it in order from a thread, until ``close`` or the end of the process.

        Does nothing where it does so already. Raises AlreadyManaged.
        """
        self._supervisor.supervise(patience)

    def close(self) -> None:
        """Give the directory up. Workers go on."""
        self._supervisor.close()

    def wait_for_close(self, seconds: float) -> bool:
        """Wait so long, or until somebody closes the manager. Returns whether it is closed."""
        return self._supervisor.wait_for_close(seconds)

    def tick(self) -> None:
        """Enter in the store which workers live, end those that ignore a request, start the runs that can start.

        Raises AlreadyManaged if another program does this.
        """
        self._supervisor.tick()

    # ---- people -----------------------------------------------------------------------------------------------------

    def act_for(self, person: Person) -> Manager:
        """The same runs for somebody who is signed in.

        Args:
            person: Who.

        Returns:
            A manager that shows what they may look at and changes what they may change. What it makes is theirs, and
            what they do leaves an audit line.
        """
        whole = self._whole or self
        found = copy.copy(whole)
        found._whole, found.person, found.store = whole, person, PersonalStore(whole.store, person)
        return found

    @property
    def everybody(self) -> Manager:
        """The manager of all runs, for what is decided for all of them; a page of somebody shows none of it."""
        return self._whole or self

    @property
    def place(self) -> str:
        """Where it has runs started, as ``Run.place`` says it."""
        return self._scheduler.place

    def foresee(self, left: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
        """Tell in which order the queue goes on, by the scheduler's own rules.

        Args:
            left: The seconds that each queued or running run of this data directory still takes, by its id; None
                where nobody knows.

        Returns:
            The ids of all queued runs, everybody's, in the order in which they start, and in how many seconds that is;
            None where nobody knows. Runs that cannot start as things are, are left out; [] where nothing is known.
        """
        return self._scheduler.foresee(left)

    def log_action(self, action: str, what: str, detail: str = "") -> None:
        """Write an audit line of what the person has done for whom the manager acts; none where it is for everybody.

        Args:
            action: What was done, such as 'delete'.
            what: To what, such as 'run 20260131-142501-0fa3c2'.
            detail: More of it.
        """
        if self.person is None:
            return
        try:
            self.store.people.log_action(self.person.id, action, what, detail)
        except StoreError as error:
            if not error.disk_full:  # what makes room again must remain possible; the log has the line then
                raise
            _log.warning("not in the audit: %s did %s to %s %s", self.person.id, action, what, detail)

    # ---- what people ask for ----------------------------------------------------------------------------------------

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
            ValueError: Too many runs are queued or running.
            StoreError: It could not be written, or the trial has a run (``duplicate``).
        """
        self.check_capacity(1)
        if self.person is None and trial is not None:  # what goes on for somebody, such as a search, is theirs
            check_quotas(self.store, self.root, self.store.experiments.owner_of(trial.experiment)[0], runs=1)
        run_id = new_run_id()
        if files:
            write_folder(RunFolder(self.root, run_id).path, files)
        run = self.store.add(
            id=run_id, name=name, created=time.time(), architecture=architecture, config=config, memory=memory,
            notes=notes, tags=tuple(tags), status="queued", trial=trial, home=self.home_id, host=socket.gethostname(),
        )  # fmt: skip
        self._describe(run, trial)
        self.log_action("start", f"run {run_id}", name)
        return run

    def check_capacity(self, runs: int) -> None:
        """Raise ValueError if so many more runs would exceed the limit of queued and running ones, or the person's."""
        self.check_quotas(runs=runs)
        active = sum(status in ACTIVE for status in self.everybody.store.statuses(home=self.home_id).values())
        if active + runs > MAX_ACTIVE:
            raise ValueError(
                f"{active} runs are queued or running, and {runs} more were asked for; at most {MAX_ACTIVE} are "
                f"allowed: stop or delete some, or ask for fewer"
            )

    def check_quotas(self, *, runs: int = 0, more_bytes: int = 0, uploads: int = 0) -> None:
        """Raise ValueError if the person for whom the manager acts may not queue, store or upload so much more."""
        if self.person is not None and not self.person.admin:
            everybody = self.everybody.store
            check_quotas(everybody, self.root, self.person.id, runs=runs, more_bytes=more_bytes, uploads=uploads)

    def measure_usage(self, person: str) -> Usage:
        """Measure what somebody uses. Raises ValueError unless it is whom the manager acts for, or an administrator."""
        if self.person is not None and not self.person.may_change(person):
            raise ValueError("what others use is for administrators to see")
        return measure_usage(self.everybody.store, self.root, person)

    def read_audit(self, limit: int = 1000) -> list[AuditLine]:
        """Read what people did, newest first: the person for whom the manager acts, or everybody for administrators."""
        mine = self.person.id if self.person is not None and not self.person.admin else None
        return self.store.people.audit(limit, person=mine)

    def trials(self, experiment: str) -> list[tuple[Trial, Run]]:
        """Read the runs of an experiment, oldest first, their states up to date."""
        self._scheduler.reconcile_if_possible()
        return self.store.trials(experiment)

    def runs(self) -> list[Run]:
        """Read all runs, oldest first, other data directories' too; the states are up to date without an owner."""
        self._scheduler.reconcile_if_possible()
        return self.store.runs()

    def statuses(self) -> dict[str, Status]:
        """Read the state of every run by its id, oldest first, up to date."""
        self._scheduler.reconcile_if_possible()
        return self.store.statuses()

    def run(self, run: str) -> Run:
        """Read one run. Raises ValueError if there is none."""
        if not RUN_ID.fullmatch(run):
            raise ValueError(self.store.describe_missing(run))
        found = self.store.get(run)
        if found.status == "running" and self.owns(found):
            self._scheduler.reconcile_if_possible()
            found = self.store.get(run)
        return found

    def is_responding(self, run: Run) -> bool:
        """Check whether a running worker has sent a heartbeat lately. A hint for people: nothing is decided by it."""
        if run.status != "running" or not self.owns(run) or run.host != socket.gethostname():
            return True  # clocks of different machines are not compared
        return abs(time.monotonic() - run.heartbeat) < RESPONDS_SECONDS

    def owns(self, run: Run) -> bool:
        """Check whether a run belongs to this data directory; its worker, checkpoints and log are here then."""
        return run.home == self.home_id

    def has_folder(self, run: Run) -> bool:
        """Whether the files of a run are where they were put; also True where this cannot be seen from here."""
        return not self.owns(run) or not run.attempt or RunFolder(self.root, run.id).path.is_dir()

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
        queued = {"status": "queued", "requested_action": "run", "reason": ""}
        event = f"resumed after it was {before.status}"
        if not self.store.update(run, where={"status": RESUMABLE}, event=event, turn="waits", **queued):
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
        self._refuse_foreign(self.run(run), "change")
        fields: dict[str, Any] = {"config": config, "memory": memory}
        if queue:
            self.check_quotas(runs=1)
            self._refuse_without_folder(self.run(run))
            fields |= {"status": "queued", "requested_action": "run", "reason": ""}
        if not self.store.update(run, where={"status": statuses}, turn="waits" if queue else None, **fields):
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
