"""The search on the screen: how far it is, its front, what mattered, and the buttons that steer it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer import search
from explorer.analysis import METRICS
from explorer.architecture import from_json, to_link
from explorer.search import Findings, SearchTrial, StoredSearch
from explorer.text import format_decimal, format_duration, format_si
from pages.ui import sharing
from pages.ui.absence import follow
from pages.ui.components import mount
from pages.ui.manager import manager, search_driver, supervise
from pages.ui.stored_work import choose_other
from pages.ui.text import cell, key_of_rows, literal, read_picked
from pages.ui.train.run_text import describe_next

from . import state

_TALL = 16
"""Rows up to which a table is shown whole."""
_BADGES = {
    "running": (":material/play_circle:", "blue"), "waiting": (":material/schedule:", "gray"),
    "over": (":material/check_circle:", "green"), "paused": (":material/pause_circle:", "orange"),
}  # fmt: skip


def live() -> None:
    """The search; while anything in it is due, every two seconds anew."""
    active = _active(state.PAGE.state["search"])
    state.PAGE.state["active"] = active
    follow(_search, 2.0 if active else None)


def _active(name: str) -> bool:
    known = {each.id: each for each in search.list_searches(manager())}
    if name not in known:  # none, or one that was deleted or is no longer shared
        return False
    names = [name, known[name].search.baseline]
    return any(not search.read_standing(manager(), known[each]).over for each in names if each in known)


def _search() -> None:
    supervise()
    here = state.PAGE.state
    stale, here["stale"] = here["stale"], False
    if stale or (here["search"] and _active(here["search"]) != here["active"]):
        st.rerun()  # the address belongs to the page; and what there is to follow decides how often this runs
    state.PAGE.show_notices()
    known = state.list_shown()
    if not known:
        st.info("No search yet: **New search** begins one.")
        return
    stored = next((each for each in known if each.id == here["search"]), known[-1])
    findings = search.collect_findings(manager(), stored)
    _head(known, stored, findings)
    _picture(stored, findings)
    chosen = next((each for each in findings.trials if str(each.number) == here["trial"]), None)
    if chosen is not None:
        _trial(stored, chosen)
    _tabs(stored, findings)


def _head(known: list[StoredSearch], stored: StoredSearch, findings: Findings) -> None:
    standing = search.read_standing(manager(), stored, findings.trials)
    why = standing.ended or search_driver().reason_over(stored.id)
    paused = stored.search.stopped
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="search_head"):
        st.header(literal(stored.search.name), anchor=False, width="content")
        word = "running" if standing.active else "paused" if paused else "over" if why else "waiting"
        icon, colour = _BADGES[word]
        st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]
        _buttons(stored, active=bool(standing.active), paused=paused, over=bool(why))
        others = [(each.id, each.search.name, each.created) for each in known]
        choose_other("Search", others, stored.id, state.choose)
    how = stored.search
    row = manager().store.experiments.get(stored.id, "search")
    facts = [
        *sharing.describe(row.owner, row.shared),
        how.space.network.name, how.space.config.dataset, f"{how.epochs:,} epochs a run", how.sampler,
        f"{len(how.space.dimensions)} dimensions ({', '.join(how.space.groups)})", *map(str, how.limits),
        *([f"pruning: {how.pruner}"] if how.pruner != "none" else []), f"seed {how.seed}",
    ]  # fmt: skip
    st.caption(literal(" · ".join(facts)))
    counts: dict[str, int] = {}
    for trial in findings.trials:
        counts[trial.state] = counts.get(trial.state, 0) + 1
    text = ", ".join(f"{count} {word}" for word, count in counts.items()) or "no trial yet"
    coming = describe_next(trial.run.id for trial in findings.trials if trial.run.status == "queued")
    done = sum(trial.run.epoch for trial in findings.trials)
    planned = (how.budget.trials or len(findings.trials) or 1) * how.epochs
    spent = sum(trial.run.seconds for trial in findings.trials)
    text = " · ".join(filter(None, [text, f"{format_duration(spent)} spent", coming]))
    st.progress(1.0 if word == "over" else min(1.0, done / planned), text=literal(text))
    if trouble := search_driver().trouble(stored.id):
        st.error(literal(f"No further run can begin: {trouble}."))
    elif word == "over" and why and not why[:1].isdecimal():
        st.caption(literal(f"Over: {why}."))


def _buttons(stored: StoredSearch, *, active: bool, paused: bool, over: bool) -> None:
    names = [stored.id, *([stored.search.baseline] if stored.search.baseline else [])]
    row = manager().store.experiments.get(stored.id, "search")
    if not sharing.may_change(row.owner):
        return
    if not paused and (active or not over):
        st.button(
            "Pause", icon=":material/pause:", key="search_pause", on_click=state.run_action,
            args=(_each, search.pause, names), help="Runs write checkpoints and wait; no further one begins.",
        )  # fmt: skip
    if paused:
        st.button(
            "Go on", icon=":material/play_arrow:", key="search_resume", on_click=state.run_action,
            args=(_each, search.resume, names),
        )  # fmt: skip
    with st.popover("More", icon=":material/more_horiz:", key="search_more"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = f"search_more_trials_{stored.id}"
            st.number_input("Further trials", 1, 1000, 10, key=key, width=160)
            st.button(
                "Add them", icon=":material/add:", key="search_extend", on_click=_extend, args=(stored, key)
            )
        sharing.offer(
            f"search_share_{stored.id}", row.owner, row.shared,
            lambda shared: state.run_action(
                _each, lambda runs, name: runs.share_experiment(name, shared), names
            ),
        )  # fmt: skip
        if not active:
            sure = st.checkbox("Delete it with its runs", key=f"search_sure_{stored.id}")
            st.button(
                "Delete for good", icon=":material/delete:", key="search_delete", disabled=not sure,
                on_click=state.run_action, args=(_each, search.delete, names),
                kwargs={"done": f"{stored.search.name} is deleted."},
            )  # fmt: skip


def _each(found: Any, action: Any, names: list[str]) -> None:
    """An action for a search and its baseline, where that is still there."""
    known = {each.id for each in search.list_searches(found)}
    for name in names:
        if name in known:
            action(found, name)


def _extend(stored: StoredSearch, key: str) -> None:
    budget = stored.search.budget
    if budget.trials is None:
        state.PAGE.act()
        state.PAGE.tell("error", "Its budget is in epochs or seconds: `python -m explorer search resume` changes that")
        return
    more = search.Budget(
        trials=budget.trials + int(st.session_state[key]), epochs=budget.epochs, seconds=budget.seconds
    )
    names = [stored.id, *([stored.search.baseline] if stored.search.baseline else [])]
    state.run_action(_each, lambda found, name: search.resume(found, name, more), names)


# ---- the front ------------------------------------------------------------------------------------------------------


def _picture(stored: StoredSearch, findings: Findings) -> None:
    keys = [each.key for each in stored.search.objectives[1:]] or ["params"]
    with st.container(border=True, key="search_card"):
        key = keys[0]
        if len(keys) > 1:
            key = st.segmented_control(
                "Across", keys, default=keys[0], key=f"search_across_{stored.id}", required=True,
                format_func=lambda each: METRICS[each].label,
            ) or keys[0]  # fmt: skip
        rows = search.lay_out_front(stored, findings, key)
        if not rows["marks"]:
            st.caption("The first trial appears here with its first epoch.")
        else:
            alt = (
                f"Accuracy of {len(rows['marks'])} trials against {METRICS[key].label}; on the front: "
                f"{', '.join(f'trial {number}' for number in findings.front) or 'none yet'}. Arrow keys move."
            )
            mount(
                "scatter", "search_front",
                {**rows, "title": "Trials", "note": "click one", "alt": alt, "legend": _legend(findings),
                 "chosen": state.PAGE.state["trial"], "choosable": True},
                choose=state.choose_trial,
            )  # fmt: skip
    for sentence in _conclude(findings):
        st.caption(literal(sentence))


def _legend(findings: Findings) -> list[dict[str, Any]]:
    from explorer.figures import LINES

    shown = [("trained to the end", search.OWN)] + ([("at random", search.RANDOM)] if findings.baseline else [])
    return [{"label": label, "colour": LINES[line]._asdict(), "shape": line} for label, line in shown]


def _conclude(findings: Findings) -> list[str]:
    said = [sentence for sentence in [search.describe_hypervolume(findings)] if sentence]
    if findings.correlation is not None:
        said.append(
            f"Parameters alone: rank correlation {format_decimal(findings.correlation, 2, signed=True)} with accuracy."
        )
    return said


# ---- one trial ------------------------------------------------------------------------------------------------------


def _trial(stored: StoredSearch, trial: SearchTrial) -> None:
    with st.container(border=True, key="search_trial"):
        with st.container(horizontal=True, vertical_alignment="center"):
            accuracy = f"{format_decimal(100 * trial.values[0], 2)} %" if trial.curve else "not known yet"
            st.markdown(f"**Trial {trial.number}** · {trial.state} · accuracy {accuracy}")
            network = from_json(trial.run.architecture)
            st.page_link(
                "pages/design.py", label="Open in Design", icon=":material/schema:",
                query_params={"net": to_link(network)},
            )  # fmt: skip
            st.page_link(
                "pages/train.py", label="Curves", icon=":material/monitoring:", query_params={"run": trial.run.id}
            )
            if trial.complete:
                st.button(
                    "Train from two more seeds", key="search_repeat", icon=":material/casino:",
                    on_click=state.run_action, args=(search.repeat, stored.id, trial.number, _further(stored, trial)),
                    help="One seed chose it: further ones tell how much of its accuracy was luck.",
                )  # fmt: skip
        if trial.reason:
            st.caption(literal(f"{trial.reason}."))
        st.caption(literal(stored.search.space.describe_changes(trial.point)))
        if trial.repeats:
            sample = search.measure_choice(manager(), trial)
            mean = "none finished yet" if sample.mean is None else f"{format_decimal(100 * sample.mean, 2)} %"
            ends = " to ".join(format_decimal(100 * each, 2) for each in sample.interval or ())
            st.caption(
                literal(f"Test accuracy from {len(sample.values)} seeds: {mean}"
                        f"{f', 95 % interval {ends}' if ends else ''}.")
            )  # fmt: skip


def _further(stored: StoredSearch, trial: SearchTrial) -> tuple[int, ...]:
    used = {stored.search.seed, *(int(run.setting("seed")) for run in trial.repeats)}
    return tuple(seed for seed in range(len(used) + 2) if seed not in used)[:2]


# ---- tables ---------------------------------------------------------------------------------------------------------


def _tabs(stored: StoredSearch, findings: Findings) -> None:
    names = ["Trials", "What matters", "Parallel coordinates", "What the numbers mean"]
    trials, matters, parallel, meaning = st.tabs(names, key="search_tabs", on_change="rerun")
    if trials.open:
        with trials:
            _table(stored, findings)
    if matters.open:
        with matters:
            _importance(findings)
    if parallel.open:
        with parallel:
            _parallel(stored, findings)
    if meaning.open:
        with meaning:
            _meaning(stored)


def _table(stored: StoredSearch, findings: Findings) -> None:
    others = stored.search.objectives[1:]
    rows = [
        {
            "trial": trial.number,
            "front": "yes" if trial.number in findings.front else "",
            "state": trial.state,
            "epochs": trial.run.epoch,
            "accuracy %": 100 * trial.values[0] if trial.curve else None,
            **{
                METRICS[each.key].label: format_si(value)
                for each, value in zip(others, trial.values[1:], strict=True)
            },
            "why, or what is changed": cell(trial.reason or stored.search.space.describe_changes(trial.point)),
        }
        for trial in reversed(findings.trials)
    ]
    if not rows:
        st.caption("No trial yet.")
        return
    numbers = [row["trial"] for row in rows]
    key = key_of_rows("search_table", [stored.id, *numbers])

    def pick() -> None:
        picked = read_picked(key, len(numbers))
        if picked:
            state.show_trial(str(numbers[picked[0]]))

    st.dataframe(
        pd.DataFrame(rows), key=key, hide_index=True, alt="Table of trials", on_select=pick,
        selection_mode="single-row", height="content" if len(rows) <= _TALL else 420, placeholder="–",
        column_config={
            **{name: st.column_config.Column(width="small") for name in ("trial", "front", "state", "epochs")},
            "accuracy %": st.column_config.NumberColumn(format="%.2f", help="Of the images held out, last epoch."),
            **{METRICS[each.key].label: st.column_config.TextColumn(alignment="right") for each in others},
            "why, or what is changed": st.column_config.TextColumn(width=800),  # a line of some ten changes
        },
    )  # fmt: skip
    st.caption("A click on a row chooses the trial; the toolbar saves CSV.")


def _importance(findings: Findings) -> None:
    if not findings.importance:
        st.caption("Known from 8 trials on that were trained to the end.")
        return
    rows = [{"dimension": key, "share %": 100 * share} for key, share in findings.importance.items() if share > 0]
    st.dataframe(
        pd.DataFrame(rows), key="search_importance", hide_index=True, alt="Table of importance", height=420,
        column_config={"share %": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)},
    )  # fmt: skip
    st.caption(
        "How much of the variation of accuracy goes with each dimension among the trials so far (PED-ANOVA); of few "
        "trials a hint at most."
    )


def _parallel(stored: StoredSearch, findings: Findings) -> None:
    if len(findings.finished) < 2:
        st.caption("Drawn from two trials on that were trained to the end.")
        return
    figure = search.lay_out_dimensions(stored, findings, dark=st.context.theme.type == "dark")
    alt = "Parallel coordinates of the trials"
    st.plotly_chart(figure, key="search_parallel", config={"displaylogo": False}, alt=alt)
    st.caption("A line is a trial, coloured by accuracy; drag along an axis to keep those that pass there.")


def _meaning(stored: StoredSearch) -> None:
    for name, text in {
        "Accuracy": "share of the held-out training images that are classified right after the last epoch; the test "
        "images are left for the final choice",
        "Front": "trials that no other surpasses in every objective at once",
        "Hypervolume": "share of a box that the front dominates, 0 to 1. Accuracy spans it from 0 to 1; every other "
        "objective from the worst value of all trials that were trained to the end, those at random included, or from "
        "the limit where one is set, to the best one, on a log scale: halving a cost counts the same wherever it is. "
        "The box grows with the trials, so compare only what stands in one picture",
        "Pruned": "a run that was ended early because it fell behind those that cost no more",
        "Parameters alone": "Spearman's rank correlation of accuracy with the number of parameters: what size explains",
    }.items():
        st.markdown(f"**{name}**: {literal(text)}.")
    st.caption("The same without a browser:")
    st.code(f"python -m explorer search show {stored.id}", language=None, wrap_lines=True)
