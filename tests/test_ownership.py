"""Whose data sets and kept models are: seen, shared, renamed and removed by whom."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import datasets, ownership
from explorer.datasets import DatasetError
from explorer.importing import from_name
from explorer.inspection import list_imported, remove_imported, share_imported
from explorer.inspection.keeping import save_import
from explorer.person import Person, act_as

ANN = Person(id="a" * 24, name="Ann")
BOB = Person(id="b" * 24, name="Bob")
EVE = Person(id="e" * 24, name="Eve", admin=True)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return tmp_path


def archive() -> bytes:
    """Eight images of two classes."""
    chance, file = np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for row in range(8):
            image = io.BytesIO()
            Image.fromarray(chance.integers(0, 255, (16, 16), dtype=np.uint8)).save(image, "png")
            packed.writestr(f"train/{'ab'[row % 2]}/{row}.png", image.getvalue())
            packed.writestr(f"test/{'ab'[row % 2]}/{row}.png", image.getvalue())
    return file.getvalue()


def bring(person: Person | None, title: str = "cats") -> str:
    with act_as(person):
        return datasets.import_upload(archive(), "cats.zip", name=title).name


def sees(person: Person | None, name: str) -> bool:
    with act_as(person):
        listed = name in datasets.names()
        if not listed:
            for read in (datasets.get_card, datasets.load, datasets.count_classes, datasets.get_import,
                         datasets.sample_images, datasets.find_owners, datasets.remove):  # fmt: skip
                with pytest.raises(DatasetError, match="there is no"):
                    read(name)
            with pytest.raises(DatasetError, match="there is no"):
                datasets.rename(name, "mine now")
            with pytest.raises(DatasetError, match="there is no"):
                datasets.share(name, True)
        else:
            assert datasets.get_card(name).name == name
        return listed


def test_a_data_set_is_its_owner_s_until_it_is_shared() -> None:
    name = bring(ANN)
    assert [sees(person, name) for person in (ANN, BOB, EVE, None)] == [True, False, True, True]
    with act_as(ANN):
        datasets.share(name, True)
    assert sees(BOB, name)
    with act_as(BOB):
        assert len(datasets.load(name).train_labels) == 8
        for change in (lambda: datasets.rename(name, "mine"), lambda: datasets.remove(name),
                       lambda: datasets.share(name, False)):  # fmt: skip
            with pytest.raises(DatasetError, match="it belongs to others; only they and administrators can change it"):
                change()
    with act_as(ANN):
        datasets.share(name, False)
    assert not sees(BOB, name)


def test_the_same_images_of_two_people_go_with_the_last_of_them() -> None:
    name = bring(ANN)
    assert bring(BOB) == name
    with act_as(ANN):
        assert datasets.find_owners(name) == {ANN.id: False, BOB.id: False}
        with pytest.raises(DatasetError, match="cannot be renamed"):  # Bob would see it
            datasets.rename(name, "dogs")
        datasets.remove(name)
    assert not sees(ANN, name)
    assert sees(BOB, name)
    with act_as(BOB):
        datasets.rename(name, "dogs")
        datasets.remove(name)
    assert name not in datasets.names()
    assert not (datasets.data_folders()[-1] / name).exists()


def test_what_was_made_without_sign_in_is_everybody_s_to_see() -> None:
    name = bring(None)
    assert sees(BOB, name)
    with act_as(BOB), pytest.raises(DatasetError, match="it was made without sign-in"):
        datasets.remove(name)
    assert bring(BOB) == name  # he owns it as well, and letting it go takes it from nobody
    with act_as(BOB):
        datasets.remove(name)
    assert sees(ANN, name)
    with act_as(EVE):
        datasets.remove(name)
    assert name not in datasets.names()


def test_an_administrator_removes_for_all() -> None:
    name = bring(ANN)
    bring(BOB)
    with act_as(EVE):
        datasets.remove(name)
    assert not sees(ANN, name)


def test_a_damaged_copy_is_replaced_and_stays_whose_it_was() -> None:
    name = bring(ANN)
    with act_as(ANN):
        datasets.share(name, True)
        (datasets.get_card(name).path / "images.npz").write_bytes(b"damaged")  # type: ignore[operator]
    assert bring(BOB) == name
    with act_as(BOB):
        assert datasets.find_owners(name) == {ANN.id: True, BOB.id: False}
        datasets.load(name)


def test_where_a_set_came_from_is_its_administrators_to_know(tmp_path: Path) -> None:
    path = tmp_path / "secret-folder" / "cats.zip"
    path.parent.mkdir()
    path.write_bytes(archive())
    with act_as(ANN):
        name = datasets.import_images(path).name
        assert "secret-folder" not in f"{datasets.get_card(name).source} {datasets.get_card(name).summary}"
    with act_as(EVE):
        assert "secret-folder" in datasets.get_card(name).source


def test_a_text_is_no_path_where_they_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "cats.zip"
    path.write_bytes(archive())
    assert datasets.find_source(str(path)) == path
    datasets.open_paths(to_all=False)
    try:
        assert datasets.find_source(str(path)) is None
        with pytest.raises(DatasetError):
            datasets.load(str(path))
    finally:
        datasets.open_paths(to_all=True)


def test_kept_models_have_owners_too(home: Path) -> None:
    found = from_name("torchvision:squeezenet1_1")
    with act_as(ANN):
        name = save_import(found, home)
        assert list(list_imported(home)) == [name]
    with act_as(BOB):
        assert list_imported(home) == {}
        for act in (lambda: remove_imported(name, home), lambda: share_imported(name, home, True)):
            with pytest.raises(ValueError, match="there is no imported model"):
                act()
    with act_as(ANN):
        share_imported(name, home, True)
    with act_as(BOB):
        assert list(list_imported(home)) == [name]
        with pytest.raises(ValueError, match="it belongs to others"):
            remove_imported(name, home)
        assert save_import(found, home) == name
        remove_imported(name, home)  # for himself
        assert list(list_imported(home)) == [name]  # shared by Ann
    with act_as(ANN):
        remove_imported(name, home)
    assert list_imported(home) == {}
    assert not ownership.list_owners(home / "imported" / f"{name}.owners").keys() - {""}
