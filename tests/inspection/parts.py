"""Models of random weights that the tests of inspection share."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import torch
from hypothesis import assume
from torch import Tensor, nn

from explorer import datasets
from explorer.analysis import analyze, problems
from explorer.architecture import Architecture, to_json
from explorer.inspection import Preprocessing
from explorer.inspection.models import Model, make_model
from explorer.modules import build
from explorer.runs import Manager, RunFolder
from explorer.training import TrainConfig, checkpoint
from explorer.training.data import load_to_device, open_data
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.training.parts import CPU, MemorySink, config
from tests.training.parts import network as tiny

SHAPE = (3, 16, 16)


def shaken(network: nn.Module, seed: int = 1) -> nn.Module:
    """Random statistics and affine weights too, so that a swapped or forgotten tensor cannot hide behind 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.uniform_(-0.2, 0.2, generator=generator)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.7, 1.3, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
    return network


def model_with(architecture: Architecture, seed: int = 1, **fields: object) -> Model:
    """An architecture with random weights."""
    torch.manual_seed(seed)
    settings: dict[str, object] = {
        "name": "random",
        "classes": (),
        "preprocessing": Preprocessing(shape=architecture.input_shape),
        "provenance": "random",
    }
    return make_model(architecture, shaken(build(architecture), seed), **{**settings, **fields})  # type: ignore[arg-type]


def classifier(architecture: Architecture) -> Model:
    """A model of a drawn architecture, where it is a classifier of pictures."""
    assume(architecture.input_shape[0] in (1, 3) and not problems(architecture))
    assume(len(analyze(architecture).totals.output_shape) == 1)
    return model_with(architecture)


def tiny_model(seed: int = 1, **fields: object) -> Model:
    """A stem, an Inception block, a residual block and four classes, on 12×12 pixels."""
    return model_with(tiny(), seed, **fields)


def input_for(model: Model, count: int = 1, seed: int = 2) -> Tensor:
    """Inputs (N, C, H, W) of random numbers."""
    return torch.randn(count, *model.architecture.input_shape, generator=torch.Generator().manual_seed(seed))


@functools.lru_cache(maxsize=4)
def learnt(seed: int, epochs: int = 2) -> tuple[Architecture, TrainConfig, dict[str, Any]]:
    """The tiny network after some updates on the embedded digits, by the real loop: what a checkpoint of it holds."""
    torch.set_num_threads(1)
    net = tiny(classes=10)
    settings = config(epochs=epochs, batch_size=200, seed=seed, lr=1e-2, precision="fp32")
    data = load_to_device(open_data(settings, net), settings, CPU)
    state = State(net, settings, CPU)
    train(state, replace(data, evaluated={}), settings, Recorder(CPU, MemorySink()))
    facts = {"classes": datasets.get_card("digits").classes, "preprocessing": data.preprocessing.to_data()}
    return net, settings, {**state.capture(), **facts, "fingerprint": "x", "threads": 1}


def trained_run(
    manager: Manager,
    name: str = "tiny",
    seed: int = 0,
    steps: tuple[int, ...] = (40,),
    untrained: Architecture | None = None,
) -> str:
    """A finished run of the tiny network, or of one that has learnt nothing, with checkpoints; its identifier."""
    net, settings, captured = learnt(seed)
    if untrained is not None:
        net, captured = untrained, {**captured, **State(untrained, settings, CPU).capture()}
        captured["preprocessing"] = {**captured["preprocessing"], "shape": untrained.input_shape}
    run = manager.create(name, to_json(net), settings.model_dump_json())
    manager.store.update(run.id, status="finished", device="cpu")
    for step in steps:
        checkpoint.save(RunFolder(manager.root, run.id).checkpoints, run.id, step, captured)
    return run.id
