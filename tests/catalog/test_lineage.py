"""Every network of which torchvision or timm has a model is that model: counts, shapes and, with its weights, logits.

Their weights and batch statistics are random here; the product's own mapping of names brings them into our network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit, walk
from explorer.modules import Outputs, fit_weights
from explorer.modules._stored import StoredTensor, StoredWeights
from tests.analysis.measuring import watch_shapes
from tests.inspection.parts import shaken
from tests.sizes import THOROUGH


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
    places: Mapping[str, str] = field(default_factory=dict)
    """Our paths by theirs, where they have no rule."""

    def find_ours(self, path: str) -> str:
        """Our path of a module of theirs."""
        return self.places.get(path) or re.sub(*self.renamed, path)


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
    "alexnet": Reference(
        _torchvision("alexnet"), 63, 4, ("pool1", "pool2", "pool5", "avgpool"),
        places={"features/2": "pool1", "features/5": "pool2", "features/12": "pool5"},
    ),
    "vgg-11": Reference(
        _torchvision("vgg11"), 32, 6, ("pool1", "pool5"),
        places={f"features/{n}": f"pool{k}" for k, n in enumerate((2, 5, 10, 15, 20), 1)},
    ),
    "vgg-16": Reference(
        _torchvision("vgg16"), 32, 6, ("pool1", "pool5"),
        places={f"features/{n}": f"pool{k}" for k, n in enumerate((4, 9, 16, 23, 30), 1)},
    ),
    "vgg-11 timm": Reference(
        _timm("vgg11"), 224, 5, ("pool1", "pool5"),
        places={f"features/{n}": f"pool{k}" for k, n in enumerate((2, 5, 10, 15, 20), 1)},
    ),
    "googlenet-torchvision": Reference(
        _torchvision("googlenet", init_weights=False), 64, 12, ("conv2", "inception_3a", "inception_5b"),
        (r"^inception(\d\w)$", r"inception_\1"), {"conv2": "conv2_reduce", "conv3": "conv2"},
    ),
    "inception-v3": Reference(_torchvision("inception_v3", init_weights=False), 299, 40, ("Mixed_5b", "Mixed_7c")),
    "inception-v4": Reference(
        _timm("inception_v4"), 107, 22, ("Conv2d_1a_3x3", "Mixed_3a", "Mixed_6a", "Mixed_7d"),
        places={f"features/{n}": block for n, block in enumerate((
            "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Mixed_3a", "Mixed_4a", "Mixed_5a",
            *(f"Mixed_5{letter}" for letter in "bcde"), *(f"Mixed_6{letter}" for letter in "abcdefgh"),
            *(f"Mixed_7{letter}" for letter in "abcd"),
        ))},
    ),
    "inception-resnet-v2": Reference(
        _timm("inception_resnet_v2"), 107, 44,
        ("Mixed_5b", "Mixed_6a", "Mixed_7a", "Conv2d_7b_1x1", "Repeat_1/block17_20"),
        places={
            "conv2d_7b": "Conv2d_7b_1x1", "block8": "Block8",
            **{f"mixed_{name}": f"Mixed_{name}" for name in ("5b", "6a", "7a")},
            **{f"repeat/{n}": f"Repeat/block35_{n + 1}" for n in range(10)},
            **{f"repeat_1/{n}": f"Repeat_1/block17_{n + 1}" for n in range(20)},
            **{f"repeat_2/{n}": f"Repeat_2/block8_{n + 1}" for n in range(9)},
        },
    ),
    "xception": Reference(_timm("legacy_xception"), 71, 14, ("block1", "block12", "conv4")),
    "resnet-18": Reference(_torchvision("resnet18"), 33, 12, ("maxpool", "layer1/0", "layer4")),
    "resnet-50": Reference(_torchvision("resnet50"), 33, 20, ("maxpool", "layer1/0", "layer4")),
    "resnext-50": Reference(_torchvision("resnext50_32x4d"), 33, 20, ("maxpool", "layer1/0", "layer4")),
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
    "convnext-t": Reference(_torchvision("convnext_tiny"), 64, 45, ("features/1/2", "features/6", "classifier")),
    "convnext-t timm": Reference(_timm("convnext_tiny"), 64, 0),
    "inceptionnext-t": Reference(
        _timm("inception_next_tiny"), 64, 30, ("stem", "stages/2/blocks/8", "stages/3/downsample", "head"), _FLATTENED
    ),
    "repvgg-a0": Reference(_timm("repvgg_a0"), 64, 40, ("stem", "stages/2/13", "head"), _FLATTENED),
    "repvgg-a0-folded": Reference(_folded_repvgg, 64, 20, ("stem", "stages/2/13", "head"), _FLATTENED),
}
"""By the catalogue's name. A further library's model of the same network is ``NAME timm``."""


def _make_random(reference: Reference) -> nn.Module:
    """Their model with random weights and statistics, without the time that the library's own beginning takes."""
    try:
        with torch.device("meta"):
            model = reference.make()
    except NotImplementedError:  # it computes with its weights
        return shaken(reference.make())
    model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(2)
    shaken_below = {module.weight for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    for tensor in model.state_dict(keep_vars=True).values():
        if tensor in shaken_below:
            continue
        if tensor.is_floating_point():
            tensor.data.uniform_(-0.2, 0.2, generator=generator)
        else:
            tensor.data.zero_()
    return shaken(model)


def _count(network: nn.Module, x_BCHW: Tensor) -> tuple[Any, int]:
    """What a network says of images, and its multiply-adds for one of them: half of what torch's counter says."""
    with FlopCounterMode(display=False) as counter:
        output = network(x_BCHW)
    return output, counter.get_total_flops() // 2 // len(x_BCHW)


def _squeeze(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(C, 1, 1) as (C,): the libraries flatten sooner or later than we."""
    return shape[:1] if shape[1:] == (1, 1) else shape


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
        name: StoredTensor(shape=tuple(tensor.shape), dtype=tensor.dtype, load=lambda tensor=tensor: tensor)  # type: ignore[misc]
        for name, tensor in model.state_dict().items()
    }
    return StoredWeights(name="reference.pth", content=tensors)


def _scores(output: Any) -> list[Tensor]:
    """The logits, and those of auxiliary heads, the first head first."""
    if isinstance(output, Outputs):
        return [output.logits, *(scores for _, scores in output.auxiliary)]
    if isinstance(output, Tensor):
        return [output]
    return [output.logits, *(getattr(output, name) for name in sorted(output._fields) if name != "logits")]


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


_LARGE = {
    "vgg-11", "vgg-11 timm", "vgg-16", "inception-v3", "inception-v4", "resnext-50",
    "efficientnet-b0 timm", "convnext-t timm",
}  # fmt: skip
"""Each has a sister here that is made by the same functions (AlexNet, Inception-ResNet v2, ResNet-50, the same network
of torchvision), or a test with torchvision's module."""


@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=THOROUGH) if key in _LARGE else key for key in REFERENCES]
)
def test_a_network_is_the_librarys(key: str) -> None:
    torch.manual_seed(0)
    reference = REFERENCES[key]
    architecture = _architecture(key, reference.side)
    theirs = _quiet(_make_random(reference))
    found = analyze(architecture)

    fitted = fit_weights(architecture, _store(theirs))
    ours = _quiet(fitted.network)
    assert fitted.architecture == architecture
    assert fitted.is_libraries
    assert not fitted.notes

    assert found.training_params == sum(parameter.numel() for parameter in theirs.parameters())
    x_BCHW = torch.randn(2, *architecture.input_shape)
    with torch.no_grad():
        (ours_said, ours_macs), (they_said, their_macs) = (_count(network.eval(), x_BCHW) for network in (ours, theirs))
        assert found.macs == ours_macs == their_macs
        _assert_close(ours_said, they_said)

        if any(isinstance(module, nn.BatchNorm2d) for module in theirs.modules()):
            # Statistics of few values make much of rounding, layer by layer.
            ours, theirs, x_BCHW = ours.double(), theirs.double(), x_BCHW.double()
        shapes = watch_shapes(theirs)
        they_said = theirs.train()(x_BCHW)
        _assert_close(ours.train()(x_BCHW), they_said)

    shapes = {reference.find_ours(path): _squeeze(shape) for path, shape in shapes.items()}
    nodes = {path: _squeeze(found.below(path)[-1].output_shape) for path, _ in walk(architecture) if found.below(path)}
    alike = shapes.keys() & nodes.keys()
    assert {path: shapes[path] for path in alike} == {path: nodes[path] for path in alike}
    assert set(reference.named) <= alike
    assert len(alike) >= reference.blocks
