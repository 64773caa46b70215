"""Every network of which torchvision or timm has a model is that model: counts, shapes and, with its weights, logits.

Their weights and batch statistics are random here; the product's own mapping of names brings them into our network.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit, walk
from explorer.modules import Outputs, fit_weights
from explorer.modules._stored import StoredTensor, StoredWeights
from tests.analysis.measuring import macs, output_shapes
from tests.inspection.parts import shaken


@dataclass(frozen=True)
class Reference:
    """A model of a library, and what it and our network call alike."""

    make: Callable[[], nn.Module]
    side: int
    """Pixels of the image that both get: few, so that it is quick."""
    blocks: int
    """Modules that have the name of a node of ours, each with the shape that the analysis gives the node."""
    named: tuple[str, ...] = ()
    """Some of them."""
    renamed: tuple[str, str] = ("", "")
    """What is replaced in their path to give ours: a pattern, and what stands for it."""


def _torchvision(name: str, **settings: Any) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, weights=None, **settings)


def _timm(name: str, **settings: Any) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, pretrained=False, **settings)


def _folded_repvgg() -> nn.Module:
    model = shaken(timm.create_model("repvgg_a0")).eval()
    for module in model.modules():
        if hasattr(module, "reparameterize"):
            module.reparameterize()
    return model


_FLATTENED = (r"^head/flatten", "head/fc/flatten")
"""timm's pooling flattens, and its layer of that name does nothing, behind the classifier."""

REFERENCES: dict[str, Reference] = {
    "densenet-121": Reference(
        _torchvision("densenet121"), 64, 72, ("features/denseblock1/denselayer1/new", "features/transition3"),
        (r"(denselayer\d+)", r"\1/new"),  # without what came in, which ours joins to it
    ),
    "squeezenet-1.1": Reference(_torchvision("squeezenet1_1"), 64, 25, ("features/3", "features/12", "classifier/1")),
    "mobilenet-v2": Reference(_torchvision("mobilenet_v2"), 64, 20, ("features/1", "features/17/conv", "classifier")),
    "mobilenet-v2 timm": Reference(_timm("mobilenetv2_100"), 64, 1, ("classifier",)),
    "efficientnet-b0": Reference(_torchvision("efficientnet_b0"), 64, 40, ("features/4/2", "features/8", "classifier")),
    "efficientnet-b0 timm": Reference(_timm("efficientnet_b0"), 64, 1, ("classifier",)),
    "ghostnet-1.0": Reference(_timm("ghostnet_100"), 64, 38, ("conv_stem", "blocks/0/0", "blocks/6/4", "conv_head")),
    "repvgg-a0": Reference(_timm("repvgg_a0"), 64, 40, ("stem", "stages/2/13", "head"), _FLATTENED),
    "repvgg-a0-folded": Reference(_folded_repvgg, 64, 20, ("stem", "stages/2/13", "head"), _FLATTENED),
}
"""By the catalogue's name. A further library's model of the same network is ``NAME timm``."""


def _quiet(model: nn.Module) -> nn.Module:
    """Without chance: dropout and stochastic depth change nothing."""
    chances = {"drop_rate", "drop_prob", "drop_path"}
    for module in model.modules():
        if isinstance(module, nn.Dropout | torchvision.ops.StochasticDepth):
            module.p = 0.0
        for name in chances & vars(module).keys():
            setattr(module, name, 0.0)
    return model


def _store(model: nn.Module) -> StoredWeights:
    tensors = {
        name: StoredTensor(shape=tuple(tensor.shape), dtype=tensor.dtype, load=tensor.clone)
        for name, tensor in model.state_dict().items()
    }
    return StoredWeights(name="reference.pth", content=tensors)


def _scores(output: Any) -> list[Tensor]:
    """The logits, and those of auxiliary heads, the first head first."""
    if isinstance(output, Outputs):
        return [output.logits, *(scores for _, scores in output.auxiliary)]
    return [output] if isinstance(output, Tensor) else list(output)


def _assert_close(ours: Any, theirs: Any) -> None:
    ours, theirs = _scores(ours), _scores(theirs)
    assert len(ours) == len(theirs)
    for given, expected in zip(ours, theirs, strict=True):
        spread = float(expected.std())
        assert spread > 1e-4, "scores that are all alike would prove nothing"
        assert torch.allclose(given, expected, rtol=0, atol=1e-5 * max(1.0, spread)), (given - expected).abs().max()


def _architecture(key: str, side: int) -> Architecture:
    architecture = catalog.get(key.partition(" ")[0])
    return edit.replace(architecture, "", input_shape=(architecture.input_shape[0], side, side))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So little work is done sooner by one, above all while other tests run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("key", REFERENCES)
def test_a_network_is_the_librarys(key: str) -> None:
    torch.manual_seed(0)
    reference = REFERENCES[key]
    architecture = _architecture(key, reference.side)
    theirs = _quiet(shaken(reference.make()))
    found = analyze(architecture)

    fitted = fit_weights(architecture, _store(theirs))
    ours = _quiet(fitted.network)
    assert fitted.architecture == architecture
    assert fitted.is_libraries
    assert not fitted.notes

    assert found.training_params == sum(parameter.numel() for parameter in theirs.parameters())
    x_BCHW = torch.randn(2, *architecture.input_shape)
    assert found.macs == macs(ours, x_BCHW[:1]) == macs(theirs, x_BCHW[:1])

    with torch.no_grad():
        _assert_close(ours.eval()(x_BCHW), theirs.eval()(x_BCHW))
        pattern, ours_there = reference.renamed
        shapes = {re.sub(pattern, ours_there, path): shape for path, shape in output_shapes(theirs, x_BCHW).items()}
        nodes = {path: found.below(path)[-1].output_shape for path, _ in walk(architecture) if found.below(path)}
        alike = shapes.keys() & nodes.keys()
        assert {path: shapes[path] for path in alike} == {path: nodes[path] for path in alike}
        assert set(reference.named) <= alike
        assert len(alike) >= reference.blocks
        _assert_close(copy.deepcopy(ours).train()(x_BCHW), copy.deepcopy(theirs).train()(x_BCHW))
