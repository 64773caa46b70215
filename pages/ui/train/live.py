"""The run in detail: what it is doing, its curves beside those of others, and the buttons that steer it."""

from __future__ import annotations

import streamlit as st

from explorer import figures
from explorer.runs import ACTIVE, FOLDER_GONE, Run, series
from explorer.text import format_bytes, format_decimal, format_duration, format_share
from explorer.training import expect_starts
from pages.ui import sharing
from pages.ui.absence import follow
from pages.ui.components import mount
from pages.ui.manager import history, manager, supervise
from pages.ui.text import literal

from . import details, example, manage, rate_range, state
from .run_text import STATES, curve_panels, list_titles


def show(*, active: bool) -> None:
    """The runs of the session; while any run works, once a second anew."""
    state.PAGE.state["active"] = active
    follow(_live, 1.0 if active else None)


def _live() -> None:
    supervise()
    statuses = manager().statuses()
    if any(status in ACTIVE for status in statuses.values()) != state.PAGE.state["active"]:
        st.rerun()  # from now on there is something to follow, or nothing any more: all of the page changes
    runs = manager().store.find(state.selected_runs())
    if not runs and statuses:
        state.PAGE.state["runs"] = []
        st.rerun()  # what was shown is deleted, perhaps by somebody else: the page chooses anew, the address follows
    state.PAGE.show_notices()
    if not runs:
        example.show()
        return
    wanted, state.PAGE.state["wanted"] = state.PAGE.state["wanted"], ""
    if wanted:
        st.switch_page("pages/inspect.py", query_params={"model": wanted})
    _head(runs[0])
    with st.container(border=True, key="curves_card"):
        if runs[0].setting("range_steps"):
            rate_range.show(runs[0])
        else:
            _curves(runs)
    details.show(runs[0], runs)
    if state.PAGE.state["address"]:  # not in the run that renders the page, which writes it at its end
        state.PAGE.write_address()


# ---- the head -------------------------------------------------------------------------------------------------------


def _head(run: Run) -> None:
    runs = manager()
    label, icon, colour = STATES[run.status]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run_head"):
        st.header(literal(run.name), anchor=False, width="content")
        if runs.is_responding(run):
            st.badge(label, icon=icon, color=colour)
        else:
            st.badge("not responding", icon=":material/hourglass_empty:", color="orange")
        manage.buttons(run)
    facts = [run.setting("dataset"), run.device or run.setting("device"), f"seed {run.setting('seed')}", run.id]
    facts[:0] = sharing.describe(run.owner, run.shared)
    if run.reason:
        facts.insert(0, run.reason)
    if run.status == "queued" and (turn := expect_starts(runs).get(run.id)):
        facts.insert(0, turn.describe())
    if run.status == "finished" and not runs.has_folder(run):
        facts.insert(0, f"{FOLDER_GONE}; its curves are kept")
    st.caption(literal(" · ".join(facts)))
    _progress(run)
    _numbers(run)


def _progress(run: Run) -> None:
    share = min(1.0, run.step / run.steps) if run.steps else 0.0
    epochs = run.setting("epochs")
    if run.status == "running" and not run.step:
        text = "the worker is getting ready" if run.attempt == 1 else "the worker loads its checkpoint"
    elif run.setting("range_steps"):
        text = f"step {run.step:,} of {run.steps:,} of a range test"
    elif run.status == "running":
        text = f"epoch {min(run.epoch + 1, epochs):,} of {epochs:,} · step {run.step:,} of {run.steps:,}"
    else:
        text = f"{run.epoch:,} of {epochs:,} epochs" + (f" · {run.step:,} steps" if run.step else "")
    st.progress(share, text=text)


def _numbers(run: Run) -> None:
    """Accuracy, loss, speed, time: each with what it is a number of."""
    past = history()
    test, train = past.curve(run, series.TEST_ACCURACY), past.curve(run, series.TRAIN_LOSS)
    fast, memory = past.curve(run, series.IMAGES_PER_SECOND), past.curve(run, series.MEMORY_PEAK)
    rest = run.seconds / run.step * (run.steps - run.step) if run.step else None
    recent = train.values[-50:]
    mirrored, chance = run.setting("flip_average"), past.chance(run)
    best = f"best {format_share(test.values.max())}{' · mirror-averaged' if mirrored else ''}" if len(test) else None
    cells = [
        ("Test accuracy", format_share(test.last) if test.last is not None else "–", best,
         "Share of the test images classified correctly after the last whole epoch. The best epoch is chosen by "
         "the test images themselves, so it flatters."
         + (" A prediction is the mean of those for an image and for its mirror image." if mirrored else "")
         + (literal(f" Of such accuracies, {chance.describe()}.") if chance else "")),
        ("Training loss", format_decimal(recent.mean(), 4) if len(recent) else "–", f"last {len(recent):,} steps",
         "Mean cross entropy in natural logarithms, as trained (label smoothing, mixup and auxiliary heads included)."),
        ("Images a second", f"{fast.last:,.0f}" if fast.last is not None else "–", "training steps",
         "Of the training steps since the last entry, evaluation left out."),
        ("Time", format_duration(run.seconds),
         f"{format_duration(rest)} to go" if rest and run.status == "running" else "of training",
         "Seconds of training over all attempts; what is to go is scaled from what is done."),
        ("Memory peak", format_bytes(int(memory.last)) if memory.last is not None else "–",
         f"{format_bytes(run.memory)} predicted" if run.memory else None,
         "The most bytes in use at one time: of the device on a GPU, of the whole process on a CPU."),
    ]  # fmt: skip
    with st.container(horizontal=True, gap="small", key="run_numbers"):
        for name, value, below, meaning in cells:
            st.metric(name, value, below, delta_color="off", delta_arrow="off", help=meaning, border=True)


# ---- the curves -----------------------------------------------------------------------------------------------------


def _curves(runs: list[Run]) -> None:
    mount(
        "curves",
        "curves",
        {
            **figures.lay_out_curves(list_titles(runs), curve_panels(runs)),
            "view": state.PAGE.state["view"],
            "kept": {
                run.id: {str(step): what for step, (_, what) in state.kept_checkpoints(run.id).items()} for run in runs
            },
        },
        view=state.set_view,
        open=state.want_checkpoint,
    )
