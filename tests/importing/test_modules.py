"""Modules of torchvision, timm and one's own become designs that are them: numbers, and scores with their weights."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import timm
import torch
import torchvision
from hypothesis import assume, given, settings
from torch import Tensor, nn

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, from_json, walk
from explorer.cli import main
from explorer.importing import ImportingError, find_architecture, from_module, from_name, list_names, read_design
from explorer.modules import build
from tests.inspection.parts import shaken
from tests.sizes import ALL, THOROUGH
from tests.strategies import analysis_or_skip, architectures

NAMES = [
    "torchvision:resnet18", "torchvision:mobilenet_v3_small", "torchvision:shufflenet_v2_x0_5",
    "torchvision:squeezenet1_1", "timm:tf_mobilenetv3_small_minimal_100",
    "timm:repvgg_a0",
]  # fmt: skip
CONVOLUTIONAL = [name for name in list_names("torchvision") if not name.startswith(("vit", "swin", "maxvit"))]
LONG = [f"torchvision:{name}" for name in CONVOLUTIONAL if f"torchvision:{name}" not in NAMES]


def make(name: str) -> nn.Module:
    library, _, plain = name.partition(":")
    torch.manual_seed(0)
    if library == "timm":
        module: nn.Module = timm.create_model(plain, pretrained=False)
    else:
        settings = {"init_weights": False} if plain in ("googlenet", "inception_v3") else {}
        module = torchvision.models.get_model(plain, weights=None, **settings)
    return shaken(module)


def check(module: nn.Module, shape: tuple[int, int, int], *, exact: bool = True) -> Architecture:
    """The import is whole and computes what the module computes, by torch alone."""
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    training = module.training
    found = from_module(module, shape)
    assert found.status == "complete", found.describe()
    assert module.training == training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    architecture = found.architecture
    assert architecture is not None
    assert analyze(architecture).params == found.model_params
    if exact:
        assert analyze(architecture).macs == found.model_macs
    ours = build(architecture)
    ours.load_state_dict(dict(found.weights))
    same_scores(copy.deepcopy(module).float().eval(), ours.eval(), shape)
    return architecture


def same_scores(theirs: nn.Module, ours: nn.Module, shape: tuple[int, int, int]) -> None:
    """Within 1e-5; where torch's own rounding shows, in float64, where it does not."""
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        right, scores = theirs(x), ours(x)
        if (scores - right).abs().max() > 1e-5 * right.abs().max():
            right, scores = theirs.double()(x.double()), ours.double()(x.double())
            assert (scores - right).abs().max() <= 1e-9 * right.abs().max()


@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=THOROUGH) for name in LONG)])
def test_a_network_of_a_library_is_imported_whole(name: str) -> None:
    side = 75 if "inception_v3" in name else 64
    module = make(name)
    architecture = check(module, (3, side, side))
    # Under the module's own names.
    names = {part for path in module.state_dict() for part in path.split(".")}
    paths = {part for path, _ in walk(architecture) for part in path.split("/")}
    assert len(paths & names) >= min(3, len(names) - 4)


@settings(max_examples=1000 if ALL else 12, deadline=None)
@given(architectures())
def test_what_build_makes_comes_back(architecture: Architecture) -> None:
    analysis_or_skip(architecture)
    torch.manual_seed(0)
    network = shaken(build(architecture)).eval()
    for module in network.modules():  # torch.export takes a child called 'forward' or 'training' for that
        assume(not {*module._modules} & {*dir(type(module)), *module.__dict__})
    found = from_module(network, architecture.input_shape)
    if found.status != "complete":
        assert found.obstacle
        assert found.obstacle.operator
        return
    ours = build(found.architecture)  # type: ignore[arg-type]
    ours.load_state_dict(dict(found.weights))
    same_scores(network, ours.eval(), architecture.input_shape)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        x = torch.cat([torch.relu(self.left(x)), self.right(x)], 1)
        return self.head(x.mean((2, 3)))


def test_a_network_of_ones_own_with_hooks_in_training_and_in_float64() -> None:
    module, seen = Small(), []
    module.stem.register_forward_hook(lambda *given: seen.append(given))
    module.train()
    architecture = check(module.double(), (3, 16, 16))
    assert not [each for each in seen if each[2].is_meta]  # what a hook keeps is the user's
    assert [path for path, _ in walk(architecture)][:1] == ["stem"]
    assert {"left", "right"} <= {path.rpartition("/")[2] for path, _ in walk(architecture)}


class Twice(Small):
    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        return self.head(torch.cat([self.left(x), self.left(x)], 1).mean((2, 3)))


class Sorts(Small):
    def forward(self, x: Tensor) -> Any:
        return self.head(torch.cat([self.left(torch.sort(self.stem(x)).values)] * 2, 1).mean((2, 3)))


class Crosses(Small):
    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        a, b = self.left(x), self.right(torch.max_pool2d(x, 2))  # of two sizes: they cannot be carried together
        c, d = torch.max_pool2d(a, 2) + b, a * torch.sigmoid(b.mean((2, 3), keepdim=True))
        return self.head(torch.cat([c.mean((2, 3)), d.mean((2, 3))], 1))


