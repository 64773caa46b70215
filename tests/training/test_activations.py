"""Scale and dead ReLUs of each block: what plain hooks see on a plain copy, and nothing of the training changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from explorer import catalog
from explorer.architecture import Architecture, Conv, Flatten, Linear, Sequence
from explorer.modules import build
from explorer.training import loop
from explorer.training.activations import ActivationObserver
from explorer.training.loop import make_autocast, train
from explorer.training.recording import NullLog
from explorer.training.state import State

from .parts import CPU, MemorySink, config, network, run, tensors


def hooked(architecture: Architecture, weights: dict[str, Any], x: torch.Tensor) -> tuple[dict[str, Any], Any]:
    """The same from a network of its own, kept activations and numpy."""
    model = build(architecture)
    model.load_state_dict(weights)
    kept: list[tuple[nn.Module, Any]] = []
    for module in model.modules():
        module.register_forward_hook(lambda module, _, y: kept.append((module, y.detach().float().numpy().copy())))
    with torch.no_grad():
        model.eval()(x)
    scales, dead = {}, {}
    for name, block in model.named_children():
        inside, answers = set(block.modules()), []
        for module, y in kept:
            if module is block:
                scales[name] = float((y.astype("float64") ** 2).mean() ** 0.5)
            if module in inside and isinstance(module, nn.ReLU):
                answers += [not y[:, unit].any() for unit in range(y.shape[1])]
        if answers:
            dead[name] = sum(answers) / len(answers)
    return scales, dead


@pytest.mark.parametrize("name", ["inception-net-32", "cifar10-inception"])
def test_it_sees_what_plain_hooks_see(name: str) -> None:
    architecture = catalog.get(name)
    settings = config(precision="fp32")
    state = State(architecture, settings, CPU)
    with torch.no_grad():
        for parameter in state.model.parameters():  # so that many units are dead
            parameter.add_(-0.03 if parameter.ndim == 1 else 0.0)
    observer = ActivationObserver(architecture, state.model)
    x = torch.randn(6, *architecture.input_shape, generator=torch.Generator().manual_seed(0))
    scales, dead = observer.observe(x, make_autocast(CPU, settings))
    plain_scales, plain_dead = hooked(architecture, state.model.state_dict(), x)
    assert {block: float(value) for block, value in scales.items()} == pytest.approx(plain_scales, rel=1e-4)
    assert {block: float(value) for block, value in dead.items()} == pytest.approx(plain_dead)
    assert any(plain_dead.values())


def test_units_that_never_answer_are_counted_after_every_update_too() -> None:
    layers = (Conv(name="conv", out_channels=8), Flatten(name="flat"), Linear(name="fc", out_features=2))
    architecture = Architecture(name="a", input_shape=(1, 8, 8), trunk=Sequence(name="trunk", children=layers))
    state = State(architecture, config(), CPU)
    observer = ActivationObserver(architecture, state.model)
    bias = state.model.get_parameter("conv.conv.bias")
    x, precision = torch.rand(5, 1, 8, 8), make_autocast(CPU, config(precision="fp32"))
    for dead in (3, 8, 0):
        with torch.no_grad():
            bias.copy_(torch.tensor([-100.0] * dead + [100.0] * (8 - dead)))
        _, shares = observer.observe(x, precision)
        assert {name: float(share) for name, share in shares.items()} == {"conv": dead / 8}


def test_looking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(ema_decay=0.9, accumulate=2)
    monkeypatch.setattr(loop, "OBSERVED_STEPS", 2)
    sink = MemorySink()
    watched = run(network(dropout=0.5), settings, sink)
    alone = State(network(dropout=0.5), settings, CPU)
    train(alone, tensors(settings), settings, NullLog())
    assert all(map(torch.equal, watched.model.state_dict().values(), alone.model.state_dict().values()))
    assert set(sink.values["dead_relus/mixed"]) == {2, 4, 6, 8}
    assert set(sink.values["update_ratio/fc"]) == set(sink.values["gradient_norm/fc"]) == {2, 4, 6, 8}
