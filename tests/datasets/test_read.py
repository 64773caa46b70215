"""The well-known sets in torchvision's layouts: found, verified, read; and what is said when they are damaged."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets

from explorer import datasets
from explorer.datasets import DatasetError, _cifar, _idx, _official, _read
from tests.datasets import makers


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    spec, files = makers.small_idx()
    monkeypatch.setitem(_official.OFFICIAL, "mnist", spec)
    return files


@pytest.fixture
def cifar(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    spec, files = makers.small_cifar()
    monkeypatch.setitem(_official.OFFICIAL, "cifar-10", spec)
    return files


def put(folder: Path, files: dict[str, bytes], packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("spec", _official.OFFICIAL.values(), ids=str)
def test_facts_agree_with_torchvision(spec: _official.OfficialDataset) -> None:
    listed = getattr(torchvision.datasets, spec.torchvision)
    if spec.kind == "idx":
        assert [(f"{file.name}.gz", file.packed_md5) for file in spec.files] == listed.resources
        assert spec.folder == f"{spec.torchvision}/raw"
    else:
        assert [[file.name, file.md5] for file in spec.train] == listed.train_list
        assert [[file.name, file.md5] for file in spec.test] == listed.test_list
        assert (spec.folder, spec.archive, spec.archive_md5) == (listed.base_folder, listed.filename, listed.tgz_md5)


def test_raw_and_packed_files_are_the_same_set(
    mnist: dict[str, bytes], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not datasets.get_card("mnist").available
    place = put(home / "data/MNIST/raw", mnist, packed=True)
    assert datasets.get_card("mnist").path == place
    packed = datasets.load("mnist")
    other = put(tmp_path / "elsewhere/MNIST/raw", mnist)
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "elsewhere"))
    assert datasets.get_card("mnist").path == other  # the folder named by the user comes first
    raw = datasets.load("mnist")
    assert raw.fingerprint == packed.fingerprint
    assert raw.shape == (1, 6, 6)
    assert np.array_equal(raw.train_images[:, 0].numpy(), makers.pixels(1, 40, 6, 6))
    assert raw.test_labels.tolist() == list(range(10)) * 2


def test_folder_and_archive_are_the_same_set(cifar: dict[str, bytes], home: Path) -> None:
    archive = put(home / "data", {"cifar-10-python.tar.gz": cifar["cifar-10-python.tar.gz"]})
    assert datasets.get_card("cifar-10").path == archive / "cifar-10-python.tar.gz"
    from_archive = datasets.load("cifar-10")
    batches = {name: data for name, data in cifar.items() if "batch" in name}
    assert datasets.get_card("cifar-10").path != put(home / "data/cifar-10-batches-py", batches)
    assert datasets.get_card("cifar-10").path == home / "data/cifar-10-batches-py"
    from_folder = datasets.load("cifar-10")
    assert from_folder.fingerprint == from_archive.fingerprint
    assert from_folder.shape == (3, 32, 32)
    expected = np.concatenate([makers.pixels(seed, 10, 3072) for seed in (1, 2)])
    assert np.array_equal(from_folder.train_images.flatten(1).numpy(), expected)


def test_missing_sets_say_what_to_put_where() -> None:
    for name in _official.OFFICIAL:
        spec = _official.OFFICIAL[name]
        with pytest.raises(DatasetError) as caught:
            datasets.load(name)
        text = str(caught.value)
        assert spec.title in text
        assert str(datasets.data_folders()[-1]) in text
        for word in (
            [spec.archive, spec.archive_md5] if spec.archive else [spec.files[0].name, spec.files[3].packed_md5]
        ):
            assert word in text


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("damage", ["flip", "cut", "longer", "empty"])
def test_damaged_idx_files_are_named_with_both_checksums(
    mnist: dict[str, bytes], home: Path, packed: bool, damage: str
) -> None:
    place = put(home / "data/MNIST/raw", mnist, packed)
    victim = place / ("train-images-idx3-ubyte.gz" if packed else "train-images-idx3-ubyte")
    data = victim.read_bytes()
    changed = {"flip": makers.flipped(data, 200), "cut": data[:-30], "longer": data + b"x", "empty": b""}[damage]
    victim.write_bytes(changed)
    with pytest.raises(DatasetError) as caught:
        datasets.load("mnist")
    file = _official.OFFICIAL["mnist"].train[0]
    text = str(caught.value)
    assert str(victim) in text
    assert file.md5 in text or file.packed_md5 in text
    assert "its MD5 is" in text or "the MD5 of its content is" in text


def test_damage_after_the_first_load_is_seen(mnist: dict[str, bytes], home: Path) -> None:
    place = put(home / "data/MNIST/raw", mnist)
    datasets.load("mnist")
    victim = place / "t10k-labels-idx1-ubyte"
    before = victim.stat()
    victim.write_bytes(makers.flipped(mnist[victim.name], 12))
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(DatasetError, match="t10k-labels-idx1-ubyte is damaged"):
        datasets.load("mnist")


def test_an_unchanged_file_is_checked_once(
    mnist: dict[str, bytes], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / "data/MNIST/raw", mnist)
    datasets.load("mnist")
    monkeypatch.setattr(_read.hashlib, "md5", None)  # would fail if it were called
    datasets.load("mnist")


def test_a_damaged_copy_does_not_hide_a_good_one(
    mnist: dict[str, bytes], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "bad"))
    bad = put(tmp_path / "bad/MNIST/raw", mnist)
    (bad / "t10k-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DatasetError, match="bad"):
        datasets.load("mnist")
    put(home / "data/MNIST/raw", mnist)
    assert datasets.load("mnist").shape == (1, 6, 6)


@pytest.mark.parametrize("where", [30, 4000, -200])
def test_a_damaged_archive_is_named_with_both_checksums(cifar: dict[str, bytes], home: Path, where: int) -> None:
    name = "cifar-10-python.tar.gz"
    put(home / "data", {name: makers.flipped(cifar[name], where)})
    with pytest.raises(DatasetError, match=r"cifar-10-python\.tar\.gz is damaged|_batch in|_batch_\d in") as caught:
        datasets.load("cifar-10")
    assert "the official one is" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not an idx file"),
        (b"\x1f\x8b" + b"x" * 40, "not an idx file"),
        (makers.idx(np.zeros((2, 3), np.uint8)), "2 dimensions"),
        (b"\0\0\x0d\x03" + b"\0" * 12, "type 0x0d"),
        (makers.idx(np.zeros((2, 3, 3), np.uint8))[:-1], "promises"),
        (makers.idx(np.zeros((2, 3, 3), np.uint8)) + b"x", "promises"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "promises"),
    ],
)
def test_idx_files_that_are_none(data: bytes, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        _idx.read(data, 3, "file")


class Evil:
    """What a pickle can be told to do when it is opened."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, Any]:
        return self.call[0], self.call[1:]


