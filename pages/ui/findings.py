"""What the linter says of the design, with a button for each fix."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from explorer.analysis.lint import Finding, Fix, lint
from explorer.architecture import Architecture, edit

from . import session
from .text import literal

MOST_SHOWN = 12
"""Findings that are told one by one."""
_SHOWN = "findings_shown"
_ICONS = {"warning": ":material/warning:", "note": ":material/info:"}


@lru_cache(maxsize=32)
def find(architecture: Architecture) -> tuple[Finding, ...]:
    """The findings. Cached for all sessions: a search for fixes can take longer than all else on the page."""
    return lint(architecture)


def _settled(architecture: Architecture, dragging: bool) -> tuple[Finding, ...]:
    """The findings; while a thumb moves those of before: the page does not jump, and nothing is searched."""
    found: tuple[Finding, ...] = st.session_state.get(_SHOWN, ()) if dragging else find(architecture)
    st.session_state[_SHOWN] = found
    return found


def show_of_block(architecture: Architecture, path: str, *, dragging: bool) -> None:
    """The findings of the block that holds a node, one line each, and how many there are elsewhere."""
    found = _settled(architecture, dragging)
    block = edit.column_of(architecture, path)
    here = [finding for finding in found if _is_in(block, finding)]
    for index, finding in enumerate(here[:MOST_SHOWN]):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_line(finding, _tell_in_full(finding))
            _show_fixes(architecture, finding, index, dragging)
    elsewhere = [finding for finding in found if finding not in here[:MOST_SHOWN]]
    if elsewhere:
        first = elsewhere[0]
        text = f"{first.title} at {first.path}" if len(elsewhere) == 1 else f"{len(elsewhere)} findings elsewhere"
        st.button(
            literal(text), key="findings_elsewhere", type="tertiary", icon=_ICONS[first.severity], disabled=dragging,
            on_click=session.pick, args=(first.path,), help=literal(f"{first.path}: {first.summary}"),
        )  # fmt: skip


def show_all(architecture: Architecture, choose: Callable[[object], None], *, dragging: bool) -> None:
    """All findings in full; ``choose`` is called with the path of the one that is to be looked at."""
    found = _settled(architecture, dragging)
    for index, finding in enumerate(found[:MOST_SHOWN]):
        with st.container(border=True, key=f"finding_{index}"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                _show_line(finding, f"{finding.title}: {finding.meaning}.")
                _show_fixes(architecture, finding, index, dragging)
                st.button(
                    "Show", key=f"show_{index}", on_click=choose, args=(finding.path,), help="Look at this node",
                    disabled=dragging,
                )  # fmt: skip
            st.caption(literal(finding.message))
            for fix in finding.fixes:
                st.caption(literal(f"Fix: {'; '.join(fix.changes)} ({fix.describe()})."))
            if finding.searched and not finding.fixes:
                st.caption(literal(f"No fix among the edits that were tried: {finding.searched}."))
    if len(found) > MOST_SHOWN:
        st.caption(f"And {len(found) - MOST_SHOWN:,} more; the command lint lists them all.")


def _is_in(block: str, finding: Finding) -> bool:
    return bool(block) and any(f"{path}/".startswith(f"{block}/") for path in (finding.path, *finding.layers))


def _show_line(finding: Finding, more: str) -> None:
    text = f"{_ICONS[finding.severity]} **{literal(finding.title)}** {literal(f'{finding.path} {finding.summary}')}"
    st.markdown(text, width="content", help=literal(more))


def _show_fixes(architecture: Architecture, finding: Finding, index: int, dragging: bool) -> None:
    for number, fix in enumerate(finding.fixes):
        st.button(
            f"Fix: {literal(fix.label)}", key=f"fix_{index}_{number}", icon=":material/build:", disabled=dragging,
            on_click=_apply, args=(architecture, finding, fix), help=literal(f"Apply: {fix.describe()}"),
        )  # fmt: skip


def _tell_in_full(finding: Finding) -> str:
    if finding.fixes or not finding.searched:
        return finding.message
    return f"{finding.message} No fix among the edits that were tried: {finding.searched}."


def _apply(architecture: Architecture, finding: Finding, fix: Fix) -> None:
    said = f"{finding.title} mended. {'; '.join(fix.changes)}: {fix.describe()}. Undo takes it back"
    session.take(fix.architecture, architecture, said)
