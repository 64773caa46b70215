"""The sheet of augmented images shows what the loop trains on, in the run's own draws."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from explorer import catalog
from explorer.architecture import Architecture, edit
from explorer.cli import main
from explorer.datasets import transforms
from explorer.training import describe_augmentation, recipe
from explorer.training.augmentation_sheet import draw_augmentations
from explorer.training.data import make_generator

NET = catalog.get("inception-net-32")
GREY = edit.replace(NET, "", input_shape=(1, 28, 28))


@pytest.mark.parametrize("network", [NET, GREY])
def test_the_draws_are_those_of_the_runs_epochs(network: Architecture) -> None:
    settings = recipe("course", "digits").changed(crop=3, flip=True, seed=5, normalise="data")
    sheet = draw_augmentations(settings, network, images=7, draws=2, first=4)
    assert sheet.before.shape == (7, *network.input_shape)
    assert len(set(sheet.labels)) == 7
    for epoch, shown in zip((3, 4), sheet.after, strict=True):  # from 0
        draw = make_generator(5, epoch, 0, "images")
        expected = transforms.random_flip(transforms.random_crop(sheet.before, 3, draw), draw)
        assert torch.equal(shown, expected)
    assert sheet.steps == ("shifted by up to 3 px", "mirrored")


def test_without_augmentation_the_images_stay_and_squares_have_the_mean_colour() -> None:
    plain = recipe("course", "digits")
    sheet = draw_augmentations(plain, NET, draws=1)
    assert torch.equal(sheet.after[0], sheet.before)
    assert sheet.steps == ()
    blanked = draw_augmentations(plain.changed(cutout=6, normalise="data"), NET, draws=1)
    changed = blanked.after[0] != blanked.before
    assert 0 < changed.flatten(1).sum(1).max() <= 3 * 36
    assert len(blanked.after[0][changed].unique()) == 1


def test_windows_are_shown_while_the_run_shows_them() -> None:
    settings = recipe("quick", "digits").changed(epochs=4, window_share=0.5, warmup_epochs=1.0)
    sheet = draw_augmentations(settings, NET, draws=4)
    assert [tuple(each.shape[2:]) for each in sheet.after] == [(24, 24)] * 2 + [(32, 32)] * 2
    assert "windows of 24×24 at first" in sheet.steps
    for dark in (False, True):
        picture = Image.open(io.BytesIO(sheet.to_png(dark=dark)))
        assert picture.width > 5 * 96
        assert picture.getpixel((0, 0)) == ((14, 17, 23) if dark else (255, 255, 255))


def test_every_augmentation_is_in_words() -> None:
    plain = recipe("course", "digits")
    every = {
        "crop": 1, "flip": True, "rotate": 1.0, "zoom": 0.1, "resized_crop": 0.5, "brightness": 0.1, "contrast": 0.1,
        "saturation": 0.1, "hue": 0.1, "rand_augment": 1, "window": 0.5, "cutout": 1, "mixup": 0.1,
    }  # fmt: skip
    told = [describe_augmentation(plain.changed(**{name: value}), NET) for name, value in every.items()]
    assert [len(each) for each in told] == [1] * len(every)
    assert len(describe_augmentation(plain.changed(**every), NET)) == len(every) - 2  # three colours are one step


def test_the_verb_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sheet.png"
    words = ["augment", "inception-net-32", "--recipe", "handwriting", "--seed", "2", "-o", str(path)]
    assert main([*words, "--draws", "3", "--images", "2", "--first", "9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seed"], told["epochs"], told["images"]) == (2, [9, 11], 2)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
    assert main([*words, "--draws", "0"]) == 2
    assert "draws (=0) and the first epoch (=1) must be at least 1" in capsys.readouterr().err
    assert main(["augment", "inception-net-32", "-o", str(tmp_path / "no" / "sheet.png")]) == 2
    assert "cannot write" in capsys.readouterr().err