class TwoInputs(Small):
    def forward(self, x: Tensor, y: Tensor) -> Any:
        return super().forward(x + y)


class TwoOutputs(Small):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


class Branches(Small):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x if x.sum() > 0 else -x)


class Turned(Small):
    """Height and width are exchanged before a norm, and back only behind a window that is no square."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.long = nn.BatchNorm2d(8), nn.Conv2d(8, 8, (3, 1))

    def forward(self, x: Tensor) -> Any:
        return self.head(self.long(self.norm(self.stem(x).transpose(2, 3))).transpose(2, 3).mean((2, 3)))


class TurnedThere(Turned):
    def forward(self, x: Tensor) -> Any:
        return self.head(self.long(self.norm(self.stem(x).transpose(2, 3)).transpose(2, 3)).mean((2, 3)))


class MixesImages(Small):
    """Every row becomes an image of its own."""

    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        return self.head(x.reshape(-1, 8)).view(x.shape[0], -1)[:, :5]


class Cuts(Small):
    """What is cut off is not there for the next window, which pads by zeros."""

    def forward(self, x: Tensor) -> Any:
        return self.head(torch.cat([self.right(nn.functional.pad(self.stem(x), (-1, 1, -1, 1)))] * 2, 1).mean((2, 3)))


def test_axes_that_change_places_are_followed() -> None:
    check(TurnedThere(), (3, 16, 16))
    for kind, operator in ((Turned, "conv2d"), (MixesImages, "reshape"), (Cuts, "pad")):
        found = from_module(kind(), (3, 16, 16))
        assert found.status == "partial"
        assert found.obstacle
        assert operator in found.obstacle.operator
        assert next(path for path, _ in walk(found.architecture)) == "stem"  # type: ignore[arg-type]


def test_what_does_not_fit_is_named_with_its_module() -> None:
    found = from_module(Sorts(), (3, 16, 16))
    assert found.status == "partial"
    assert found.obstacle
    assert "sort" in found.obstacle.operator
    assert [path for path, _ in walk(found.architecture)] == ["stem"]  # type: ignore[arg-type]
    crossing = from_module(Crosses(), (3, 16, 16))
    assert crossing.status == "partial"
    assert "cross" in crossing.describe()[0] or "too, outside" in crossing.describe()[0]
    twice = from_module(Twice(), (3, 16, 16))
    assert any("'left." in note and "copy" in note for note in twice.notes)


@pytest.mark.parametrize("kind", [TwoInputs, TwoOutputs, Branches])
def test_what_cannot_be_captured_is_one_sentence(kind: type[nn.Module]) -> None:
    with pytest.raises(ImportingError, match=r"^[^\n]+$"):
        from_module(kind(), (3, 16, 16))


def test_names_of_libraries() -> None:
    for text, told in (
        ("torchvision:resnet19", "did you mean resnet18"), ("torchvision:swin_t", "transformer"),
        ("keras:vgg16", "there is no library"), ("timm:", "has no network"),
    ):  # fmt: skip
        with pytest.raises(ImportingError, match=told):
            from_name(text)


def test_the_verb_and_the_name_everywhere(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    name = str(tmp_path / "shuffle")
    shape = ["--input", "3x64x64"]
    assert main(["import", "torchvision:squeezenet1_1", *shape, "-o", name, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["params"], report["model_params"]) == ("complete", 1_235_496, 1_235_496)
    design = from_json((tmp_path / "shuffle.json").read_bytes())
    assert analyze(design).params == 1_235_496
    assert main(["analyze", "torchvision:squeezenet1_1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == 1_235_496
    assert main(["import", "timm:resnetv2_50x1_bitt"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_a_catalogue_network_comes_back_by_its_own_names() -> None:
    network = catalog.get("inception-net-32")
    architecture = check(build(network), network.input_shape)
    assert {path for path, node in walk(network) if node.op == "conv"} == {
        path for path, node in walk(architecture) if node.op == "conv"
    }


@pytest.mark.parametrize("name", [NAMES[3], *(pytest.param(each, marks=THOROUGH) for each in [NAMES[2], *LONG])])
def test_a_design_without_memory_is_the_import_s(name: str) -> None:
    found, design = from_name(name), read_design(name)
    assert (design.architecture, design.status, design.obstacle) == (found.architecture, found.status, found.obstacle)
    assert design.params == found.params
    assert not design.weights


def test_a_text_names_a_network_of_a_library_or_of_the_catalogue() -> None:
    found = find_architecture("torchvision:squeezenet1_1")
    assert find_architecture("http://host/design?net=torchvision:squeezenet1_1&at=x") is found
    assert find_architecture("googlenet") == catalog.get("googlenet")
    for text, told in (
        ("torchvision:", "give a name"), ("timm:resnest14d", "not fit wholly"), ("file:///etc", "no `net"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^[^\n]*{told}[^\n]*$"):
            find_architecture(text, files=False)
    assert catalog.find_net("?net=a") == "a"
