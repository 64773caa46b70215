"""Cards, names, the embedded digits, and what a data set is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import datasets, home
from explorer.datasets import DatasetError, _catalogue, _folders
from explorer.datasets._arrays import ImageArrays
from explorer.datasets._random import bits, permutation, split_stratified
from tests.datasets import makers


def test_every_name_has_a_card_that_says_how_to_get_it() -> None:
    assert datasets.names()[0] == datasets.DEFAULT
    for name in datasets.names():
        card = datasets.get_card(name)
        assert card.name == name
        assert min(card.train_count, card.test_count, card.size_bytes) > 0
        assert len(set(card.classes)) == len(card.classes) >= 2
        assert card.source
        assert card.licence
        by_hand = card.manual_download
        assert card.available or ("MD5" in by_hand and str(_folders.writable_folder()) in by_hand)


def test_cards_need_no_torch() -> None:
    script = (
        "import sys; from explorer import datasets as d; [d.get_card(n) for n in d.names()]; "
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mnits", "did you mean mnist"),
        ("../x.zip", "does not exist"),
        ("nothing/there", "does not exist"),
        ("a\0b", "there is no data set"),
        ("x" * 5000, "there is no data set"),
        ("long-range-7", "multiple of 4"),
        ("", "there is no data set"),
    ],
)
def test_unknown_names_are_refused_in_one_sentence(name: str, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        datasets.load(name)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_digits_are_real_mixed_stratified_and_always_the_same() -> None:
    digits = datasets.load()
    assert digits.shape == (1, 28, 28)
    assert digits.train_labels.bincount().tolist() == [400] * 10
    assert digits.test_labels.bincount().tolist() == [100] * 10
    assert (digits.train_labels[:-1] != digits.train_labels[1:]).float().mean() > 0.8  # mixed, not sorted by class
    # Written down, so that no upgrade of anything moves an image from one split to the other.
    assert digits.fingerprint == "38c6fa0f128e0358c63e056aa9728acff8c6bf4b642b39660a2a2f55e5d7c4f4"
    seen = {image.numpy().tobytes() for image in digits.train_images}
    assert not seen & {image.numpy().tobytes() for image in digits.test_images}
    # MNIST's own mean and deviation are 0.1307 and 0.3081; these 5,000 are a fair sample of it.
    assert digits.mean[0] == pytest.approx(0.1307, abs=0.002)
    assert digits.std[0] == pytest.approx(0.3081, abs=0.002)


def test_a_simple_classifier_learns_the_digits() -> None:
    """The labels belong to the images: nearest class mean gets about 80 % of MNIST right."""
    digits = datasets.load()
    x, t = digits.train_images.flatten(1).float(), digits.test_images.flatten(1).float()
    means = torch.stack([x[digits.train_labels == label].mean(0) for label in range(10)])
    right = (torch.cdist(t, means).argmin(1) == digits.test_labels).float().mean()
    assert right > 0.75


def test_fingerprint_is_of_content_only() -> None:
    digits = datasets._catalogue.load_arrays("digits")

    def changed(**values: object) -> str:
        fields = {name: getattr(digits, name) for name in ImageArrays.__dataclass_fields__}
        return ImageArrays(**{**fields, **values}).fingerprint

    assert changed(name="other", notes=("a note",)) == digits.fingerprint
    assert changed(test_labels=digits.test_labels.astype(">i8").astype(np.int64)) == digits.fingerprint
    pixel = digits.test_images.copy()
    pixel[3, 0, 14, 14] ^= 1
    labels = digits.train_labels.copy()
    labels[0] = (labels[0] + 1) % 10
    others = [changed(test_images=pixel), changed(train_labels=labels), changed(classes=tuple("abcdefghij"))]
    assert len({digits.fingerprint, *others}) == 4


def test_mean_and_std_are_those_of_the_pixels() -> None:
    images = makers.pixels(1, 2_100, 3, 5, 4)
    labels = np.arange(len(images)) % 2
    content = ImageArrays(
        name="random",
        classes=("a", "b"),
        train_images=images,
        train_labels=labels,
        test_images=images[:4],
        test_labels=labels[:4],
    )
    data = datasets.to_dataset(content)
    exact = images.astype(np.float64) / 255
    assert data.mean == pytest.approx(exact.mean((0, 2, 3)), abs=1e-12)
    assert data.std == pytest.approx(exact.std((0, 2, 3)), abs=1e-12)


def test_adapting_and_moving_keep_the_fingerprint() -> None:
    digits = datasets.load("digits", (3, 16, 20))
    assert digits.shape == (3, 16, 20)
    assert digits.fingerprint == datasets.load().fingerprint
    assert digits.to("cpu") is digits
    assert digits.adapted((3, 16, 20)) is digits
    with pytest.raises(DatasetError, match=r"takes 11\.8 GB"):
        digits.adapted((3, 886, 886))


def test_validation_never_touches_the_test_images() -> None:
    digits = datasets.load()
    split = digits.with_validation(0.25, seed=3)
    assert split.train_labels.bincount().tolist() == [300] * 10
    assert split.test_labels.bincount().tolist() == [100] * 10
    whole = sorted(image.numpy().tobytes() for image in digits.train_images)
    assert sorted(image.numpy().tobytes() for image in torch.cat([split.train_images, split.test_images])) == whole
    again, other = digits.with_validation(0.25, seed=3), digits.with_validation(0.25, seed=4)
    assert torch.equal(split.test_images, again.test_images)
    assert not torch.equal(split.test_images, other.test_images)
    assert len({digits.fingerprint, split.fingerprint, other.fingerprint}) == 3


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        datasets.load().with_validation(share)


def test_random_choices_are_the_published_generator() -> None:
    """SplitMix64's first outputs for the seed 1234567, as its reference implementation gives them."""
    assert bits(5, 1234567).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert sorted(permutation(1000, 5).tolist()) == list(range(1000))
    assert bits(2, 0).tolist() == bits(2, 2**64).tolist()


