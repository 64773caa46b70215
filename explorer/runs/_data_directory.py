"""A data directory with its run store: opened, owned by one program at a time, looked at with somebody's eyes."""

from __future__ import annotations

import copy
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Self

from ..home import home
from ..person import Person
from ._devices import PAGE_PATIENCE_SECONDS, Device
from ._experiments import Trial
from ._home import RUN_ID, RunFolder, read_home_id
from ._local import LocalPlace
from ._open import open_store
from ._parcels import OpenPacks
from ._people import AuditLine
from ._personal import PersonalStore
from ._place import Place, Target
from ._queue_limit import check_directory
from ._quotas import Usage, check_quotas, enter_upload, measure_usage, reserve_disk
from ._ray import RayPlace
from ._records import ACTIVE, Run, Status, StoreError
from ._scheduler import Scheduler
from ._supervisor import Supervisor

RESPONDS_SECONDS = 10.0
"""Without a sign of life for so long, a worker is shown as not responding."""
_log = logging.getLogger(__name__)


class DataDirectory:
    """The runs of one data directory, as they are: what is asked of them is ``Manager``'s."""

    def __init__(
        self,
        root: Path | None = None,
        url: str | None = None,
        *,
        worker_command: Callable[[], Sequence[str]] | None = None,
        per_device: int = 1,
        cluster: str | None = None,
        open_packs: OpenPacks | None = None,
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
            open_packs: Gives the images of a data set that machines of a cluster are to have beside its folder.

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
        self._whole: Self | None = None
        """What it acts on, where it acts for somebody."""
        places: list[Place] = [LocalPlace(self.root, self.url, self.store, worker_command, per_device)]
        address = cluster or os.environ.get("EXPLORER_CLUSTER", "").strip()
        if address:
            places.append(
                RayPlace(address, self.root, self.url, self.store, self.home_id, worker_command, open_packs)
            )
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
        self.store.close()

    def wait_for_close(self, seconds: float) -> bool:
        """Wait so long, or until somebody closes the manager. Returns whether it is closed."""
        return self._supervisor.wait_for_close(seconds)

    def tick(self) -> None:
        """Enter in the store which workers live, end those that ignore a request, start the runs that can start.

        Raises AlreadyManaged if another program does this.
        """
        self._supervisor.tick()

    # ---- people -----------------------------------------------------------------------------------------------------

    def act_for(self, person: Person) -> Self:
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
    def everybody(self) -> Self:
        """The manager of all runs, for what is decided for all of them; a page of somebody shows none of it."""
        return self._whole or self

    @property
    def place(self) -> str:
        """Where it has runs started, as ``Run.place`` says it."""
        return self._scheduler.place.name

    def devices(self, patience_seconds: float = PAGE_PATIENCE_SECONDS) -> tuple[Device, ...]:
        """List the devices that runs can name where they are started.

        Args:
            patience_seconds: How long to wait for an answer where nobody has asked before.

        Returns:
            The best first: of this machine, or of a cluster, where 'cuda:0' stands for all GPUs.
        """
        return self._scheduler.place.devices(patience_seconds)

    def find_target(self, wanted: str, processes: int = 1, threads: int = 1) -> Target:
        """Find where a run would be trained, were its turn now.

        Args:
            wanted: The name of a device, or 'auto'.
            processes: How many it has.
            threads: Of each process.

        Returns:
            The device of its first process, and what it would wait for.

        Raises:
            ValueError: It cannot be trained there; the message says on what it can.
        """
        return self._scheduler.place.find_target(wanted, processes, threads)

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

    # ---- reading ----------------------------------------------------------------------------------------------------

    def check_capacity(self, runs: int) -> None:
        """Raise ValueError if so many more runs would exceed the limit of queued and running ones, or the person's."""
        self.check_quotas(runs=runs)
        check_directory(len(self.everybody.store.statuses(*ACTIVE, home=self.home_id)), runs)

    def check_quotas(self, *, runs: int) -> None:
        """Raise ValueError if the person for whom the manager acts may not queue so many more runs."""
        if self.person is not None and not self.person.admin:
            check_quotas(self.everybody.store, self.root, self.person.id, runs=runs)

    def reserve_disk(self, size: int) -> AbstractContextManager[None]:
        """Store so many bytes in a ``with`` block, where they count for the person for whom the manager acts.

        Entering it raises ValueError if they may not store so much more, beside what is being stored just now.
        """
        if self.person is None:
            return nullcontext()
        return reserve_disk(self.everybody.store, self.root, self.person.id, size)

    def enter_upload(self, what: str, size: int) -> None:
        """Count an upload, with an audit line. Raises ValueError if the person may not upload so much more in a day."""
        if self.person is not None:
            enter_upload(self.everybody.store, self.person.id, what, size)

    def measure_usage(self, person: str) -> Usage:
        """Measure what somebody uses. Raises ValueError unless it is whom the manager acts for, or an administrator."""
        if self.person is not None and not self.person.may_change(person):
            raise ValueError("what others use is for administrators to see")
        return measure_usage(self.everybody.store, self.root, person)

    def read_audit(self, limit: int = 1000, person: str | None = None) -> list[AuditLine]:
        """Read what people did, newest first.

        Args:
            limit: How many lines at most.
            person: The id of one of them, for administrators; others read of themselves.

        Returns:
            What was done by the person for whom the manager acts; by everybody, or by whom they name, where that is an
            administrator or nobody in particular.
        """
        mine = self.person.id if self.person is not None and not self.person.admin else person
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
