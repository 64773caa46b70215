"""What the machine says of a run that works; what only an NVIDIA driver can tell is played by a stand-in."""

from __future__ import annotations

import mmap

import pytest
import torch

from explorer.training import system_metrics
from explorer.training._environment import environment

from .parts import CPU, MemorySink, config, network, run

GPU = torch.device("cuda:0")


def test_memory_is_that_of_this_process() -> None:
    psutil = pytest.importorskip("psutil", reason="needs tests/requirements.txt")
    before = system_metrics.memory_bytes(CPU)
    assert before == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    # Fresh pages of the system: an allocator may have some left from the tests before.
    held = mmap.mmap(-1, 200_000_000)
    torch.frombuffer(held, dtype=torch.uint8).fill_(1)
    after = system_metrics.memory_bytes(CPU)
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(len(held), rel=0.2)
    assert system_metrics.peak_memory_bytes(CPU) >= 0.99 * after


def test_a_run_on_the_cpu_records_its_memory_and_no_gpu() -> None:
    sink = MemorySink()
    run(network(), config(epochs=1), sink)
    assert all(1e8 < value < 1e11 for value in sink.values["memory"].values())
    assert sink.values["memory"].keys() == sink.values["images_per_second"].keys()
    assert "gpu_utilisation" not in sink.values


def test_memory_and_its_peak_are_one_quantity(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU what the process holds there, whether or not tensors fill it; on MPS the highest that was seen."""
    for name, held in {"memory_reserved": 5, "max_memory_reserved": 7, "memory_allocated": 2}.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, held=held: held)
    assert (system_metrics.memory_bytes(GPU), system_metrics.peak_memory_bytes(GPU)) == (5, 7)
    mps, readings = torch.device("mps"), [3, 9, 4, 4]
    monkeypatch.setattr(system_metrics, "_mps_peak", [0])
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: readings.pop(0))
    assert [system_metrics.memory_bytes(mps) for _ in range(3)] == [3, 9, 4]
    assert system_metrics.peak_memory_bytes(mps) == 9


def test_an_nvidia_gpu_says_how_busy_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 37)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**30)
    assert system_metrics.read(GPU) == {"memory": 2.0**30, "gpu_utilisation": 0.37}


def test_without_the_driver_the_record_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: object) -> int:
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")

    monkeypatch.setattr(torch.cuda, "utilization", broken)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert system_metrics.read(GPU) == {"memory": 2.0**30}
    assert "nvidia-ml-py" in environment(config(precision="fp32"), GPU, "digits", "")["gpu_utilisation"]
    assert environment(config(), CPU, "digits", "")["gpu_utilisation"] is None
