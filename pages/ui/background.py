"""Long work beside the page: it goes on while the visitor does other things, says how far it is, and can be ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import streamlit as st

from explorer.datasets import Cancel, CancelledError, Progress
from explorer.person import act_as, acting
from explorer.text import format_duration

from .text import literal

logger = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_UNSEEN_SECONDS = 60.0
"""After which work that nobody looks at any more is ended: its visitor has gone."""


class Work:
    """One piece of work in a thread of its own.

    Args:
        what: What is done, for people.
        do: Does it; takes what hears of its progress and what tells whether to stop. It touches nothing of Streamlit,
            and keeps its results where the page finds them.
        stage: Tells what it does at the moment, a few words; None where how far it is says enough.
    """

    def __init__(
        self, what: str, do: Callable[[Progress, Cancel], None], stage: Callable[[], str] | None = None
    ) -> None:
        self.what, self.error, self._stage = what, "", stage
        self._done, self._whole = 0, 0
        self._begun = self._seen = time.monotonic()
        self._stop, self._ended = threading.Event(), threading.Event()
        self._person = acting()
        threading.Thread(target=self._run, args=(do,), daemon=True, name=what).start()

    @property
    def ended(self) -> bool:
        """Whether it is done, has failed or was cancelled; what was cancelled may be on the way to its next step."""
        return self._ended.is_set() or self._stop.is_set()

    def cancel(self) -> None:
        """End it at its next step."""
        self.error = "cancelled"
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, at most so long; whether it has."""
        return self._ended.wait(seconds)

    def look(self) -> tuple[float, str]:
        """How far it is, 0 to 1, and the same in words, with the time that it takes. Work that nobody looks at ends."""
        self._seen = time.monotonic()
        share = min(1.0, self._done / self._whole) if self._whole else 0.0
        spent = self._seen - self._begun
        if share:
            return share, f"{self.what}: {100 * share:.0f} %, {format_duration(spent * (1 - share) / share)} left"
        stage = f": {self._stage()}" if self._stage else ""
        return share, f"{self.what}{stage} … {format_duration(spent)}"

    def _tell(self, done: int, whole: int) -> None:
        self._done, self._whole = done, whole

    def _is_over(self) -> bool:
        return self._stop.is_set() or time.monotonic() - self._seen > _UNSEEN_SECONDS

    def _run(self, do: Callable[[Progress, Cancel], None]) -> None:
        try:
            with act_as(self._person):
                do(self._tell, self._is_over)
        except CancelledError:
            self.error = "cancelled"
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            logger.warning("%s failed", self.what, exc_info=True)
            self.error = str(error).partition("\n")[0] or type(error).__name__
        finally:
            self._ended.set()


def show(key: str) -> bool:
    """The bar of the work under a key of the session, with its button; what went wrong once it has ended.

    Args:
        key: As in ``begin``.

    Returns:
        Whether it is under way.
    """
    work: Work | None = st.session_state.get(key)
    if work is None:
        return False
    if work.ended:
        del st.session_state[key]
        if work.error and work.error != "cancelled":
            st.error(literal(f"{work.error}."))
        return False
    _follow(work, key)
    return True


def take_ended(key: str) -> Work | None:
    """The work under a key of the session if it has ended, once; for a page that tells its outcome by itself.

    Args:
        key: As in ``begin``.

    Returns:
        The work; None where there is none, or it is under way.
    """
    work: Work | None = st.session_state.get(key)
    if work is None or not work.ended:
        return None
    del st.session_state[key]
    return work


def begin(
    key: str, what: str, do: Callable[[Progress, Cancel], None], stage: Callable[[], str] | None = None
) -> None:
    """Begin work; one that is under way under the same key is ended.

    Args:
        key: In the session's state.
        what: See ``Work``.
        do: See ``Work``.
        stage: See ``Work``.
    """
    before: Work | None = st.session_state.get(key)
    if before is not None:
        before.cancel()
    st.session_state[key] = Work(what, do, stage)


@st.fragment(run_every=_LOOK_SECONDS)
def _follow(work: Work, key: str) -> None:
    if work.ended:
        st.rerun()
    share, text = work.look()
    st.progress(share, text=text)
    st.button("Cancel", key=f"{key}_cancel", on_click=work.cancel)
