"""Workers on a Ray cluster: Ray chooses the machine, a worker says in the store that it has begun, where and when.

A run that waits is an actor that waits for its CPUs and GPUs; its worker claims the run in the store: of several
one trains. A worker is dead when Ray no longer has its actor *and* its heartbeat has not changed for a while by the
clock of whoever looks. No locks are asked, and no clocks of two machines compared.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import _fair
from ._devices import PAGE_PATIENCE_SECONDS, Device
from ._fair import Queue
from ._home import RunFolder
from ._mirror import Mirror
from ._neighbours import Neighbours
from ._parcels import OpenPacks
from ._place import Book, Settle, Target
from ._ray_connection import ClusterError, Gateway
from ._ray_gateway import NAMESPACE
from ._ray_machines import Machines, Need, find_need, find_target, list_devices, list_free
from ._ray_supervisor import find_end
from ._records import FOLDER_GONE, NODE_GONE, WORKER_GONE, Run, Status
from ._storage import StorageError
from ._store import Store

SILENT_SECONDS = 10.0
"""A worker that Ray no longer knows is dead after so long without a new heartbeat."""
_GAP_SECONDS = 5.0
"""Who has not looked for so long, knows nothing of the heartbeats meanwhile."""
_MOST_LOSSES = 5
"""A run that loses its machine so often without a new step is left alone: perhaps it is the cause."""
_log = logging.getLogger(__name__)


class Heartbeat(NamedTuple):
    """What was seen of a run's heartbeat, on the clock of whoever looks."""

    value: float
    since: float
    looked: float


class Losses(NamedTuple):
    """How often a run has lost its worker without a new step."""

    attempt: int
    step: int
    number: int


