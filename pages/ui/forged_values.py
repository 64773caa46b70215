"""Values that no widget of ours sends are left out before a page reads them."""

from __future__ import annotations

import logging
from functools import wraps
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import WidgetMetadata, unpack_widget_state_value
from streamlit.runtime.state.session_state import Serialized, SessionState, WStates

logger = logging.getLogger(__name__)
_NUMBERS = {"int_value", "double_value"}
"""A field for whole numbers says that it takes the one, and sends the other."""


def leave_forged_values_out() -> None:
    """Keep no value of another kind than its widget's, and none that it cannot read; once a process.

    A browser sends what a visitor does, and whoever speaks for one sends anything. Streamlit would keep it, and the
    page end with a traceback at that widget, now and in every later run.
    """
    take, enter = WStates.set_widget_from_proto, SessionState._set_widget_metadata
    if hasattr(take, "__wrapped__"):
        return

    @wraps(take)
    def set_widget_from_proto(states: WStates, sent: WidgetState) -> None:
        widget = states.widget_metadata.get(sent.id)
        if widget is None or _fits(sent, widget):
            take(states, sent)

    @wraps(enter)
    def set_widget_metadata(session: SessionState, widget: WidgetMetadata[Any]) -> None:
        states = session._new_widget_state.states
        kept = states.get(widget.id)  # sent before the page had such a widget
        if isinstance(kept, Serialized) and not _fits(kept.value, widget):
            del states[widget.id]
        enter(session, widget)

    WStates.set_widget_from_proto = set_widget_from_proto  # type: ignore[assignment, method-assign]
    SessionState._set_widget_metadata = set_widget_metadata  # type: ignore[assignment, method-assign]


def _fits(sent: WidgetState, widget: WidgetMetadata[Any]) -> bool:
    kind = sent.WhichOneof("value")
    try:
        if kind in (None, widget.value_type) or {kind, widget.value_type} == _NUMBERS:
            widget.deserializer(unpack_widget_state_value(sent))
            return True
    except Exception:  # whatever a reader of Streamlit's meets in what it does not expect
        logger.debug("what a widget could not read", exc_info=True)
    logger.warning("A value that is none of the widget %.200s was left out: %s", sent.id, kind)
    return False
