"""Answers, their sum over a test set, and two models side by side."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from explorer import datasets
from explorer.datasets import CancelledError
from explorer.inspection.evaluation import BINS, EvaluationResult, evaluate, predict_both
from explorer.inspection.models import Model
from explorer.inspection.predict import predict
from tests.datasets.makers import pixels, png
from tests.sizes import examples
from tests.training.parts import CLASSES, SHAPE, network

from .parts import model_with, tiny_model


def patterns(count: int = 70, names: str = "abcd") -> datasets.ImageArrays:
    labels = np.arange(count, dtype=np.int64) % CLASSES
    images = pixels(3, count, *SHAPE)
    return datasets.ImageArrays(
        name="patterns",
        classes=tuple(names),
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
    )


def many_at_a_time(model: Model, size: int) -> Model:
    model.__dict__["batch_size"] = size
    return model


def test_predictions_are_softmax_of_the_networks_scores() -> None:
    model = many_at_a_time(tiny_model(), 2)
    pictures = [pixels(seed, 12 + seed, 20, 3) for seed in range(5)]
    told: list[tuple[int, int]] = []
    found = predict(model, pictures, top=3, progress=lambda *done: told.append(done))
    assert told == [(2, 5), (4, 5), (5, 5)]
    for picture, prediction in zip(pictures, found, strict=True):
        x_1CHW = model.prepare(picture)
        assert torch.equal(prediction.input, x_1CHW[0])
        scores_K = model.network(x_1CHW)[0]
        order = scores_K.argsort(descending=True)[:3]
        assert [answer.index for answer in prediction.top] == order.tolist()
        for answer in prediction.top:
            assert answer.logit == pytest.approx(float(scores_K[answer.index]), abs=1e-5)
            assert answer.probability == pytest.approx(float(scores_K.softmax(0)[answer.index]), abs=1e-5)
            assert answer.name == f"class {answer.index}"
    assert len(predict(model, pictures[:1], top=99)[0].top) == CLASSES
    assert predict(model, []) == []
    with pytest.raises(CancelledError):
        predict(model, pictures, cancel=lambda: True)


def test_batches_hold_a_bounded_number_of_activations() -> None:
    model = tiny_model()
    assert model.batch_size == 128
    big = network()
    wide = big.model_copy(update={"input_shape": (3, 1024, 1024)})
    assert 1 <= model_with(wide).gradient_batch_size < model_with(wide).batch_size < 128


def test_an_evaluation_agrees_with_torch() -> None:
    model = many_at_a_time(tiny_model(), 16)
    data = datasets.to_dataset(patterns())
    told: list[tuple[int, int]] = []
    found = evaluate(model, data, progress=lambda *done: told.append(done))
    assert told[-1] == (70, 70)
    scores_NK = model.network((data.test_images.float() / 255 - 0.5) / 0.5)
    assert torch.equal(found.predictions, scores_NK.argmax(1))
    assert found.accuracy == pytest.approx(float((scores_NK.argmax(1) == data.test_labels).float().mean()))
    assert found.loss == pytest.approx(float(functional.cross_entropy(scores_NK, data.test_labels)), rel=1e-4)
    for row in range(CLASSES):
        for column in range(CLASSES):
            together = (data.test_labels == row) & (scores_NK.argmax(1) == column)
            assert found.confusion[row][column] == int(together.sum())
    worst = found.worst_mistakes(5)
    wrong = [(float(loss), row) for row, loss in enumerate(found.losses) if found.predictions[row] != found.labels[row]]
    assert [each.index for each in worst] == [row for _, row in sorted(wrong, key=lambda pair: -pair[0])[:5]]
    assert all(each.prediction != each.label for each in worst)
    with pytest.raises(CancelledError):
        evaluate(model, data, cancel=lambda: True)


def test_some_of_the_images_are_always_the_same_and_a_cell_has_its_own() -> None:
    model = many_at_a_time(tiny_model(), 16)
    data = datasets.to_dataset(patterns())
    whole = evaluate(model, data)
    for count in (1, 20, 33, 70, 1000):
        found = evaluate(model, data, count=count)
        assert len(found.labels) == min(count, 70)
        again = evaluate(model, data, count=count)
        assert found.rows.tolist() == again.rows.tolist() == sorted(set(found.rows.tolist()))
        assert torch.equal(found.labels, data.test_labels[found.rows])
        assert torch.equal(found.predictions, whole.predictions[found.rows])
        assert all(each.index == found.rows[each.place] for each in found.worst_mistakes())
    for truth in range(CLASSES):
        for predicted in range(CLASSES):
            places = whole.find_images(truth, predicted)
            assert len(places) == whole.confusion[truth][predicted]
            assert {(int(whole.labels[each]), int(whole.predictions[each])) for each in places} <= {(truth, predicted)}
            shares = [float(whole.confidences[each]) for each in places]
            assert shares == sorted(shares, reverse=True)
    with pytest.raises(ValueError, match="at least 1"):
        evaluate(model, data, count=0)
    with pytest.raises(ValueError, match="only on the same images"):
        whole.disagreements(evaluate(model, data, count=20))


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(st.floats(0.25, 1.0, width=32), st.booleans()), min_size=1, max_size=60))
def test_calibration_is_the_definition(answers: list[tuple[float, bool]]) -> None:
    """Against Guo et al.'s equation 3, one answer at a time."""
    shares = torch.tensor([share for share, _ in answers])
    right = torch.tensor([int(good) for _, good in answers])
    found = EvaluationResult(
        rows=torch.arange(len(answers)),
        classes=("wrong", "right"),
        labels=torch.ones_like(right),
        predictions=right,
        confidences=shares,
        losses=torch.zeros_like(shares),
    )
    expected = 0.0
    for k in range(BINS):
        inside = [(s, g) for s, g in ((float(s), g) for s, (_, g) in zip(shares, answers, strict=True))
                  if (k == 0 and s == 0) or k / BINS < s <= (k + 1) / BINS]  # fmt: skip
        assert found.calibration[k].images == len(inside)
        if inside:
            expected += abs(sum(g for _, g in inside) - sum(s for s, _ in inside)) / len(answers)
        else:
            assert math.isnan(found.calibration[k].accuracy)
    assert found.calibration_error == pytest.approx(expected, abs=1e-6)
    assert sum(each.images for each in found.calibration) == len(answers)


