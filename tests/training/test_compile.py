"""torch.compile: the same training, the same checkpoints, and no failure where it cannot work.

The compiler behind it takes a minute, so the ordinary tests stop before it (backend ``aot_eager``); with it:
``pytest -m soak tests/training/test_compile.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo

from explorer.architecture import to_json
from explorer.runs import wait_until_ended
from explorer.training import job, open_manager
from explorer.training._control import ControlThread
from explorer.training.compiling import find_compiler_problem

from .parts import CPU, MemorySink, config, network, run

SETTINGS: dict[str, Any] = {"precision": "fp32", "epochs": 1}


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A worker may set them for itself; this process has other tests to run."""
    with torch._dynamo.config.patch(suppress_errors=False):
        yield


@pytest.fixture(params=["aot_eager", pytest.param("inductor", marks=pytest.mark.soak)])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function: real(function, backend=request.param))
    return str(request.param)


def test_a_compiled_run_is_the_plain_run(backend: str) -> None:
    plain, compiled = MemorySink(), MemorySink()
    architecture = network(heads=True, dropout=0.0)
    expected = run(architecture, config(**SETTINGS), plain)
    torch._dynamo.utils.counters.clear()
    state = run(architecture, config(**SETTINGS, compile=True), compiled)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0  # it really was
    losses = [list(sink.values["train/loss"].values()) for sink in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    captured, same = state.capture(), expected.capture()
    assert captured["model"].keys() == same["model"].keys()
    for name, value in same["model"].items():
        torch.testing.assert_close(captured["model"][name], value, rtol=2e-2, atol=2e-3, msg=name)


def test_it_resumes(backend: str, tmp_path: Path) -> None:
    """Also from and into a run that is not compiled: the checkpoints are the same."""
    manager = open_manager(tmp_path)
    settings = config(**SETTINGS, compile=True, batch_size=64)
    made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
    for attempt, epochs, compile_ in ((1, 1, True), (2, 2, True), (3, 3, False), (4, 4, True)):
        again = settings.changed(epochs=epochs, compile=compile_).model_dump_json()
        manager.store.update(made.id, status="running", device="cpu", attempt=attempt, config=again)
        found = manager.store.get(made.id)
        control = ControlThread(manager.store, made.id)
        assert job.run_main_rank(tmp_path, manager.store, found, control) == ("finished", "")
        assert manager.store.get(made.id).step == 63 * epochs
    losses = [point.value for point in manager.store.points(made.id, "epoch/train/loss")]
    assert losses == sorted(losses, reverse=True)


def test_without_a_compiler_it_trains_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(function: Any) -> Any:
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\n\nmany more lines")

    monkeypatch.setattr(torch, "compile", broken)
    manager = open_manager(tmp_path)
    settings = config(**SETTINGS, compile=True, batch_size=512)
    made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
    manager.store.update(made.id, status="running", device="cpu", attempt=1)
    found = manager.store.get(made.id)
    assert job.run_main_rank(tmp_path, manager.store, found, ControlThread(manager.store, made.id)) == ("finished", "")
    messages = [text for _, text in manager.store.events(made.id)]
    assert messages[0] == (
        "trains without torch.compile, which does not work here "
        "(RuntimeError: InvalidCxxCompiler: No working C++ compiler found)"
    )
    environment = manager.store.latest(made.id, "environment")
    assert environment is not None
    assert environment[1]["compiled"] is False


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_real_worker_with_and_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    assert find_compiler_problem(CPU) is None
    manager = open_manager(tmp_path / "home")
    for compiler, expected in (("", False), ("/no/such/compiler", True)):
        if compiler:
            monkeypatch.setenv("CXX", compiler)
        settings = config(**SETTINGS, compile=True, batch_size=512)
        made = manager.create("tiny", to_json(network(classes=10)), settings.model_dump_json())
        done = wait_until_ended(manager, made.id, 500)
        assert done.status == "finished", done.reason
        assert any("No working C++ compiler" in text for _, text in manager.store.events(made.id)) == expected
