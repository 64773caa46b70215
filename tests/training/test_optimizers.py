"""Optimizers by name, against torch.optim itself: its defaults, its steps, and what it keeps."""

from __future__ import annotations

import argparse
import inspect
from typing import Any

import pytest
import torch

from explorer.cli._running import training_config
from explorer.training import OPTIMIZERS, own_settings
from explorer.training._optimizers import OptimizerName, count_tensors
from explorer.training.loop import update_weights
from explorer.training.state import State

from .parts import CPU, config, network

NAMES = list(OPTIMIZERS)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_what_torch_does_by_itself(name: OptimizerName) -> None:
    facts = OPTIMIZERS[name]
    given = inspect.signature(getattr(torch.optim, facts.torch_name)).parameters
    defaults = {key: value.default for key, value in given.items()}
    betas = defaults.get("betas")
    assert facts.lr == defaults["lr"]
    assert facts.weight_decay == defaults["weight_decay"]
    assert facts.eps == defaults.get("eps")
    assert facts.momentum == (betas[0] if betas else defaults.get("momentum"))
    assert facts.beta2 == (betas[1] if betas else defaults.get(facts.beta2_name))
    assert all(f"{number:g}" in facts.describe() for number in (facts.lr, facts.weight_decay))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("decay_all", [False, True])
def test_its_steps_are_those_of_torch_optim(name: OptimizerName, decay_all: bool) -> None:
    """By its own settings, with a decay: of matrices alone, or, as torch does it, of everything."""
    changes: dict[str, Any] = own_settings(name) | {"weight_decay": 0.01, "decay_all": decay_all}
    settings = config(precision="fp32", channels_last=False, **changes)
    ours, theirs = (State(network(), settings, CPU) for _ in range(2))
    groups: Any = theirs.model.parameters()
    if not decay_all:
        parameters = list(theirs.model.parameters())
        groups = [{"params": [p for p in parameters if p.ndim > 1]},
                  {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0}]  # fmt: skip
    plain = getattr(torch.optim, OPTIMIZERS[name].torch_name)(groups, weight_decay=0.01)
    generator = torch.Generator().manual_seed(0)
    for update in range(4):
        for mine, other in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
            other.grad = torch.randn(other.shape, generator=generator)
            mine.grad = other.grad.clone()
        update_weights(ours, settings, settings.lr, update)
        plain.step()
    for mine, other in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    kept = [value for value in ours.optimizer.state[next(ours.model.parameters())].values() if value.ndim > 0]
    assert len(kept) == count_tensors(settings.optimizer, settings.momentum)


def test_settings_are_handed_on() -> None:
    settings = config(optimizer="rmsprop", momentum=0.5, beta2=0.8, eps=1e-3)
    group = State(network(), settings, CPU).optimizer.param_groups[0]
    assert (group["alpha"], group["momentum"], group["eps"]) == (0.8, 0.5, 1e-3)
    assert count_tensors(settings.optimizer, settings.momentum) == 2
    group = State(network(), config(optimizer="nadam", momentum=0.8, beta2=0.95), CPU).optimizer.param_groups[0]
    assert group["betas"] == (0.8, 0.95)
    group = State(network(), config(optimizer="adadelta", beta2=0.7), CPU).optimizer.param_groups[0]
    assert group["rho"] == 0.7


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optimizer": "sgd", "beta2": 0.9}, r"beta2 \(=0.9\) is no setting of sgd; leave it out"),
        ({"optimizer": "sgd", "eps": 1e-8}, r"eps \(=1e-08\) is no setting of sgd"),
        ({"optimizer": "adagrad", "beta2": 0.9}, "beta2 .* no setting of adagrad"),
        ({"optimizer": "rmsprop", "nesterov": True}, "nesterov needs optimizer sgd"),
    ],
)
def test_what_an_optimizer_does_not_have_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**fields)


def test_on_the_command_line_a_name_brings_its_own_settings_and_more_can_be_said() -> None:
    args = argparse.Namespace(optimizer="rmsprop", set=["lr=0.5"], recipe="quick", dataset="digits")
    found = training_config(args)
    assert (found.optimizer, found.lr, found.momentum, found.nesterov) == ("rmsprop", 0.5, 0.0, False)
    assert found.flip  # the rest is the recipe's
