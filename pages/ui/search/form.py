"""A new search: a network, what may vary in it, limits, what is aimed at, and what it may spend; and the button."""

from __future__ import annotations

import random
import re
from collections import Counter

import streamlit as st

from explorer import catalog, search, training
from explorer.analysis import METRICS, analyze
from explorer.architecture import Architecture, ArchitectureError
from explorer.search import Search
from explorer.text import format_count, format_duration, format_si
from pages.ui import find_networks, session
from pages.ui.manager import manager
from pages.ui.text import literal
from pages.ui.train import choices, data, settings

from . import state

_FIRST_NETWORK = "inception-net-32"
_FIRST_GROUPS = ("widths", "branches")
_DRAWN = 100
_EXACT = re.compile(r"[\d,.e+]+ is (above|below)")
"""How far a network is from a limit, which has no place where such networks are counted."""
_SAMPLERS = {"tpe": "TPE", "nsga": "NSGA-II", "random": "random"}
_PRUNERS = {"none": "never", "asha": "halving (ASHA)", "median": "below the median"}


def show() -> None:
    """The form. Nothing in it is a Streamlit form: what it would take follows every change."""
    data.follow_import()
    st.caption(
        "Networks and settings are proposed, judged by the limits before anything is trained, and trained as ordinary "
        "runs on images of which some are held out. What is shown is the front between accuracy and cost."
    )
    what, how, begin = st.columns([0.4, 0.32, 0.28], gap="medium")
    with what, st.container(border=True, key="search_what"):
        network = _network()
        varied = st.container()
    with how, st.container(border=True, key="search_how"):
        card = data.choose([choices.get_network(network).input_shape[1:]])
        small = choices.ask_image_size([network], card) == "data"
        heads = choices.ask_heads({network: choices.get_network(network)}, card, small=small)
        config = settings.choose(card.name)
    with begin, st.container(border=True, key="search_begin"):
        spend = _spend()
        name = st.text_input(
            "Name", key="search_name", max_chars=120, placeholder="network and what varies", persist_state="session"
        )
    try:
        base = training.fit_to_data(choices.get_network(network), card, image_size=small, heads=heads)
        changes = training.describe_fit(choices.get_network(network), base)
        analyze(base)
    except ArchitectureError as error:
        varied.error(literal(f"{choices.get_title(network)}: {choices.describe_error(error)}."))
        with begin:
            _button(None)
        return
    with varied:
        groups = _groups()
        objectives = _objectives()
        limits = _limits(base)
    with begin, st.container(border=True, key="search_forecast"):
        if not card.available:
            st.warning("The data is not on this machine yet: see under Data.")
        if config is None or limits is None or not card.available:
            _button(None)
            return
        try:
            found = search.plan(
                base, config, groups, budget=search.Budget(trials=spend[0]), objectives=objectives, limits=limits,
                sampler=_sampler(), pruner=_pruner(), at_once=spend[1], name=name.strip(),
            )
        except ValueError as error:
            st.warning(literal(f"{choices.describe_error(error)}."))
            _button(None)
            return
        if changes:
            st.caption(literal(f"Fitted to the data: {base.name} {'; '.join(changes)}."))
        _forecast(found)


def _network() -> str:
    if "search_net" not in st.session_state:
        pristine = catalog.name_of(session.architecture()) == session.HOME
        st.session_state["search_net"] = _FIRST_NETWORK if pristine else choices.CURRENT
    found = find_networks.search("search_net")
    return st.selectbox(
        "Network", choices.list_networks(found), key="search_net", format_func=choices.get_title, filter_mode=None,
        persist_state="session",
        help="Your design as it stands on the Design page, or a network of the catalogue. It is the first trial.",
    )  # fmt: skip


def _groups() -> list[str]:
    st.session_state.setdefault("search_groups", list(_FIRST_GROUPS))
    return st.pills(
        "May vary", search.GROUPS, selection_mode="multi", key="search_groups", persist_state="session",
        help="Widths of layers, kernel sizes, dilations, whole branches on or off, shortcuts, attention, how often "
        "blocks are repeated; and of training the rate, the batch and the augmentation.",
    )  # fmt: skip


def _objectives() -> list[str]:
    st.session_state.setdefault("search_objectives", ["macs"])
    wanted = st.multiselect(
        "Aim at accuracy, and at", list(METRICS), key="search_objectives", persist_state="session",
        format_func=lambda key: f"{'less' if METRICS[key].trade_off == 'least' else 'more'}: {METRICS[key].label}",
        placeholder="accuracy alone", max_selections=3,
    )  # fmt: skip
    return [search.ACCURACY, *wanted]


