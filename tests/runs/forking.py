"""Workers in a tenth of a second: forked from one process that has loaded torch and what a worker needs.

``python -m tests.runs.forking SOCKET`` listens on a Unix socket. Each request is a run, an environment, and three open
files: the run's lock, and standard output and error. What runs then is ``explorer.training`` as the manager starts it,
in a process, session and environment of its own. Starting Python and importing torch would take seconds each time.

``CLIENT SOCKET RUN_ID``, the command that a manager is given, asks for one; it needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MAX_REQUEST_BYTES = 1 << 20

_CLIENT = """
import json, os, socket, sys
lock = int(os.environ["EXPLORER_RUN_LOCK"])
request = json.dumps([sys.argv[2], dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [len(request).to_bytes(8, "big")], [lock, 1, 2])
    server.sendall(request)
    server.recv(1)  # forked
"""


@contextmanager
def fork_server(folder: Path) -> Iterator[tuple[str, ...]]:
    """The command that has a worker forked, for as long as the context lasts. Workers outlive it."""
    address = str(folder / "fork.socket")
    command = [sys.executable, "-m", "tests.runs.forking", address]
    server = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield (sys.executable, "-S", "-E", "-c", _CLIENT, address)
    finally:
        server.kill()
        server.communicate()


def _worker(run: str, environment: dict[str, str], descriptors: list[int]) -> None:
    """Become the worker of a run, as ``python -m explorer.training RUN_ID`` is."""
    from explorer.training.worker import main

    lock, output, error = descriptors
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(output, 1)
    os.dup2(error, 2)
    os.environ.clear()
    os.environ.update(environment, EXPLORER_RUN_LOCK=str(lock))
    os.nice(5)
    status = 1
    try:
        status = main([run])
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _serve(address: str) -> None:
    import torch
    import torch._dynamo

    from explorer.training import _control, _workers, job, recording, worker  # noqa: F401  (loaded once, for all)

    torch.set_num_threads(1)
    _control._POLL_SECONDS, recording.FLUSH_SECONDS = 0.05, 0.1
    _workers.COMMAND = (sys.executable, "-S", "-E", "-c", _CLIENT, address)  # a worker that ends starts the next here
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while True:
            client, _ = listening.accept()
            with client:
                size, descriptors, _, _ = socket.recv_fds(client, 8, 3)
                request = b""
                while len(request) < int.from_bytes(size, "big"):
                    request += client.recv(MAX_REQUEST_BYTES)
                run, environment = json.loads(request)
                if os.fork() == 0:
                    listening.close()
                    client.close()
                    _worker(run, environment, descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)


if __name__ == "__main__":
    _serve(sys.argv[1])
