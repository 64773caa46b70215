"""What every test may rely on: a data directory of its own, no network, and the same examples every time."""

import ipaddress
import os
import socket
from collections.abc import Iterator

import hypothesis
import pytest

# The same examples on every machine; HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_configure(config: pytest.Config) -> None:
    """Where pytest-xdist runs tests side by side, each of its processes takes its share of the processor's cores."""
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
