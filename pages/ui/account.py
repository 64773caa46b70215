"""The visitor's own place on a server that several people share: who they are, what they use, and what was done."""

from __future__ import annotations

import csv
import io
import logging
from datetime import datetime

import pandas as pd
import streamlit as st

from explorer.person import Person
from explorer.runs import AuditLine, Quotas, Usage, read_quotas
from explorer.text import escape_csv, format_bytes

from . import downloads
from .absence import tell_absence
from .manager import manager, require_manager
from .people import signed_in_at, visitor
from .text import cell, key_of_rows, literal, tell_apart

logger = logging.getLogger(__name__)
_WELCOMED = "welcomed"
_LINES = 5000
"""Audit lines that the page reads, the newest."""


def welcome(person: Person) -> None:
    """Enter in the store who has come, once a session; a sign-in leaves an audit line once, in however many tabs."""
    if st.session_state.get(_WELCOMED) == person.id:
        return
    try:
        runs = manager()
        before = runs.store.people.welcome(person)
        if before is None or before < signed_in_at():
            runs.log_action("sign in", f"person {person.id}", person.name)
    except (ValueError, OSError):  # nothing can be stored, which pages that store something tell by themselves
        logger.warning("who has come is not entered in the store", exc_info=True)
    st.session_state[_WELCOMED] = person.id


def show(person: Person) -> None:
    """Name and way out, below the menu."""
    with st.sidebar, st.container(key="account", gap="small"):
        st.caption(f"{literal(person.name)}{' · administrator' if person.admin else ''}")
        st.button("Sign out", key="sign_out", icon=":material/logout:", type="tertiary", on_click=_leave)


def _leave() -> None:
    try:
        manager().log_action("sign out", "")
    except (ValueError, OSError):
        logger.warning("who has gone is not entered in the store", exc_info=True)
    st.logout()


def show_page() -> None:
    """The page People."""
    for sentence in require_manager("People", "What people do cannot be stored"):
        st.warning(literal(sentence), icon=":material/info:")
    st.title("People", anchor=False)
    person = visitor()
    if person is None:
        st.info("Nobody signs in on this server.")
        return
    try:
        quotas = read_quotas()
    except ValueError as error:
        st.error(literal(f"{error}."))
        return
    with tell_absence():
        _show_own(person, quotas)
        if person.admin:
            _show_everybody(quotas)
        _show_audit(person)


def _show_own(person: Person, quotas: Quotas) -> None:
    used = manager().measure_usage(person.id)
    with st.container(border=True, key="own_use"):
        st.header("Your account", anchor=False)
        facts = [person.name, person.email or "no verified email", f"id {person.id}"]
        st.caption(literal(" · ".join([*facts, *(["administrator"] if person.admin else [])])))
        parts = (
            f"runs {format_bytes(used.run_bytes)}, data sets {format_bytes(used.dataset_bytes)}, "
            f"models {format_bytes(used.model_bytes)}"
        )
        with st.container(horizontal=True, gap="small"):
            disk, queue, uploads = _list_limits(Quotas() if person.admin else quotas)
            _metric("Disk", format_bytes(used.disk_bytes), disk, parts)
            _metric("Runs that wait or work", f"{used.queue:,}", queue, "Queued and running ones at a time")
            _metric("Uploaded", format_bytes(used.upload_bytes), uploads, "Within the last 24 hours")


_NO_LIMIT = "no limit"


def _list_limits(quotas: Quotas) -> tuple[str, str, str]:
    """Of disk, queue and uploads, in words."""
    sizes = (quotas.disk_bytes, quotas.upload_bytes)
    disk, uploads = (_NO_LIMIT if size is None else format_bytes(size) for size in sizes)
    return disk, _NO_LIMIT if quotas.queue is None else f"{quotas.queue:,}", uploads


def _metric(label: str, value: str, limit: str, meaning: str) -> None:
    below = limit if limit == _NO_LIMIT else f"of {limit}"
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, help=meaning)


def _show_everybody(quotas: Quotas) -> None:
    st.header("Everybody", anchor=False)
    disk, queue, uploads = _list_limits(quotas)
    st.caption(
        f"Each person but administrators may use: disk {disk}, runs that wait or work {queue}, uploads a day {uploads}."
    )
    rows = []
    for each in manager().store.people.all():
        used: Usage = manager().measure_usage(each.id)
        rows.append({
            "name": cell(each.name), "email": cell(each.email), "disk": format_bytes(used.disk_bytes),
            "waiting or working": f"{used.queue:,}", "uploaded today": format_bytes(used.upload_bytes),
            "here first": _time(each.first_seen), "here last": _time(each.last_seen), "id": each.id,
        })  # fmt: skip
    st.dataframe(
        pd.DataFrame(rows), key="everybody", hide_index=True, alt="Table of all people", placeholder="–",
        column_config={
            "name": st.column_config.TextColumn(width="medium"),  # as long as a provider lets it be
            **{
                name: st.column_config.TextColumn(alignment="right")
                for name in ("disk", "waiting or working", "uploaded today")
            },
        },
    )  # fmt: skip


def _show_audit(person: Person) -> None:
    names = manager().store.people.names()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("What was done" if person.admin else "What you did", anchor=False, width="content")
        who = _choose_person() if person.admin else None
        lines = manager().read_audit(_LINES, who)
        words = st.text_input(
            "Filter", key="audit_filter", label_visibility="collapsed", placeholder="name, action, run ..."
        ).lower().split()  # fmt: skip
    found = [line for line in lines if all(word in _words(line, names) for word in words)]
    rows = [
        {
            "when": _time(line.at), "who": cell(names.get(line.person, line.person)), "did": cell(line.action),
            "to": cell(line.object), "more": cell(line.detail),
        }
        for line in found
    ]  # fmt: skip
    if rows:
        st.dataframe(
            pd.DataFrame(rows), key="audit", hide_index=True, alt="Table of what was done", placeholder="–",
            height="auto" if len(rows) < 9 else 400,
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):  # below: above lie the table's own tools
        st.caption(f"{len(found):,} of {len(lines):,} lines, the newest first.", width="stretch")
        downloads.download_button(
            "CSV", data=lambda: _to_csv(found, names), file_name="audit.csv", mime="text/csv",
            icon=":material/download:", key="audit_csv", what="audit",
        )  # fmt: skip


def _choose_person() -> str | None:
    """Whose lines an administrator wants to read: of somebody who does little, all would hide them."""
    people = {each.id: each for each in manager().store.people.all()}
    titles = tell_apart(
        {name: f"{each.name}{f' · {each.email}' if each.email else ''}" for name, each in people.items()}
    )
    return st.selectbox(
        "Person", list(titles), index=None, key=key_of_rows("audit_person", list(titles)), width=240,
        format_func=titles.__getitem__, label_visibility="collapsed", placeholder="everybody",
    )  # fmt: skip


def _words(line: AuditLine, names: dict[str, str]) -> str:
    return " ".join((names.get(line.person, ""), line.person, line.action, line.object, line.detail)).lower()


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def _to_csv(lines: list[AuditLine], names: dict[str, str]) -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(("when", "person", "name", "action", "object", "detail"))
    for line in lines:
        at = datetime.fromtimestamp(line.at).astimezone().isoformat(timespec="seconds")
        texts = (names.get(line.person, ""), line.action, line.object, line.detail)
        rows.writerow((at, line.person, *map(escape_csv, texts)))
    return written.getvalue()
