"""Imports that are kept: opened, listed, predicted with and trained from by their names, and removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from torch import nn

from explorer.cli import main
from explorer.importing import Import, from_module, from_name
from explorer.inspection import list_imported, list_models, remove_imported
from explorer.inspection.keeping import save_import
from explorer.inspection.opening import open_model
from explorer.inspection.starting import open_start
from explorer.modules import WeightsError, WeightsFile
from explorer.runs import Manager
from tests.inspection.parts import shaken

NAME = "torchvision:squeezenet1_1"
SHAPE = (3, 64, 64)


@pytest.fixture(scope="module")
def squeezenet() -> Import:
    return from_name(NAME, input_shape=SHAPE)


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path)


def test_a_kept_import_is_a_model_with_its_weights(squeezenet: Import, manager: Manager) -> None:
    name = save_import(squeezenet, manager.root)
    entry = next(each for each in list_models(manager) if each.name == name)
    assert (entry.kind, entry.ready, entry.title) == ("imported", True, "squeezenet1_1 of torchvision")
    assert "initial weights (random)" in entry.detail
    model = open_model(name, manager)
    assert model.architecture == squeezenet.architecture
    assert all(torch.equal(tensor, squeezenet.weights[key]) for key, tensor in model.network.state_dict().items())
    assert any("random" in note for note in model.notes)
    assert model.preprocessing.shape == SHAPE
    assert model.preprocessing.std == (0.229, 0.224, 0.225)
    assert not model.has_class_names
    start = open_start(name, manager)
    assert start.name == name
    assert start.architecture == squeezenet.architecture


def test_the_same_is_kept_once_and_other_weights_beside_it(squeezenet: Import, manager: Manager) -> None:
    name = save_import(squeezenet, manager.root)
    assert save_import(from_name(NAME, input_shape=SHAPE), manager.root) == name
    other = {key: tensor + 1 if tensor.is_floating_point() else tensor for key, tensor in squeezenet.weights.items()}
    second = save_import(replace(squeezenet, weights=other), manager.root)
    assert {*list_imported(manager.root)} == {name, second}
    remove_imported(name, manager.root)
    assert [*list_imported(manager.root)] == [second]
    with pytest.raises(ValueError, match="no imported model"):
        remove_imported(name, manager.root)
    with pytest.raises(ValueError, match="no imported model"):
        remove_imported("../imported/" + second, manager.root)


def test_a_file_of_weights_gives_scores_of_the_library(manager: Manager, tmp_path: Path) -> None:
    theirs = shaken(torchvision.models.squeezenet1_1(weights=None)).eval()
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "mine.pth")
    file = WeightsFile(name="mine.pth", data=(tmp_path / "mine.pth").read_bytes())
    found = from_name(NAME, weights=[file], input_shape=SHAPE)
    assert found.weights_file == "mine.pth"
    model = open_model(save_import(found, manager.root), manager)
    assert "mine.pth" in model.provenance
    assert model.classes[0] == "tench"
    images = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(model.logits(images), theirs(images), rtol=0, atol=1e-4)
    with pytest.raises(WeightsError, match="no file of weights of 'resnet18'"):
        from_name("torchvision:resnet18", weights=[file])


def test_what_cannot_be_a_model_is_not_kept(squeezenet: Import, manager: Manager) -> None:
    maps = from_module(nn.Sequential(nn.Conv2d(3, 4, 3)), (3, 8, 8))
    five = from_module(nn.Sequential(nn.Conv2d(5, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), (5, 8, 8))
    for found, told in ((maps, "not in scores"), (five, "1 or 3 channels"), (Import(status="unavailable"), "nothing")):
        with pytest.raises(ValueError, match=told):
            save_import(found, manager.root)
    manager.root.joinpath("imported").write_text("a file in the folder's place")
    with pytest.raises(ValueError, match="cannot be kept"):
        save_import(squeezenet, manager.root)


def test_damaged_files_are_left_out(squeezenet: Import, manager: Manager) -> None:
    name = save_import(squeezenet, manager.root)
    path = manager.root / "imported" / f"{name}.safetensors"
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    foreign = safetensors.torch.save({"a": torch.zeros(1)}, {"explorer.design": "{}"})
    rng = np.random.default_rng(0)
    for data in (b"", whole[:4], whole[: header // 2], foreign, rng.bytes(1000), b"\xff" * 200):
        path.write_bytes(data)
        assert not list_imported(manager.root)
        with pytest.raises(ValueError, match=r"^there is no model[^\n]+$"):
            open_model(name, manager)
    path.write_bytes(whole[: header + 100])
    with pytest.raises(WeightsError, match="cut off"):
        open_model(name, manager)


def test_any_module_of_the_process_is_kept(manager: Manager) -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    found = from_module(module, (1, 8, 8), "mine/../own net")
    model = open_model(save_import(found, manager.root), manager)
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(model.logits(images), module(images), atol=1e-5)
    assert "not known" in model.notes[0]
    assert model.classes == ("class 0", "class 1", "class 2")


def test_the_verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    assert main(["import", NAME, "--input", "3x64x64", "--keep"]) == 0
    told = capsys.readouterr().out
    (name,) = list_imported(tmp_path)
    assert name in told
    main(["models"])
    assert f"{name}  imported" in capsys.readouterr().out
    main(["export", name, "--format", "safetensors", "-o", str(tmp_path / "out.safetensors")])
    main(["models", "--remove", name])
    assert not list_imported(tmp_path)