def test_stratified_leaves_every_class_in_the_rest() -> None:
    labels = np.array([0] * 10 + [1] * 2 + [2])
    rest, part = split_stratified(labels, 0.2, 0)
    assert np.bincount(labels[part], minlength=3).tolist() == [2, 1, 0]
    assert np.bincount(labels[rest], minlength=3).tolist() == [8, 1, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": ("one",)}, "1 classes"),
        ({"train_labels": np.array([0, 2])}, "names no class"),
        ({"train_labels": np.array([0])}, "2 images"),
        ({"test_images": np.zeros((1, 1, 4, 4), np.uint8)}, "differ in shape"),
        ({"test_images": np.zeros((0, 1, 3, 3), np.uint8), "test_labels": np.zeros(0, np.int64)}, "empty"),
        ({"train_images": np.zeros((2, 1, 3, 3), np.float32)}, "uint8"),
    ],
)
def test_content_that_does_not_fit_together_is_refused(change: dict[str, object], said: str) -> None:
    fields: dict[str, object] = {
        "name": "x",
        "classes": ("a", "b"),
        "train_images": np.zeros((2, 1, 3, 3), np.uint8),
        "train_labels": np.array([0, 1]),
        "test_images": np.zeros((1, 1, 3, 3), np.uint8),
        "test_labels": np.array([0]),
    }
    with pytest.raises(DatasetError, match=said):
        ImageArrays(**{**fields, **change})


def test_home_and_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EXPLORER_DATA", f"{tmp_path / 'a'}{os.pathsep}{os.pathsep}{tmp_path / 'b'}")
    assert datasets.data_folders() == [tmp_path / "a", tmp_path / "b", tmp_path / "home" / "data"]
    monkeypatch.delenv("EXPLORER_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert home.home() == tmp_path / "xdg" / "inception-explorer"
    monkeypatch.setenv("EXPLORER_HOME", "relative")
    assert home.home() == Path.cwd() / "relative"


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "A", "", "-a", "a" * 41, "a.b", "a\n"])
def test_identifiers_are_ours(name: str) -> None:
    with pytest.raises(DatasetError, match="not the name of a data set"):
        _folders.imported_folder(name)


def test_a_link_out_of_the_data_folder_is_not_followed(home: Path, tmp_path: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "outside").symlink_to(tmp_path)
    with pytest.raises(DatasetError, match="outside"):
        _folders.imported_folder("outside")


def test_a_registered_set_is_a_data_set_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_catalogue, "SOURCES", dict(_catalogue.SOURCES))
    generator = np.random.default_rng(7)
    images = generator.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    labels = (images.mean((1, 2, 3)) > 127.5).astype(np.int64)
    made = datasets.ImageArrays(
        name="bright",
        classes=("dark", "light"),
        train_images=images[:40],
        train_labels=labels[:40],
        test_images=images[40:],
        test_labels=labels[40:],
    )
    card = datasets.DatasetCard(
        name="bright",
        title="Dark or light",
        summary="Whether the mean of an image is above one half.",
        train_count=40,
        test_count=20,
        classes=made.classes,
        shape=(1, 8, 8),
        source="made for a test",
        licence="MIT",
        size_bytes=images.nbytes,
        available=True,
        path=None,
    )
    with pytest.raises(DatasetError, match="no data set 'bright'"):
        datasets.get_card("bright")
    datasets.register(card, lambda: made)
    assert datasets.names()[-1] == "bright"
    assert datasets.get_card("bright") is card
    data = datasets.load("bright", (3, 16, 16))
    assert (data.shape, data.classes, len(data.test_labels)) == ((3, 16, 16), card.classes, 20)
    assert data.fingerprint == made.fingerprint
    with pytest.raises(DatasetError, match="did you mean bright"):
        datasets.load("brihgt")
    for name, reason in (("bright", "already"), ("digits", "already"), ("long-range-16", "already"), ("Ä b", "cannot")):
        with pytest.raises(ValueError, match=reason):
            datasets.register(replace(card, name=name), lambda: made)
