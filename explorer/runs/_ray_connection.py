"""Talks to ``_ray_gateway``, the one process of ours in which Ray is loaded."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from typing import Any

from ..process import start_process

_CONNECT_SECONDS, _ANSWER_SECONDS, _RETRY_SECONDS = 60.0, 20.0, 10.0
_CLOSE_SECONDS = 5.0


class ClusterError(ValueError):
    """The cluster cannot be used or reached; the message says why."""


class Gateway:
    """Talks to the process that has loaded Ray; starts it where there is none."""

    def __init__(self, address: str, namespace: str) -> None:
        self._address, self._namespace = address, namespace
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0
        self._guard = threading.Lock()

    def ask(self, what: str, **order: Any) -> dict[str, Any]:
        """Have something done. Raises ClusterError."""
        with self._guard:
            if time.monotonic() < self._not_before:
                raise ClusterError(f"the Ray cluster {self._address!r} could not be reached; trying again soon")
            patience = _CONNECT_SECONDS if self._process is None else _ANSWER_SECONDS
            try:
                answer = self._exchange(json.dumps({"do": what, **order}).encode() + b"\n", patience)
                problem = answer.get("error")
            except (OSError, ValueError) as error:
                problem = str(error)
            if problem:
                self._end()
                self._not_before = time.monotonic() + _RETRY_SECONDS
                raise ClusterError(f"the Ray cluster {self._address!r} cannot be reached: {problem}")
            return answer

    def _exchange(self, line: bytes, patience: float) -> dict[str, Any]:
        if self._process is None:
            command = [sys.executable, "-m", f"{__package__}._ray_gateway", self._address, self._namespace]
            environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
            self._process = start_process(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(line)
        stdin.flush()
        if not select.select([stdout], [], [], patience)[0]:
            raise ValueError(f"no answer for {patience:g} s")
        found = stdout.readline()
        if not found:
            raise ValueError("the connection was lost")
        answer: dict[str, Any] = json.loads(found)
        return answer

    def close(self) -> None:
        """End the process; what it has started goes on."""
        with self._guard:
            if self._process is not None and self._process.stdin is not None:
                with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                    self._process.stdin.close()
                    self._process.wait(_CLOSE_SECONDS)
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None
