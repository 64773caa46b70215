"""The models that come with the product: each is what its card says, and right on the pictures that come with it."""

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

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS = tuple("0123456789")
CLASSES = {"cifar10-inception": OBJECTS, "mnist-inception": DIGITS, "mnist-inception-1": DIGITS}
DATA = {"cifar10-inception": "cifar-10", "mnist-inception": "mnist", "mnist-inception-1": "mnist"}
HANDS = {
    "0": ["50,10 30,20 22,45 25,70 40,88 60,86 74,65 76,38 66,16 50,10"],
    "1": ["42,25 55,12 54,40 53,65 53,90"],
    "2": ["25,28 35,14 55,10 70,22 68,38 52,58 35,75 24,88 45,86 78,88"],
    "3": ["28,18 48,10 66,18 66,34 54,45 42,48 60,52 72,66 66,82 48,90 28,82"],
    "4": ["40,10 32,30 24,52 48,54 76,52", "62,30 60,60 58,92"],
    "5": ["70,12 36,13 33,42 50,38 68,48 72,68 60,84 42,88 26,80"],
    "6": ["64,10 46,24 34,44 28,66 36,84 54,90 68,78 68,62 54,54 38,60 30,70"],
    "7": ["24,14 50,13 76,12 66,34 54,58 46,90"],
    "8": ["66,22 52,10 36,18 36,32 50,46 66,60 68,78 54,90 36,84 32,68 44,52 62,38 68,24"],
    "9": ["70,30 58,14 40,14 30,28 36,44 54,46 70,34 70,52 66,74 60,90"],
}
"""Digits as a person taps them on a pad of 100 by 100, each stroke as points x,y."""


def point_of(text: str) -> tuple[float, float]:
    x, y = text.split(",")
    return int(x) / 100, int(y) / 100


@pytest.fixture(params=CLASSES)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    return open_model(request.param, Manager(tmp_path))


def test_it_is_what_its_card_says(model: Model) -> None:
    card = load_model_cards()[model.name]
    assert hashlib.sha256(weights_path(model.name).read_bytes()).hexdigest() == card.sha256
    assert card.to_architecture() == model.architecture == catalog.get(model.name.removesuffix("-1"))
    assert sum(parameter.numel() for parameter in model.network.parameters()) == analyze(card.to_architecture()).params
    assert model.classes == card.classes == CLASSES[model.name]
    assert card.command.startswith(f"python -m explorer train {model.name.removesuffix('-1')} ")
    assert "seeds 0, 1, 2" in card.spread


def test_what_is_not_as_usual_is_on_the_cards() -> None:
    cards = load_model_cards()
    assert "JPEG copy" in cards["cifar10-inception"].data  # the images were not the official ones
    assert cards["mnist-inception"].seen == ("digits",)  # they are MNIST's training images
    assert weights_path("mnist-inception").stat().st_size < 1_000_000


def test_it_is_right_on_every_sample_picture(model: Model) -> None:
    found = [sample for sample in list_sample_images() if sample.class_name in model.classes]
    assert sorted(sample.class_name or "" for sample in found) == sorted(model.classes)
    pictures = [datasets.decode(sample.path.read_bytes()).pixels for sample in found]
    said = [prediction.top[0].name for prediction in predict(model, pictures)]
    assert said == [sample.class_name for sample in found]


def test_drawn_strokes_are_read(tmp_path: Path) -> None:
    """Also small in a corner, and as they come back from an address."""
    model = open_model("mnist-inception", Manager(tmp_path))
    drawn = [[[point_of(each) for each in stroke.split()] for stroke in strokes] for strokes in HANDS.values()]
    corner = [[[(0.1 + 0.3 * x, 0.6 + 0.3 * y) for x, y in stroke] for stroke in strokes] for strokes in drawn]
    stored = [datasets.parse_strokes(datasets.format_strokes(strokes)) for strokes in drawn]
    for way in (drawn, corner, stored):
        said = [each.top[0].name for each in predict(model, [datasets.draw_strokes(strokes) for strokes in way])]
        assert said == list(HANDS)
    assert evaluate(model, datasets.load("drawn-digits")).accuracy > 0.97


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_its_accuracy_is_the_stated_one(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """``EXPLORER_DATA=/my/data .venv/bin/python -m pytest -s -m benchmark tests/inspection/test_shipped_model.py``"""
    images = notes.images_of(DATA[model.name], model.architecture.input_shape, monkeypatch)
    found = evaluate(model, images)
    print(f"\n{model.name}: {found.correct_count:,} of {len(found.labels):,} test images correct, {found.accuracy:.2%}")
    # Arithmetic differs a little by CPU.
    assert found.accuracy == pytest.approx(load_model_cards()[model.name].accuracy, abs=5e-4)
