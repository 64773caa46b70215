"""How long a run will take: what a run tells of its device predicts that run, and less work takes less time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from explorer import datasets
from explorer.architecture import Architecture, Flatten, GlobalPool, Norm, Sequence, to_json
from explorer.runs import Run
from explorer.training._forecast import add_forecasts, collect_speeds, forecast

from .parts import config, network

CHANGES: list[dict[str, Any]] = [
    {}, {"window": 0.75}, {"window": 0.5, "window_share": 0.9}, {"validation": 0.2}, {"flip_average": True},
]  # fmt: skip


def run(text: str | None = None, **fields: Any) -> Run:
    """A run that is three quarters through, after 30 seconds."""
    settings = text or config(**fields).model_dump_json()
    return Run(
        id="a", name="known", created=0.0, architecture=to_json(network()), config=settings, device="cpu",
        status="running", reason="", requested_action="run", requested_at=0.0, attempt=1, epoch=3, step=30,
        steps=40, seconds=30.0, heartbeat=0.0, memory=0, notes="", tags=(),
    )  # fmt: skip


@pytest.mark.parametrize("fields", CHANGES)
def test_a_run_predicts_itself(fields: dict[str, Any]) -> None:
    found = forecast(network(), config(**fields), "cpu", collect_speeds([run(**fields)]))
    assert found is not None
    assert found.seconds == pytest.approx(40)
    assert found.basis == "the run 'known'"


@pytest.mark.parametrize(
    ("fields", "trained", "evaluated"),
    [({"window": 0.75, "window_share": 0.4}, 0.6 + 0.4 * 9 / 16, 1), ({"flip_average": True}, 1, 2)],
)
def test_windows_make_training_shorter_and_mirror_images_evaluation_longer(
    fields: dict[str, Any], trained: float, evaluated: float
) -> None:
    card, known = datasets.get_card("digits"), collect_speeds([run()])
    usual, other = (forecast(network(), config(**each), "cpu", known) for each in ({}, fields))
    assert usual is not None
    assert other is not None
    forwards = card.test_count / 3  # an update costs what three forward passes do
    assert other.seconds / usual.seconds == pytest.approx(
        (card.train_count * trained + forwards * evaluated) / (card.train_count + forwards)
    )


def test_one_starved_run_does_not_speak_for_the_others() -> None:
    runs = [replace(run(), seconds=seconds) for seconds in (30.0, 33.0, 150.0)]
    found = [forecast(network(), config(), "cpu", collect_speeds(runs[:count])) for count in (1, 2, 3)]
    alone, two, three = (each for each in found if each)
    assert (two.seconds, three.seconds) == (alone.seconds, pytest.approx(1.1 * alone.seconds))
    assert (alone.basis, alone.reliability) == ("the run 'known'", "measured once, so its range is not known")
    assert three.basis == "3 runs of one network, the last the run 'known'"
    assert three.reliability == "from 0:40 to 3:20 by the fastest and the slowest of 3 measurements"
    assert two.reliability == "from 0:40 to 0:44 by the fastest and the slowest of 2 measurements"


@pytest.mark.parametrize("starved", [1, 2])
def test_starved_runs_of_one_network_are_told_by_what_the_device_did_with_others(starved: int) -> None:
    (usual,) = collect_speeds([run()])
    slow = [replace(usual, seconds=20 * usual.seconds, what="the run 'slow'")] * starved
    others = [replace(usual, macs=usual.macs * factor, bytes=usual.bytes * factor, seconds=usual.seconds * factor)
              for factor in (2, 3, 5)]  # fmt: skip
    alone, held_up = (forecast(network(), config(), "cpu", known) for known in ([usual], [*slow, *others]))
    assert alone is not None
    assert held_up is not None
    assert held_up.seconds == pytest.approx(alone.seconds)
    assert "since the run 'slow' was far slower than them" in held_up.basis
    assert held_up.slowest == pytest.approx(20 * alone.seconds)
    assert held_up.measured == starved + 3
    slower = forecast(network(), config(), "cpu", [replace(usual, seconds=3 * usual.seconds), *others])
    assert slower is not None  # as far as the scaling may be wrong, the network itself speaks
    assert slower.seconds == pytest.approx(3 * alone.seconds)


def test_with_one_run_of_the_network_the_others_tell_how_far_the_scaling_goes() -> None:
    (own,) = collect_speeds([run()])
    other = replace(own, macs=4 * own.macs, bytes=4 * own.bytes, seconds=12 * own.seconds)
    found = forecast(network(), config(), "cpu", [other, own])
    assert found is not None
    assert (found.seconds, found.fastest, found.slowest) == pytest.approx((40, 40, 120))
    assert found.measured == 2


def test_several_runs_add_up() -> None:
    known = collect_speeds([replace(run(), seconds=seconds) for seconds in (30.0, 60.0)])
    found = forecast(network(), config(), "cpu", known)
    assert found is not None
    total = add_forecasts([(found, 2), (replace(found, measured=9), 1)])
    assert (total.seconds, total.fastest, total.slowest) == pytest.approx((120, 120, 240))
    assert (total.basis, total.measured) == (found.basis, 2)


def test_other_devices_and_unreadable_runs_say_nothing() -> None:
    assert forecast(network(), config(), "cuda:0", collect_speeds([run()])) is None
    assert collect_speeds([run(text='{"dataset": "digits", "of another": "version"}')]) == []


def test_a_network_without_multiply_adds_has_a_forecast() -> None:
    """Norm, pooling and flatten: it can be trained, and has no MACs to be compared by."""
    nodes = (Norm(name="norm"), GlobalPool(name="pool"), Flatten(name="flat"))
    architecture = Architecture(name="bare", input_shape=(3, 12, 12), trunk=Sequence(name="trunk", children=nodes))
    found = forecast(architecture, config(), "cpu", collect_speeds([run()]))
    assert found is not None
    assert 0 < found.seconds < 40
