"""The one process of ours in which Ray is loaded: ``python -m explorer.runs._ray_gateway ADDRESS NAMESPACE``.

It answers one line of JSON with another. A process of its own, since Ray ends the process that has loaded it when the
cluster is gone for a minute, and takes its signals, its streams and 100 MB.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

from ..process import PROGRAM_ROOT
from ._devices import find_gpu_bytes
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


def _answer(ray: Any, namespace: str, memory: _Memory, order: dict[str, Any]) -> dict[str, Any]:
    what = order["do"]
    if what == "look":
        alive = [node for node in ray.nodes() if node["Alive"]]
        nodes = [
            {**{kind: float(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU")}, "memory": memory.find(node)}
            for node in alive
        ]
        actors = ray.util.list_named_actors(all_namespaces=True)
        ours = [actor["name"] for actor in actors if actor["namespace"] == namespace]
        theirs = [actor for actor in actors if actor["namespace"] != namespace]
        others = [actor["name"] for actor in theirs if actor["namespace"].startswith(NAMESPACE)]
        machines = [node["NodeID"] for node in alive]
        return {"names": ours, "others": others, "servers": _greet(namespace), "nodes": nodes, "machines": machines}
    if what == "start":
        # Detached: it outlives this process and the server. The class is found on the node by its name.
        actor = ray.remote(Supervisor).options(
            name=order["name"], lifetime="detached", get_if_exists=True, max_restarts=0,
            num_cpus=order["cpus"], num_gpus=order["gpus"], runtime_env=_ENVIRONMENT,
        )  # fmt: skip
        actor.remote(order["worker"])
        return {}
    try:
        actor = ray.get_actor(order["name"])
    except ValueError:  # it has ended
        return {"found": False}
    if what == "kill":
        ray.kill(actor)
    else:
        actor.signal.remote(order["number"])
    return {"found": True}


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
