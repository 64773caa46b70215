"""One preprocessing: a test image has equal scores in training's evaluation, ``evaluate``, ``predict`` and Inspect."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from explorer import datasets
from explorer.architecture import Architecture, edit, to_json
from explorer.datasets import Preprocessing
from explorer.datasets._dataset import Dataset
from explorer.inspection.evaluation import evaluate
from explorer.inspection.models import Model
from explorer.inspection.opening import open_model
from explorer.inspection.predict import predict
from explorer.runs import Manager, RunFolder
from explorer.training import TrainConfig, checkpoint
from explorer.training import evaluation as training_evaluation
from explorer.training._start import describe_scaling
from explorer.training.data import Tensors, load_to_device, normalise_images
from explorer.training.loop import make_autocast
from explorer.training.state import State
from pages.ui.inspect import queries
from tests.datasets.makers import encoded, pixels, zipped
from tests.sizes import examples
from tests.training.parts import CPU, config, network

from .parts import shaken

CLASSES = 4


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # sums have one order, and small networks are quickest


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Manager:
    return Manager(tmp_path_factory.mktemp("home"))


def stored(shape: tuple[int, int, int], count: int = 9) -> datasets.ImageArrays:
    """A data set of noise, whose every pixel matters."""
    return datasets.ImageArrays(
        name="noise",
        classes=tuple("abcd"),
        train_images=pixels(1, 8, *shape),
        train_labels=np.arange(8, dtype=np.int64) % CLASSES,
        test_images=pixels(2, count, *shape),
        test_labels=np.arange(count, dtype=np.int64) % CLASSES,
    )


def opened(manager: Manager, net: Architecture, how: TrainConfig, data: Dataset) -> tuple[Model, State, Tensors]:
    """A run of random weights as it is opened from its checkpoint, and what trained it."""
    prepared = data.prepared(describe_scaling(how.start, net.input_shape))
    state, tensors = State(net, how, CPU), load_to_device(prepared, how, CPU)
    shaken(state.model)
    facts = {"classes": data.classes, "preprocessing": tensors.preprocessing.to_data(), "fingerprint": "x"}
    run = manager.create("noise", to_json(net), how.model_dump_json())
    checkpoint.save(RunFolder(manager.root, run.id).checkpoints, run.id, 1, {**state.capture(), **facts})
    return open_model(run.id, manager), state, tensors


def as_picture(image_CHW: torch.Tensor) -> bytes:
    """A stored image as the file that a person would predict."""
    grey = image_CHW.shape[0] == 1
    return encoded(image_CHW[0].numpy() if grey else image_CHW.permute(1, 2, 0).contiguous().numpy())


def in_inspect(model: Model, data: bytes) -> Any:
    """What the Inspect page's code predicts for an uploaded file."""
    picture: Any = {"data": data, "digest": repr(data), "pixels": datasets.decode(data).pixels}
    return queries.predict_picture(model, picture)


SIDES = st.integers(8, 40)
CHANNELS = st.sampled_from([1, 3])


@st.composite
def starts(draw: st.DrawFn) -> dict[str, Any] | None:
    """What the preprocessing of weights asks of the run that starts from them; None starts from random weights."""
    if draw(st.booleans()):
        return None
    given: dict[str, Any] = {"weights": "t", "mean": (0.4,), "std": (0.3,), "squash": draw(st.booleans())}
    if not given["squash"]:
        given["cover"] = draw(st.none() | st.tuples(SIDES, SIDES))
        given["interpolation"] = draw(st.sampled_from(["bilinear", "bicubic"]))
    return given


@settings(max_examples=examples(40))
@given(
    st.tuples(CHANNELS, SIDES, SIDES), st.tuples(CHANNELS, SIDES, SIDES), st.sampled_from(["data", "half"]),
    st.booleans(), starts(),
)  # fmt: skip
def test_every_way_gives_equal_scores(
    manager: Manager,
    shape: tuple[int, int, int],
    input_shape: tuple[int, int, int],
    normalise: str,
    mirror: bool,
    start: dict[str, Any] | None,
) -> None:
    net = edit.replace(network(), "", input_shape=input_shape)
    how = config(normalise=normalise, flip_average=mirror, precision="fp32", start=start)
    data = datasets.to_dataset(stored(shape))
    model, state, tensors = opened(manager, net, how, data)
    trained = training_evaluation.evaluate(
        state.eval_model, tensors.evaluated["test"], tensors, how, make_autocast(CPU, how)
    )
    found = evaluate(model, data)
    assert found.loss == pytest.approx(trained.loss, rel=1e-5)
    assert [list(row) for row in found.confusion] == [list(row) for row in trained.confusion]
    if start is None:
        again = evaluate(model, data.adapted(input_shape))
        assert torch.equal(again.losses, found.losses), "adapted before is not twice"
    x_BCHW = normalise_images(tensors.evaluated["test"].images, tensors, channels_last=False)
    files = [as_picture(image) for image in data.test_images]
    told = predict(model, [datasets.decode(file).pixels for file in files], top=CLASSES)
    for row, (file, each, x_CHW) in enumerate(zip(files, told, x_BCHW, strict=True)):
        assert torch.equal(each.input, x_CHW), "bit for bit what was trained on"
        assert each.top[0].probability == pytest.approx(float(found.confidences[row]), abs=1e-5)
        page = in_inspect(model, file)
        assert torch.equal(page.input, x_CHW)
        assert [best.probability for best in page.top] == pytest.approx([b.probability for b in each.top], abs=1e-6)
    shown = [(best.index, round(best.probability, 3)) for best in told[tensors.evaluated["test"].shown[0]].top[:3]]
    assert shown == [(index, pytest.approx(share, abs=2e-3)) for index, share in trained.predictions[0]]


