"""Every kind of model there is: runs while a worker trains them, what ships, files of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from explorer import datasets
from explorer.architecture import to_data, to_json
from explorer.inspection import (
    PUBLISHED,
    GivenFacts,
    _shipped,
    find_published,
    list_models,
    opening,
    write_shipped_model,
)
from explorer.inspection.evaluation import evaluate
from explorer.inspection.opening import open_bytes, open_files, open_model
from explorer.modules import WeightsFile, build
from explorer.runs import Manager, RunFolder, list_checkpoints
from explorer.runs._workers import CHILDREN
from explorer.training import checkpoint, open_manager
from explorer.training.state import State
from tests.runs.parts import create, end_all, until_status
from tests.training.parts import CPU, config, network

from .parts import shaken

pytestmark = pytest.mark.xdist_group("runs")
NET = network(classes=10)
CARD: dict[str, Any] = {
    "title": "A digit reader",
    "data": "digits",
    "recipe": "none: random weights",
    "accuracy": 0.1,
    "spread": "10 ± 2 % over 3 seeds",
    "command": "python -m explorer train",
    "licence": "MIT",
    "architecture": to_data(NET),
    "classes": tuple("0123456789"),
    "mean": (0.13,),
    "std": (0.31,),
}


@pytest.fixture(autouse=True)
def nothing_ships(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(_shipped, "FOLDER", tmp_path / "models")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "models"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Manager]:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    made = open_manager(tmp_path / "home")
    yield made
    made.close()
    end_all(made.root)
    for child in CHILDREN:
        child.wait(timeout=20)


def weights(seed: int = 0) -> dict[str, Any]:
    torch.manual_seed(seed)
    return dict(shaken(build(NET), seed).state_dict())


@pytest.mark.usefixtures("light_workers")
def test_a_real_run_is_judged_as_it_judged_itself(manager: Manager) -> None:
    """A real worker's checkpoint has the accuracy that the run wrote down, without asking the data set for facts."""
    run = create(manager, epochs=1, ema_decay=0.9)
    until_status(manager, run.id, "finished", seconds=200)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(opening, "open_data")
        model = open_model(run.id, manager)
    assert model.provenance.startswith(f"run {run.id}, step 63, digits")
    assert model.classes == tuple(datasets.get_card("digits").classes)
    assert "running average" in model.provenance
    found = evaluate(model, datasets.load("digits", NET.input_shape))
    (accuracy,) = [p.value for p in manager.store.points(run.id, "epoch/test/accuracy")][-1:]
    assert found.accuracy == pytest.approx(accuracy, abs=2e-3)  # autocast apart
    (entry,) = [each for each in list_models(manager) if each.kind == "run"]
    assert entry.name == run.id
    assert entry.ready
    assert model.name == entry.checkpoints[0]
    older = open_model(entry.checkpoints[1], manager)
    assert older.name == entry.checkpoints[1]
    assert older.weights_sha256 != model.weights_sha256


@pytest.fixture
def written(manager: Manager) -> tuple[Manager, str, Path]:
    """A run that never ran, with two checkpoints of random weights."""
    run = create(manager)
    folder = RunFolder(manager.root, run.id).checkpoints
    for step in (5, 9):
        state = State(NET, config(seed=step), CPU)
        checkpoint.save(folder, run.id, step, {**state.capture(), "fingerprint": "x", "threads": 1})
    return manager, run.id, folder


def test_a_damaged_checkpoint_is_passed_over_and_left_alone(written: tuple[Manager, str, Path]) -> None:
    manager, run, folder = written
    newest = list_checkpoints(folder)[0]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    model = open_model(run, manager)
    assert model.name == f"{run}@5"
    assert "step-0000000009.pt: damaged" in model.notes[0]
    assert newest.exists(), "only its worker may set it aside"
    with pytest.raises(ValueError, match=r"no checkpoint of step 9: step-0000000009\.pt: damaged"):
        open_model(f"{run}@9", manager)
    with pytest.raises(ValueError, match="no checkpoint of step 7: it has 9, 5"):
        open_model(f"{run}@7", manager)


