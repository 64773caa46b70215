"""The one process of ours in which Ray is loaded: ``python -m explorer.runs._ray_gateway ADDRESS NAMESPACE``.

It answers one line of JSON with another. A process of its own, since Ray ends the process that has loaded it when the
cluster is gone for a minute, and takes its signals, its streams and 100 MB.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Collection
from typing import Any

from ..process import PROGRAM_ROOT
from ._devices import find_gpu_bytes
from ._ray_peers import group_name, is_first, peer_name
from ._ray_supervisor import Supervisor

NAMESPACE = "inception-explorer-"
"""Of the actors of a data directory, whose id follows."""
_SERVERS = "inception-explorer-servers"
_ENVIRONMENT = {"env_vars": {"PYTHONPATH": str(PROGRAM_ROOT)}}
_SETTLE_SECONDS = 0.5
"""Ray sends what was asked of it last from a thread of its own, of which it tells nothing."""


def _connect(address: str, namespace: str) -> Any:
    import ray

    ray.init(address=address, namespace=namespace, log_to_driver=False, logging_level=logging.ERROR)
    return ray


def _greet(namespace: str) -> dict[str, str]:
    """Say on the cluster that our server lives, and find what the others said last, by data directory."""
    from ray.experimental import internal_kv

    internal_kv._internal_kv_put(namespace, str(time.monotonic()), namespace=_SERVERS)
    names = internal_kv._internal_kv_list(NAMESPACE, namespace=_SERVERS)
    said = {name.decode(): internal_kv._internal_kv_get(name, namespace=_SERVERS) for name in names}
    return {name.removeprefix(NAMESPACE): value.decode() for name, value in said.items()}


class _Memory:
    """Of the GPUs of each node: asked once, by a task that takes nothing of it."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._asked: dict[str, Any] = {}
        self._known: dict[str, int] = {}

    def find(self, node: dict[str, Any]) -> int:
        """Bytes of the smallest GPU of a node; 0 as long as that is not known."""
        name = node["NodeID"]
        if not node["Resources"].get("GPU") or name in self._known:
            return self._known.get(name, 0)
        ray = self._ray
        if name not in self._asked:
            here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(name, soft=False)
            task = ray.remote(find_gpu_bytes).options(
                num_cpus=0, num_gpus=0, max_retries=0, scheduling_strategy=here, runtime_env=_ENVIRONMENT
            )
            self._asked[name] = task.remote()
        if ray.wait([self._asked[name]], timeout=0)[0]:
            try:
                self._known[name] = ray.get(self._asked[name])
            except ray.exceptions.RayError:
                self._known[name] = 0
        return self._known.get(name, 0)


def _describe(node: dict[str, Any], memory: _Memory) -> dict[str, float]:
    """What ``_ray_machines.Machine`` holds of a node."""
    there = node["Resources"]
    return {
        "cpus": float(there.get("CPU", 0)), "gpus": float(there.get("GPU", 0)),
        "memory_bytes": int(there.get("memory", 0)), "gpu_bytes": memory.find(node),
    }  # fmt: skip


def _answer(ray: Any, namespace: str, memory: _Memory, order: dict[str, Any]) -> dict[str, Any]:
    what = order["do"]
    if what in ("look", "list machines"):
        alive = [node for node in ray.nodes() if node["Alive"]]
        machines = [_describe(node, memory) for node in alive]
        if what == "list machines":
            return {"machines": machines}
        actors = [actor for actor in ray.util.list_named_actors(all_namespaces=True) if is_first(actor["name"])]
        ours = [actor["name"] for actor in actors if actor["namespace"] == namespace]
        theirs = [actor for actor in actors if actor["namespace"] != namespace]
        others = [actor["name"] for actor in theirs if actor["namespace"].startswith(NAMESPACE)]
        living = [node["NodeID"] for node in alive]
        _remove_groups(ray, ours)
        return {"names": ours, "others": others, "servers": _greet(namespace), "machines": machines, "living": living}
    if what == "start":
        _start(ray, **order)
        return {}
    try:
        actor = ray.get_actor(order["name"])
    except ValueError:  # it has ended
        return {"found": False}
    if what == "kill":
        ray.kill(actor)
        _remove_groups(ray, set(ray.util.list_named_actors()) - {order["name"]})
    else:
        actor.signal.remote(order["number"])
    return {"found": True}


def _start(
    ray: Any, *, name: str, cpus: int, gpus: float, processes: int, memory_bytes: int, worker: dict[str, Any], **_: Any
) -> None:
    """Have the processes of a run started, all or none: together on a machine where there is room, else on several."""
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    group = None
    if processes > 1:
        try:
            group = ray.util.get_placement_group(group_name(ray, name))
        except ValueError:  # the usual: nobody has tried before
            asked = (("CPU", cpus), ("GPU", gpus), ("memory", memory_bytes))
            each = {kind: amount for kind, amount in asked if amount}
            group = ray.util.placement_group(
                [each] * processes, strategy="PACK", name=group_name(ray, name), lifetime="detached"
            )
    for rank in reversed(range(processes)):  # the first one last: where it is, all are
        place = {} if group is None else {
            "scheduling_strategy": PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
        }  # fmt: skip
        # Detached: it outlives this process and the server. The class is found on the node by its name.
        actor = ray.remote(Supervisor).options(
            name=peer_name(name, rank), lifetime="detached", get_if_exists=True, max_restarts=0, num_cpus=cpus,
            num_gpus=gpus, memory=memory_bytes or None, runtime_env=_ENVIRONMENT, **place,
        )  # fmt: skip
        actor.remote({**worker, "rank": rank})


def _remove_groups(ray: Any, names: Collection[str]) -> None:
    """Give back what is reserved for several processes whose first one is gone; the others end with it."""
    prefix = group_name(ray, "")
    for group in ray.util.placement_group_table().values():
        name = group["name"]
        if name.startswith(prefix) and group["state"] != "REMOVED" and name.removeprefix(prefix) not in names:
            with contextlib.suppress(ValueError):  # it is removed by now
                ray.util.remove_placement_group(ray.util.get_placement_group(name))


def main(address: str, namespace: str) -> None:
    """Answer until the other end is closed; Ray's own words go nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    ray: Any = None
    memory: Any = None
    for line in sys.stdin:
        try:
            if ray is None:
                ray = _connect(address, namespace)
                memory = _Memory(ray)
            answer = _answer(ray, namespace, memory, json.loads(line))
        except Exception as error:  # noqa: BLE001  (whatever Ray says, it is told in one line)
            answer = {"error": " ".join(str(error).split())[:300] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)
    if ray is not None:
        time.sleep(_SETTLE_SECONDS)
        ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