@pytest.mark.parametrize(("form", "scaling"), [("PNG", "cut"), ("JPEG", "cut"), ("JPEG", "squash")])
def test_photos_of_mixed_sizes_are_predicted_as_they_were_imported(
    manager: Manager, tmp_path: Path, form: str, scaling: datasets.Scaling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original files, scaled and cut or squashed by the import, then squashed to an input of other proportions."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    files = {
        f"{split}/{name}/{number}.{form}": encoded(photo(10 * seed + number, height, width), form)
        for split in ("train", "test")
        for seed, name in enumerate("abcd")
        for number, (height, width) in enumerate([(300, 520), (90, 64), (64, 64), (1000, 70)])
    }
    imported = datasets.import_images(zipped(tmp_path / "photos.zip", files), size=(32, 48), scaling=scaling)
    assert (imported.scaled_to, imported.scaled_by) == ((32, 48), scaling)
    data = datasets.load(imported.name)
    how = config(dataset=imported.name, precision="fp32")
    model, _, tensors = opened(manager, edit.replace(network(), "", input_shape=(3, 24, 20)), how, data)
    x_BCHW = normalise_images(tensors.evaluated["test"].images, tensors, channels_last=False)
    originals = [content for name, content in files.items() if name.startswith("test/")]
    assert len(originals) == len(x_BCHW)
    for original in originals:
        side = model.preprocessing.decoded_side
        (told,) = predict(model, [datasets.decode(original, at_least=side).pixels])
        assert any(torch.equal(told.input, x_CHW) for x_CHW in x_BCHW)
        assert torch.equal(in_inspect(model, original).input, told.input)
    found = evaluate(model, data)
    if scaling == "cut":
        again = datasets.load(tmp_path / "photos.zip", size=model.preprocessing.import_size)
        assert again.fingerprint == data.fingerprint, "evaluating the archive itself uses the same images"
        assert torch.equal(evaluate(model, again).losses, found.losses)
    assert {"cut": "cover 32×48", "squash": "scaled to 32×48"}[scaling] in model.preprocessing.steps()[0]
    assert any("24×20" in step and "whatever its proportions" in step for step in model.preprocessing.steps())


def photo(seed: int, height: int, width: int) -> Image.Image:
    """Colours that change gently, so that JPEG keeps them."""
    return Image.fromarray(pixels(seed, 6, 6, 3)).resize((width, height), Image.Resampling.BICUBIC)


def test_grey_images_make_colour_pictures_grey() -> None:
    how = Preprocessing(shape=(3, 12, 10), dataset_shape=(1, 12, 10), squash=True)
    colour = pixels(1, 12, 10, 3)
    expected = np.asarray(Image.fromarray(colour).convert("L"))
    assert np.array_equal(how.pixels(colour), np.stack([expected] * 3))
    assert "converted to greyscale (BT.601)" in how.steps()
    assert "grey repeated in red, green and blue" in how.steps()


FORMS = st.sampled_from([(1, 12, 12), (3, 12, 12), (3, 9, 30), (1, 40, 8)])
VALUES = st.builds(
    Preprocessing,
    shape=st.tuples(CHANNELS, SIDES, SIDES),
    mean=st.tuples(st.floats(0, 1)),
    std=st.tuples(st.floats(0.1, 1)),
    dataset_shape=st.none() | FORMS,
    dataset_squash=st.booleans(),
    squash=st.booleans(),
    mirror=st.booleans(),
)


@settings(max_examples=examples(100))
@given(VALUES, FORMS, st.integers(1, 3))
def test_a_batch_is_its_images_one_by_one(how: Preprocessing, form: tuple[int, int, int], count: int) -> None:
    images = torch.from_numpy(pixels(3, count, *form))
    each = [how.pixels(datasets.decode(as_picture(image)).pixels) for image in images]
    assert np.array_equal(how.adapt(images).numpy(), np.stack(each))
    assert Preprocessing.from_data(how.to_data()) == how