def test_a_worker_may_replace_checkpoints_while_they_are_read(
    written: tuple[Manager, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed is gone when it is read; the next listing has what took its place."""
    manager, run, folder = written
    gone = [folder / f"step-{step:010}.pt" for step in (4, 3)]
    listings = iter([gone, list_checkpoints(folder)])
    monkeypatch.setattr(opening, "list_checkpoints", lambda _: next(listings))
    model = open_model(run, manager)
    assert model.name == f"{run}@9"
    assert model.notes == ()


def test_checkpoints_without_the_facts_ask_the_data_set(written: tuple[Manager, str, Path]) -> None:
    manager, run, _ = written
    model = open_model(run, manager)
    digits = datasets.load("digits", NET.input_shape)
    assert model.classes == digits.classes
    assert model.preprocessing.mean == digits.mean
    assert model.preprocessing.std == digits.std


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("20260101-000000-abcdef", "there is no model '20260101-000000-abcdef'; `python -m explorer models` shows"),
        ("../../etc/passwd", "`python -m explorer models` shows all models"),
        ("", "`python -m explorer models` shows all models"),
        ("googlenet", "are not on this machine; download them first"),
        ("googlenett", "did you mean googlenet-torchvision"),
        ("Inception-V3", "did you mean inception-v3"),
        ("nothing", "`python -m explorer models` shows all models"),  # not nin, three letters of it
        ("resnet5", "did you mean resnet-50"),
        ("googlenet-96", "is a network of the catalogue, whose weights are a file of yours: give googlenet-96:WEIGHTS"),
    ],
)
def test_what_is_not_there_is_one_sentence(manager: Manager, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        open_model(name, manager)
    assert said in str(caught.value)


def test_a_list_of_models_finds_each_by_its_title_and_names(manager: Manager) -> None:
    labels = {entry.name: entry.label for entry in list_models(manager)}
    assert labels["resnet-50"] == "published · ResNet-50 (torchvision, ImageNet) · resnet-50 · resnet50 (not here yet)"
    for entry in list_models(manager):
        assert all(name in entry.label for name in (entry.name, entry.title, *entry.aliases))
        assert all(find_published(name) == find_published(entry.name) for name in entry.aliases)


def test_a_run_without_a_checkpoint_is_not_offered(manager: Manager) -> None:
    run = create(manager)
    assert [entry.kind for entry in list_models(manager)] == ["published"] * len(PUBLISHED)
    with pytest.raises(ValueError, match="no valid checkpoint: it has none yet"):
        open_model(run.id, manager)


def test_a_shipped_model_is_listed_first_and_opened(manager: Manager, nothing_ships: Path) -> None:
    assert not [entry for entry in list_models(manager) if entry.kind == "shipped"]
    write_shipped_model("digit-reader", safetensors.torch.save(weights()), CARD)
    first = list_models(manager)[0]
    assert (first.name, first.kind, first.detail) == ("digit-reader", "shipped", "10.00 % on digits")
    model = open_model("digit-reader", manager)
    assert torch.equal(model.network.state_dict()["fc.linear.weight"], weights()["fc.linear.weight"])
    assert model.preprocessing.mean == (0.13,)
    (nothing_ships / "digit-reader.safetensors").write_bytes(safetensors.torch.save(weights(1)))
    with pytest.raises(ValueError, match="SHA-256 is not the card"):
        open_model("digit-reader", manager)
    (nothing_ships / "broken.json").write_text(json.dumps({"title": "x"}))
    (nothing_ships / "lonely.json").write_text((nothing_ships / "digit-reader.json").read_text())
    assert [entry.name for entry in list_models(manager) if entry.kind == "shipped"] == ["digit-reader"]


def test_files_of_ones_own(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "mine.pt")
    (tmp_path / "mine.safetensors").write_bytes(safetensors.torch.save(weights()))
    one, two = (open_files(NET, tmp_path / name) for name in ("mine.pt", "mine.safetensors"))
    assert one.digest == two.digest, "the weights count, not the file"
    uploaded = open_bytes(NET, [WeightsFile(name="mine.pt", data=(tmp_path / "mine.pt").read_bytes())])
    assert (uploaded.digest, uploaded.name, uploaded.provenance) == (one.digest, one.name, one.provenance)
    assert one.classes[3] == "class 3"
    assert not one.has_class_names
    named = open_files(NET, tmp_path / "mine.pt", GivenFacts(classes=tuple("abcdefghij")))
    assert named.digest != one.digest
    assert named.class_index("c") == 2
    with pytest.raises(ValueError, match="has 10 scores, but 2 classes have names"):
        open_files(NET, tmp_path / "mine.pt", GivenFacts(classes=("a", "b")))
    with pytest.raises(ValueError, match="is not a file"):
        open_files(NET, tmp_path / "none.pt")
    assert to_json(one.architecture) == to_json(NET)
