"""Undo and redo as a value: against a plain list of everything that was recorded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer import catalog
from explorer.architecture import edit
from explorer.editor import History
from explorer.editor.history import MAX_STEPS

BASE = catalog.get("residual-mnist")
VALUES = [edit.replace(BASE, "", name=f"number {number}") for number in range(5)]
STEPS = st.lists(st.one_of(st.sampled_from(["undo", "redo"]), st.integers(0, 4)), max_size=30)


@given(STEPS)
def test_it_is_a_list_with_a_place_in_it(steps: list[str | int]) -> None:
    history, known, place = History(BASE), [BASE], 0
    for step in steps:
        if step == "undo":
            history, place = history.undo(), max(0, place - 1)
        elif step == "redo":
            history, place = history.redo(), min(len(known) - 1, place + 1)
        elif isinstance(step, int):
            history = history.record(VALUES[step])
            if VALUES[step] != known[place]:
                known, place = [*known[: place + 1], VALUES[step]], place + 1
        assert history.current == known[place]
        assert list(history.past) == known[:place]
        assert list(reversed(history.future)) == known[place + 1 :]


def test_one_drag_is_one_step_back() -> None:
    history = History(BASE)
    for value in VALUES:
        history = history.record(value, gesture="slider 7")
    assert history.current == VALUES[-1]
    assert history.undo().current == BASE
    assert history.undo().redo().current == VALUES[-1]
    other = history.record(VALUES[0], gesture="slider 8")
    assert other.undo().current == VALUES[-1]
    # After an undo a drag of the same name begins a step of its own.
    assert history.undo().record(VALUES[1], gesture="slider 7").undo().current == BASE


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_a_drag_is_a_step_unless_it_ends_where_it_began(values: list[int]) -> None:
    history = History(BASE).record(VALUES[0])
    for place in values:
        history = history.record(VALUES[place], gesture="slider 7")
    assert history.current == VALUES[values[-1]]
    assert history.past == ((BASE,) if values[-1] == 0 else (VALUES[0], BASE)[::-1])


def test_it_is_bounded_and_forgets() -> None:
    history = History(BASE)
    for number in range(MAX_STEPS + 20):
        history = history.record(edit.replace(BASE, "", name=f"n{number}"))
    assert len(history.past) == MAX_STEPS
    assert history.forget_past().undo() is not None
    assert history.forget_past().undo().current == history.current


@given(STEPS, STEPS)
def test_it_goes_on_where_another_ended(before: list[str | int], after: list[str | int]) -> None:
    """As if all of it had been done in one go; the first step there is what was on the screen."""
    earlier, later, whole = History(BASE), History(VALUES[0]), History(BASE)
    for step in before:
        earlier, whole = _take(earlier, step), _take(whole, step)
    whole = whole.record(VALUES[0])
    for step in after:
        later, whole = _take(later, step), _take(whole, step)
        if not later.past:  # an Undo too many would go back beyond the later one's beginning
            return
    if not later.past and not later.future:
        assert earlier.resume(later).current == VALUES[0]
    resumed = earlier.resume(later)
    assert (resumed.past, resumed.current, resumed.future) == (whole.past, whole.current, whole.future)


def _take(history: History, step: str | int) -> History:
    if step == "undo":
        return history.undo()
    return history.redo() if step == "redo" else history.record(VALUES[int(step)])


def test_after_a_reload_steps_can_be_taken_back_and_forward_and_drags_are_numbered_anew() -> None:
    earlier = History(BASE).record(VALUES[0]).record(VALUES[1], gesture=1).undo().record(VALUES[2], gesture=1).undo()
    resumed = earlier.resume(History(earlier.current))
    assert resumed.redo().current == VALUES[2]
    assert resumed.undo().current == BASE
    dragged = History(BASE).record(VALUES[0], gesture=1)
    assert dragged.resume(History(VALUES[0])).record(VALUES[1], gesture=1).undo().current == VALUES[0]
