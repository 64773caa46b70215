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
from ._ray_supervisor import Supervisor

_SETTLE_SECONDS = 0.5
"""Ray sends what was asked of it last from a thread of its own, of which it tells nothing."""


def _connect(address: str, namespace: str) -> Any:
    import ray

    ray.init(address=address, namespace=namespace, log_to_driver=False, logging_level=logging.ERROR)
    return ray


def _answer(ray: Any, order: dict[str, Any]) -> dict[str, Any]:
    what = order["do"]
    if what == "look":
        alive = [node for node in ray.nodes() if node["Alive"]]
        nodes = [{kind: float(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU")} for node in alive]
        machines = [node["NodeID"] for node in alive]
        return {"names": ray.util.list_named_actors(), "nodes": nodes, "machines": machines}
    if what == "start":
        # Detached: it outlives this process and the server. The class is found on the node by its name.
        actor = ray.remote(Supervisor).options(
            name=order["name"], lifetime="detached", get_if_exists=True, max_restarts=0,
            num_cpus=order["cpus"], num_gpus=order["gpus"], runtime_env={"env_vars": {"PYTHONPATH": str(PROGRAM_ROOT)}},
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
    for line in sys.stdin:
        try:
            ray = ray or _connect(address, namespace)
            answer = _answer(ray, json.loads(line))
        except Exception as error:  # noqa: BLE001  (whatever Ray says, it is told in one line)
            answer = {"error": " ".join(str(error).split())[:300] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)
    if ray is not None:
        time.sleep(_SETTLE_SECONDS)
        ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
