"""The pictures that a run is shown after every epoch, and its answers."""

from __future__ import annotations

import io
import json
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from explorer.runs import Prediction, Samples
from explorer.training.data import Subset, choose_rows, normalise_images
from explorer.training.samples import LARGEST, make_samples

from .parts import MemorySink, config, network, run, tensors


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(0, 2**32 - 1))
def test_every_class_gets_its_turn(labels: list[int], seed: int) -> None:
    rows = choose_rows(labels, seed)
    assert rows == choose_rows(labels, seed)
    assert len(set(rows)) == len(rows) == min(24, len(labels))
    shown, there = Counter(labels[row] for row in rows), Counter(labels)
    assert [labels[row] for row in rows] == sorted(labels[row] for row in rows)
    most = max(shown.values(), default=0)
    assert all(shown[label] >= min(most - 1, there[label]) for label in there)


def test_the_seed_decides() -> None:
    labels = [0, 1] * 200
    assert choose_rows(labels, 1) != choose_rows(labels, 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_tiles_are_the_images(channels: int) -> None:
    images = torch.randint(0, 256, (30, channels, 12, 9), dtype=torch.uint8)
    labels = torch.arange(30) % 7
    shown = (29, 3, 5, 7, 11, 13, 17, 19, 23, 1)
    made = make_samples(Subset(images=images, labels=labels, shown=shown), list("abcdefg"))
    again = Samples.from_data(json.loads(json.dumps({**made.to_data(), "of a newer version": 1})))
    assert again == made
    assert made.labels == tuple(row % 7 for row in shown)
    with Image.open(io.BytesIO(made.png)) as picture:
        assert picture.size == (8 * 9, 2 * 12)
        for index, row in enumerate(shown):
            left, top = made.place(index)
            tile = np.asarray(picture.crop((left, top, left + made.width, top + made.height)))
            assert (tile == images[row].permute(1, 2, 0).expand(-1, -1, 3).numpy()).all()


def test_large_images_are_made_smaller_small_ones_stay() -> None:
    large = Subset(images=torch.zeros(3, 3, 299, 150, dtype=torch.uint8), labels=torch.zeros(3).long(), shown=(0, 2))
    made = make_samples(large, ["a"])
    assert (made.height, made.width) == (LARGEST, 48)
    with Image.open(io.BytesIO(made.png)) as picture:
        assert picture.size == (8 * 48, LARGEST)


@pytest.mark.parametrize("ema", [None, 0.9])
def test_the_predictions_are_those_of_the_evaluated_network(ema: float | None) -> None:
    sink = MemorySink()
    settings = config(precision="fp32", ema_decay=ema, batch_size=8)  # 24 images: more than one batch
    state = run(network(), settings, sink)
    data = tensors(settings)
    test = data.evaluated["test"]
    assert [name for name, _ in sink.documents if name.startswith("predictions")] == ["predictions/test"] * 2
    last = max(step for name, step in sink.documents if name == "predictions/test")
    predictions = [
        Prediction.from_data(json.loads(json.dumps(each))) for each in sink.documents["predictions/test", last]
    ]
    assert len(predictions) == len(test.shown) == 24
    with torch.no_grad():
        shares = state.eval_model.eval()(normalise_images(test.images, data, channels_last=True)).softmax(1)
    for row, prediction in zip(test.shown, predictions, strict=True):
        best = shares[row].topk(3)
        assert prediction.classes == tuple(best.indices.tolist())
        assert prediction.probabilities == pytest.approx(best.values.tolist(), abs=1e-4)


def test_two_classes_have_two_answers() -> None:
    from explorer.training.evaluation import top_predictions

    assert top_predictions(torch.tensor([[0.0, 0.0], [-100.0, 100.0]]))[1] == ((1, 1.0), (0, 0.0))
