"""A new challenge: which data, what is to be reached, who is first; and the button."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from explorer import challenges, datasets, search
from explorer.analysis import METRICS
from explorer.architecture import ArchitectureError, to_link
from explorer.challenges import Challenge
from explorer.datasets import DatasetError
from explorer.text import format_count, format_share, format_si
from pages.ui import find_networks
from pages.ui.manager import manager
from pages.ui.text import literal
from pages.ui.train import choices, data

from . import state

_NONE = "none"
_EXAMPLE = "macs=1e6"


def show() -> None:
    """The form. Nothing in it is a Streamlit form: what it asks for follows every change."""
    data.follow_import()
    st.caption(
        "Set a goal, hand out the link, and watch the board. Everybody designs and trains as usual; a run that is "
        "handed in shows its network, its accuracy and its cost to all who have the link."
    )
    what, goals, begin = st.columns([0.34, 0.36, 0.3], gap="medium")
    with what, st.container(border=True, key="challenge_what"):
        title = st.text_input(
            "Title", key="challenge_title", max_chars=120, placeholder="Digits on a diet", persist_state="session"
        )
        text = st.text_area(
            "What you say to those who take part", key="challenge_text", max_chars=challenges.MAX_TEXT, height=110,
            persist_state="session",
        )  # fmt: skip
        card = data.choose([])
    with goals, st.container(border=True, key="challenge_goals"):
        least = _accuracy()
        limits = _limits()
        epochs = _epochs()
        scratch = st.toggle(
            "Weights begin at random", value=True, key="challenge_scratch", persist_state="session",
            help="Runs that start from trained weights may be handed in, but reach no place.",
        )  # fmt: skip
        rank = _rank(limits or [])
    with begin, st.container(border=True, key="challenge_begin"):
        start = _start()
        closes = _closes()
        if limits is None:
            _button(None)
            return
        try:
            planned = challenges.plan(
                title, card.name, text=text, least_accuracy=least, limits=limits, rank=rank, most_epochs=epochs,
                scratch=scratch, start=start, closes=closes,
            )  # fmt: skip
        except ValueError as error:
            if title.strip():
                st.warning(literal(f"{error}."))
            else:
                st.caption("It needs a title.")
            _button(None)
            return
        _preview(planned)
        _button(planned)


def _accuracy() -> float | None:
    wanted = st.toggle(
        "An accuracy is to be reached", value=True, key="challenge_accurate", persist_state="session",
        help="On the test images, after the last epoch: the best epoch, which the test itself would choose, "
        "does not count.",
    )  # fmt: skip
    if not wanted:
        return None
    st.session_state.setdefault("challenge_least", 70.0)
    least = st.number_input(
        "Test accuracy of at least, in %", 0.0, 100.0, step=1.0, format="%g", key="challenge_least",
        persist_state="session",
    )  # fmt: skip
    return float(least) / 100


def _limits() -> list[search.Limit] | None:
    st.session_state.setdefault("challenge_limits", _EXAMPLE)
    text = st.text_input(
        "Within limits", key="challenge_limits", max_chars=300, persist_state="session", placeholder=_EXAMPLE,
        help=literal(f"What every network keeps: {', '.join([*METRICS, search.COVERAGE])}; =, <= or >=, several with "
                     "commas."),
    )  # fmt: skip
    try:
        return [search.parse_limit(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


def _epochs() -> int | None:
    most = st.number_input(
        "Epochs at most", 1, 100_000, value=None, key="challenge_epochs", placeholder="any number",
        persist_state="session", help="The same time for everybody, whatever their machine.",
    )  # fmt: skip
    return None if most is None else int(most)


def _rank(limits: list[search.Limit]) -> str:
    keys = [search.ACCURACY, *dict.fromkeys([*(each.key for each in limits if each.key in METRICS), "macs", "params"])]
    if st.session_state.get("challenge_rank") not in keys:
        st.session_state["challenge_rank"] = search.ACCURACY
    return st.selectbox(
        "First is, of those who reach it, who has", keys, key="challenge_rank", persist_state="session",
        format_func=lambda key: "the best accuracy" if key == search.ACCURACY else
        f"the {'fewest' if METRICS[key].trade_off == 'least' else 'most'} {METRICS[key].label}",
    )  # fmt: skip


def _start() -> str:
    found = find_networks.search("challenge_net")
    names = [_NONE, *choices.list_networks(found)]
    if st.session_state.get("challenge_net") not in names:
        st.session_state["challenge_net"] = _NONE
    name = st.selectbox(
        "Network to begin with", names, key="challenge_net", filter_mode=None, persist_state="session",
        format_func=lambda name: "none" if name == _NONE else choices.get_title(name),
    )  # fmt: skip
    if name == _NONE:
        return ""
    try:
        return to_link(choices.get_network(name))
    except ArchitectureError as error:
        st.warning(literal(f"{choices.describe_error(error)}; nothing is offered to begin with."))
        return ""


def _closes() -> float | None:
    if not st.toggle("Closes by itself", key="challenge_timed", persist_state="session"):
        return None
    later = datetime.now().astimezone() + timedelta(days=7)
    st.session_state.setdefault("challenge_closes", later.replace(tzinfo=None, second=0, microsecond=0))
    found = st.datetime_input(
        "At", key="challenge_closes", persist_state="session", help="By the clock of the server."
    )
    return found.astimezone().timestamp()


def _preview(planned: Challenge) -> None:
    st.markdown(f"**{literal(planned.title)}**: {literal(', '.join(planned.goals))}")
    if _is_hidden(planned.dataset):
        st.caption("Your data set is shared with it: everybody on this server can look at it and train on it.")
    known = challenges.collect_results(manager(), planned, most=20)
    reached = [each for each in known if not challenges.find_misses(planned, each)]
    if not known:
        st.caption("You have no finished run on this data yet: whether it can be reached is not known.")
    elif reached:
        best = max(reached, key=lambda each: each.accuracy or 0.0)
        st.caption(
            literal(f"Of your last {len(known)} runs on this data {len(reached)} reach it, such as {best.title}: "
                    f"{format_share(best.accuracy or 0.0)}, {format_si(best.values.get('macs') or 0)} MACs.")
        )  # fmt: skip
    else:
        st.caption(f"None of your last {format_count(len(known))} runs on this data reaches it.")


def _button(planned: Challenge | None) -> None:
    st.button(
        "Set the challenge", icon=":material/flag:", type="primary", width="stretch", key="challenge_start",
        disabled=planned is None, on_click=_ask_to_start,
    )  # fmt: skip
    # What the button was clicked for is done here, with what the form holds now and never with what it held.
    if not st.session_state.pop("challenge_asked", False):
        return
    if planned is None:
        state.PAGE.tell("error", "Not set: the form says why")
    else:
        try:
            if _is_hidden(planned.dataset):
                datasets.share(planned.dataset, True)
            state.choose(challenges.start(manager(), planned).id)
        except ValueError as error:
            state.PAGE.tell("error", f"Not set: {error}")
    st.rerun()


def _is_hidden(dataset: str) -> bool:
    """Whether others cannot look at a data set that is the visitor's own."""
    person = manager().person
    try:
        return person is not None and datasets.find_owners(dataset).get(person.id) is False
    except DatasetError:  # one that comes with the program, or is downloaded
        return False


def _ask_to_start() -> None:
    state.PAGE.act()
    st.session_state["challenge_asked"] = True
