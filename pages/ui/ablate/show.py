"""The experiment on the screen: how far it is, what it has shown, and the buttons that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer import experiments
from explorer.experiments import CONVENTIONS, Conclusions, StoredExperiment, VariantResult
from explorer.runs import RESUMABLE
from explorer.text import format_decimal, format_duration
from pages.ui import sharing
from pages.ui.absence import follow
from pages.ui.components import mount
from pages.ui.manager import manager, supervise
from pages.ui.stored_work import choose_other
from pages.ui.text import literal
from pages.ui.train.run_text import STATES, describe_next

from . import gradients, manage, state


def live() -> None:
    """The experiment; while any of its runs waits or works, once a second anew."""
    active = _active(state.PAGE.state["experiment"])
    state.PAGE.state["active"] = active
    follow(_experiment, 1.0 if active else None)


def _active(experiment: str) -> bool:
    return any(run.active for _, run in manager().trials(experiment)) if experiment else False


def _experiment() -> None:
    supervise()
    here = state.PAGE.state
    stale, here["stale"] = here["stale"], False
    if stale or _active(here["experiment"]) != here["active"]:
        st.rerun()  # the address belongs to the page; and what there is to follow decides how often this runs
    state.PAGE.show_notices()
    known = experiments.list_experiments(manager())
    if not known:
        st.info("No experiment yet: **New ablation** begins one.")
        return
    stored = next((each for each in known if each.id == state.PAGE.state["experiment"]), known[-1])
    rows = experiments.collect_results(manager(), stored)
    conclusions = experiments.draw_conclusions(manager(), stored, rows)
    _head(known, stored, rows)
    with st.container(border=True, key="ablation_card"):
        levels = conclusions.chance.levels() if conclusions.chance else []
        mount("ablation", "ablation", {"rows": experiments.chart_rows(rows), "levels": levels})
    _table(rows, conclusions)
    _details(stored, rows)


def _head(known: list[StoredExperiment], stored: StoredExperiment, rows: list[VariantResult]) -> None:
    counts: dict[str, int] = {}
    for row in rows:
        for status, count in row.states.items():
            counts[status] = counts.get(status, 0) + count
    done, planned = counts.get("finished", 0), sum(counts.values())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="experiment_head"):
        st.header(literal(stored.experiment.name), anchor=False, width="content")
        _badge(counts)
        resumable = sum(counts.get(status, 0) for status in (*RESUMABLE, "missing"))
        manage.buttons(stored, counts, resumable=resumable)
        others = [(each.id, each.experiment.name, each.created) for each in known]
        choose_other("Experiment", others, stored.id, state.choose)
    config = stored.experiment.config
    seeds = stored.experiment.seeds
    kept = manager().store.experiments.get(stored.id, "experiment")
    facts = [
        *sharing.describe(kept.owner, kept.shared),
        stored.experiment.base.name, stored.experiment.design, config.dataset, experiments.format_epochs(config.epochs),
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds[:10]))}{' …' if len(seeds) > 10 else ''}",
    ]  # fmt: skip
    st.caption(literal(" · ".join(facts)))
    rest = experiments.remaining_seconds(rows)
    text = f"{done} of {planned} runs finished"
    if rest:
        text += f" · about {format_duration(rest)} to go"
    if coming := describe_next(trial.run for row in rows for trial in row.trials if trial.status == "queued"):
        text += f" · {coming}"
    st.progress(done / planned, text=text)


def _badge(counts: dict[str, int]) -> None:
    for status in (
        "failed", "lost", "running", "queued", "interrupted", "paused", "stopped", "missing", "changed", "finished",
    ):  # fmt: skip
        if counts.get(status):
            label, icon, colour = STATES.get(status, (status, ":material/help:", "orange"))
            st.badge(label if status == "running" else f"{counts[status]} {label}", icon=icon, color=colour)
            return


_TALL = 16
"""Rows up to which a table is shown whole."""
_HELP = {"test accuracy %": "accuracy", "95 % interval": "interval", "best epoch %": "best epoch"}
"""Captions whose convention has another name."""


def _table(rows: list[VariantResult], conclusions: Conclusions) -> None:
    _comparisons("ablation_table", "Table of variants", experiments.COLUMNS, experiments.table_cells(rows, conclusions))
    if conclusions.interactions:
        _comparisons(
            "interaction_table", "Table of interactions", experiments.INTERACTION_COLUMNS,
            experiments.interaction_cells(conclusions),
        )  # fmt: skip
    for sentence in experiments.describe_conclusions(conclusions):
        if sentence == experiments.ONE_SEED:
            st.warning(f"{sentence}. Further seeds give an interval.", icon=":material/casino:")
        else:
            st.caption(literal(f"{sentence}."))
    st.caption(
        "Test accuracy after the **last** epoch, mean ± sample standard deviation over the finished seeds; the best "
        "epoch is shown for comparison and flatters. Differences are taken seed by seed; an interval that contains 0 "
        "shows no difference. The verdict is corrected for the number of comparisons (Holm)."
    )


def _comparisons(key: str, alt: str, columns: Sequence[str], cells: list[tuple[str, ...]]) -> None:
    """A table whose rows are comparisons; its first column holds their names."""
    first, *others = columns
    config: dict[str, Any] = {
        name: st.column_config.TextColumn(name, alignment="right", help=CONVENTIONS.get(_HELP.get(name, name)))
        for name in others
    }
    frame = pd.DataFrame(cells, columns=list(columns))
    st.dataframe(
        frame.style.map(_grey, subset=["difference"]), key=key, hide_index=True, alt=alt,
        height="content" if len(cells) <= _TALL else 420,
        column_config={**config, first: st.column_config.TextColumn(first, pinned=True, help=CONVENTIONS.get(first))},
    )  # fmt: skip


def _grey(text: Any) -> str:
    """The style of a difference: what stands in brackets rests on one seed."""
    return "color: gray" if str(text).startswith("(") else ""


def _number(share: float | None, *, signed: bool = False) -> str:
    return "–" if share is None else format_decimal(100 * share, 2, signed=signed)


def _details(stored: StoredExperiment, rows: list[VariantResult]) -> None:
    profiles = experiments.collect_gradients(manager(), stored, rows)
    names = ["Runs", *(["Gradient by block"] if profiles else []), "What the numbers mean"]
    first = "Gradient by block" if any(profile.vanishes for profile in profiles) else "Runs"
    runs, *gradient, meaning = st.tabs(names, key="experiment_details", on_change="rerun", default=first)
    if gradient and gradient[0].open:
        with gradient[0]:
            gradients.show(profiles)
    if runs.open:
        with runs:
            _runs(rows)
    if meaning.open:
        with meaning:
            for name, text in CONVENTIONS.items():
                st.markdown(f"**{name}**: {literal(text)}.")
            st.caption("The same without a browser:")
            st.code(f"python -m explorer experiments show {stored.id} --markdown", language=None, wrap_lines=True)


def _runs(rows: list[VariantResult]) -> None:
    records = [
        {
            "variant": row.label,
            "seed": str(trial.seed),
            "state": STATES[trial.status][0] if trial.status in STATES else trial.status,
            "test accuracy %": _number(trial.accuracy),
            "difference": _number(trial.difference, signed=True),
            "epochs": str(trial.epoch),
            "time": format_duration(trial.seconds),
            "run": trial.run,
        }
        for row in rows
        for trial in row.trials
    ]
    st.dataframe(
        pd.DataFrame(records), key="trials_table", hide_index=True, height="content" if len(records) <= _TALL else 420,
        alt="Table of the experiment's runs",
        column_config={
            name: st.column_config.TextColumn(name, alignment="right")
            for name in ("seed", "test accuracy %", "difference", "epochs", "time")
        },
    )  # fmt: skip
    with st.container(horizontal=True):
        for index, seed in enumerate([trial.seed for trial in rows[0].trials][:10]):
            ids = [row.trials[index].run for row in rows if row.trials[index].run][:8]
            if ids:
                st.page_link(
                    "pages/train.py", label=f"Curves of seed {seed}", icon=":material/monitoring:",
                    query_params={"run": ",".join(ids)},
                )  # fmt: skip
