"""What every test may rely on: a data directory of its own, no network, and the same examples every time."""

import gc
import ipaddress
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from explorer.process import collect_seldom
from tests.sizes import ALL, examples

# The same examples on every machine; HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile(
    "repeatable", deadline=None, derandomize=True, print_blob=True, max_examples=examples(100)
)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


MANY_MODULES = 100
FORKING = pytest.StashKey[str]()
ONE_AFTER_ANOTHER = (
    "tests/browser/",
    "tests/runs/",
    "tests/inspection/test_imported.py",
    "tests/inspection/test_published.py",
    "tests/pages/test_import_model.py",
    "tests/slimming/",
    "tests/training/test_memory.py",
    "tests/test_extending.py",
    "tests/test_layering.py",
)
"""Of these, the tests of a file run one after another: they share a server, a browser, or what is dear to make."""
PEOPLE = "tests/browser/test_people"
"""Begins the names of files that share a server with sign-in, its provider and what lies there."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """How pytest-xdist deals out the tests: those files as a whole, all others one by one."""
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(PEOPLE):
                return PEOPLE
            return nodeid.split("::")[0] if nodeid.startswith(ONE_AFTER_ANOTHER) else nodeid

    config.option.loadscopereorder = False  # as they are collected, not those with the most tests first
    return Files(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks wait for their mark; what they import would take each process of ``make test`` seconds."""
    waits = collection_path == Path(__file__).parent / "benchmarks" and "not benchmark" in config.option.markexpr
    return True if waits and not ALL else None


@pytest.hookimpl(trylast=True)  # after tests/browser/conftest.py, which knows nothing of processes side by side
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``make test`` runs one of each kind; its relatives, marked as thorough, wait for ``make test-all``.

    Of processes side by side none shall begin a long file when the others are about to end: those files come first.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(ONE_AFTER_ANOTHER))
    if ALL:
        return
    # The long forms (``-m soak``) are whole as they are: whoever asks for them has the time.
    left_out = {each for each in items if each.get_closest_marker("thorough") and not each.get_closest_marker("soak")}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported meanwhile stays: the garbage collector need not walk over it again and again.

    Where torch is among it, the memory of freed tensors serves the next ones, as in training: half the page faults.
    """
    try:
        with collect_seldom():
            return (yield)
    finally:
        if "torch" in sys.modules:
            from explorer.training._allocator import keep_freed_memory

            keep_freed_memory()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[object]:
    """The same for what a test imports: pages, the larger half of torch."""
    modules = len(sys.modules)
    try:
        return (yield)
    finally:
        if len(sys.modules) > modules + MANY_MODULES:
            gc.collect()
            gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Each of the processes in which tests run side by side takes its share of the processor's cores.

    None looks for garbage as often as Python would by itself, which would be a twentieth of their time.
    """
    gc.set_threshold(7_000)
    if worker := getattr(config, "workerinput", None):
        share = max(1, (os.cpu_count() or 1) // int(worker["workercount"]))
        os.environ.setdefault("OMP_NUM_THREADS", str(share))  # before torch is loaded


@pytest.fixture(scope="session", autouse=True)
def explorer_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the data of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("EXPLORER_DATABASE_URL", raising=False)
        patch.delenv("EXPLORER_DATA", raising=False)
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Processes side by side have workers and servers forked by one, which lives as long as the first of pytest."""
    from tests.runs.forking import fork_server

    config: pytest.Config = node.config
    if FORKING not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="explorer-forking-"))
        config.stash[FORKING] = stack.enter_context(fork_server(Path(folder)))[-1]
    node.workerinput["forking"] = config.stash[FORKING]


@pytest.fixture(scope="session")
def forked_worker(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The command that starts a worker by forking."""
    from tests.runs.forking import ask_for_worker, fork_server

    if given := getattr(pytestconfig, "workerinput", None):
        yield ask_for_worker(given["forking"])
        return
    with fork_server(tmp_path_factory.mktemp("forking")) as command:
        yield command


@pytest.fixture
def light_workers(forked_worker: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start in a moment, and they and who looks after them look ten times as often what is asked of them.

    Not for tests of how a process is started, or of torchrun, which starts Python.
    """
    from explorer.cli import _running
    from explorer.runs import _supervisor
    from explorer.training import _workers

    monkeypatch.setattr(_workers, "COMMAND", forked_worker)
    monkeypatch.setattr(_running, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(_supervisor, "_TICK_SECONDS", 0.05)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """A test that tries to leave this machine fails at once, with or without an internet connection."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) and not _local(address[0]):
            raise PermissionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
