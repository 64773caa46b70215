"""Data sets that stay in their folder: what is stored of them, and that they hold what an import of them would."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import datasets
from explorer.datasets import CancelledError, DatasetError, _plan, _store, import_images
from tests.datasets import makers


def draw(path: Path, form: str = "JPEG", *, mode: str = "RGB", count: int = 8, split: str = "") -> Path:
    """Class folders of pictures of many sizes."""
    numbers = np.random.default_rng(7)
    for label in ("cat", "dog", "owl"):
        folder = path / split / label
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(count):
            pixels = numbers.integers(0, 256, (int(numbers.integers(9, 40)), int(numbers.integers(9, 40)), 3), np.uint8)
            Image.fromarray(pixels).convert(mode).save(folder / f"{n}.{form.lower()}", form)
    return path


def content(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.md5(p.read_bytes()).hexdigest() for p in folder.rglob("*.*")}


@pytest.mark.parametrize(
    ("form", "mode", "size", "scaling", "shape"),
    [
        ("JPEG", "RGB", (16, 20), "cut", (3, 12, 12)),
        ("PNG", "L", None, "cut", None),
        ("PNG", "P", (8, 8), "squash", (1, 8, 8)),
    ],
)
def test_it_holds_what_an_import_holds(
    tmp_path: Path, form: str, mode: str, size: tuple[int, int] | None, scaling: str, shape: tuple[int, int, int] | None
) -> None:
    """Pixels, labels, splits, mean and deviation, bit for bit, also adapted to a network's input."""
    path = draw(tmp_path / "pets", form, mode=mode)
    before = content(path)
    settings = {"size": size, "scaling": scaling}
    stored, streamed = import_images(path, **settings), import_images(path, **settings, stream=True)
    assert not stored.streamed
    assert streamed.streamed
    assert (stored.classes, stored.shape, stored.counts) == (streamed.classes, streamed.shape, streamed.counts)
    assert stored.warnings == streamed.warnings
    assert any("files stay" in note for note in streamed.notes)
    one, other = (datasets.load(each.name, shape) for each in (stored, streamed))
    for part in ("train", "test"):
        images = getattr(other, f"{part}_images")
        assert torch.equal(getattr(one, f"{part}_images"), images[:])
        assert torch.equal(getattr(one, f"{part}_labels"), getattr(other, f"{part}_labels"))
    assert (one.mean, one.std) == (other.mean, other.std)
    assert (one.stored_shape, one.squashed, one.shape) == (other.stored_shape, other.squashed, other.shape)
    a, b = (each.with_validation(0.25, 3) for each in (one, other))
    assert torch.equal(a.test_images, b.test_images[:])
    assert datasets.count_classes(stored.name) == datasets.count_classes(streamed.name)
    assert all(np.array_equal(x[1], y[1]) for x, y in zip(
        datasets.sample_images(stored.name), datasets.sample_images(streamed.name), strict=True))  # fmt: skip
    assert content(path) == before
    assert len(pickle.dumps(other.train_images)) < 2000  # another process maps the index, and gets no copy of it


def test_what_does_not_fit_in_memory_is_streamed_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draw(tmp_path / "pets")
    packed = makers.zipped(
        tmp_path / "pets.zip", {f"{p.parent.name}/{p.name}": p.read_bytes() for p in path.rglob("*.jpeg")}
    )
    assert not datasets.preview(path).to_data((64, 64))["streamed"]
    assert datasets.preview(path).to_data((64, 64), stream=True)["stream_reason"] == _plan.ASKED
    monkeypatch.setattr(_plan, "MAX_ARRAY_BYTES", 24 * 3 * 16 * 16)
    found = datasets.preview(path)
    assert found.to_data((64, 64))["streamed"]
    assert "24 images of 64×64 need" in found.to_data((64, 64))["stream_reason"]
    assert not found.to_data((16, 16))["streamed"]
    assert import_images(path, size=(64, 64)).stream_reason == found.check_size((64, 64))
    assert not import_images(path, size=(16, 16)).streamed
    with pytest.raises(DatasetError, match="give the folder"):
        import_images(packed, size=(64, 64))
    assert "give the folder" in datasets.preview(packed).to_data((64, 64))["problem"]
    with pytest.raises(DatasetError, match="an archive cannot be streamed"):
        import_images(packed, size=(16, 16), stream=True)


