"""Unequal classes: weights in the loss, even sampling, the hint; against torch and plain loops."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer import catalog, datasets
from explorer.training import TrainConfig, describe_imbalance, find_warnings, recipe, weigh_classes
from explorer.training.balance import draw_balanced_order, make_class_weights
from explorer.training.data import Tensors, load_to_device
from explorer.training.loop import Batch, ModelWithLoss, make_autocast, train
from explorer.training.recording import NullLog
from explorer.training.state import State
from tests.datasets.makers import png, zipped

from .parts import CLASSES, CPU, SHAPE, config, network, without_norm
from .test_loop import Halt, equal

SIZES = (60, 24, 8, 4)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums have one order, and small tensors are quick."""
    torch.set_num_threads(1)


def unequal(settings: TrainConfig) -> Tensors:
    """Noise in classes of 60, 24, 8 and 4 images."""
    draw = np.random.default_rng(0)
    labels = draw.permutation(np.repeat(np.arange(CLASSES), SIZES))
    images = draw.integers(0, 256, (len(labels), *SHAPE)).astype(np.uint8)
    content = datasets.ImageArrays(
        name="unequal", classes=tuple("abcd"), train_images=images, train_labels=labels.astype(np.int64),
        test_images=images[:32], test_labels=labels[:32].astype(np.int64),
    )  # fmt: skip
    return load_to_device(datasets.to_dataset(content), settings, CPU)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30).filter(any))
def test_weights_are_the_stated_formulas_and_their_mean_is_one(counts: list[int]) -> None:
    present = [count for count in counts if count]
    for kind, share in (("inverse", [1.0] * len(present)), ("sqrt", [count**0.5 for count in present])):
        weights = weigh_classes(counts, kind)  # type: ignore[arg-type]
        total = sum(w * n for w, n in zip(weights, counts, strict=True))
        assert total == pytest.approx(sum(counts))
        parts = [w * n for w, n in zip(weights, counts, strict=True) if n]
        assert parts == pytest.approx([sum(counts) * each / sum(share) for each in share])
        assert all(weight == 1 for weight, count in zip(weights, counts, strict=True) if not count)
    assert weigh_classes(counts, "none") == (1.0,) * len(counts)


@pytest.mark.parametrize("fields", [{}, {"label_smoothing": 0.1}, {"mixup": 0.4, "label_smoothing": 0.1}])
def test_the_weighted_loss_is_torchs_by_image_and_its_parts_add_up(fields: dict[str, Any]) -> None:
    settings = config(class_weights="inverse", **fields)
    weights = make_class_weights(data := unequal(settings), settings)
    assert weights is not None
    assert weights.tolist() == pytest.approx(weigh_classes(SIZES, "inverse"))
    generator = torch.Generator().manual_seed(0)
    batch = Batch.assemble(data.train.pick(range(30)), data.train.labels[:30], data, settings, generator)
    scores = torch.randn(30, CLASSES, generator=generator)
    model = ModelWithLoss(lambda x: scores[: len(x)], settings, make_autocast(CPU, settings), weights)
    plain = nn.CrossEntropyLoss(weights, label_smoothing=settings.label_smoothing, reduction="none")
    assert float(model.loss(scores, batch.target)) == pytest.approx(float(plain(scores, batch.target).mean()))
    parts = [(part.share, len(part.target)) for part in batch.split(4)]
    places = np.cumsum([0, *(count for _, count in parts)])
    halves = [share * model.loss(scores[a:b], batch.target[a:b])
              for (share, _), a, b in zip(parts, places, places[1:], strict=False)]  # fmt: skip
    assert float(sum(halves)) == pytest.approx(float(model.loss(scores, batch.target)))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=9).filter(any), st.integers(0, 3))
def test_every_class_is_shown_equally_often_and_so_is_each_of_its_images(counts: list[int], seed: int) -> None:
    labels = torch.from_numpy(np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)))
    order = draw_balanced_order(labels, torch.Generator().manual_seed(seed))
    assert len(order) == len(labels)
    shown = Counter(labels[order].tolist())
    assert set(shown) == {place for place, count in enumerate(counts) if count}
    assert max(shown.values()) - min(shown.values()) <= 1
    times = Counter(order.tolist())
    for label in shown:
        each = [times[row] for row in (labels == label).nonzero()[:, 0].tolist()]
        assert max(each) - min(each) <= 1
    assert torch.equal(order, draw_balanced_order(labels, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("fields", [{"class_weights": "sqrt"}, {"sampling": "balanced"}])
def test_a_resumed_run_repeats_it_bit_for_bit(fields: dict[str, Any]) -> None:
    settings, architecture = config(precision="fp32", mixup=0.2, validation=0.2, **fields), without_norm(network())
    whole, first, second = (State(architecture, settings, CPU) for _ in range(3))
    data = unequal(settings)
    train(whole, data, settings, NullLog())

    def halt(state: State) -> None:
        if state.epoch == 1 and state.step == 1:
            raise Halt

    with pytest.raises(Halt):
        train(first, data, settings, NullLog(), halt)
    second.restore(first.capture())
    train(second, data, settings, NullLog())
    assert equal(whole.model.state_dict(), second.model.state_dict())
    plain = State(architecture, without := config(precision="fp32", mixup=0.2, validation=0.2), CPU)
    train(plain, data, without, NullLog())
    assert not equal(whole.model.state_dict(), plain.model.state_dict())


def test_evaluation_is_never_weighted() -> None:
    settings = config(epochs=1, class_weights="inverse", precision="fp32", lr=1e-9)
    found: dict[str, Any] = {}

    class Log(NullLog):
        def end_epoch(self, state: State, step: int, results: Any) -> None:
            found.update(results)

    state, data = State(network(dropout=0.0), settings, CPU), unequal(settings)
    train(state, data, settings, Log())
    again = config(epochs=1, precision="fp32", lr=1e-9)
    plain = replace(found["test"])
    state = State(network(dropout=0.0), again, CPU)
    train(state, data, again, Log())
    assert plain.loss == pytest.approx(found["test"].loss, rel=1e-3)


def test_both_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="would balance the classes twice; set class_weights to none, or sampling"):
        config(class_weights="inverse", sampling="balanced")


def test_unequal_classes_are_told_of_once_and_no_more_when_they_are_balanced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    members = {f"{name}/{number}.png": png(100 * place + number) for place, (name, count) in
               enumerate((("cat", 30), ("dog", 6), ("owl", 12))) for number in range(count)}  # fmt: skip
    made = datasets.import_images(zipped(tmp_path / "pets.zip", members))
    settings = recipe("course", made.name).changed(batch_size=8)
    told = describe_imbalance(settings)
    most, least = (f(datasets.count_classes(made.name)[0]) for f in (max, min))
    assert told.startswith(f"the classes are unequal: 'cat' has {most} training images, 'dog' {least}. ")
    assert told in find_warnings(catalog.get("inception-net-32"), settings)
    for balanced in ({"class_weights": "sqrt"}, {"sampling": "balanced"}):
        assert describe_imbalance(settings.changed(**balanced)) == ""
    assert describe_imbalance(recipe("course", "digits")) == ""