def test_per_class_numbers() -> None:
    found = EvaluationResult(
        rows=torch.arange(4),
        classes=("a", "b", "c"),
        labels=torch.tensor([0, 0, 0, 1]),
        predictions=torch.tensor([0, 1, 1, 1]),
        confidences=torch.full((4,), 0.5),
        losses=torch.zeros(4),
    )
    a, b, c = found.per_class
    assert (a.images, a.recall, a.precision) == (3, pytest.approx(1 / 3), 1.0)
    assert (b.images, b.recall, b.precision) == (1, 1.0, pytest.approx(1 / 3))
    assert c.images == 0
    assert math.isnan(c.recall)
    assert math.isnan(c.precision)


def test_two_models_side_by_side() -> None:
    one, two = tiny_model(1, classes=tuple("abcd")), tiny_model(2, classes=tuple("abcd"))
    pictures = [pixels(seed, 15, 15, 3) for seed in range(20)]
    told: list[tuple[int, int]] = []
    pairs = predict_both(one, two, pictures, progress=lambda *done: told.append(done))
    assert told[-1] == (40, 40)
    assert [pair.agree for pair in pairs] == [
        a.top[0].name == b.top[0].name for a, b in zip(predict(one, pictures), predict(two, pictures), strict=True)
    ]
    assert len({pair.agree for pair in pairs}) == 2, "random networks agree sometimes"
    data = datasets.to_dataset(patterns())
    first, second = evaluate(one, data), evaluate(two, data)
    assert list(first.disagreements(second)) == [
        row for row in range(70) if first.predictions[row] != second.predictions[row]
    ]
    with pytest.raises(ValueError, match="same images"):
        first.disagreements(dataclasses.replace(second, labels=second.labels.roll(1)))


def test_other_classes_are_refused() -> None:
    named = tiny_model(classes=tuple("abcd"))
    with pytest.raises(ValueError, match="or in another order"):
        evaluate(named, datasets.to_dataset(patterns(names="abdc")))
    with pytest.raises(ValueError, match="knows 4 classes, digits has 10"):
        evaluate(named, datasets.load("digits", SHAPE))
    assert evaluate(tiny_model(), datasets.to_dataset(patterns(names="abdc"))).classes == tuple("abdc")


@given(st.integers(1, 20_000), st.data())
def test_the_interval_holds_the_shares_that_a_score_test_does_not_refuse(count: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, count))
    labels = torch.zeros(count, dtype=torch.int64)
    answers = (torch.arange(count) >= right).long()
    found = EvaluationResult(
        rows=torch.arange(count), classes=("a", "b"), labels=labels,
        predictions=answers, confidences=torch.ones(count), losses=torch.zeros(count)
    )
    assert found.correct_count == right
    share = right / count
    low, high = found.accuracy_interval
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):  # there the observed share lies 1.96 standard deviations away, or nothing lies beyond
        if 1e-9 < end < 1 - 1e-9:
            assert abs(share - end) == pytest.approx(1.959964 * (end * (1 - end) / count) ** 0.5, rel=1e-4)
        else:
            assert share == pytest.approx(end, abs=1e-9)


def test_a_streamed_test_set_gives_what_a_stored_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    for label in "abcd":
        (tmp_path / "pets" / label).mkdir(parents=True)
        for n in range(10):
            (tmp_path / "pets" / label / f"{n}.png").write_bytes(png(10 * ord(label) + n, 20 + n, 24))
    stored, streamed = (
        datasets.import_images(tmp_path / "pets", size=(16, 16), stream=on).name for on in (False, True)
    )
    for shape in (None, SHAPE):
        one, other = (
            evaluate(many_at_a_time(tiny_model(), 3), datasets.load(each, shape)) for each in (stored, streamed)
        )
        assert torch.equal(one.losses, other.losses)
        assert one.confusion == other.confusion