class RayPlace:
    """A Ray cluster."""

    name = "ray"

    def __init__(
        self, address: str, root: Path, url: str | None, store: Store, home: str,
        command: Callable[[], Sequence[str]] | None, open_packs: OpenPacks | None = None,
    ) -> None:  # fmt: skip
        """Use a cluster for the runs of a data directory. Raises ClusterError where that is not possible."""
        if importlib.util.find_spec("ray") is None:
            raise ClusterError(
                f"EXPLORER_CLUSTER={address} needs the package ray, which is not installed; "
                f"run: pip install 'ray>=2.60,<3'"
            )
        if url is None:
            raise ClusterError(
                f"EXPLORER_CLUSTER={address} needs a database that all machines reach: set EXPLORER_DATABASE_URL, such "
                f"as postgresql+psycopg://user@host/runs"
            )
        self._root, self._url, self._store, self._command = root, url, store, command
        self._gateway = Gateway(address, f"{NAMESPACE}{home}")
        self._names: set[str] | None = None
        """Of the actors that live; None where nobody knows."""
        self._machines = Machines(self._gateway)
        self._living: set[str] = set()
        """Ray's names of the machines that live."""
        self._looked = 0.0
        self._beats: dict[str, Heartbeat] = {}
        self._started: Counter[str] = Counter()
        self._losses: dict[str, Losses] = {}
        storage = os.environ.get("EXPLORER_STORAGE", "").strip()
        try:
            self._mirror = Mirror(storage, root, store, home, self.name, open_packs) if storage else None
        except StorageError as error:
            raise ClusterError(str(error)) from None
        self._home = home
        self._neighbours = Neighbours(store, home)

    def devices(self, patience_seconds: float) -> tuple[Device, ...]:
        """Those of its machines, each kind once."""
        return list_devices(self._machines.find(patience_seconds))

    def find_target(self, wanted: str, processes: int, threads: int) -> Target:
        """On whichever machine has room; a machine that is missing may join later."""
        return find_target(wanted, processes, threads, self._machines.find(PAGE_PATIENCE_SECONDS))

    def prepare(self, active: Collection[Status]) -> None:
        """Ask Ray which workers live."""
        if self._mirror is not None:
            self._mirror.follow()
        self._names = None
        if self._command is None or not active:
            return
        try:
            found = self._gateway.ask("look")
        except ClusterError as error:
            _log.warning("%s", error)
            return
        if not self._living <= set(found["living"]):
            self._started.clear()  # what failed on a machine that is gone says nothing of the others
        self._living = set(found["living"])
        self._machines.hear(found["machines"])
        self._looked = time.monotonic()
        self._neighbours.look(found["servers"], found["others"])
        self._names = set(found["names"])

    def find_others(self) -> list[Run]:
        """Those of other servers on this cluster, which share our database."""
        return [] if self._names is None else self._neighbours.find()

    def clean_up(self) -> None:
        """Forget what waits in Ray for a run that no longer waits."""
        waiting = {name.rpartition("-") for name in self._names or ()}
        known = {run.id: run for run in self._store.find({run for run, _, _ in waiting})} if waiting else {}
        for name, _, attempt in waiting:
            run = known.get(name)
            if run is None or (run.status != "queued" and run.attempt < int(attempt)):
                with contextlib.suppress(ClusterError):
                    self._gateway.ask("kill", name=f"{name}-{attempt}")

    def is_alive(self, run: Run) -> bool:
        """Whether Ray has its actor, or its heartbeat goes on."""
        now, names = time.monotonic(), self._names  # another thread may ask anew meanwhile
        if names is None or now - self._looked > _GAP_SECONDS or _actor(run, run.attempt) in names:
            self._beats.pop(run.id, None)
            return True
        seen = self._beats.get(run.id)
        if seen is None or seen.value != run.heartbeat or now - seen.looked > _GAP_SECONDS:
            seen = Heartbeat(run.heartbeat, now, now)
        self._beats[run.id] = seen._replace(looked=now)
        return now - seen.since < SILENT_SECONDS

    def find_end(self, run: Run) -> tuple[Status, str]:
        """What its worker noted, or was requested; else its machine is gone, and it waits for another one."""
        self._beats.pop(run.id, None)
        if self._mirror is not None:
            try:
                self._mirror.fetch(run.id)
            except StorageError as error:  # what is not known to have ended goes on, and ends again
                _log.warning("%s", error)
        return find_end(run, RunFolder(self._root, run.id).lock, NODE_GONE)

    def line_up(self, queued: Sequence[Run], running: Sequence[Run], book: Book) -> Queue | None:
        """Machines have room for CPUs and GPUs. Where Ray put a run is not asked: any machine that would do counts."""
        names, machines = self._names, self._machines.known
        if names is None:
            return None
        free = list_free(machines)
        needs: dict[tuple[object, ...], _fair.Need] = {}

        def job(run: Run) -> _fair.Job:
            need = find_need(run, machines)
            found = need.find_claims(machines), need.processes * (need.gpus or need.cpus), need.processes
            return book.enter(run, needs.setdefault(found, _fair.Need(*found)))

        possible = [run for run in queued if self._find_problem(run) is None]
        handed_over = [run for run in possible if _actor(run, run.attempt + 1) in names | self._neighbours.actors]
        room, at_work = _fair.Room(dict(free)), []
        for found in sorted((job(run) for run in (*running, *handed_over)), key=lambda found: -found.need.weight):
            claim = room.nearest(found.need)
            room.take(claim)
            at_work.append((found, claim))
        begun = {found.run for found, _ in at_work}
        return Queue([job(run) for run in possible if run.id not in begun], at_work, free, book.turns)

    def start(self, queue: Queue, queued: Sequence[Run], settle: Settle) -> None:
        """Hand runs to Ray in the queue's order, as many as there is room for; it starts each on some machine."""
        names = self._names or ()
        waiting = {run.id: run for run in queued}
        for run in queued:
            if _actor(run, run.attempt + 1) in names:
                continue
            problem = self._find_problem(run)
            if problem is not None:
                self._started.pop(_actor(run, run.attempt + 1), None)
                self._losses.pop(run.id, None)
                settle(run, *problem)
                continue
            reason = find_need(run, self._machines.known).describe_lack(self._machines.known)
            if reason and run.reason != reason:
                self._store.update(run.id, where={"status": ("queued",)}, reason=reason)

        def give_turn(job: _fair.Job, _: _fair.Claim) -> bool:
            run = waiting.get(job.run)
            return self._neighbours.hold_room(job.run) if run is None else self._hand_over(run)

        queue.give_turns(give_turn)

    def _find_problem(self, run: Run) -> tuple[Status, str] | None:
        """Why a run that waits can never start here, and the state that it is in then."""
        folder = RunFolder(self._root, run.id).path
        try:
            find_need(run, self._machines.known)
        except ValueError as error:
            return "failed", str(error)
        if run.home != self._home:
            return None
        losses = self._count_losses(run)
        if losses >= _MOST_LOSSES:
            return "interrupted", f"it lost its worker {losses} times without a new step; resume it to try again"
        if self._started[_actor(run, run.attempt + 1)] >= _MOST_LOSSES:
            shared = f"{folder} must be the same folder on all of them" if self._mirror is None else (
                "each must reach the object store that EXPLORER_STORAGE names"
            )  # fmt: skip
            return "failed", (
                f"no machine of the cluster could start its worker; {shared}, the program must be installed on each, "
                f"and log.txt in the run's folder may say more"
            )
        gone = run.attempt and self._mirror is None and not folder.is_dir()
        return ("lost", FOLDER_GONE) if gone else None

    def _hand_over(self, run: Run) -> bool:
        name, need = _actor(run, run.attempt + 1), find_need(run, self._machines.known)
        RunFolder(self._root, run.id).path.mkdir(parents=True, exist_ok=True)
        try:
            if self._mirror is not None and (reason := self._mirror.hand_over(run)):
                self._store.update(run.id, where={"status": ("queued",)}, reason=reason)
                return False
            self._gateway.ask("start", name=name, **need._asdict(), worker=self._order(run, need))
        except (ClusterError, StorageError) as error:
            _log.warning("%s", error)
            return False
        except ValueError as error:
            self._store.update(run.id, where={"status": ("queued",)}, status="failed", reason=str(error))
            return False
        self._store.update(run.id, where={"attempt": (run.attempt,)}, turn="begins", place=self.name)
        self._started[name] += 1
        return True

    def _count_losses(self, run: Run) -> int:
        """How often a run that waits has lost its worker since its furthest step."""
        known = self._losses.get(run.id, Losses(run.attempt - 1, -1, 0))
        if run.reason in (NODE_GONE, WORKER_GONE) and run.attempt != known.attempt:
            number = 1 if run.step > known.step else known.number + 1
            known = self._losses[run.id] = Losses(run.attempt, max(run.step, known.step), number)
        return known.number

    def _order(self, run: Run, need: Need) -> dict[str, Any]:
        """What starts the worker of a run, by ``Supervisor``."""
        assert self._command is not None
        attempt = run.attempt + 1
        given = {name: value for name in ("EXPLORER_DATA",) if (value := os.environ.get(name))}
        environment = {
            **given,
            "EXPLORER_HOME": str(self._root),
            "EXPLORER_DATABASE_URL": self._url,
            "EXPLORER_RUN_ATTEMPT": str(attempt),
            "EXPLORER_RUN_DEVICE": "cuda:0" if need.gpus else "cpu",
            "EXPLORER_STORAGE": "" if self._mirror is None else self._mirror.storage.url,
        }
        return {
            "arguments": [*self._command()[1:], run.id], "environment": environment, "root": str(self._root),
            "url": self._url, "run": run.id, "attempt": attempt, "home": self._home, "name": _actor(run, attempt),
            "rank": 0, "processes": need.processes,
            "storage": environment["EXPLORER_STORAGE"],
        }  # fmt: skip

    def signal(self, run: Run, number: signal.Signals) -> bool:
        """Have its supervisor signal the worker, wherever that is."""
        try:
            found: bool = self._gateway.ask("signal", name=_actor(run, run.attempt), number=int(number))["found"]
        except ClusterError as error:
            _log.warning("%s", error)
            return False
        return found

    def forget(self, run: str) -> None:
        """Remove what the object store has of a run."""
        if self._mirror is not None:
            self._mirror.forget(run)

    def close(self) -> None:
        """End the connection."""
        if self._mirror is not None:
            self._mirror.close()
        self._gateway.close()


def _actor(run: Run, attempt: int) -> str:
    """The name of the actor that is to be an attempt of a run."""
    return f"{run.id}-{attempt}"
