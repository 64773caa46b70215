"""A range test of the learning rate: loss against rate as it grows, the proposal, and the button that takes it."""

from __future__ import annotations

import streamlit as st

from explorer import figures, training
from explorer.figures import Axis, Dots, Mark, Path
from explorer.runs import Run, series
from explorer.text import format_number
from explorer.training import RateRange
from pages.ui.components import mount
from pages.ui.manager import history
from pages.ui.text import literal

_HIGHEST = 3.0
"""Times the first loss up to which losses are drawn: beyond, the rest would be a flat line."""


def show(run: Run) -> None:
    """The curve as far as it has come; when the test is over, what it proposes."""
    past = history()
    rates, losses = (past.curve(run, name).values.tolist() for name in (series.LEARNING_RATE, series.TRAIN_LOSS))
    count = min(len(rates), len(losses))
    found = training.read_rate_range(rates[:count], losses[:count])
    over = not run.active and found.rate is not None
    highest = _HIGHEST * found.smoothed[0] if count else 0.0
    both = zip(found.losses, found.smoothed, strict=True)
    shown = [place for place, pair in enumerate(both) if max(pair) <= highest]
    marks = []
    if over and found.rate is not None and found.lowest is not None:
        lowest = min(found.smoothed)
        at = min(range(count), key=lambda place: abs(found.rates[place] - (found.rate or 0)))
        marks = [
            Mark(key="rate", label=f"proposed {found.rate:g}", x=found.rates[at], y=found.smoothed[at], line=1,
                 facts=(("loss", f"{found.smoothed[at]:.4f}"),)),
            Mark(key="lowest", label=f"lowest loss {format_number(found.lowest)}", x=found.lowest, y=lowest, line=2,
                 facts=(("loss", f"{lowest:.4f}"),)),
        ]  # fmt: skip
    _draw(found, shown, marks)
    if over:
        st.markdown(literal(f"The test {found.describe()}."))
        st.button(
            f"Train with {found.rate:g}", key="train_with_rate", type="primary", icon=":material/play_arrow:",
            on_click=_take, args=(run, found.rate),
            help="Fills the form New run with the settings of this test and the rate that it proposes; start it there.",
        )  # fmt: skip
    elif not run.active and count:
        st.markdown(literal(f"{found.describe().capitalize()}."))
    st.caption(
        "The rate rises by the same factor from step to step (Smith 2015); the line is the mean of a step and its "
        "neighbours, a twentieth of the test on either side. Nothing is evaluated, and no weights are kept. The losses "
        "are those of batches in training: a rate for the peak of a schedule, not a promise of accuracy."
    )


def _draw(found: RateRange, shown: list[int], marks: list[Mark]) -> None:
    dots = Dots(
        label="step", x=[found.rates[place] for place in shown], y=[found.losses[place] for place in shown],
        keys=[f"{place + 1:,}" for place in shown],
    )  # fmt: skip
    line = Path(label="smoothed", points=tuple((found.rates[place], found.smoothed[place]) for place in shown), line=0)
    data = figures.lay_out_scatter(Axis(label="learning rate", log=True), Axis(label="loss"), marks, [line], dots)
    told = f"; {found.describe()}" if marks else ""
    mount(
        "scatter", "rate_range",
        {**data, "title": "Loss against learning rate", "note": "of each step", "chosen": "", "choosable": False,
         "alt": f"Training loss of {len(shown):,} steps against their learning rate{told}", "legend": []},
    )  # fmt: skip


def _take(run: Run, rate: float) -> None:
    config = training.train_with_rate(training.parse(run.config), rate)
    st.session_state["train_clone"] = {
        "architecture": run.architecture, "config": config.model_dump_json(), "name": run.name,
    }  # fmt: skip
