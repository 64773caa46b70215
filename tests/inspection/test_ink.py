"""Photos of ink on paper and models that learnt from light digits: what is converted, what is not, and that it is told.

The photos are drawn by Pillow here: lines on paper with a shadow, noise and blur.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from explorer import datasets
from explorer.cli import main
from explorer.datasets import MNIST_FORM, bring_ink_to_mnist
from explorer.inspection.evaluation import find_ink_warning
from explorer.inspection.models import Model
from explorer.inspection.opening import open_model
from explorer.inspection.predict import predict
from explorer.runs import Manager
from tests.sizes import examples

FIGURES = {
    "0": [[(5, 1), (8, 3), (8, 7), (5, 9), (2, 7), (2, 3), (5, 1)]],
    "1": [[(5, 1), (5, 9)]],
    "2": [[(2, 3), (4, 1), (7, 2), (7, 4), (2, 9), (8, 9)]],
    "3": [[(2, 1), (7, 1), (5, 4), (8, 6), (6, 9), (2, 8)]],
    "4": [[(4, 1), (2, 6), (8, 6)], [(7, 3), (7, 9)]],
    "7": [[(2, 1), (8, 1), (4, 9)]],
}


def photo(
    figure: str, *, size: tuple[int, int] = (240, 200), extent: float = 0.5, at: tuple[float, float] = (0.5, 0.5),
    pen: float = 0.1, ink: int = 40, paper: int = 215, shadow: float = 0.3, noise: float = 5, seed: int = 0,
) -> NDArray[np.uint8]:  # fmt: skip
    """A figure on a sheet of (width, height) pixels; ``at`` is where its middle lies in the room that it leaves."""
    wide, high = size
    unit = extent * min(size)
    left, top = ((length - unit * (1 + pen)) * share + unit * pen / 2 for length, share in zip(size, at, strict=True))
    sheet = Image.new("L", size, 0)
    for line in FIGURES[figure]:
        places = [(left + unit * x / 10, top + unit * y / 10) for x, y in line]
        width = max(1, round(unit * pen))
        ImageDraw.Draw(sheet).line(places, fill=255, width=width, joint="curve")
    drawn = np.asarray(sheet.filter(ImageFilter.GaussianBlur(0.7)), np.float64) / 255
    light = 1 - shadow * np.linspace(0, 1, wide)[None, :] * np.linspace(0.5, 1, high)[:, None]
    grey = (paper + (ink - paper) * drawn) * light + np.random.default_rng(seed).normal(0, noise, (high, wide))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model("mnist-inception", Manager(tmp_path_factory.mktemp("home")))


def test_digits_on_paper_are_read_and_it_is_told(model: Model) -> None:
    looks = [
        {"at": (0.1, 0.2)}, {"extent": 0.9, "pen": 0.13}, {"extent": 0.25, "at": (0.9, 0.8), "size": (500, 400)},
        {"pen": 0.03, "size": (400, 400), "ink": 90},
    ]  # fmt: skip
    names = [name for name in FIGURES for _ in looks]
    photos = [photo(name, seed=seed, **look) for name in FIGURES for seed, look in enumerate(looks)]  # type: ignore[arg-type]
    found = predict(model, photos, top=1)
    right = sum(each.top[0].name == name for each, name in zip(found, names, strict=True))
    assert right >= len(names) - 2
    assert all(each.conversions == (MNIST_FORM,) for each in found)
    plain = predict(model, photos, top=1, as_is=True)
    assert sum(each.top[0].name == name for each, name in zip(plain, names, strict=True)) < len(names) / 2
    assert all(each.conversions == () for each in plain)
    assert (plain[0].input == model.prepare(photos[0])[0]).all()


@given(
    st.sampled_from(sorted(FIGURES)), st.floats(0.3, 0.9), st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.floats(0.05, 0.14), st.integers(10, 90), st.integers(140, 250), st.integers(120, 400),
)  # fmt: skip
@settings(max_examples=examples(60), deadline=None)
def test_the_form_is_that_of_mnist(
    figure: str, extent: float, at: tuple[float, float], pen: float, ink: int, paper: int, side: int
) -> None:
    form = bring_ink_to_mnist(photo(figure, size=(side, side), extent=extent, at=at, pen=pen, ink=ink, paper=paper))
    assert form is not None
    assert form.shape == (112, 112, 3)
    lit = form[:, :, 0].astype(np.float64)
    rows, columns = np.nonzero(lit > 127)
    extents = max(np.ptp(rows), np.ptp(columns)) + 1
    assert extents == pytest.approx(80, abs=9)  # 20 of 28 parts; thin lines are widened
    middle = [(lit.sum(axis) @ (np.arange(112) + 0.5)) / lit.sum() for axis in (0, 1)]
    assert middle == pytest.approx([56, 56], abs=2)
    assert lit[[0, -1]].max() == lit[:, [0, -1]].max() == 0


def test_what_is_no_ink_on_paper_is_left_alone(model: Model) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    sheet = photo("7")
    others = [
        noise, 255 - sheet, np.full((50, 60, 3), 255, np.uint8), np.zeros((40, 40, 3), np.uint8),
        np.full((1, 1, 3), 200, np.uint8), datasets.draw_strokes([[(0.5, 0.1), (0.5, 0.9)]]),
        photo("7", ink=200),  # nothing that could be told from the paper
    ]  # fmt: skip
    assert [bring_ink_to_mnist(each) for each in others] == [None] * len(others)
    test_images = np.repeat(np.asarray(datasets.load("digits").test_images[:50]).transpose(0, 2, 3, 1), 3, axis=3)
    assert all(bring_ink_to_mnist(each) is None for each in test_images)


def test_other_models_take_pictures_as_they_are(tmp_path: Path) -> None:
    model = open_model("cifar10-inception", Manager(tmp_path))
    assert not model.reads_light_ink
    (found,) = predict(model, [photo("7")])
    assert found.conversions == ()


def test_the_command_line_tells_it_and_leaves_it_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    file = str(tmp_path / "seven.png")
    Image.fromarray(photo("7")).save(file)
    assert main(["predict", "mnist-inception", file, "--top", "1"]) == 0
    out = capsys.readouterr().out
    assert f"seven.png; {MNIST_FORM} (--as-is takes it as it is)" in out
    assert out.split()[-1] == "7"
    assert main(["predict", "mnist-inception", file, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["images"]
    assert (row["picture_conversions"], row["predictions"][0]["class"]) == ([MNIST_FORM], "7")
    assert main(["predict", "mnist-inception", file, "--csv"]) == 0
    assert f"1 of 1 pictures: {MNIST_FORM}" in capsys.readouterr().err
    assert main(["perturb", "mnist-inception", file, "--along", "cover"]) == 0
    assert MNIST_FORM in capsys.readouterr().out
    assert main(["predict", "mnist-inception", file, "--as-is"]) == 0
    assert MNIST_FORM not in capsys.readouterr().out


def test_an_evaluation_tells_where_test_images_are_ink_on_paper(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    digits = datasets.load("digits")
    assert find_ink_warning(model, digits) == ""
    for label in range(10):
        folder = tmp_path / "paper" / "test" / str(label)
        train = tmp_path / "paper" / "train" / str(label)
        for place in (folder, train):
            place.mkdir(parents=True)
        for number, row in enumerate((digits.test_labels == label).nonzero().flatten()[:3].tolist()):
            paper = Image.fromarray(235 - (digits.test_images[row, 0].numpy() * 0.8).astype(np.uint8))
            paper.resize((84, 84)).save(folder / f"{number}.png")
            paper.resize((84, 84)).save(train / f"{number}.png")
    assert main(["evaluate", "mnist-inception", "--dataset", str(tmp_path / "paper")]) == 0
    out, err = capsys.readouterr()
    assert "test images looked at are dark ink on light paper, and mnist-inception learnt light" in err
    assert "of 30 test images correct" in out
    assert find_ink_warning(open_model("cifar10-inception", Manager(tmp_path)), digits) == ""
