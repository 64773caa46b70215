"""Weights that people bring: they compute what the library's do; where classes and normalisation come from is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import Tensor, nn

from explorer import catalog, datasets
from explorer.architecture import edit
from explorer.datasets import Preprocessing
from explorer.inspection import GivenFacts, list_presets, load_model_cards, parse_numbers
from explorer.inspection._file_facts import find_facts
from explorer.inspection._shipped import weights_path
from explorer.inspection.models import Model
from explorer.inspection.opening import open_bytes, open_files, open_model
from explorer.modules import WeightsFile, build
from explorer.runs import Manager, RunFolder, list_checkpoints
from tests.sizes import THOROUGH
from tests.training.parts import network

from .parts import learnt, shaken, trained_run

NET = network(classes=10)


def saved(content: Any) -> bytes:
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def opened(name: str, data: bytes, given: GivenFacts | None = None) -> Model:
    return open_bytes(catalog.get(name), [WeightsFile(name="w.pt", data=data)], given)


# ---- the libraries' networks ----------------------------------------------------------------------------------------


def _googlenet(**options: Any) -> nn.Module:
    return torchvision.models.googlenet(init_weights=False, transform_input=False, **options)


def _inception_v3(**options: Any) -> nn.Module:
    return torchvision.models.inception_v3(init_weights=False, transform_input=False, **options)


def _timm(**options: Any) -> nn.Module:
    return timm.create_model("inception_v3", pretrained=False, **options)


def _quantizable(**options: Any) -> nn.Module:
    return torchvision.models.quantization.googlenet(
        quantize=False, transform_input=False, init_weights=False, **options
    )


def filled(make: Callable[..., nn.Module], **options: Any) -> nn.Module:
    """A network of a library with random numbers, without the minutes that some take to draw their own."""
    with torch.device("meta"):
        network = make(**options)
    network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.zero_()
    return shaken(network).eval()


@pytest.mark.parametrize(
    ("name", "make", "classes", "heads"),
    [
        ("googlenet-torchvision", _googlenet, 10, False),
        pytest.param("inception-v3", _inception_v3, 10, False, marks=THOROUGH),
        ("inception-v3", _timm, 1000, False),
        pytest.param("googlenet-torchvision", _googlenet, 7, True, marks=THOROUGH),
        pytest.param("googlenet-torchvision", _quantizable, 4, False, marks=THOROUGH),
        pytest.param("inception-v3", _inception_v3, 1000, True, marks=THOROUGH),
        pytest.param("inception-v3", _timm, 5, False, marks=THOROUGH),
    ],
)
@torch.no_grad()
def test_scores_are_those_of_the_library(
    name: str, make: Callable[..., nn.Module], classes: int, heads: bool
) -> None:
    theirs = filled(make, num_classes=classes, aux_logits=heads)
    wrapped = {"epoch": 1, "state_dict": {f"module.{key}": each for key, each in theirs.state_dict().items()}}
    ours = opened(name, saved(wrapped))
    x_1CHW = torch.randn(1, *ours.architecture.input_shape, generator=torch.Generator().manual_seed(1))
    expected = theirs(x_1CHW)
    expected = expected[0] if isinstance(expected, tuple) else expected  # timm's head computes in evaluation, too
    assert float(expected.std()) > 1e-3
    assert torch.allclose(ours.logits(x_1CHW), expected, rtol=1e-5, atol=1e-5)
    assert heads == any(node.op == "auxiliary" for node in ours.architecture.trunk.nodes)
    told = "; ".join(ours.conversions)
    assert "torchvision's names" in told
    assert heads or "left out: the file does not have" in told
    if classes == 1000:
        assert ours.classes[0] == "tench"
        assert ours.preprocessing.transform_input
        assert any("may be timm's" in note for note in ours.notes) == (name == "inception-v3" and not heads)
    else:
        assert f"the classes are {classes}, as in the file, not 1,000" in told
        assert [each.partition(" ")[0] for each in ours.notes] == ["The", "How"]


@torch.no_grad()
def test_a_classifier_that_was_exchanged() -> None:
    """``model.fc = nn.Sequential(nn.Dropout(), nn.Linear(...))``, the heads still ImageNet's: so tutorials do it."""
    theirs = filled(_googlenet, aux_logits=True)
    theirs.fc = nn.Sequential(nn.Dropout(), nn.Linear(1024, 3)).eval()
    ours = opened("googlenet-torchvision", saved(theirs.state_dict()))
    x_1CHW = torch.randn(1, *ours.architecture.input_shape)
    assert torch.allclose(ours.logits(x_1CHW), theirs(x_1CHW), rtol=1e-5, atol=1e-5)
    assert "'fc.1' taken as the classifier 'fc'" in "; ".join(ours.conversions)
    theirs.fc = nn.Sequential(nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 3))
    theirs.aux1 = nn.Sequential(nn.Conv2d(512, 64, 1), nn.Flatten(), nn.Linear(64 * 14 * 14, 3))
    theirs.aux2.fc2 = nn.Sequential(nn.Dropout(), nn.Linear(1024, 3))
    ours = opened("googlenet-torchvision", saved(theirs.eval().state_dict()))
    assert torch.allclose(ours.logits(x_1CHW), theirs(x_1CHW), rtol=1e-5, atol=1e-5)
    assert [node.name for node in ours.architecture.trunk.nodes if node.op == "auxiliary"] == ["auxiliary_2"]
    told = "; ".join(ours.notes)
    assert "2 linear layers ('fc.0', 'fc.2') as its classifier" in told
    assert "What the file has of 'auxiliary_1' does not fit" in told


