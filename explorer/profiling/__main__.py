"""``python -m explorer.profiling``: measure what standard input asks for; see ``measurement``.

In: {"jobs": [{"architecture": JSON text, "setting"}], "roofs": [[device, precision]], "repeats", "warm_up"}. Out, each
a line of JSON: {"what", "done"}, {"environment"}, {"ceilings"}, {"latency": [number of the job, seconds, trouble]}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..architecture import from_json
from .environment import describe_environment
from .latency import ceilings, measure
from .timing import Setting


def main() -> None:
    """Do it."""
    # What libraries and compilers print must not stand between our lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**found: Any) -> None:
        print(json.dumps(found), file=out, flush=True)

    answer(json.load(sys.stdin), tell)


def answer(task: dict[str, Any], tell: Callable[..., None]) -> None:
    """Measure what is asked for, and tell each line as its fields."""
    jobs = [(from_json(job["architecture"]), Setting(**job["setting"])) for job in task["jobs"]]
    devices = [*(setting.device for _, setting in jobs), *(device for device, _ in task["roofs"])]
    for device in dict.fromkeys(devices):
        tell(environment=describe_environment(device))
    done = 0
    for device, precision in task["roofs"]:
        tell(what=f"ceilings of {device}, {precision}", done=done)
        tell(ceilings=asdict(ceilings(device, precision)))
        done += 1
    for index, (architecture, setting) in enumerate(jobs):
        tell(what=f"{architecture.name}: {setting}", done=done)
        (found,) = measure([architecture], [setting], task["repeats"], task["warm_up"])
        done += 1
        tell(latency=[index, found.seconds, found.trouble], done=done)


if __name__ == "__main__":
    main()
