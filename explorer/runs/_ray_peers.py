"""The processes that train one run together on a cluster: how they find one another, and notice that one is gone.

Each has a supervisor of its own, an actor of Ray; all of them get their CPUs and GPUs at once or none does.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Mapping
from typing import Any

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_ARRIVAL_SECONDS = 60.0
"""In which Ray must know of all supervisors: it is told of them one after the other."""
_GRACE_SECONDS = 30.0
"""In which a worker whose peer died may end by itself: gloo raises an error, NCCL waits for ever."""
_GET_INTERFACE_ADDRESS = 0x8915
"""Linux's SIOCGIFADDR."""
_log = logging.getLogger(__name__)


def peer_name(name: str, rank: int) -> str:
    """What the actor of a process is called, where that of the first one is called ``name``."""
    return f"{name}.{rank}" if rank else name


def is_first(name: str) -> bool:
    """Whether that is the name of the actor of a run's first process."""
    return "." not in name


class PeerGone(Exception):
    """A process that is needed has ended."""


class Peers:
    """The other processes of a run, as the supervisor of one of them sees them."""

    def __init__(self, name: str, rank: int, processes: int) -> None:
        """Nobody is asked yet.

        Args:
            name: Of the first one's actor.
            rank: The number of the process that is supervised here.
            processes: How many there are.
        """
        import ray

        self._ray: Any = ray
        self._name, self.rank = name, rank
        self._others = [each for each in range(processes) if each != rank]
        self._processes = processes
        self._actors: dict[int, Any] = {}
        self._departed: set[int] = set()
        self._gone_since: float | None = None
        context = ray.get_runtime_context()
        self.facts: dict[str, Any] = {
            "node": context.get_node_id(),
            "address": self._ray.util.get_node_ip_address(),
            "port": _find_port(),
            "gpus": context.get_accelerator_ids().get("GPU", []),
        }
        """What the others must know of this process."""

    def meet(self) -> dict[str, str]:
        """Wait for all, and find what the worker of this one must be told.

        Returns:
            Environment variables, as torch.distributed and ``worker`` read them.

        Raises:
            PeerGone: One has ended before all were there.
        """
        found = {self.rank: self.facts}
        end = time.monotonic() + _ARRIVAL_SECONDS
        while len(found) < self._processes:
            missing = [rank for rank in self._others if rank not in found]
            answers, gone = self._ask(missing)
            found |= answers
            if any(rank in self._actors for rank in gone) or (gone and time.monotonic() > end):
                raise PeerGone(f"of {self._processes} processes these have ended: {sorted(gone)}")
            if len(found) < self._processes:
                time.sleep(_LOOK_SECONDS)
        environment = make_environment(found, self.rank)
        interface = _find_interface(self.facts["address"])
        if interface:  # else gloo takes that of the host's name, which may be the loopback
            environment |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
        return environment

    def is_lost(self) -> bool:
        """Whether the worker here can no longer go on: the first process is gone, or another one for a while."""
        if self.rank:
            return bool(self._ask([0])[1])
        gone = self._ask([rank for rank in self._others if rank not in self._departed])[1] - self._departed
        if not gone:
            self._gone_since = None
            return False
        self._gone_since = self._gone_since or time.monotonic()
        return time.monotonic() - self._gone_since > _GRACE_SECONDS

    def note_departure(self, rank: int) -> None:
        """Another process has ended as it should."""
        self._departed.add(rank)

    def forward(self, printed: str) -> bool:
        """Have what the worker here has printed stand in the first one's log; whether it does now."""
        return self._tell_first("append_log", printed)

    def depart(self, status: int) -> None:
        """Tell the first process's supervisor how the worker here has ended."""
        self._tell_first("note_departure", status)

    def _tell_first(self, method: str, what: int | str) -> bool:
        try:
            first = self._ray.get_actor(self._name)
            self._ray.get(getattr(first, method).remote(self.rank, what), timeout=_ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001  (it may have ended, too)
            _log.info("process %d could not reach the first one (%s): %s", self.rank, method, error)
            return False
        return True

    def dismiss(self) -> None:
        """Give back what all of them hold; their supervisors end, this one's own included."""
        try:
            group = self._ray.util.get_placement_group(group_name(self._ray, self._name))
            self._ray.util.remove_placement_group(group)
        except Exception as error:  # noqa: BLE001  (another one has done it)
            _log.info("the processes of %s were not dismissed: %s", self._name, error)

    def _ask(self, ranks: list[int]) -> tuple[dict[int, dict[str, Any]], set[int]]:
        """What others say of themselves, and who is gone. Who does not answer in time is neither."""
        errors, gone, asked = self._ray.exceptions, set(), {}
        for rank in ranks:
            try:
                if rank not in self._actors:
                    self._actors[rank] = self._ray.get_actor(peer_name(self._name, rank))
                asked[self._actors[rank].describe.remote()] = rank
            except ValueError:  # Ray knows no such actor
                gone.add(rank)
        if not asked:
            return {}, gone
        answers = {}
        for ready in self._ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER_SECONDS)[0]:
            try:
                answers[asked[ready]] = self._ray.get(ready)
            except errors.ActorUnavailableError:  # for the moment
                continue
            except errors.RayActorError:
                gone.add(asked[ready])
        return answers, gone


def make_environment(found: Mapping[int, Mapping[str, Any]], rank: int) -> dict[str, str]:
    """Find what torch.distributed must know in one of several processes.

    Args:
        found: By rank the ``node``, the ``address``, a free ``port`` and the ``gpus`` of each.
        rank: Which of them.

    Returns:
        Environment variables. Each process sees the GPUs of all on its machine, which then reach one another without
        the network; its own is the one with its local rank.
    """
    here = [each for each in sorted(found) if found[each]["node"] == found[rank]["node"]]
    environment = {
        "RANK": str(rank), "WORLD_SIZE": str(len(found)), "LOCAL_RANK": str(here.index(rank)),
        "MASTER_ADDR": found[0]["address"], "MASTER_PORT": str(found[0]["port"]),
    }  # fmt: skip
    gpus = [gpu for each in here for gpu in found[each]["gpus"]]
    return {**environment, "CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else environment


def group_name(ray: Any, name: str) -> str:
    """What the reservation for a run's processes is called: its table has those of everybody on the cluster."""
    return f"{ray.get_runtime_context().namespace}/{name}"


def _find_port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("", 0))
        port: int = found.getsockname()[1]
        return port


def _find_interface(address: str) -> str:
    """The network interface that has an address; '' where none is found."""
    if sys.platform != "linux":
        return ""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", os.fsencode(name))
            try:
                answer = fcntl.ioctl(asking.fileno(), _GET_INTERFACE_ADDRESS, request)
            except OSError:  # it has no such address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return ""
