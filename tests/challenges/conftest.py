"""The fixtures of the run store's tests: a data directory for every test, and no worker left behind."""

from tests.runs.conftest import manager, root

__all__ = ["manager", "root"]
