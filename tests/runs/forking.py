"""Workers and servers in a tenth of a second: forked from one process that has loaded torch and what they need.

``python -m tests.runs.forking SOCKET`` listens on a Unix socket. Each request is a module with its arguments, an
environment, and open files: standard output and error, and a run's lock. What runs then is ``python -m MODULE …`` in a
process, session and environment of its own. Starting Python and importing torch would take seconds each time.

``CLIENT SOCKET RUN_ID``, the command that a manager is given, asks for the worker of a run; it needs nothing but the
standard library. ``fork`` asks for anything else, such as Streamlit's server.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).parents[2]
MAX_REQUEST_BYTES = 1 << 20

_CLIENT = """
import json, os, socket, sys
lock = int(os.environ["EXPLORER_RUN_LOCK"])
request = json.dumps([["explorer.training", sys.argv[2]], dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [len(request).to_bytes(8, "big")], [1, 2, lock])
    server.sendall(request)
    server.recv(8)  # forked
"""


def ask_for_worker(address: str) -> tuple[str, ...]:
    """The command that has a worker forked by who listens there; the run comes behind it."""
    return (sys.executable, "-S", "-E", "-c", _CLIENT, address)


@contextmanager
def fork_server(folder: Path) -> Iterator[tuple[str, ...]]:
    """The command that has a worker forked, for as long as the context lasts. Workers outlive it.

    Nothing is loaded until somebody asks.
    """
    address = str(folder / "fork.socket")
    command = [sys.executable, "-m", "tests.runs.forking", address]
    server = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield ask_for_worker(address)
    finally:
        server.kill()
        server.communicate()


def fork(address: str, words: Sequence[str], environment: Mapping[str, str], output: int) -> int:
    """Have ``python -m WORDS`` forked.

    Args:
        address: Of the socket; the last word of what ``fork_server`` gives.
        words: A module and its arguments.
        environment: All of it.
        output: The open file that is its standard output and error.

    Returns:
        The number of the process, which leads a session of its own.
    """
    request = json.dumps([list(words), dict(environment)]).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [len(request).to_bytes(8, "big")], [output, output])
        server.sendall(request)
        return int.from_bytes(server.recv(8), "big")


def fork_and_read(address: str, *words: str) -> tuple[int, IO[str]]:
    """The same with the environment of this process: the number of the other one, and what it prints. That ends when it
    does, with all that it has started."""
    ours, theirs = os.pipe()
    try:
        return fork(address, words, os.environ, theirs), open(ours)
    finally:
        os.close(theirs)


def _become(environment: dict[str, str], output: int, error: int) -> None:
    """Become a process with a session, an environment and open files of its own."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, error)):
        os.dup2(file, place)
    os.environ.clear()
    os.environ.update(environment)


def _train(words: list[str], lock: int, client: tuple[str, ...]) -> int:
    """What ``python -m explorer.training RUN_ID`` does, and looks ten times as often what is asked of it."""
    from explorer.training import _control, _workers, recording
    from explorer.training.worker import main

    _control._POLL_SECONDS, recording.FLUSH_SECONDS = 0.05, 0.1
    _workers.COMMAND = client  # a worker that ends starts the next here
    os.environ["EXPLORER_RUN_LOCK"] = str(lock)
    os.nice(5)
    return main(words[1:])


def _run(words: list[str]) -> int:
    """What ``python -m MODULE …`` does."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    sys.argv = words
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _load() -> None:
    """Import, once for all, what workers and servers need; not the pages, which must come behind Streamlit's server."""
    import pandas as pd  # noqa: F401
    import plotly.graph_objects  # noqa: F401
    import streamlit.web.bootstrap  # noqa: F401
    import torch
    import torch._dynamo
    from streamlit.components.v2 import manifest_scanner

    from explorer import challenges, comparison, editor, export, figures, importing, search, slimming  # noqa: F401
    from explorer.training import job, worker  # noqa: F401

    # A server that starts looks through all installed packages for components: here once for all servers.
    manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
    manifest_scanner.scan_component_manifests()
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def _serve(address: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        select.select([listening], [], [])
        _load()
        while True:
            client, _ = listening.accept()
            with client:
                size, descriptors, _, _ = socket.recv_fds(client, 8, 3)
                request = b""
                while len(request) < int.from_bytes(size, "big"):
                    request += client.recv(MAX_REQUEST_BYTES)
                words, environment = json.loads(request)
                if (child := os.fork()) == 0:
                    status = 1
                    try:
                        listening.close()
                        client.close()
                        output, error, *lock = descriptors
                        _become(environment, output, error)
                        status = _train(words, *lock, ask_for_worker(address)) if lock else _run(words)
                    finally:
                        with contextlib.suppress(Exception):
                            sys.stdout.flush()
                            sys.stderr.flush()
                        os._exit(status)
                client.sendall(child.to_bytes(8, "big"))
                for descriptor in descriptors:
                    os.close(descriptor)


if __name__ == "__main__":
    _serve(sys.argv[1])
