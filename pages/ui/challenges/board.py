"""The challenge on the screen: what is to be reached, how one takes part, and the board."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from explorer import challenges, datasets, experiments
from explorer.analysis import METRICS
from explorer.architecture import to_link
from explorer.challenges import Challenge, Entry, Result, StoredChallenge
from explorer.datasets import DatasetError
from explorer.figures import LINES
from explorer.text import format_share, format_si
from pages.ui.absence import follow
from pages.ui.components import mount
from pages.ui.downloads import download_button
from pages.ui.manager import manager
from pages.ui.server import listens_on_loopback
from pages.ui.text import cell, key_of_rows, literal, read_picked, tell_apart

from . import state

_LOOK_SECONDS = 3.0
_TALL = 16
"""Rows up to which a table is shown whole."""


def live() -> None:
    """The challenge; every few seconds anew, as others hand in."""
    follow(_challenge, _LOOK_SECONDS)


def _challenge() -> None:
    here = state.PAGE.state
    stale, here["stale"] = here["stale"], False
    if stale:
        st.rerun()  # the address belongs to the page
    state.PAGE.show_notices()
    known = challenges.list_challenges(manager())
    if not known:
        st.info("No challenge yet: **New challenge** sets one.")
        return
    stored = next((each for each in known if each.id == here["challenge"]), known[-1])
    _head(known, stored)
    take, shown = st.columns([0.32, 0.68], gap="medium")
    with shown:
        _board(stored)
    with take, st.container(border=True, key="challenge_take"):
        _take_part(stored)


def _may_change(*owners: str) -> bool:
    """Whether the visitor may change what is somebody's: a challenge, or an entry of it.

    Where nobody signs in nobody knows whose it is: whoever sits at this machine may, and a class that reaches it by the
    network may not.
    """
    person = manager().person
    return listens_on_loopback() if person is None else any(map(person.may_change, owners))


def _head(known: list[StoredChallenge], stored: StoredChallenge) -> None:
    wanted = stored.challenge
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="challenge_head"):
        st.header(literal(wanted.title), anchor=False, width="content")
        if wanted.open:
            until = "" if wanted.closes is None else f" until {_date(wanted.closes)}"
            st.badge(f"open{until}", icon=":material/flag:", color="green")
        else:
            st.badge("closed", icon=":material/lock:", color="gray")
        if manager().person is None or _may_change(stored.owner):
            _manage(stored, may_change=_may_change(stored.owner))
        _other(known, stored)
    with st.container(horizontal=True, gap="small", key="challenge_goal_list"):
        for goal in wanted.goals:
            st.badge(literal(goal), color="blue")
    st.caption(literal(f"Data: {_title_of(wanted.dataset)} · first is who has {_describe_rank(wanted)}"))
    if wanted.text:
        st.markdown("  \n".join(literal(line) for line in wanted.text.splitlines()))


def _title_of(dataset: str) -> str:
    try:
        return datasets.get_card(dataset).title
    except DatasetError:
        return f"{dataset}, which is not on this server any more"


def _describe_rank(wanted: Challenge) -> str:
    if wanted.rank not in METRICS:
        return "the best accuracy"
    metric = METRICS[wanted.rank]
    return f"the {'fewest' if metric.trade_off == 'least' else 'most'} {metric.label}"


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def _other(known: list[StoredChallenge], stored: StoredChallenge) -> None:
    if len(known) < 2:
        return
    titles = tell_apart({
        each.id: f"{each.challenge.title}{'' if each.challenge.open else ' (closed)'}" for each in reversed(known)
    })  # fmt: skip
    key = f"challenge_pick_{stored.id}"  # a late browser's choice is of the challenge that it saw
    st.selectbox(
        "Challenge", list(titles), key=key, index=list(titles).index(stored.id), label_visibility="collapsed",
        width=340, format_func=titles.__getitem__, on_change=lambda: state.choose(st.session_state[key]),
    )  # fmt: skip


# ---- for who has set it ---------------------------------------------------------------------------------------------


def _manage(stored: StoredChallenge, *, may_change: bool) -> None:
    with st.popover("Manage", icon=":material/more_horiz:", key="challenge_manage"):
        st.caption("Hand out this link:")
        st.code(f"{(st.context.url or '').partition('?')[0]}?challenge={stored.id}", language=None, wrap_lines=True)
        if not may_change:
            st.caption("Nobody signs in here, so it is closed and deleted on the server itself:")
            st.code(f"python -m explorer challenge close {stored.id}", language=None, wrap_lines=True)
            return
        key = f"challenge_says_{stored.id}"
        st.session_state.setdefault(key, stored.challenge.text)
        st.text_area("What you say to those who take part", key=key, max_chars=challenges.MAX_TEXT)
        st.button("Save the text", key="challenge_save", on_click=_save_text, args=(stored.id, key))
        st.button(
            "Close it" if stored.challenge.open else "Open it again", key="challenge_close",
            icon=":material/lock:" if stored.challenge.open else ":material/lock_open:",
            on_click=state.run_action, args=(challenges.change, stored.id),
            kwargs={"closed": stored.challenge.open},
        )  # fmt: skip
        sure = st.checkbox("Delete it with its board", key=f"challenge_sure_{stored.id}")
        st.button(
            "Delete for good", icon=":material/delete:", key="challenge_delete", disabled=not sure,
            on_click=state.run_action, args=(challenges.delete, stored.id),
            kwargs={"done": f"{stored.challenge.title} is deleted; the runs are not."},
        )  # fmt: skip


def _save_text(name: str, key: str) -> None:
    state.run_action(challenges.change, name, text=st.session_state[key], done="The text is saved")


# ---- taking part ----------------------------------------------------------------------------------------------------


def _take_part(stored: StoredChallenge) -> None:
    wanted = stored.challenge
    st.subheader("Take part", anchor=False)
    st.markdown("**1. Design** a network that keeps the limits.")
    if wanted.start:
        st.page_link(
            "pages/design.py", label="Open the network to begin with", icon=":material/schema:",
            query_params={"net": wanted.start},
        )  # fmt: skip
    else:
        st.page_link("pages/design.py", label="Design", icon=":material/schema:")
    st.markdown("**2. Train** it on the data.")
    if st.button("Train my design on this data", icon=":material/monitoring:", key="challenge_train"):
        st.session_state["train_data_next"] = wanted.dataset
        st.session_state["train_designs"] = [""]
        st.switch_page("pages/train.py")
    st.markdown("**3. Hand in** a finished run.")
    if not wanted.open:
        st.caption("It is closed: nothing can be handed in any more.")
        return
    _hand_in(stored)


def _hand_in(stored: StoredChallenge) -> None:
    wanted, found = stored.challenge, manager()
    given = {row.run for row in found.store.entries.of(stored.id)}
    results = {
        each.run: each
        for each in challenges.collect_results(found, wanted)
        if each.run not in given and each.accuracy is not None
    }
    if not results:
        st.caption(
            literal(f"No finished run of yours on {_title_of(wanted.dataset)} is left to hand in: a run stands here "
                    "when it has ended.")
        )  # fmt: skip
        return
    key = key_of_rows(f"challenge_run_{stored.id}", sorted(results))
    titles = tell_apart({name: _describe(wanted, each) for name, each in results.items()})
    run = st.selectbox("Run", list(titles), key=key, format_func=titles.__getitem__)
    misses = challenges.find_misses(wanted, results[run])
    if misses:
        st.warning(literal(f"It can be handed in, but reaches no place: {'; '.join(misses)}."))
    if found.person is None:
        st.text_input(
            "Your name on the board", key="challenge_name", max_chars=challenges.MAX_NAME, persist_state="session"
        )
    st.caption("Everybody with the link sees its network, accuracy, cost and title.")
    st.button(
        "Hand in", icon=":material/flag:", type="primary", key="challenge_hand_in", width="stretch",
        on_click=_do_hand_in, args=(stored.id, key, run),
    )  # fmt: skip


def _describe(wanted: Challenge, result: Result) -> str:
    key = challenges.find_cost(wanted)
    cost = result.values.get(key)
    parts = [
        "✓" if not challenges.find_misses(wanted, result) else "✗", result.title,
        format_share(result.accuracy or 0.0),
        *([] if cost is None else [f"{format_si(cost)} {METRICS[key].label}"]),
    ]  # fmt: skip
    return " · ".join(parts)


def _do_hand_in(challenge: str, key: str, shown: str) -> None:
    """Hand in the run as it was chosen last, under the name as it was typed last: both may come with the click."""
    run = st.session_state[key] or shown
    state.PAGE.act()
    state.PAGE.state["stale"] = True
    try:
        entry = challenges.hand_in(manager(), challenge, run, st.session_state.get("challenge_name", ""))
    except ValueError as error:
        state.PAGE.tell("error", f"Not handed in: {error}")
        return
    state.PAGE.state["entry"] = entry.id
    if entry.place is None:
        state.PAGE.tell("info", "It is on the board, without a place")
    else:
        state.PAGE.tell("success", f"{entry.name} is on the board, at place {entry.place}")


# ---- the board ------------------------------------------------------------------------------------------------------


def _board(stored: StoredChallenge) -> None:
    wanted = stored.challenge
    best = st.session_state.get("challenge_best", True)
    board = challenges.read_board(manager(), stored, best=best)
    if not board:
        with st.container(border=True, key="challenge_empty"):
            st.markdown(
                "Nothing has been handed in yet. **The first place is free.**" if wanted.open else
                "Nothing was handed in."
            )  # fmt: skip
        return
    rows = challenges.lay_out_board(wanted, board)
    if rows["marks"]:
        with st.container(border=True, key="challenge_card"):
            key = challenges.find_cost(wanted)
            reached = sum(not entry.misses for entry in board)
            alt = f"Test accuracy of {len(board)} entries against {METRICS[key].label}; {reached} reach the goal."
            mount(
                "scatter", "challenge_picture",
                {**rows, "title": "The board", "note": "click one", "alt": f"{alt} Arrow keys move.",
                 "legend": _legend(), "chosen": state.PAGE.state["entry"], "choosable": True},
                choose=state.choose_entry,
            )  # fmt: skip
    _table(stored, board)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("The best of each alone", value=True, key="challenge_best", persist_state="session")
        download_button(
            "CSV", challenges.to_csv(stored, board), f"board-{stored.id}.csv", "text/csv", key="challenge_csv",
            icon=":material/download:", what=f"challenge {stored.id}",
        )  # fmt: skip
    chosen = next((entry for entry in board if entry.id == state.PAGE.state["entry"]), None)
    if chosen is not None:
        _entry(stored, chosen)


def _legend() -> list[dict[str, object]]:
    shown = [("reaches the goal", challenges.REACHED), ("does not", challenges.MISSED)]
    return [{"label": label, "colour": LINES[line]._asdict(), "shape": line} for label, line in shown]


def _table(stored: StoredChallenge, board: list[Entry]) -> None:
    keys = stored.challenge.keys
    labels = {key: METRICS[key].label if key in METRICS else key for key in keys}
    rows = [
        {
            "place": "–" if entry.place is None else str(entry.place),
            "name": cell(entry.name),
            "accuracy": "–" if entry.result.accuracy is None else format_share(entry.result.accuracy),
            **{labels[key]: challenges.format_value(key, entry.result.values.get(key)) for key in keys},
            "epochs": f"{entry.result.epochs:,}",
            "handed in": _date(entry.at),
            "misses": "; ".join(entry.misses),
        }
        for entry in board
    ]
    if not any(entry.misses for entry in board):
        for row in rows:
            del row["misses"]
    names = [entry.id for entry in board]
    key = key_of_rows("challenge_table", [stored.id, *names])

    def pick() -> None:
        picked = read_picked(key, len(names))
        if picked:
            state.choose_entry(names[picked[0]])

    right = ["place", "accuracy", "epochs", *labels.values()]
    st.dataframe(
        pd.DataFrame(rows), key=key, hide_index=True, alt="The board", on_select=pick, selection_mode="single-row",
        height="content" if len(rows) <= _TALL else 560, placeholder="–",
        column_config={
            **{name: st.column_config.TextColumn(alignment="right") for name in right},
            "misses": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip


def _entry(stored: StoredChallenge, entry: Entry) -> None:
    with st.container(border=True, key="challenge_entry"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(entry.name)}** · {literal(entry.result.title)}")
            link = to_link(entry.result.network)
            st.page_link(
                "pages/design.py", label="Open in Design", icon=":material/schema:", query_params={"net": link}
            )
            if _may_change(entry.person, stored.owner):
                st.button(
                    "Take it back", icon=":material/undo:", key=f"challenge_back_{entry.id}",
                    on_click=state.run_action, args=(challenges.take_back, stored.id, entry.id),
                    kwargs={"done": f"{entry.name}'s entry is off the board; the run is not deleted."},
                )  # fmt: skip
        facts = [experiments.format_epochs(entry.result.epochs), f"seed {entry.result.seed}", f"run {entry.result.run}"]
        st.caption(literal(" · ".join(facts)))
        if entry.misses:
            st.caption(literal(f"Misses: {'; '.join(entry.misses)}."))