def test_a_pickle_can_make_arrays_and_nothing_else(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    evil = [
        Evil(os.system, f"touch {trace}"),
        Evil(open, str(trace), "w"),
        Evil(eval, f"open({str(trace)!r}, 'w')"),
        Evil(getattr, "x", "format"),
        Evil(np.memmap, str(trace), "u1", "w+", 0, 9),
    ]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for bad in evil:
            with pytest.raises(DatasetError, match="it asks for"):
                _cifar.read(pickle.dumps({b"data": bad}, protocol), "labels", "file")
    assert not trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"garbage",
        pickle.dumps([1, 2], 2),
        pickle.dumps({b"data": 3}, 2),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, 2),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, "x"]}, 2),
        pickle.dumps({b"data": np.zeros((2, 3072), np.float32), b"labels": [1, 2]}, 2),
        pickle.dumps({b"data": np.array([None, 1], object), b"labels": [1, 2]}, 2),
        makers.batch(4, 1)[:-40],
    ],
)
def test_batches_that_are_none(data: bytes) -> None:
    with pytest.raises(DatasetError, match="file is not a CIFAR batch"):
        _cifar.read(data, "labels", "file")


def test_batches_of_every_age_are_read() -> None:
    for protocol in (2, 3, 4):
        batch = pickle.loads(makers.batch(5, 9, "fine_labels"))
        images, labels = _cifar.read(pickle.dumps(batch, protocol), "fine_labels", "file")
        assert np.array_equal(images.reshape(5, -1), makers.pixels(9, 5, 3072))
        assert labels.tolist() == [0, 1, 2, 3, 4]
