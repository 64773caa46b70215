"""What a session looks at on the Train page: which runs, and how their curves are drawn; and the address of that."""

from __future__ import annotations

from typing import Any, TypedDict

from explorer.inspection import BEST
from explorer.runs import Run, RunFolder, checkpoint_step, list_best, list_checkpoints, list_kept, validate_run_id
from pages.ui.manager import manager
from pages.ui.page_state import Page, PageState, Parameter, first_state

MAX_RUNS = 8
"""Runs in one picture: as many as there are colours."""
AXES = ("step", "epoch", "second")


class View(TypedDict):
    """How curves are drawn."""

    x: str
    """One of ``AXES``."""
    smooth: float
    """From 0 to 0.99: the weight of the past in a moving average."""
    log: bool


class TrainState(PageState):
    """What the Train page remembers."""

    runs: list[str]
    """Ids of the runs in the picture; the first is the one that is shown in detail."""
    view: View
    wanted: str
    """The checkpoint that the visitor clicked, to be opened on Inspect; '' for none."""
    active: bool
    """Whether any run worked when the page was last rendered as a whole."""


def default_view() -> View:
    """How curves are drawn at first."""
    return {"x": "epoch", "smooth": 0.0, "log": False}


def _read_runs(text: str) -> None:
    found: list[str] = []
    for part in filter(None, text.split(",")):
        try:
            found.append(manager().store.get(validate_run_id(part)).id)
        except ValueError as error:
            PAGE.tell("error", f"The address could not be opened as a whole: {error}.")
    PAGE.state["runs"] = list(dict.fromkeys(found))[:MAX_RUNS]


def _read_view(text: str) -> None:
    view = default_view()
    for part in text.split("-"):
        if part in AXES:
            view["x"] = part
        elif part == "log":
            view["log"] = True
        elif part.isdecimal() and int(part) < 100:
            view["smooth"] = int(part) / 100
    PAGE.state["view"] = view


def _write_view() -> str:
    view = PAGE.state["view"]
    parts = [view["x"]] if view["x"] != default_view()["x"] else []
    parts += [f"{round(100 * view['smooth'])}"] if view["smooth"] else []
    return "-".join([*parts, *(["log"] if view["log"] else [])])


PAGE: Page[TrainState] = Page(
    "train",
    lambda: {**first_state(), "runs": [], "view": default_view(), "wanted": "", "active": False},
    (
        Parameter("run", _read_runs, lambda: ",".join(selected_runs())),
        Parameter("view", _read_view, _write_view),
    ),
)


def begin(runs: list[Run]) -> None:
    """Take the runs and the view from the address; without any, what is going on, else what went on last."""
    PAGE.follow_address()
    if not PAGE.state["runs"]:
        working = [run.id for run in runs if run.status == "running"]
        PAGE.state["runs"] = (working or [run.id for run in runs if run.active] or [run.id for run in runs])[-1:]


def selected_runs() -> list[str]:
    """Ids of the runs in the picture; the first is the one that is shown in detail."""
    return PAGE.state["runs"]


def choose(runs: list[str]) -> None:
    """Show these runs."""
    PAGE.act()["runs"] = list(dict.fromkeys(runs))[:MAX_RUNS]


def set_view(wanted: Any) -> None:
    """Draw the curves as the visitor asked."""
    if isinstance(wanted, dict):
        PAGE.act()["view"] = check_view(wanted)


def want_checkpoint(wanted: Any) -> None:
    """Open the checkpoint behind a point of a curve."""
    if not isinstance(wanted, dict) or wanted.get("run") not in selected_runs():
        return
    here = PAGE.act()
    name, _ = kept_checkpoints(wanted["run"]).get(wanted.get("step", -1), ("", ""))
    if name:
        here["wanted"] = name
    else:
        PAGE.tell(
            "info",
            "The checkpoint of this epoch is not kept: only the last two, the best, and those that the setting "
            "“keep checkpoints” asks for",
        )


def kept_checkpoints(run: str) -> dict[int, tuple[str, str]]:
    """The checkpoints of a run by their step: the name of the model that each is, and a word on it."""
    folder = RunFolder(manager().root, run).checkpoints
    paths = (*list_checkpoints(folder), *list_kept(folder))
    found = {checkpoint_step(path): (f"{run}@{checkpoint_step(path)}", "kept") for path in paths}
    for path in list_best(folder)[:1]:
        found[checkpoint_step(path)] = (f"{run}@{BEST}", f"the best by {path.name.split('-')[1]}")
    return found


def check_view(wanted: dict[str, Any]) -> View:
    """What a browser asks for, within its bounds."""
    smooth = wanted.get("smooth")
    return {
        "x": wanted["x"] if wanted.get("x") in AXES else default_view()["x"],
        "smooth": min(0.99, max(0.0, float(smooth))) if isinstance(smooth, int | float) else 0.0,
        "log": wanted.get("log") is True,
    }


def steps_per_epoch(run: Run) -> float:
    """Updates in an epoch of a run; 1 before it has started."""
    return max(1.0, run.steps / max(1, int(run.setting("epochs"))))