def test_heads_that_the_network_does_not_have_are_left_out() -> None:
    net = catalog.get("googlenet-torchvision")
    for head in ("auxiliary_1", "auxiliary_2"):
        net = edit.remove(net, head)
    with torch.device("meta"):
        names = _googlenet(aux_logits=True).state_dict()
    data = saved({key: torch.zeros(tensor.shape, dtype=tensor.dtype) for key, tensor in names.items()})
    model = open_bytes(net, [WeightsFile(name="w.pt", data=data)])
    assert "'aux1', 'aux2' left out" in "; ".join(model.conversions)
    assert model.classes[0] == "tench"


def test_the_other_network_of_the_library_is_named() -> None:
    with torch.device("meta"):
        names = _googlenet(num_classes=3, aux_logits=False).state_dict()
    data = saved({key: torch.zeros(tensor.shape, dtype=tensor.dtype) for key, tensor in names.items()})
    with pytest.raises(ValueError, match="holds the weights of 'googlenet-torchvision' of the catalogue, not of 'Inc"):
        opened("inception-v3", data)


# ---- classes and normalisation --------------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [False, True])
def test_the_shipped_network_s_own_weights_are_known(half: bool) -> None:
    card = load_model_cards()["cifar10-inception"]
    tensors = safetensors.torch.load(weights_path("cifar10-inception").read_bytes())
    if half:
        tensors = {key: each.half() if each.is_floating_point() else each for key, each in tensors.items()}
    model = opened("cifar10-inception", safetensors.torch.save(tensors))
    assert model.classes == card.classes
    assert (model.preprocessing.mean, model.preprocessing.std) == (card.mean, card.std)
    assert model.conversions[-1] == (
        "class names and mean and deviation as of the shipped model 'cifar10-inception', which is the same network"
    )
    assert model.notes == ()
    assert "It knows 10 classes and nothing else (airplane, automobile" in model.tell_limits()


def weights(classes: int = 10) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return dict(shaken(build(network(classes=classes))).state_dict())


def mine(given: GivenFacts | None = None, **beside: Any) -> Model:
    return open_bytes(NET, [WeightsFile(name="w.pt", data=saved({**beside, "model": weights()}))], given)


def test_what_is_not_known_is_assumed_and_said() -> None:
    model = mine()
    assert model.classes[3] == "class 3"
    assert (model.preprocessing.mean, model.preprocessing.std) == ((0.5,), (0.5,))
    assert "names of the 10 classes are not in the file" in model.notes[0]
    assert "pixels from −1 to 1 are assumed" in model.notes[1]


@pytest.mark.parametrize(
    "beside",
    [
        {"classes": list("abcdefghij")},
        {"class_names": tuple("abcdefghij")},
        {"class_to_idx": {name: number for number, name in enumerate("abcdefghij")}},
        {"idx_to_class": dict(enumerate("abcdefghij"))},
        {"hyper_parameters": {"id2label": {str(number): name for number, name in enumerate("abcdefghij")}}},
    ],
)
def test_class_names_are_found_in_the_file(beside: dict[str, Any]) -> None:
    model = mine(**beside)
    assert model.classes == tuple("abcdefghij")
    assert any(text.startswith("class names from 'c") or "'id" in text for text in model.conversions)
    assert len(model.notes) == 1


@pytest.mark.parametrize(
    "value",
    [
        list("abc"), ["a"] * 10, [*"abcdefghi", 3], [*"abcdefghi", ""], {"a": 1}, "abcdefghij",
        {**dict(enumerate("abcdefghi")), 11: "x"}, None,
    ],
)  # fmt: skip
def test_what_are_no_names_of_these_classes_is_left_alone(value: Any) -> None:
    assert mine(classes=value).classes[0] == "class 0"


