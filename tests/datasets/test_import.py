"""Zips and folders of pictures: what becomes a data set, what is left out and why, what is refused as a whole."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import threading
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from explorer import datasets
from explorer.datasets import CancelledError, DatasetError, _folders, _import, _limits, _store, import_images
from tests.datasets import makers
from tests.sizes import examples


def unpacked(path: Path, members: dict[str, bytes]) -> Path:
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def clean(home: Path) -> bool:
    """Neither a half-made set nor a staging folder."""
    return not (home / "data").exists() or not list((home / "data").iterdir())


def special(name: str, mode: int = 0, data: bytes = b"target") -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info, data


def test_train_and_test_folders(tmp_path: Path, home: Path) -> None:
    members = {f"top/{part}/{c}/{n}.png": makers.png(10 * c + n + k) for k, part in enumerate(("Train", "TEST"))
               for c in range(3) for n in range(4 - k)}  # fmt: skip
    path = makers.zipped(tmp_path / "My Pictures!.zip", members)
    made = import_images(path)
    assert made.name.startswith("my-pictures-")
    assert _folders.is_identifier(made.name)
    assert made.title == "My Pictures!"
    assert (made.classes, made.counts, made.shape) == (("0", "1", "2"), (12, 9), (3, 8, 8))
    assert made.name in datasets.names()
    card = datasets.get_card(made.name)
    assert card.available
    assert card.source == str(path)
    data = datasets.load(made.name)
    assert data.fingerprint == made.fingerprint
    assert data.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    first = np.asarray(Image.open(io.BytesIO(members["top/Train/1/2.png"])))
    assert np.array_equal(data.train_images[6].permute(1, 2, 0).numpy(), first)
    assert not list((home / "data").glob(".staging*"))


def test_a_zip_and_its_folder_are_the_same_set(tmp_path: Path) -> None:
    members = makers.classes(3, 5)
    zipped = import_images(makers.zipped(tmp_path / "a.zip", members))
    stored = import_images(makers.zipped(tmp_path / "b.zip", dict(reversed(members.items())), zipfile.ZIP_STORED))
    folder = import_images(unpacked(tmp_path / "c", {f"x/y/{name}": data for name, data in members.items()}))
    assert zipped.fingerprint == stored.fingerprint == folder.fingerprint
    assert zipped.counts == (12, 3)
    assert "fifth" in zipped.notes[-1]


def test_nothing_is_imported_twice_until_the_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    folder = unpacked(tmp_path / "f", makers.classes(3))
    first = [datasets.load(path), datasets.load(folder)]
    with monkeypatch.context() as patch:
        patch.setattr(_import._images, "decode", None)  # would fail if it were called
        again = [datasets.load(path), datasets.load(str(folder))]
    assert [data.fingerprint for data in first] == [data.fingerprint for data in again]
    makers.zipped(path, makers.classes(each=7))
    (folder / "class0/9.png").write_bytes(makers.png(999))
    changed = [datasets.load(path), datasets.load(folder)]
    assert len({data.fingerprint for data in first + changed}) == 4


def test_the_same_content_from_two_places_is_kept_once(tmp_path: Path) -> None:
    paths = [makers.zipped(tmp_path / folder / "a.zip", makers.classes()) for folder in ("p", "q")
             if not (tmp_path / folder).mkdir()]  # fmt: skip
    made = [import_images(path) for path in paths]
    assert made[0].name == made[1].name
    assert [path for path, _ in _store.read_facts(made[0].name).sources] == [str(paths[1]), str(paths[0])]


def test_sizes(tmp_path: Path) -> None:
    mixed = {name: makers.png(n, 20 + n % 7, 30) for n, name in enumerate(makers.classes(2, 8))}
    path = makers.zipped(tmp_path / "a.zip", mixed)
    assert datasets.load(path).shape == (3, 64, 64)
    assert datasets.load(path, (3, 24, 32)).shape == (3, 24, 32)
    assert datasets.load(path, (1, 24, 32)).shape == (1, 24, 32)
    assert len(_store.names()) == 2
    assert any("scaled and cut to 24×32" in note for name in _store.names() for note in datasets.get_card(name).notes)
    for size in ((7, 64), (64, 1025)):
        with pytest.raises(DatasetError, match="pixels a side"):
            import_images(path, size=size)
    with pytest.raises(DatasetError, match="choose a smaller size"):
        import_images(makers.zipped(tmp_path / "b.zip", {f"{c}/{n}.png": makers.png(n, 9 + n) for c in "ab" for n in range(700)}), size=(1024, 1024))  # fmt: skip  # noqa: E501


def test_grey_pictures_keep_one_channel_and_notes_are_kept(tmp_path: Path) -> None:
    grey = {f"{c}/{n}.jpg": makers.encoded(makers.pixels(n, 9, 9), "JPEG") for c in "ab" for n in range(3)}
    grey["a/3.png"] = makers.encoded(Image.new("LA", (9, 9), (80, 40)), "PNG")
    made = import_images(makers.zipped(tmp_path / "a.zip", grey))
    assert made.shape == (1, 9, 9)
    notes = " ".join(made.notes)
    assert "JPEG, which is lossy" in notes
    assert "one channel" in notes
    assert "1 images: transparency over white" in notes


def test_what_a_careless_hand_packed_is_left_out_and_listed(tmp_path: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("class0/notes.txt", b"hello")
        archive.writestr("class0/broken.png", makers.png(1)[:60])
        archive.writestr("class0/script.png", b"#!/bin/sh")
        archive.writestr("class0/inner.zip", b"PK")
        archive.writestr("a/b/c/d/e/f/g/h/i/deep.png", makers.png(2))
        archive.writestr("loose.png", makers.png(3))
        archive.writestr("class1/zeros.png", b"\0" * 3_000_000)
        archive.writestr("class1/large.png", b"\0" * 40_000_001, zipfile.ZIP_STORED)
        archive.writestr("class1/bzip.png", makers.png(4), zipfile.ZIP_BZIP2)
        archive.writestr(*special("class1/link.png", stat.S_IFLNK | 0o777, b"/etc/passwd"))
        archive.writestr(*special("class1/fifo.png", stat.S_IFIFO | 0o666))
        for junk in ("__MACOSX/class0/._1.png", "class0/.DS_Store", "class1/Thumbs.db", ".git/config"):
            archive.writestr(junk, b"junk")
    made = import_images(path)
    assert sum(made.counts) == 12
    reasons = dict(made.skipped)
    expected = {
        "class0/notes.txt": "not an image",
        "class0/broken.png": "incomplete or damaged",
        "class0/script.png": "not a supported image",
        "class0/inner.zip": "an archive inside",
        "a/b/c/d/e/f/g/h/i/deep.png": "deeper than 8 folders",
        "loose.png": "not in a class folder",
        "class1/zeros.png": "200 times",
        "class1/large.png": "larger than 40.0 MB",
        "class1/bzip.png": "method",
        "class1/link.png": "a link",
        "class1/fifo.png": "not a regular file",
    }
    assert reasons.keys() == expected.keys()
    assert all(said in reasons[name] for name, said in expected.items())
    assert made.skipped_count == len(expected)
    assert datasets.get_card(made.name).skipped == made.skipped
    assert "4 files of operating systems were passed over." in made.notes


def test_a_folder_is_as_safe_as_a_zip(tmp_path: Path) -> None:
    folder = unpacked(
        tmp_path / "set", {**makers.classes(), "a/b/c/d/e/f/g/h/i/deep.png": makers.png(1), ".hidden/x.png": b"x"}
    )
    (tmp_path / "outside.png").write_bytes(makers.png(5))
    (folder / "class0/link.png").symlink_to(tmp_path / "outside.png")
    (folder / "class2").symlink_to(folder / "class1")
    os.mkfifo(folder / "class0/pipe.png")
    (folder / "class1/secret.png").write_bytes(makers.png(6))
    made = import_images(folder)
    reasons = dict(made.skipped)
    assert reasons["class0/link.png"] == reasons["class2"] == "a link"
    assert reasons["class0/pipe.png"] == "not a regular file"
    assert reasons["a/b/c/d/e/f/g/h/i"] == "deeper than 8 folders"
    assert made.classes == ("class0", "class1")
    assert sum(made.counts) == 13


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:\\evil.png", "..\\evil.png", "\\\\host\\evil.png"]
)
def test_names_that_lead_out_refuse_the_whole(tmp_path: Path, home: Path, name: str) -> None:
    path = makers.zipped(tmp_path / "a.zip", {**makers.classes(), name: makers.png(1)})
    with pytest.raises(DatasetError, match="leads out of the archive"):
        import_images(path)
    assert clean(home)


def bomb(path: Path) -> Path:
    """Entries that all point at one kernel of data: what a small file needs in order to declare gigabytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a/1.png", "b/1.png", "b/2.png"):
            archive.writestr(name, makers.png(1))
        for entry in archive.infolist():
            entry.header_offset = archive.infolist()[0].header_offset
    return path


