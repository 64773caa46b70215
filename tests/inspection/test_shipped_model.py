"""The model that comes with the product: it is what its card says, and right on the pictures that come with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from explorer import catalog, datasets
from explorer.analysis import analyze
from explorer.inspection import list_sample_images, load_model_cards
from explorer.inspection._shipped import weights_path
from explorer.inspection.evaluation import evaluate
from explorer.inspection.models import Model
from explorer.inspection.opening import open_model
from explorer.inspection.predict import predict
from explorer.runs import Manager
from tests.benchmarks import notes

NAME = "cifar10-inception"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return open_model(NAME, Manager(tmp_path))


def test_it_is_what_its_card_says(model: Model) -> None:
    card = load_model_cards()[NAME]
    assert hashlib.sha256(weights_path(NAME).read_bytes()).hexdigest() == card.sha256
    assert card.to_architecture() == model.architecture == catalog.get(NAME)
    assert sum(parameter.numel() for parameter in model.network.parameters()) == analyze(card.to_architecture()).params
    assert model.classes == card.classes == CLASSES
    assert "JPEG copy" in card.data  # the images were not the official ones
    assert card.command.startswith(f"python -m explorer train {NAME} ")
    assert "seeds 0, 1, 2" in card.spread


def test_it_is_right_on_every_sample_picture(model: Model) -> None:
    found = list_sample_images()
    assert sorted(sample.class_name or "" for sample in found) == sorted(CLASSES)
    pictures = [datasets.decode(sample.path.read_bytes()).pixels for sample in found]
    said = [prediction.top[0].name for prediction in predict(model, pictures)]
    assert said == [sample.class_name for sample in found]


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_its_accuracy_is_the_stated_one(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """``EXPLORER_DATA=/my/data .venv/bin/python -m pytest -s -m benchmark tests/inspection/test_shipped_model.py``"""
    images = notes.images_of("cifar-10", model.architecture.input_shape, monkeypatch)
    found = evaluate(model, images)
    print(f"\n{NAME}: {found.correct_count:,} of {len(found.labels):,} test images correct, {found.accuracy:.2%}")
    # Arithmetic differs a little by CPU.
    assert found.accuracy == pytest.approx(load_model_cards()[NAME].accuracy, abs=5e-4)