def test_normalisation_is_found_in_the_file() -> None:
    model = mine(mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    assert (model.preprocessing.mean, model.preprocessing.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    for mean, std in (([124.0, 116.0, 104.0], [58.0] * 3), ([0.1, 0.2], [0.1, 0.2]), ([0.1] * 3, [0.0] * 3), ("x", 3)):
        assert mine(mean=mean, std=std).preprocessing.mean == (0.5,)


def test_a_stranger_s_preprocessing_cannot_ask_for_endless_memory() -> None:
    shape = NET.input_shape
    for how in (Preprocessing(shape=shape, cover=(100_000, 100_000)), Preprocessing(shape=(3, 5, 5))):
        assert find_facts({"preprocessing": how.to_data()}, (), 10, shape).preprocessing is None
    usual = Preprocessing(shape=shape, cover=(20, 20))
    assert find_facts({"preprocessing": usual.to_data()}, (), 10, shape).preprocessing == usual


def test_what_a_person_says_counts() -> None:
    given = GivenFacts(classes=tuple("ABCDEFGHIJ"), mean=(0.0,), std=(1.0,))
    model = mine(given, classes=list("abcdefghij"), mean=[0.1], std=[0.1])
    assert model.classes[0] == "A"
    assert (model.preprocessing.mean, model.preprocessing.std) == ((0.0,), (1.0,))
    assert model.notes == ()
    preset = mine(GivenFacts(preset="cifar10"), classes=list("abcdefghij"))
    assert preset.classes[0] == "airplane"
    assert preset.preprocessing.mean == (0.4914, 0.4822, 0.4465)
    assert "class names and mean and deviation of the preset 'cifar10'" in preset.conversions
    both = mine(GivenFacts(preset="imagenet", std=(0.25,)))
    assert (both.preprocessing.mean, both.preprocessing.std) == ((0.485, 0.456, 0.406), (0.25,))
    with pytest.raises(ValueError, match="'x'; known: cifar10-inception, mnist-inception, mnist-inception-1, half"):
        mine(GivenFacts(preset="x"))
    with pytest.raises(ValueError, match="has 10 scores, but 2 classes have names"):
        mine(GivenFacts(classes=("a", "b")))


def test_a_preset_for_colours_is_refused_for_grey_images() -> None:
    net = edit.replace(network(classes=10), "", input_shape=(1, 12, 12))
    file = WeightsFile(name="w.pt", data=saved(build(net).state_dict()))
    with pytest.raises(ValueError, match="the preset 'imagenet' is for 3 channels, the network takes 1"):
        open_bytes(net, [file], GivenFacts(preset="imagenet"))
    assert open_bytes(net, [file], GivenFacts(preset="mnist")).classes == datasets.get_card("mnist").classes


def test_presets_are_the_usual_numbers() -> None:
    presets = list_presets()
    assert next(iter(presets)) == "cifar10-inception"
    imagenet = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.transforms()
    assert (presets["imagenet"].mean, presets["imagenet"].std) == (tuple(imagenet.mean), tuple(imagenet.std))
    for preset in presets.values():
        assert len(preset.mean) == len(preset.std)
        assert GivenFacts(mean=preset.mean, std=preset.std)


def test_a_checkpoint_of_ours_from_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file alone, without its run: the same scores, classes and preprocessing as the run itself has."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    manager = Manager(tmp_path / "home")
    run = trained_run(manager)
    (path,) = list_checkpoints(RunFolder(manager.root, run).checkpoints)
    theirs = open_model(run, manager)
    moved = tmp_path / "moved.pt"
    moved.write_bytes(path.read_bytes())
    ours = open_files(learnt(0)[0], moved)
    assert ours.weights_sha256 == theirs.weights_sha256
    assert ours.classes == theirs.classes
    assert ours.preprocessing.mean == theirs.preprocessing.mean
    assert "taken from 'state.model' of the file" in ours.conversions
    assert ours.notes == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.5", (0.5,)), ("0,5", (0.5,)), (" 1 ", (1.0,)), ("0.485, 0.456, 0.406", (0.485, 0.456, 0.406)),
        ("0.485,0.456,0.406", (0.485, 0.456, 0.406)), ("0,485; 0,456; 0,406", (0.485, 0.456, 0.406)),
        ("0,485 0,456 0,406", (0.485, 0.456, 0.406)), ("0,485, 0,456, 0,406", (0.485, 0.456, 0.406)),
        ("[0.5, 0.5, 0.5]", (0.5, 0.5, 0.5)), ("(0.5,)", None), ("1,1,1", (1.0, 1.0, 1.0)),
        ("0.5 0.4 0.3", (0.5, 0.4, 0.3)), ("-1", (-1.0,)), ("\u22121", (-1.0,)), ("1e-3", (0.001,)),
        ("", None), ("half", None), ("0.5,,0.5", None), ("nan", None), ("inf", None), ("0.5.1", None), ("1;;2", None),
    ],
)  # fmt: skip
def test_numbers_as_people_type_them(text: str, numbers: tuple[float, ...] | None) -> None:
    if numbers is None:
        with pytest.raises(ValueError, match=r"mean \(=.*\) must be numbers such as 0\.5"):
            parse_numbers(text, "mean")
    else:
        assert parse_numbers(text, "mean") == numbers


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mean": (123.675, 116.28, 103.53)}, r"mean \(=123\.675, 116\.28, 103\.53\) must be for pixels of 0 to 1"),
        ({"std": (0.2, 0.0, 0.2)}, r"deviation \(=0\.2, 0, 0\.2\) must be above zero"),
        ({"std": (-0.5,)}, "must be above zero"),
        ({"std": (58.4,)}, "for pixels of 0 to 1"),
    ],
)
def test_numbers_that_cannot_be_are_told(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GivenFacts(**fields)