def test_only_an_index_is_stored_and_removed(tmp_path: Path, home: Path) -> None:
    path = draw(tmp_path / "pets")
    before = content(path)
    made = import_images(path, size=(32, 32), stream=True)
    assert import_images(path, size=(32, 32), stream=True) == made  # nothing is read again
    assert import_images(path, size=(32, 32)).name != made.name  # nor is what was asked for once what is meant later
    card = datasets.get_card(made.name)
    assert card.available
    assert card.streamed
    assert str(path) in card.summary
    assert card.size_bytes < 24 * 200
    assert datasets.rename(made.name, "Pets at home").streamed
    moved = path.rename(tmp_path / "elsewhere")
    assert not datasets.get_card(made.name).available
    with pytest.raises(DatasetError, match="is not there; bring it back, or import the folder from its new place"):
        datasets.load(made.name)
    assert datasets.count_classes(made.name)[0] == [6, 6, 6]
    again = import_images(moved, name="pets", size=(32, 32), stream=True)
    assert again.name == made.name  # the same content: runs go on
    assert len(datasets.load(made.name).test_images[:]) == 6
    datasets.remove(made.name)
    assert content(moved) == before
    assert made.name not in datasets.names()


def spoil(path: Path) -> None:
    path.write_bytes(makers.png(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Path.unlink, "cannot be read: No such file"),
        (spoil, "has changed since"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "has changed since"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "cannot be read"),
        (lambda path: (path.unlink(), path.mkdir()), "not a regular file|cannot be read"),
    ],
    ids=["vanished", "another", "cut off", "a link", "a folder"],
)
def test_a_changed_file_is_named(tmp_path: Path, change: Callable[[Path], object], said: str) -> None:
    path = draw(tmp_path / "pets", split="train")
    draw(path, split="test", count=2)
    data = datasets.load(import_images(path, size=(16, 16), stream=True).name)
    change(path / "train/dog/3.jpeg")
    assert len(data.test_images[:]) == 6
    with pytest.raises(DatasetError, match=said) as caught:
        data.train_images[:]
    assert str(path / "train/dog/3.jpeg") in str(caught.value)


def test_a_touched_or_copied_file_is_the_same(tmp_path: Path) -> None:
    path = draw(tmp_path / "pets")
    made = import_images(path, size=(16, 16), stream=True)
    expected = datasets.load(made.name).train_images[:]
    shutil.copytree(path, tmp_path / "copy")
    shutil.rmtree(path)
    shutil.copytree(tmp_path / "copy", path, copy_function=shutil.copyfile)
    assert torch.equal(datasets.load(made.name).train_images[:], expected)


def test_a_damaged_index_is_told_and_mended(tmp_path: Path, home: Path) -> None:
    path = draw(tmp_path / "pets")
    made = import_images(path, size=(16, 16), stream=True)
    for name in ("labels.npy", "digests.npy", "ends.npy"):
        file = home / "data" / made.name / name
        data = file.read_bytes()
        file.write_bytes(data[:-1] if name == "ends.npy" else makers.flipped(data, len(data) - 8))
        with pytest.raises(DatasetError, match="damaged"):
            datasets.load(made.name)
        assert import_images(path, size=(16, 16), stream=True).name == made.name
        datasets.load(made.name).train_images[:]


def test_damaged_pictures_are_left_out_and_a_cancelled_import_leaves_nothing(tmp_path: Path, home: Path) -> None:
    path = draw(tmp_path / "pets")
    (path / "cat/3.jpeg").write_bytes(b"no picture")
    with pytest.raises(CancelledError):
        import_images(path, size=(16, 16), stream=True, cancel=lambda: True)
    assert not list((home / "data").glob("*")) if (home / "data").exists() else True
    made = import_images(path, size=(16, 16), stream=True)
    assert sum(made.counts) == 23
    assert made.skipped[0][0] == "cat/3.jpeg"


def test_the_mean_at_another_size_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draw(tmp_path / "pets")
    name = import_images(path, size=(16, 16), stream=True).name
    images = datasets.load(name, (3, 12, 12)).train_images
    assert images.known_moments() is None
    with pytest.raises(CancelledError):
        images.measure_moments(cancel=lambda: True)
    seen: list[tuple[int, int]] = []
    found = images.measure_moments(lambda *done: seen.append(done))
    assert seen[-1] == (18, 18)
    assert datasets.load(name, (3, 12, 12)).train_images.known_moments() == found
    for file in (_store.folder(name)).glob("moments-*"):
        file.write_text("{")
    assert datasets.load(name, (3, 12, 12)).mean == found[0]


def test_more_files_than_an_archive_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.datasets._limits.MAX_ENTRIES", 10)
    monkeypatch.setattr("explorer.datasets._limits.MAX_TOTAL_BYTES", 1000)
    monkeypatch.setattr("explorer.datasets._preview._READ", 10)
    path = draw(tmp_path / "pets")
    seen = datasets.preview(path)
    assert seen.count == 24
    assert any("Of the 24 files 8, evenly spread" in note for note in seen.notes)
    assert sum(import_images(path, size=(16, 16)).counts) == 24
    packed = makers.zipped(
        tmp_path / "a.zip", {f"{p.parent.name}/{p.name}": p.read_bytes() for p in path.rglob("*.jpeg")}
    )
    with pytest.raises(DatasetError, match="the limit of an archive: unpack it, and give the folder"):
        import_images(packed)
