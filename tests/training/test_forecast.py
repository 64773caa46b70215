"""How long a run will take: what a run tells of its device predicts that run, and less work takes less time."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.architecture import to_json
from explorer.runs import Run
from explorer.training._forecast import forecast, speeds

from .parts import config, network

CHANGES: list[dict[str, Any]] = [{}, {"window": 0.75}, {"window": 0.5, "window_share": 0.9}, {"validation": 0.2}]


def run(text: str | None = None, **fields: Any) -> Run:
    """A run that is three quarters through, after 30 seconds."""
    settings = text or config(**fields).model_dump_json()
    return Run(
        id="a", name="known", created=0.0, architecture=to_json(network()), config=settings, device="cpu",
        status="running", reason="", wish="run", wish_clock=0.0, attempt=1, epoch=3, step=30, steps=40, seconds=30.0,
        beat=0.0, memory=0, notes="", tags=(),
    )  # fmt: skip


@pytest.mark.parametrize("fields", CHANGES)
def test_a_run_predicts_itself(fields: dict[str, Any]) -> None:
    found = forecast(network(), config(**fields), "cpu", speeds([run(**fields)]))
    assert found is not None
    assert found.seconds == pytest.approx(40)
    assert found.basis == "the run 'known'"


def test_windows_take_their_share_of_the_time() -> None:
    known = speeds([run()])
    whole, windows = (forecast(network(), config(window=size, window_share=0.4), "cpu", known) for size in (1.0, 0.75))
    assert whole is not None
    assert windows is not None
    assert windows.seconds == pytest.approx(whole.seconds * (0.6 + 0.4 * 9 / 16))


def test_other_devices_and_unreadable_runs_say_nothing() -> None:
    assert forecast(network(), config(), "cuda:0", speeds([run()])) is None
    assert speeds([run(text='{"dataset": "digits", "of another": "version"}')]) == []