def test_overlapping_entries_refuse_the_whole(tmp_path: Path, home: Path) -> None:
    with pytest.raises(DatasetError, match="overlap"):
        import_images(bomb(tmp_path / "a.zip"))
    assert clean(home)


def test_an_entry_inside_another_is_an_overlap(tmp_path: Path) -> None:
    inner = makers.zipped(tmp_path / "inner.zip", {"b/1.png": makers.png(1)}).read_bytes()
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", inner)
        archive.writestr("b/1.png", makers.png(1))
        first, second = archive.infolist()
        second.header_offset = first.header_offset + 30 + len("a/1.png")
    with pytest.raises(DatasetError, match="overlap"):
        import_images(path)


def test_a_lie_about_sizes_is_found_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = makers.classes()
    path = makers.zipped(tmp_path / "a.zip", {**members, "class0/liar.png": b"\0" * 100_000})
    data = path.read_bytes()
    true = struct.pack("<I", 100_000)
    path.write_bytes(data.replace(true, struct.pack("<I", 500)))
    made = import_images(path)
    assert "200 times" in dict(made.skipped)["class0/liar.png"]
    monkeypatch.setattr(_limits, "MAX_TOTAL_BYTES", 1500)
    with pytest.raises(DatasetError, match=r"unpacks to more than 1,500 B"):
        import_images(makers.zipped(tmp_path / "b.zip", members))