def _limits(base: Architecture) -> list[search.Limit] | None:
    totals = analyze(base).totals
    text = st.text_input(
        "Limits", key="search_limits", max_chars=300, persist_state="session", placeholder="params=1e6, coverage>=0.9",
        help=literal(f"What every network keeps, before it is trained: {', '.join([*METRICS, search.COVERAGE])}; =, "
                     "<= or >=, several with commas."),
    )  # fmt: skip
    st.caption(f"As given: {format_count(totals.params)} parameters, {format_si(totals.macs)} MACs")
    try:
        return [search.parse_limit(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


def _spend() -> tuple[int, int]:
    """How many trials, and how many of them at one time."""
    st.session_state.setdefault("search_trials", 20)
    st.session_state.setdefault("search_at_once", 1)
    with st.container(horizontal=True):
        trials = st.number_input("Trials", 1, 10_000, key="search_trials", persist_state="session")
        at_once = st.number_input(
            "At once", 1, 64, key="search_at_once", persist_state="session",
            help="Runs that are queued or running at one time.",
        )  # fmt: skip
    st.segmented_control(
        "Proposed by", list(_SAMPLERS), default="tpe", key="search_sampler", required=True,
        format_func=_SAMPLERS.__getitem__, persist_state="session",
        help="Tree-structured Parzen estimators, the genetic algorithm NSGA-II, or uniformly at random.",
    )  # fmt: skip
    st.selectbox(
        "End runs early", list(_PRUNERS), key="search_pruner", format_func=_PRUNERS.__getitem__,
        persist_state="session", help="Runs that fall behind those that cost no more make room for others.",
    )  # fmt: skip
    st.toggle(
        "Compare with a random search", key="search_baseline", persist_state="session",
        help="It has the same space and the same budget, and begins when this search is over: twice the time.",
    )  # fmt: skip
    return int(trials), int(at_once)


def _sampler() -> search.Sampler:
    return st.session_state["search_sampler"] or "tpe"


def _pruner() -> search.Pruner:
    return st.session_state["search_pruner"] or "none"


@st.cache_data(max_entries=32, show_spinner=False)
def _try(name: str, text: str) -> tuple[int, Counter[str]]:
    """How many of some random points keep the limits, and why the others do not."""
    planned = Search.from_json(name, text)
    builder, chance = search.Builder(planned.space, planned.limits), random.Random(0)
    kept, refused = 0, Counter[str]()
    for _ in range(_DRAWN):
        try:
            builder.build(planned.space.draw(chance))
            kept += 1
        except search.Rejected as error:
            refused[_EXACT.sub(r"\1", str(error))] += 1
    return kept, refused


def _format_size(points: int) -> str:
    return f"{points:,}" if points < 10**6 else f"about 10^{len(str(points)) - 1}"


def _forecast(planned: Search) -> None:
    try:
        fit = training.check(planned.space.network, planned.space.config, manager())
    except ValueError as error:
        st.error(literal(f"{choices.describe_error(error)}."))
        _button(None)
        return
    kept, refused = _try("", planned.to_json())
    reasons = "; ".join(f"{what} ({count})" for what, count in refused.most_common(3))
    st.caption(
        literal(
            f"{len(planned.space.dimensions)} dimensions, {_format_size(planned.space.size)} points. "
            f"Of {_DRAWN} at random {kept} can be trained within the limits{f'; not so: {reasons}' if reasons else ''}."
        )
    )
    if not kept:
        st.warning("No random point keeps the limits: the search would try long for each trial.")
    one = choices.forecast_run(planned.space.network, planned.space.config, fit.device, manager().runs())
    times = (planned.budget.trials or 0) * (2 if st.session_state["search_baseline"] else 1)
    if one is None:
        st.markdown(f"**{times:,} runs** on {fit.device} · {choices.describe_unmeasured()}")
        choices.wait_for_speed_probe(fit.device)
    else:
        st.markdown(f"**{times:,} runs** on {fit.device} · about **{format_duration(times * one.seconds)}** in all")
        st.caption("As if every network took as long as the given one.")
    if fit.waits_for:
        st.warning(literal(f"Each of them {fit.waits_for}."))
    held_out = f"{100 * planned.space.config.validation:g} %"
    st.caption(literal(f"{held_out} of the training images are held out, and judge the trials."))
    _button(planned)


def _button(planned: Search | None) -> None:
    st.button(
        f"Start {planned.budget.trials} trials" if planned else "Start", icon=":material/play_arrow:", type="primary",
        width="stretch", key="search_start", disabled=planned is None, on_click=_ask_to_start,
    )  # fmt: skip
    # What the button was clicked for is done here, with what the form holds now and never with what it held.
    if not st.session_state.pop("search_asked", False):
        return
    if planned is None:
        state.PAGE.tell("error", "Not started: the form says why")
    else:
        try:
            baseline = bool(st.session_state["search_baseline"])
            state.choose(search.start(manager(), planned, baseline=baseline).id)
        except ValueError as error:
            state.PAGE.tell("error", f"Not started: {error}")
    st.rerun()


def _ask_to_start() -> None:
    state.PAGE.act()
    st.session_state["search_asked"] = True
