"""The range test of the learning rate: what it proposes of a curve, what it does in the loop; it keeps nothing."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.architecture import to_json
from explorer.cli import main
from explorer.inspection import list_models
from explorer.runs import RunFolder, list_best, list_checkpoints
from explorer.training import Speed, extend, find_rate, forecast, open_manager, read_rate_range, recipe, train_with_rate
from explorer.training._rate_range import has_exploded
from explorer.training.loop import learning_rate, train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.runs.parts import end_all

from .parts import CPU, MemorySink, config, network, tensors, without_norm


def curve(lowest: float, count: int = 200, noise: float = 0.0) -> tuple[list[float], list[float]]:
    """Loss 2.3 at first, 1 at a rate, then rising without bounds; over eight decades."""
    rates = [10 ** (-6 + 8 * place / (count - 1)) for place in range(count)]
    draw = torch.Generator().manual_seed(0)
    rough = (torch.randn(count, generator=draw) * noise).tolist()
    shape = [(math.log10(rate) - math.log10(lowest)) for rate in rates]
    bell = [2.3 - 1.3 * math.exp(-x * x) + (3 * max(0, x)) ** 2 for x in shape]
    return rates, [loss + error for loss, error in zip(bell, rough, strict=True)]


@given(st.floats(-4, 0), st.sampled_from([0.0, 0.05]), st.floats(0.1, 10))
def test_a_tenth_of_the_rate_of_the_lowest_loss_whatever_the_scale(lowest: float, noise: float, scale: float) -> None:
    rates, losses = curve(10**lowest, noise=noise)
    found = read_rate_range(rates, [scale * loss for loss in losses])
    assert found.rate is not None
    assert found.steepest is not None
    assert found.lowest is not None
    assert math.log10(found.rate) == pytest.approx(lowest - 1, abs=0.3)
    assert found.rate == float(f"{found.lowest / 10:.1e}")
    assert found.steepest < found.lowest
    if not noise:  # the steepest point of the bell is 1 / sqrt(2) left of its middle
        assert math.log10(found.steepest) == pytest.approx(lowest - 0.7, abs=0.2)
    assert found.exploded
    assert f"proposes the learning rate {found.rate:g}: a tenth of" in found.describe()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_follows_a_loss_that_is_no_number_is_left_out(bad: float) -> None:
    rates, losses = curve(0.01)
    found = read_rate_range(rates, [*losses[:110], bad, *losses[111:]])
    assert len(found.losses) == len(found.rates) == len(found.smoothed) == 110
    assert found.exploded
    assert found.rate == pytest.approx(1e-3, rel=0.6)


@pytest.mark.parametrize("losses", [[], [2.3], [2.3] * 99, [2.3 + 0.01 * place for place in range(99)], [math.nan] * 9])
def test_where_nothing_was_learnt_nothing_is_proposed(losses: list[float]) -> None:
    found = read_rate_range([1e-6 * 1.1**place for place in range(len(losses))], losses)
    assert found.rate is None
    assert "no rate is proposed" in found.describe()


def test_the_rate_rises_by_equal_factors_and_only_in_a_test() -> None:
    plain = config(schedule="cosine", warmup_epochs=0.5, accumulate=2, processes=2)
    test = find_rate(plain, steps=50, low=1e-5, high=2.0)
    rates = [learning_rate(test, update, 7) for update in range(50)]
    assert (rates[0], rates[-1]) == (1e-5, pytest.approx(2.0))
    factors = [after / before for before, after in itertools.pairwise(rates)]
    assert factors == pytest.approx([factors[0]] * 49)
    assert (test.processes, test.accumulate, test.epochs) == (1, 4, plain.epochs)
    again = plain.changed(processes=1, accumulate=4, lr=0.05, range_low=1e-5, range_high=2.0)
    assert train_with_rate(test, 0.05) == again
    for wrong in ({"low": 1.0, "high": 0.1}, {"steps": 5}, {"low": 0.0}):
        with pytest.raises(ValueError, match="range"):
            find_rate(plain, **wrong)  # type: ignore[arg-type]


def test_has_exploded() -> None:
    assert not has_exploded([])
    assert not has_exploded([2.3, 5.0])
    assert not has_exploded([2.3] * 20 + [9.0] + [2.3] * 5)  # one step is no explosion
    assert has_exploded([2.3] * 40 + [9.0] * 5)
    assert has_exploded([2.3, math.nan])


def test_the_loop_goes_on_over_epochs_and_evaluates_nothing() -> None:
    settings = find_rate(config(epochs=1, validation=0.25, patience=1), steps=11)
    sink, state = MemorySink(), State(network(), settings, CPU)
    log = Recorder(CPU, sink)
    train(state, tensors(settings), settings, log)  # 3 steps an epoch
    log.flush(state)
    assert state.epoch == 4
    assert set(sink.values["train/loss"]) == set(range(1, 13))
    assert not sink.documents
    assert "epoch/test/accuracy" not in sink.values


def test_it_is_forecast_by_its_steps() -> None:
    settings = recipe("course", "digits")
    speed = Speed(device="cpu", macs=10**6, bytes=10**5, seconds=1e-3, what="a trial")
    tests = (find_rate(settings, steps=steps) for steps in (50, 100))
    short, long = (forecast(network(classes=10), test, "cpu", [speed]) for test in tests)
    assert short is not None
    assert long is not None
    assert long.seconds == pytest.approx(2 * short.seconds)


@pytest.mark.usefixtures("light_workers")
@pytest.mark.parametrize("explodes", [False, True])
def test_a_test_from_beginning_to_end(
    explodes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It finishes with a proposal, also where the loss is no number any more, and leaves no weights to be opened."""
    root = tmp_path / "home"
    monkeypatch.setenv("EXPLORER_HOME", str(root))
    design = tmp_path / "tiny.json"
    net = network(classes=10, dropout=0.0)
    design.write_text(to_json(without_norm(net) if explodes else net), encoding="utf-8")
    words = ["find-rate", str(design), "--steps", "60", "--device", "cpu", "--set", "threads=1"]
    words += ["--set", "checkpoint_seconds=0"]
    words += ["--optimizer", "sgd", "--high", "1000"] if explodes else ["--high", "0.5"]
    assert main([*words, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["status"] == "finished"
    assert told["steps"] == 60
    assert told["exploded"] == explodes
    assert told["config"]["range_steps"] == 60
    assert explodes or told["rate"] is not None  # without norm nothing is learnt in so few steps
    proposed = "no rate is proposed" if told["rate"] is None else f"proposes the learning rate {told['rate']:g}"
    assert proposed in told["reason"]
    assert len(told["rates"]) == 60 or explodes
    manager = open_manager(root)
    folder = RunFolder(root, told["id"]).checkpoints
    assert [*list_checkpoints(folder), *list_best(folder)] == []
    assert told["id"] not in {model.name for model in list_models(manager)}
    with pytest.raises(ValueError, match="range test has no epochs to add"):
        extend(manager, told["id"], 2)
    manager.close()
    end_all(root)
