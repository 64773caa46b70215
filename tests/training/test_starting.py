"""Runs that start from weights: what is held fixed does not move, and what resumes goes on as if never interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.architecture import Architecture, walk
from explorer.datasets import Preprocessing
from explorer.modules import build, owner
from explorer.training import StartFrom, TrainConfig, find_frozen
from explorer.training.loop import train
from explorer.training.recording import NullLog
from explorer.training.starting import FILE, Beginning, StartWeights, pin
from explorer.training.state import State

from .parts import CPU, config, network, tensors

CLASSES = ("a", "b", "c", "d")


def weights(architecture: Architecture, seed: int = 3, classes: tuple[str, ...] = CLASSES) -> StartWeights:
    """A network that counts as trained: random weights, and random statistics of its norms."""
    torch.manual_seed(seed)
    state = build(architecture).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_()
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    return StartWeights(
        name="teacher",
        provenance="made for a test",
        architecture=architecture,
        tensors=state,
        classes=classes,
        preprocessing=Preprocessing(shape=architecture.input_shape, mean=(0.4,), std=(0.3,)),
    )


def begin(tmp_path: Path, architecture: Architecture, settings: TrainConfig, given: StartWeights) -> Any:
    """(configuration, beginning) of a run whose folder is ``tmp_path``."""
    settings, copy, _ = pin(architecture, settings, given, CLASSES)
    (tmp_path / FILE).write_bytes(copy)
    return settings, Beginning.read(tmp_path, architecture, settings, CLASSES)


def frozen_tensors(state: State, architecture: Architecture, start: StartFrom, epoch: int = 0) -> dict[str, Any]:
    nodes, frozen = dict(walk(architecture)), find_frozen(architecture, start, epoch)
    return {name: value.clone() for name, value in state.model.state_dict().items() if owner(name, nodes) in frozen}


@pytest.mark.parametrize("freeze", ["stem", "mixed", "mixed/ones", "residual"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_is_held_fixed_does_not_move_by_a_bit(tmp_path: Path, freeze: str, optimizer: str) -> None:
    net = network(heads=True)
    how = config(
        optimizer=optimizer, lr=0.05, weight_decay=0.1, ema_decay=0.9, start={"weights": "teacher", "freeze": freeze}
    )
    how, beginning = begin(tmp_path, net, how, weights(net))
    state = State(net, how, CPU, beginning)
    before = frozen_tensors(state, net, how.start)
    moved = {name: value.clone() for name, value in state.model.state_dict().items() if name not in before}
    assert before
    train(state, tensors(how), how, NullLog())
    for held in (state.model, state.ema_model):
        after = held.state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())
    after = state.model.state_dict()
    still = [name for name, value in moved.items() if torch.equal(after[name], value)]
    assert not still


def test_a_frozen_network_is_what_it_was_in_its_features(tmp_path: Path) -> None:
    """Also in training mode: statistics are those of the weights, not of the batch, and dropout is off."""
    net = network(dropout=0.5)
    how, beginning = begin(tmp_path, net, config(start={"weights": "t", "freeze": "dropout"}), weights(net))
    state = State(net, how, CPU, beginning)
    state.begin_epoch()
    x = torch.randn(4, *net.input_shape)
    given = build(net)
    given.load_state_dict(weights(net).tensors)
    given.eval()
    ours, theirs = x, x
    for name, block in state.model.named_children():
        if name != "fc":
            ours, theirs = block(ours), given.get_submodule(name)(theirs)
    torch.testing.assert_close(ours, theirs)
