"""What a widget looks up in the session's state costs one look, however much lies there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streamlit.runtime.state import SafeSessionState


class _View(Mapping[str, Any]):
    """The state of a session and of its widgets by their keys, read when it is asked for."""

    def __init__(self, safe: SafeSessionState) -> None:
        self._safe = safe

    def __contains__(self, key: object) -> bool:
        with self._safe._lock:
            return key in self._safe._state

    def __getitem__(self, key: str) -> Any:
        with self._safe._lock:
            return self._safe._state[key]

    def _copy(self) -> dict[str, Any]:
        with self._safe._lock:
            return self._safe._state.filtered_state

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy())

    def __len__(self) -> int:
        return len(self._copy())

    def __repr__(self) -> str:
        return repr(self._copy())


def look_up_one_value() -> None:
    """Let no field copy the whole state of its session to look for its own value; once a process.

    Streamlit's fields do. Of a form of fifty a fifth of the page's time would go into that.
    """
    SafeSessionState.filtered_state = property(_View)  # type: ignore[assignment]
