"""Lists of runs where there are more than a list takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.architecture import to_json
from explorer.catalog import get
from explorer.runs import Manager, RunFolder
from explorer.training import recipe
from pages.ui import run_picker
from tests.pages.parts import open_page, unfold, visible_text


@pytest.fixture
def runs(home: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five runs with a checkpoint each, the oldest first, where a list takes two."""
    monkeypatch.setattr(run_picker, "FIRST_RUNS", 2)
    config = recipe("course", "digits").model_dump_json()
    names = ("trial 10", "trial 1", "trial 12", "trial 13", "trial 14")
    made = [manager.create(name, to_json(get("inception-net-32")), config).id for name in names]
    for run in made:
        manager.store.update(run, status="finished", device="cpu")
        (RunFolder(manager.root, run).checkpoints / "step-0000000064.pt").touch()
    return made


@pytest.mark.parametrize(
    ("page", "query", "key"),
    [("train", {}, "train_from"), ("inspect", {}, "inspect_model"), ("compare", {}, "compare_run")],
)
def test_the_newest_runs_stand_in_a_list_and_words_find_the_others(
    runs: list[str], page: str, query: dict[str, str], key: str
) -> None:
    running = open_page(page, **query)
    if page == "compare":
        unfold(running, "compare_add").segmented_control(key="compare_source").set_value("run").run()

    def offered() -> list[str]:
        box = running.selectbox(key=key)
        return [run for run in runs if any(run in option for option in box.options)]

    def look_for(words: str) -> None:
        running.text_input(key=f"{key}_words").set_value(words).run()

    kept = [runs[4]] if page == "compare" else []  # the first is chosen there
    assert offered() == runs[3:]
    others = len(running.selectbox(key=key).options) - 2
    look_for("TRIAL 1")  # parts of all names, and one of them
    assert offered() == [runs[1], *dict.fromkeys([runs[4], *kept])]
    assert "5 of 5 runs match, of which the closest 2 are in the list." in visible_text(running)
    look_for(runs[1])
    assert offered() == [runs[1], *kept]
    assert "1 of 5 runs match." in visible_text(running)
    running.selectbox(key=key).set_value(runs[1]).run()
    look_for("no such run")
    assert offered() == [runs[1]]  # what is chosen stays
    assert running.selectbox(key=key).value == runs[1]
    assert "No run has these words." in visible_text(running)
    assert len(running.selectbox(key=key).options) - 1 == others
    look_for("trial")
    assert offered() == [runs[1], *runs[3:]]
    assert not running.exception


def test_a_link_to_an_old_run_has_it_in_the_list(runs: list[str]) -> None:
    running = open_page("inspect", model=runs[0])
    assert running.selectbox(key="inspect_model").value == runs[0]
    assert not running.exception
