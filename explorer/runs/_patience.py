"""A store for those who must know, or must write down, before they can go on: it waits for a database that is away."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ._records import StoreError
from ._store import Store

PATIENCE_SECONDS = 600.0
"""For so long a database may be away before what needs it fails."""
_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def _patient(ask: Callable[_P, _T]) -> Callable[_P, _T]:
    """Ask again as long as the database does not answer."""

    @functools.wraps(ask)
    def wait(*args: _P.args, **options: _P.kwargs) -> _T:
        end, told = time.monotonic() + PATIENCE_SECONDS, False
        while True:
            try:
                return ask(*args, **options)
            except StoreError as error:
                if not error.away or time.monotonic() > end:
                    raise
                if not told:
                    _log.warning("waits for the database: %s", error)
                    told = True
                time.sleep(_RETRY_SECONDS)

    return wait


class PatientStore(Store):
    """What a worker asks of a store and cannot do without.

    A change whose answer was lost with the connection is made again: ``update`` then finds its condition gone and says
    False, and an event may stand twice.
    """

    def __init__(self, whole: Store) -> None:
        """Have patience with a store; its database is used."""
        self.__dict__.update(whole.__dict__)

    get = _patient(Store.get)
    update = _patient(Store.update)
    record = _patient(Store.record)
    points = _patient(Store.points)
    log_event = _patient(Store.log_event)
