"""Searches go on by themselves: a thread of a long-lived program does what is due in all of them."""

from __future__ import annotations

import logging
import threading

from ..runs import Manager
from ._manage import advance, list_searches

_TICK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Driver:
    """Advances all searches of a data directory. Any number of programs may have one."""

    def __init__(self, manager: Manager) -> None:
        """Make a driver; ``start`` lets it work.

        Args:
            manager: Of the runs.
        """
        self._manager = manager
        self._over: dict[str, tuple[str, str]] = {}
        """Of searches in which nothing more is due: the plan that this is true of, and why."""
        self._trouble: dict[str, str] = {}

    def start(self) -> None:
        """Work from a thread until the manager is closed, or the program ends."""

        def forever() -> None:
            told = ""
            while not self._manager.wait_for_close(_TICK_SECONDS):
                try:
                    self.tick()
                    told = ""
                except Exception as error:  # noqa: BLE001  (a full disk today must not end the searches for good)
                    if told != str(error):  # a database may be away for long
                        _log.exception("the searches could not be looked after; trying again")
                    told = str(error)

        threading.Thread(target=forever, name="searches", daemon=True).start()

    def tick(self) -> None:
        """Do what is due in every search; a random baseline waits for the search that it is compared with."""
        known = list_searches(self._manager)
        plans = {each.id: each.search.to_json() for each in known}
        waits = {each.search.baseline for each in known if self._over.get(each.id, ("",))[0] != plans[each.id]}
        for stored in known:
            plan = plans[stored.id]
            if stored.id in waits or self._over.get(stored.id, ("",))[0] == plan:
                continue
            self._over.pop(stored.id, None)
            try:
                standing = advance(self._manager, stored.id)
            except ValueError as error:
                if self._trouble.get(stored.id) != str(error):
                    _log.warning("search %s: %s", stored.id, error)
                self._trouble[stored.id] = str(error)
                continue
            self._trouble.pop(stored.id, None)
            if standing.over:
                self._over[stored.id] = plan, standing.ended

    def trouble(self, search: str) -> str:
        """Say why no run of a search can be begun at the moment.

        Args:
            search: Its identifier.

        Returns:
            A sentence without a full stop; '' where there is no trouble.
        """
        return self._trouble.get(search, "")

    def reason_over(self, search: str) -> str:
        """Say why nothing more is due in a search, which only a proposal may have shown.

        Args:
            search: Its identifier.

        Returns:
            A sentence without a full stop; '' where something is.
        """
        return self._over.get(search, ("", ""))[1]