def test_work_done_in_vain_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members whose checksum is wrong are unpacked all the same, so they count."""
    path = makers.zipped(
        tmp_path / "a.zip", {**makers.classes(), **{f"class0/x{n}.png": bytes(9_000) for n in range(50)}}
    )
    monkeypatch.setattr(_limits, "MAX_RATIO", 1000)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", zipfile.crc32(bytes(9_000))), b"\1\2\3\4"))
    assert "checksum" in dict(import_images(path).skipped)["class0/x7.png"]
    path.touch()
    monkeypatch.setattr(_limits, "MAX_TOTAL_BYTES", 100_000)
    with pytest.raises(DatasetError, match="unpacks to more"):
        import_images(path)


def test_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = makers.zipped(tmp_path / "a.zip", makers.classes()), unpacked(tmp_path / "f", makers.classes())
    for name in ("MAX_ENTRIES", "MAX_FOLDER_ENTRIES"):
        monkeypatch.setattr(_limits, name, 11)
    for source in (path, folder):
        with pytest.raises(DatasetError, match="11"):
            import_images(source)
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    path.write_bytes(data[: end + 10] + struct.pack("<H", 3) + data[end + 12 :])  # the count is a lie: 12 are there
    with pytest.raises(DatasetError, match=r"12 entries|not a readable"):
        import_images(path)
    path.write_bytes(data[: end + 12] + struct.pack("<I", 100 * 2**20) + data[end + 16 :])
    with pytest.raises(DatasetError, match=r"entries|not a readable"):
        import_images(path)


def test_encrypted_members_are_left_out(tmp_path: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", {**makers.classes(), "class0/secret.png": makers.png(1)})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"class0/secret.png") - 46
    assert data[at : at + 4] == b"PK\1\2"
    data[at + 8] |= 1
    path.write_bytes(bytes(data))
    assert dict(import_images(path).skipped) == {"class0/secret.png": "encrypted"}


def test_the_same_name_twice(tmp_path: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("class0/0.png", makers.png(77))
    made = import_images(path)
    assert dict(made.skipped) == {"class0/0.png": "its name occurs twice"}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "0 class folders"),
        (makers.classes(1), "1 class folders"),
        ({f"{n}/1.png": b"x" for n in range(1001)}, "1,001 class folders"),
        ({"Cat/1.png": b"x", "cat/1.png": b"x"}, "differ in capitals only"),
        ({"STRASSE/1.png": b"x", "straße/1.png": b"x"}, "differ in capitals only"),
        ({"a" * 65 + "/1.png": b"x", "b/1.png": b"x"}, "1 to 64 characters"),
        ({"a\x07/1.png": b"x", "b/1.png": b"x"}, "control characters"),
        ({"train/a/1.png": b"x", "train/b/1.png": b"x", "test/c/1.png": b"x", "test/d/1.png": b"x"}, "for training"),
        ({"a/1.png": makers.png(1), "b/1.png": makers.png(2)}, "a second image"),
        ({"a/1.png": b"x", "b/1.png": b"x"}, "no readable images"),
        ({**makers.classes(1), "c/1.png": b"x"}, "'c' has no readable training images"),
        ({**makers.classes(prefix="train/"), "test/class0/1.png": b"x"}, "no readable test images"),
    ],
)
def test_sources_without_usable_classes(tmp_path: Path, home: Path, members: dict[str, bytes], said: str) -> None:
    path = makers.zipped(tmp_path / "a.zip", members)
    with pytest.raises(DatasetError, match=said) as caught:
        import_images(path)
    assert "\n" not in str(caught.value)
    assert clean(home)


def test_class_names_are_normalised_and_kept_literally(tmp_path: Path) -> None:
    names = ["cafe\u0301", "<img src=x onerror=alert(1)>", "=cmd|'", "日本"]
    members = {f"{name}/{n}.png": makers.png(n) for name in names for n in range(3)}
    members |= {f"caf\xe9/{n + 5}.png": makers.png(n) for n in range(2)}  # the same letter, written otherwise
    made = import_images(makers.zipped(tmp_path / "a.zip", members))
    assert made.classes == tuple(sorted(["caf\xe9", *names[1:]]))
    assert datasets.get_card(made.name).classes == made.classes


def test_validation_folders(tmp_path: Path) -> None:
    parts = {part: makers.classes(2, 4, f"{part}/") for part in ("train", "val", "test")}
    both = import_images(makers.zipped(tmp_path / "a.zip", parts["train"] | parts["val"]))
    assert both.counts == (8, 8)
    three = import_images(makers.zipped(tmp_path / "b.zip", parts["train"] | parts["val"] | parts["test"]))
    assert three.counts == (16, 8)
    assert "validation images were added" in three.notes[0]
    # A class may be called 'train' where the folders beside it are no splits.
    traffic = {f"{c}/{n}.png": makers.png(n) for c in ("train", "bus") for n in range(5)}
    assert import_images(makers.zipped(tmp_path / "c.zip", traffic)).classes == ("bus", "train")


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\5\6" + b"\0" * 18, b"PK\3\4" + b"x" * 500])
def test_files_that_are_no_zip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"zip|class folders"):
        import_images(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        import_images(tmp_path / "missing.zip")


def test_what_is_neither_file_nor_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(DatasetError, match="neither a folder nor a zip file"):
        import_images(tmp_path / "pipe.zip")


def test_the_home_of_nobody_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        datasets.load("~nobody-has-this-name/pictures")
    monkeypatch.setenv("EXPLORER_DATA", "~nobody-has-this-name/data")
    assert datasets.data_folders()[0].is_absolute()


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    cut=st.one_of(st.just(1.0), st.floats(0, 1)),
    tail=st.booleans(),
)
def test_mutated_zips_import_or_are_refused(
    tmp_path: Path, changes: list[tuple[float, int]], cut: float, tail: bool
) -> None:
    data = bytearray(makers.zipped(tmp_path / "good.zip", makers.classes(2, 2)).read_bytes())
    directory = data.index(b"PK\1\2")
    for where, value in changes:
        begin = directory if tail else 0  # half of the time only the table of contents is hit
        data[begin + int(where * (len(data) - begin))] = value
    path = tmp_path / "bad.zip"
    path.write_bytes(bytes(data[: int(cut * len(data))]))
    try:
        import_images(path)
    except DatasetError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)


def test_cancelling_leaves_nothing(tmp_path: Path, home: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes(3, 60))
    for after in (0, 3, 60):
        calls = iter(range(10_000))
        with pytest.raises(CancelledError):
            import_images(path, cancel=lambda calls=calls, after=after: next(calls) >= after)
        assert clean(home)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("import")]


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    import_images(makers.zipped(tmp_path / "a.zip", makers.classes(3, 60)), progress=lambda *now: heard.append(now))
    assert heard == sorted(heard)
    assert heard[-1] == (180, 180)


def test_a_full_disk(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(_folders.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1_000_000))
        with pytest.raises(DatasetError, match=r"1\.00 MB free"):
            import_images(path)

    def full(file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(_store.np, "savez", full)
        with pytest.raises(DatasetError, match="the disk is full"):
            import_images(path)
    assert clean(home)
    assert import_images(path).counts


@pytest.mark.parametrize("file", [_store.ARRAYS, _store.FACTS])
def test_a_damaged_import_is_refused_and_can_be_repeated(tmp_path: Path, file: str) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    made = import_images(path)
    stored = _store.folder(made.name) / file
    good = stored.read_bytes()
    for bad in (makers.flipped(good, len(good) // 2), good[: len(good) // 2], b""):
        stored.write_bytes(bad)
        if file == _store.FACTS and bad == makers.flipped(good, len(good) // 2):
            continue  # a letter of a note may change unseen; the content cannot
        with pytest.raises(DatasetError, match="damaged"):
            datasets.load(made.name)
    assert import_images(path).name == made.name  # as the message says, though the source has not changed
    assert datasets.load(made.name).fingerprint == made.fingerprint


def test_a_swapped_content_is_seen(tmp_path: Path) -> None:
    one = import_images(makers.zipped(tmp_path / "a.zip", makers.classes(2, 6)))
    two = import_images(makers.zipped(tmp_path / "b.zip", makers.classes(2, 7)))
    (_store.folder(two.name) / _store.ARRAYS).replace(_store.folder(one.name) / _store.ARRAYS)
    with pytest.raises(DatasetError, match="SHA-256") as caught:
        datasets.load(one.name)
    assert one.fingerprint in str(caught.value)


def test_removing(tmp_path: Path, home: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    made = import_images(path)
    datasets.remove(made.name)
    assert made.name not in datasets.names()
    assert path.exists()
    assert clean(home)
    for name in (made.name, "digits", "../home", "mnist"):
        with pytest.raises(DatasetError):
            datasets.remove(name)


def test_two_imports_of_the_same_at_once(tmp_path: Path, home: Path) -> None:
    paths = [makers.zipped(tmp_path / f"{n}.zip", makers.classes(2, 20)) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda path: import_images(path, name="same"), paths))
    assert len({imported.name for imported in made}) == 1
    assert datasets.load(made[0].name).fingerprint == made[0].fingerprint
    assert [path.name for path in (home / "data").iterdir()] == [made[0].name]


def test_importing_again_does_not_disturb_who_reads(tmp_path: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes())
    arrays = _store.folder(import_images(path).name) / _store.ARRAYS
    before = arrays.stat().st_ino
    os.utime(path, ns=(1, 1))
    import_images(path)
    assert arrays.stat().st_ino == before


# ---- uploads --------------------------------------------------------------------------------------------------------


def test_an_upload_is_called_as_its_file_and_leaves_no_other_file(tmp_path: Path, home: Path) -> None:
    members = {f"{kind}/{number}.png": makers.png(10 * number) for kind in "ab" for number in range(6)}
    data = makers.zipped(tmp_path / "cats and dogs.zip", members).read_bytes()
    made = datasets.import_upload(data, "cats and dogs.zip")
    card = datasets.get_card(made.name)
    assert (card.title, card.source) == ("cats and dogs", "cats and dogs.zip")
    assert not [*home.rglob("*.zip"), *(home / "data").glob(f"{_folders._STAGING}*")]
    with pytest.raises(DatasetError):
        datasets.import_upload(b"no zip", "../../etc/passwd")
    assert [path.name for path in (home / "data").iterdir()] == [made.name]


def test_uploads_that_a_crash_left_behind_are_swept(tmp_path: Path, home: Path) -> None:
    stale, fresh = (home / "uploads" / name for name in ("tmpold.zip", "tmpnew.zip"))
    folder = home / "data" / f"{_folders._STAGING}old"
    for path in (stale, fresh, folder / "upload.zip"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for path in (stale, folder):
        os.utime(path, (0, 0))
    members = {f"{kind}/{number}.png": makers.png(10 * number) for kind in "ab" for number in range(6)}
    import_images(makers.zipped(tmp_path / "a.zip", members))
    assert (stale.exists(), fresh.exists(), folder.exists()) == (False, True, False)


def test_a_set_is_found_by_its_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(kind: int) -> str:
        return import_images(makers.zipped(tmp_path / f"{kind}.zip", makers.classes(2 + kind)), name="pets").name

    made = make(0)
    assert datasets.find_name("pets") == datasets.find_name(made) == made
    assert datasets.find_name("digits") == "digits"
    assert datasets.find_name("nothing") == "nothing"
    make(1)
    with pytest.raises(DatasetError, match=f"several data sets are called 'pets': .*{made}"):
        datasets.find_name("pets")
    (tmp_path / "pets" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert datasets.find_name("pets") == "pets"  # the path that was typed
