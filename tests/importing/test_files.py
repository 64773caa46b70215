"""What was exported comes in again as it went out, with what files tell beside a network."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from explorer import catalog
from explorer.architecture import Architecture
from explorer.cli import main
from explorer.datasets import Preprocessing
from explorer.export import Subject, export, tell_changes
from explorer.importing import ImportingError, find_architecture, from_file, from_module
from explorer.inspection.opening import open_network_file
from explorer.modules import WeightsError, build
from tests.inspection.parts import shaken
from tests.sizes import ALL
from tests.strategies import analysis_or_skip, architectures

NETWORKS = ("inception-a-mnist", "residual-mnist", "inception-block-bn")


def load_class(source: str, path: Path) -> nn.Module:
    """The last class of a source file, as somebody else's program would import it."""
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(f"written_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == spec.name]
    network: nn.Module = made[-1]()
    return network


@settings(max_examples=200 if ALL else 8, deadline=None)
@given(architectures())
def test_safetensors_and_source_are_the_design_again(architecture: Architecture) -> None:
    analysis_or_skip(architecture)
    torch.manual_seed(0)
    weights = shaken(build(architecture)).state_dict()
    folder = Path("written")
    folder.mkdir(exist_ok=True)
    subject = Subject(architecture=architecture, weights=weights)
    (folder / "w.safetensors").write_bytes(export(subject, "safetensors").data)
    found = from_file(folder / "w.safetensors")
    assert found.architecture == architecture
    assert found.weights.keys() == weights.keys()
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in weights.items())
    (folder / "w.py").write_bytes(export(Subject(architecture=architecture), "pytorch").data)
    assert find_architecture(str(folder / "w.py"), files=True) == architecture
    assert tell_changes((folder / "w.py").read_bytes(), architecture) is None


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_of_an_exported_source_is_the_design_again(name: str, tmp_path: Path) -> None:
    architecture = catalog.get(name)
    source = export(Subject(architecture=architecture), "pytorch").data.decode()
    network = shaken(load_class(source, tmp_path / f"{name.replace('-', '_')}.py")).eval()
    found = from_module(network, architecture.input_shape)
    assert found.architecture == architecture
    assert found.largest_score_difference == 0
    assert all(torch.equal(found.weights[key], tensor) for key, tensor in network.state_dict().items())
    # Changed by hand, it is what it computes now.
    text = re.sub(r"nn\.ReLU\([^)]*\)|nn\.Identity\(\)", "nn.Tanh()", source).replace("torch.relu(", "torch.tanh(")
    assert text != source
    assert "changed by hand" in (tell_changes(text.encode(), architecture) or "")
    for form in ("pytorch", "sequential") if name == "inception-block-bn" else ("pytorch", "sequential", "script"):
        assert tell_changes(export(Subject(architecture=architecture), form).data, architecture) is None
    changed = load_class(text, tmp_path / f"{name.replace('-', '_')}_tanh.py").eval()
    other = from_module(changed, architecture.input_shape)
    assert other.status == "complete"
    assert other.architecture != architecture


@pytest.mark.parametrize("form", ["onnx", "safetensors"])
def test_classes_and_preprocessing_come_along(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    architecture = catalog.get("inception-a-mnist")
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    how = Preprocessing(shape=architecture.input_shape, mean=(0.13,), std=(0.31,))
    torch.manual_seed(0)
    weights = shaken(build(architecture)).state_dict()
    subject = Subject(
        architecture=architecture, weights=weights, classes=names, preprocessing=how, provenance="trained by hand"
    )
    path = tmp_path / f"digits.{form}"
    path.write_bytes(export(subject, form).data)
    model = open_network_file(path)
    assert (model.classes, model.preprocessing, model.provenance) == (names, how, "trained by hand")
    assert main(["import", str(path), "--keep", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)["model"]
    assert main(["models", "--json"]) == 0
    assert kept in {each["name"] for each in json.loads(capsys.readouterr().out)}
    picture = tmp_path / "p.png"
    from PIL import Image

    Image.new("L", (28, 28), 40).save(picture)
    told = []
    for name in (str(path), kept):
        assert main(["predict", name, str(picture), "--as-is", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    answers = [[{key: row[key] for key in row if key != "file"} for row in each["images"]] for each in told]
    assert answers[0] == answers[1]
    assert main(["export", str(path), "--format", "safetensors", "-o", str(tmp_path / "again.safetensors")]) == 0
    again = from_file(tmp_path / "again.safetensors").weights
    assert all(torch.equal(each, weights[key]) for key, each in again.items() if "num_batches" not in key)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("resnet18", None, "did you mean torchvision:resnet18"),
        ("n.py", b'"""x"""', "holds a design without weights"),
        ("n.pt", b"abc", "is text, not weights"),
        ("n.h5", b"\x89HDF\r\n\x1a\n", "is of Keras"),
        ("n.tflite", b"\0\0\0\0TFL3", "TensorFlow Lite"),
        ("n.safetensors", b"\0", "n.safetensors"),
    ],
)
def test_other_files_are_told_what_they_are(name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises((ImportingError, WeightsError), match=told):
        from_file(name)


def test_weights_alone_ask_for_their_network(tmp_path: Path) -> None:
    network = build(catalog.get("inception-a-mnist"))
    torch.save(network.state_dict(), tmp_path / "w.pt")
    with pytest.raises(ImportingError, match="weights without their network"):
        from_file(tmp_path / "w.pt")
    import safetensors.torch

    safetensors.torch.save_file(network.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ImportingError, match="weights without a design"):
        from_file(tmp_path / "w.safetensors")