@settings(max_examples=examples(100))
@given(VALUES, st.integers(8, 60), st.integers(8, 60))
def test_what_the_input_shows_lies_where_placement_says(how: Preprocessing, height: int, width: int) -> None:
    """Against a picture whose every column, or row, has its own grey: what is seen at the input's middle and ends."""
    _, rows, columns = how.shape
    part = how.placement(height, width).to_image(datasets.Box(0, 0, rows, columns))
    assert 0 <= part.top < part.bottom <= height
    assert 0 <= part.left < part.right <= width
    across = ramp(width)[None].repeat(height, 0)
    down = ramp(height)[:, None].repeat(width, 1)
    for picture, low, high, side, axis in (
        (across, part.left, part.right, width, 2), (down, part.top, part.bottom, height, 1),
    ):  # fmt: skip
        seen = how.pixels(picture[..., None].repeat(3, 2)).astype(float).mean(tuple({0, 1, 2} - {axis}))
        middle = 255 * ((low + high) / 2 - 0.5) / max(1, side - 1)
        assert seen.mean() == pytest.approx(middle, abs=255 * 1.5 / side + 3)
        assert seen.max() - seen.min() <= 255 * (high - low) / max(1, side - 1) + 3


def ramp(count: int) -> NDArray[np.uint8]:
    return np.linspace(0, 255, count).astype(np.uint8)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "shape"), ("no", "preprocessing"), ({"shape": (2, 8, 8)}, "1 or 3 channels"),
        ({"shape": (3, 8, 8), "mean": (0.1, 0.2)}, "mean"),
        ({"shape": (3, 8, 8), "dataset_shape": (3, 0, 8)}, "from 1"),
        ({"shape": (3, 8, 8), "squash": True, "cover": (9, 9)}, "cover"),
    ],
)  # fmt: skip
def test_what_describes_no_preprocessing_is_one_sentence(data: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Preprocessing.from_data(data)


def test_runs_of_earlier_versions_get_what_was_done_to_their_images(manager: Manager) -> None:
    """Their checkpoints hold mean and deviation alone; the images were squashed."""
    net = edit.replace(network(classes=10), "", input_shape=(3, 14, 20))
    how = config(dataset="digits", precision="fp32")
    data = datasets.load("digits")
    _, state, tensors = opened(manager, net, how, data)
    made = tensors.preprocessing
    facts = {"classes": data.classes, "mean": list(made.mean), "std": list(made.std), "fingerprint": "x"}
    run = manager.create("old", to_json(net), how.model_dump_json())
    checkpoint.save(RunFolder(manager.root, run.id).checkpoints, run.id, 1, {**state.capture(), **facts})
    model = open_model(run.id, manager)
    assert model.preprocessing == made
    assert not model.notes
    gone = manager.create("old", to_json(net), how.changed(dataset="gone-12345678").model_dump_json())
    checkpoint.save(RunFolder(manager.root, gone.id).checkpoints, gone.id, 1, {**state.capture(), **facts})
    model = open_model(gone.id, manager)
    assert "is not here" in model.notes[0]
    assert model.preprocessing.squash
    image = data.test_images[0]
    file = Image.open(io.BytesIO(as_picture(image))).convert("RGB")
    assert torch.equal(
        model.prepare(np.asarray(file)), normalise_images(made.adapt(image[None]), tensors, channels_last=False)
    )


def test_wide_marks_are_evaluated_and_predicted_alike(manager: Manager, tmp_path: Path) -> None:
    """A mark at the left or right end of a wide picture, for a square network: a cut of the middle would lose it."""
    from explorer.training.loop import train
    from explorer.training.recording import NullLog

    def marked(right: int, seed: int) -> NDArray[np.uint8]:
        image = pixels(seed, 1, 24, 72) // 8
        image[:, 6:18, 58:70] += 200 * right
        image[:, 6:18, 2:14] += 200 * (1 - right)
        return image

    labels = np.arange(80, dtype=np.int64) % 2
    images = np.stack([marked(int(label), seed) for seed, label in enumerate(labels)])
    content = datasets.ImageArrays(
        name="marks", classes=("left", "right"), train_images=images, train_labels=labels, test_images=images[:20],
        test_labels=labels[:20],
    )  # fmt: skip
    net = edit.replace(network(classes=2, dropout=0.0), "", input_shape=(1, 24, 24))
    net = edit.replace(edit.replace(net, "pool", output_size=(2, 2)), "stem", out_channels=8)
    how = config(batch_size=16, epochs=8, lr=1e-2, precision="fp32", ema_decay=None)
    data = datasets.to_dataset(content)
    state, tensors = State(net, how, CPU), load_to_device(data.adapted(net.input_shape), how, CPU)
    train(state, tensors, how, NullLog())
    facts = {"classes": data.classes, "preprocessing": tensors.preprocessing.to_data(), "fingerprint": "x"}
    run = manager.create("marks", to_json(net), how.model_dump_json())
    checkpoint.save(RunFolder(manager.root, run.id).checkpoints, run.id, 1, {**state.capture(), **facts})
    model = open_model(run.id, manager)
    assert evaluate(model, data).accuracy == 1
    for row in (0, 1):
        (told,) = predict(model, [datasets.decode(as_picture(data.test_images[row])).pixels])
        assert told.top[0].index == row
        assert told.top[0].probability > 0.9
