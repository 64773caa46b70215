"""torch.compile: the same training, the same checkpoints, and no failure where it cannot work.

The compiler behind it takes a minute, so the ordinary tests stop before it (backend ``aot_eager``); with it:
``pytest -m soak tests/training/test_compile.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo

from explorer.architecture import to_json
from explorer.runs import Manager, wait_until_ended
from explorer.training import compiling, job, open_manager
from tests.runs.parts import control_of
from tests.sizes import ALL, thorough

from .parts import MemorySink, config, network, run

SETTINGS: dict[str, Any] = {"precision": "fp32", "epochs": 1}
NONE = "/no/such/compiler"


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A worker may set them for itself; this process has other tests to run."""
    with torch._dynamo.config.patch(suppress_errors=False):
        yield


@pytest.fixture(params=["aot_eager", pytest.param("inductor", marks=pytest.mark.soak)])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(compiling, "BACKEND", request.param)
    return str(request.param)


def test_a_compiled_run_is_the_plain_run(backend: str) -> None:
    plain, compiled = MemorySink(), MemorySink()
    architecture = network(heads=True, dropout=0.0)
    expected = run(architecture, config(**SETTINGS), plain)
    state = run(architecture, config(**SETTINGS, compile=True), compiled)
    assert state.compilation.graphs > 0  # it really was
    assert state.compilation.failures == []
    losses = [list(sink.values["train/loss"].values()) for sink in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    captured, same = state.capture(), expected.capture()
    assert captured["model"].keys() == same["model"].keys()
    for name, value in same["model"].items():
        torch.testing.assert_close(captured["model"][name], value, rtol=2e-2, atol=2e-3, msg=name)


@thorough("tests/training/test_compile.py::test_a_compiled_run_is_the_plain_run")
def test_it_resumes(backend: str, tmp_path: Path) -> None:
    """Also from and into a run that is not compiled: the checkpoints are the same."""
    manager = open_manager(tmp_path)
    settings = config(**SETTINGS, compile=True, batch_size=64)
    made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
    resumed = (True, True, False, True) if ALL else (True, False, True)  # every compilation takes seconds
    for attempt, compile_ in enumerate(resumed, 1):
        again = settings.changed(epochs=attempt, compile=compile_).model_dump_json()
        manager.store.update(made.id, status="running", device="cpu", attempt=attempt, config=again)
        found = manager.store.get(made.id)
        control = control_of(manager, made.id)
        assert job.run_main_rank(tmp_path, manager.store, found, control)[0] == "finished"
        assert manager.store.get(made.id).step == 63 * attempt
    losses = [point.value for point in manager.store.points(made.id, "epoch/train/loss")]
    assert losses == sorted(losses, reverse=True)


def test_without_a_compiler_it_trains_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(function: Any, **_: Any) -> Any:
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\n\nmany more lines")

    monkeypatch.setattr(torch, "compile", broken)
    manager = open_manager(tmp_path)
    settings = config(**SETTINGS, compile=True, batch_size=512)
    made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
    manager.store.update(made.id, status="running", device="cpu", attempt=1)
    found = manager.store.get(made.id)
    assert job.run_main_rank(tmp_path, manager.store, found, control_of(manager, made.id))[0] == "finished"
    messages = [text for _, text in manager.store.events(made.id)]
    assert messages[0] == (
        "trains without torch.compile, which does not work here "
        "(RuntimeError: InvalidCxxCompiler: No working C++ compiler found)"
    )
    environment = manager.store.latest(made.id, "environment")
    assert environment is not None
    assert (environment[1]["compiled"], environment[1]["compiled_graphs"]) == (False, 0)


def facts(manager: Manager, run: str) -> dict[str, Any]:
    found = manager.store.latest(run, "environment")
    assert found is not None
    return dict(found[1])


def trained(manager: Manager, compile_: bool) -> tuple[dict[str, Any], list[str]]:
    """What the record and the events say of a run in this process."""
    settings = config(**SETTINGS, compile=compile_, batch_size=512)
    made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
    manager.store.update(made.id, status="running", device="cpu", attempt=1)
    control = control_of(manager, made.id)
    status, _ = job.run_main_rank(manager.root, manager.store, manager.store.get(made.id), control)
    assert status == "finished"  # in an epoch it need not have learnt anything
    return facts(manager, made.id), [text for _, text in manager.store.events(made.id)]


def test_the_record_says_how_many_graphs_were_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    compiled, events = trained(open_manager(tmp_path / "compiled"), True)
    assert compiled["compiled"] is True
    assert compiled["compiled_graphs"] > 0
    assert [text for text in events if "torch.compile" in text] == []
    plain, _ = trained(open_manager(tmp_path / "plain"), False)
    assert (plain["compiled"], plain["compiled_graphs"]) == (False, 0)


def test_a_graph_that_fails_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A compiler that fails at the network itself, after the trial: it trains as it is, and says so."""
    real, calls = torch._dynamo.lookup_backend("aot_eager"), itertools.count(1)

    def fails(graph: Any, inputs: Any) -> Any:
        if next(calls) > 1:  # the first is the trial's
            raise RuntimeError("no room for the code\nmany more lines")
        return real(graph, inputs)

    monkeypatch.setattr(compiling, "BACKEND", fails)
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda backend: backend)
    record, events = trained(open_manager(tmp_path), True)
    messages = [text for text in events if "torch.compile" in text]
    assert len(messages) == 1
    assert messages[0].startswith("trains the network without torch.compile, which failed there (")
    assert "RuntimeError: no room for the code" in messages[0]
    assert "a graph was not compiled" in caplog.text
    assert record["compiled"] is False


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_real_worker_with_and_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler a run says so and trains all the same, unless what it needs is in torch's cache.

    With a compiler; without one, beside the cache of the first run, which torch may or may not take code from; and
    without one and with an empty cache.
    """
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    manager = open_manager(tmp_path / "home")
    for compiler, cache, expected in (("", "one", {True}), (NONE, "one", {True, False}), (NONE, "two", {False})):
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / cache))
        if compiler:
            monkeypatch.setenv("CXX", compiler)
        settings = config(**SETTINGS, compile=True, batch_size=512)
        made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
        done = wait_until_ended(manager, made.id, 1500)
        assert done.status == "finished", (done.status, done.reason)
        messages = [text for _, text in manager.store.events(made.id) if "torch.compile" in text]
        record = facts(manager, made.id)
        assert record["compiled"] in expected
        assert record["compiled"] == (record["compiled_graphs"] > 0)
        assert len(messages) == (not record["compiled"])  # nothing falls back silently
        assert all("No working C++ compiler" in text for text in messages)
