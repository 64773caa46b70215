"""Previews equal imports; tars; what lies in the data folders; the verbs of the command line."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import cli, datasets
from explorer.datasets import CancelledError, DatasetError, _limits, _official, _store, import_images, preview
from tests.datasets import makers


def splits() -> dict[str, bytes]:
    """Three classes in two splits, and what is not in a class."""
    parts = enumerate(("train", "test"))
    members = {f"{part}/{c}/{n}.png": makers.png(100 * k + 10 * i + n, 10, 12) for k, part in parts
               for i, c in enumerate("abc") for n in range(4 - k)}  # fmt: skip
    return members | {"train/a/x.txt": b"x", "train/b/broken.png": b"no image", "readme.md": b"x", "pred/1.png": b"x"}


def read(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    status = cli.main(["datasets", *args])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("held_out", [False, True])
def test_a_preview_says_what_the_import_stores(tmp_path: Path, held_out: bool) -> None:
    members = makers.classes(3, 9) if held_out else splits()
    path = makers.zipped(tmp_path / "pets.zip", members)
    seen = preview(path)
    assert not (tmp_path / "home").exists()  # nothing is stored
    made = import_images(path)
    data = seen.to_data()
    train, test = datasets.count_classes(made.name)
    assert data["title"] == made.title == "pets"
    assert (seen.classes, seen.train_counts, seen.test_counts) == (made.classes, tuple(train), tuple(test))
    assert data["classes"]["class0" if held_out else "a"] == {"train": train[0], "test": test[0]}
    assert data["splits"] == {"train": made.counts[0], "test": made.counts[1]}
    assert data["images"] == sum(made.counts)
    assert data["stored"]["size"] == list(made.shape[1:])
    assert data["left_out"] == dict(made.left_out)
    assert seen.warnings == made.warnings
    assert {note for note in data["notes"] if "decoded" not in note} <= set(made.notes)
    if not held_out:
        assert data["left_out"] == {
            "not an image (.txt)": 1, "not an image (.md)": 1, "this is not a supported image": 1, "unlabelled: pred": 1
        }  # fmt: skip
    assert {name for name, _ in seen.samples} == set(made.classes)
    assert datasets.draw_sheet(seen.samples).shape[2] == 3


def test_samples_of_a_stored_set_are_its_images(tmp_path: Path) -> None:
    flat = {f"{c}/{n}.png": makers.encoded(Image.new("RGB", (9, 9), (40 * n, 100 * k, 7)))
            for k, c in enumerate("ab") for n in range(5)}  # fmt: skip
    made = import_images(makers.zipped(tmp_path / "a.zip", flat))
    train, test = datasets.count_classes(made.name)
    assert (train, test) == ([4, 4], [1, 1])
    samples = datasets.sample_images(made.name)
    data = datasets.load(made.name)
    assert np.array_equal([tile[5, 5] for _, tile in samples], data.train_images[:, :, 4, 4].numpy())
    stored = _store.folder(made.name) / _store.ARRAYS
    stored.write_bytes(stored.read_bytes()[:500])
    for ask in (datasets.sample_images, datasets.count_classes):
        with pytest.raises(DatasetError, match="damaged"):
            ask(made.name)


def test_sizes_are_chosen_and_what_they_take_is_said(tmp_path: Path) -> None:
    photos = {f"{c}/{n}.png": makers.png(n, 30 + n, 40) for c in "ab" for n in range(5)}
    path = makers.zipped(tmp_path / "p.zip", photos)
    seen = preview(path)
    assert (seen.smallest, seen.largest) == ((30, 40), (34, 40))
    assert seen.size_stored(None) == (64, 64)
    assert seen.bytes_stored((20, 10)) == 10 * (3 * 200 + 8)
    assert "10 of 10 images are smaller than 64×64" in seen.warn_of_size(None)[0]
    assert seen.warn_of_size((30, 40)) == []
    cut = import_images(path, size=(20, 10), keep_small=False)
    squashed = import_images(path, size=(20, 10), scaling="squash", keep_small=False)
    assert (cut.scaled_to, cut.scaled_by, squashed.scaled_by) == ((20, 10), "cut", "squash")
    assert cut.fingerprint != squashed.fingerprint
    assert "squashed to 20×10" in " ".join(squashed.notes)
    assert import_images(path, size=(20, 10), scaling="squash", keep_small=False).name == squashed.name
    first = np.asarray(Image.open(io.BytesIO(photos["a/0.png"])).resize((10, 20), Image.Resampling.BILINEAR))
    stored = _store.load(squashed.name)
    both = np.concatenate([stored.train_images, stored.test_images])
    assert any(np.array_equal(image.transpose(1, 2, 0), first) for image in both)
    # Images of one small size stay as they are, unless another size was asked for.
    small = makers.zipped(tmp_path / "s.zip", makers.classes())
    assert import_images(small, size=(16, 16)).shape == (3, 8, 8)
    assert import_images(small, size=(16, 16), keep_small=False).shape == (3, 16, 16)
    assert import_images(small).shape == (3, 8, 8)


def test_warnings(tmp_path: Path) -> None:
    counts = {("train", "a"): 30, ("train", "b"): 2, ("test", "a"): 15, ("test", "b"): 1}
    members = {f"{part}/{c}/{n}.png": makers.png(100 * k + n) for k, ((part, c), count) in enumerate(counts.items())
               for n in range(count)}  # fmt: skip
    members["test/a/twin.png"] = members["train/a/3.png"]
    members["train/b/torn.png"] = members["train/a/4.png"]
    members["train/a/dot.png"] = makers.png(5, 1, 1)
    path = makers.zipped(tmp_path / "a.zip", members)
    told = " ".join([*(seen := preview(path)).warnings, *seen.warn_of_size(None)])
    assert "'a' has 31 training images, 'b' has 3" in told
    assert "1 of 17 test images are training images" in told
    assert "1 images lie in more than one class" in told
    assert "1 images have fewer than 8 pixels on a side; the smallest has 1×1" in told
    assert " ".join(import_images(path).warnings) == told


def test_a_class_that_cannot_be_read_is_told_and_one_image_is_enough(tmp_path: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", {**makers.classes(), "c/1.png": b"x", "d/1.png": makers.png(4)})
    made = import_images(path)
    assert made.classes == ("class0", "class1", "d")
    assert made.warnings == preview(path).warnings
    assert "so left out: 'c'" in made.warnings[0]
    assert "without test images: 'd'" in made.warnings[1]
    assert datasets.count_classes(made.name) == ([5, 5, 1], [1, 1, 0])


def test_a_preview_can_be_cancelled(tmp_path: Path, home: Path) -> None:
    path = makers.zipped(tmp_path / "a.zip", makers.classes(2, 90))
    calls = iter(range(1000))
    with pytest.raises(CancelledError):
        datasets.preview_upload(path.read_bytes(), "a.zip", cancel=lambda: next(calls) > 1)
    assert not list((home / "data").iterdir())


def test_sets_of_earlier_versions_stay_readable(tmp_path: Path) -> None:
    made = import_images(makers.zipped(tmp_path / "a.zip", splits()), size=(20, 20), keep_small=False)
    facts = _store.folder(made.name) / _store.FACTS
    old = json.loads(facts.read_text())
    for key in ("scaled_by", "warnings", "left_out"):
        del old[key]
    facts.write_text(json.dumps(old))
    known = datasets.get_import(made.name)
    assert known.scaled_by == "cut"
    assert dict(known.left_out) == dict(made.left_out)
    assert datasets.load(made.name).fingerprint == made.fingerprint


def test_an_import_that_the_page_breaks_off_leaves_nothing(tmp_path: Path, home: Path) -> None:
    """A click begins the page's script anew: what is no Exception comes out of the call for progress."""

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    path = makers.zipped(tmp_path / "a.zip", makers.classes(2, 90))
    for ask in (datasets.preview_upload, datasets.import_upload):
        with pytest.raises(KeyboardInterrupt):
            ask(path.read_bytes(), "a.zip", progress=stop)
        assert not list((home / "data").iterdir())


def test_memory_for_a_large_upload_is_bounded(tmp_path: Path, home: Path) -> None:
    """128 MB, of which little is images: no second copy of it is made in memory, and none is left on the disk."""
    path = makers.zipped(tmp_path / "a.zip", makers.classes(), 0)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(4):
            archive.writestr(f"class0/{number}.bin", bytes(32_000_000))
    data = path.read_bytes()
    assert len(data) > 128_000_000
    for ask in (datasets.preview_upload, datasets.import_upload):
        tracemalloc.start()
        try:
            ask(memoryview(data), "a.zip")
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
    assert [entry.name for entry in (home / "data").iterdir()] == datasets.list_imports()


# ---- archives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "mode"), [
    ("tar", "w:"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.bz2", "w:bz2"), ("tar.xz", "w:xz"), ("txz", "w:xz"),
])  # fmt: skip
def test_a_tar_is_read_as_a_zip_is(tmp_path: Path, home: Path, ending: str, mode: str) -> None:
    members = makers.classes(3, 4)
    path = tmp_path / f"my cats.{ending}"
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for kind, name in ((tarfile.SYMTYPE, "class0/l.png"), (tarfile.LNKTYPE, "class0/h.png"),
                           (tarfile.FIFOTYPE, "class0/f.png"), (tarfile.DIRTYPE, "class9")):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    made = import_images(path)
    assert made.title == "my cats"
    assert made.name == import_images(makers.zipped(tmp_path / "my cats.zip", members)).name
    assert dict(made.left_out) == {"a link": 2, "not a regular file": 1}
    assert "no classes: 'class9'" in " ".join(made.warnings)
    assert datasets.import_upload(path.read_bytes(), path.name).name == made.name
    assert [entry.name for entry in (home / "data").iterdir()] == [made.name]


def test_an_xz_of_several_streams_is_read_and_a_broken_or_forged_one_is_not(tmp_path: Path) -> None:
    data = gzip.decompress(makers.tar(makers.classes()))
    packed = lzma.compress(data[:5000]) + bytes(8) + lzma.compress(data[5000:])
    path = tmp_path / "a.tar.xz"
    path.write_bytes(packed)
    assert preview(path).count == 12
    for broken in (packed[:-40], packed[:300] + b"\xff" * 20 + packed[320:]):
        path.write_bytes(broken)
        with pytest.raises(DatasetError, match=r"a\.tar\.xz is damaged: it cannot be unpacked"):
            preview(path)
    path.write_bytes(lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**29}]))
    with pytest.raises(DatasetError, match="Memory usage limit"):
        preview(path)


@pytest.mark.parametrize(("name", "head", "said"), [
    ("a.parquet", b"PAR1", "is a Parquet file"), ("setid.mat", b"MATLAB 5.0", "is a MATLAB file"),
    ("labels.csv", b"a,b", "is a single file"), ("photo.jpg", b"\xff\xd8", "is a single file"),
])  # fmt: skip
def test_a_single_file_is_named(tmp_path: Path, name: str, head: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(head + bytes(600))
    with pytest.raises(DatasetError, match=said):
        preview(path)


def test_files_without_an_ending_are_images_by_their_content(tmp_path: Path) -> None:
    members = {**makers.classes(), "class0/7": makers.png(7), "notes/LICENSE": b"Yours.", "notes/AUTHORS": b"We."}
    shown = preview(makers.zipped(tmp_path / "a.zip", members))
    assert (shown.count, dict(shown.left_out)) == (13, {"not an image (no ending)": 2})
    bare = {name.removesuffix(".png"): data for name, data in makers.classes().items()}
    assert preview(makers.zipped(tmp_path / "b.zip", bare)).count == 12


# ---- damage --------------------------------------------------------------------------------------------------------


def test_images_whose_bodies_are_damaged_are_counted_by_the_preview_as_by_the_import(tmp_path: Path) -> None:
    jpeg, whole = makers.encoded(makers.pixels(1, 90, 90, 3), "JPEG"), makers.encoded(makers.pixels(2, 90, 90, 3))
    noise = whole[: len(whole) // 2] + bytes(len(whole) // 2)
    members = {**makers.classes(), "class0/a.jpg": jpeg[: len(jpeg) // 2], "class1/b.png": noise}
    path = makers.zipped(tmp_path / "a.zip", members)
    shown, made = preview(path), import_images(path)
    assert dict(shown.left_out) == dict(made.left_out) == {"the image file is incomplete or damaged": 2}
    assert [name for name, _ in shown.skipped] == [name for name, _ in made.skipped] == ["class0/a.jpg", "class1/b.png"]
    assert any("Every image was decoded to its end" in note for note in shown.notes)


def test_a_preview_of_many_images_says_how_many_it_decoded(tmp_path: Path) -> None:
    members = makers.classes(2, 100)
    for name in [*members][::2]:  # every second one; of 200, every second one is decoded
        members[name] = members[name][:-30]
    path = makers.zipped(tmp_path / "a.zip", members)
    said = next(note for note in preview(path).notes if "decoded" in note)
    assert said.startswith("100 of 200 images were decoded to their end")
    bad = dict.fromkeys(members, b"\x89PNG")
    for ask in (preview, import_images):
        with pytest.raises(DatasetError, match=r"; [0-9]+: this is not a supported image"):
            ask(makers.zipped(tmp_path / "b.zip", bad))


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png"])
def test_a_tar_with_names_that_lead_out_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(makers.tar({**makers.classes(), name: makers.png(1)}))
    with pytest.raises(DatasetError, match="leads out"):
        preview(path)


def test_tars_made_to_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a/1.png"))
        info = tarfile.TarInfo("b/1.png")
        info.pax_headers = {"comment": "x" * 2**21}
        archive.addfile(info)
    with pytest.raises(DatasetError, match="header of it is too large"):
        preview(path)
    path.write_bytes(makers.tar(makers.classes()))
    packed = path.read_bytes()
    for cut in (len(packed) // 2, 100, 11):
        path.write_bytes(packed[:cut])
        with pytest.raises(DatasetError, match=r"damaged|not a readable|class folders"):
            preview(path)
    path.write_bytes(makers.tar({**makers.classes(), "a/z.png": bytes(40_000_000)}))
    monkeypatch.setattr(_limits, "MAX_RATIO", 2)
    with pytest.raises(DatasetError, match="unpacks to more than"):
        preview(path)
    for seed in range(60):
        data = bytearray(packed)
        data[seed * 7 % len(data)] ^= 1 << seed % 8
        path.write_bytes(bytes(data))
        try:
            preview(path)
        except DatasetError as error:
            assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)


@pytest.mark.parametrize(
    ("magic", "kind"), [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "rar"), (b"\x28\xb5\x2f\xfd", "zst")]
)
def test_other_archives_are_refused_by_name(tmp_path: Path, magic: bytes, kind: str) -> None:
    (tmp_path / "a.x").write_bytes(magic + b"x" * 99)
    with pytest.raises(DatasetError, match=f"is a {kind} archive.*unpack it"):
        preview(tmp_path / "a.x")


def test_an_upload_is_called_by_its_own_name_in_messages() -> None:
    for ask in (datasets.preview_upload, datasets.import_upload):
        with pytest.raises(DatasetError, match=r"^pets\.zip is not a zip"):
            ask(b"nothing", "pets.zip")


# ---- what lies in the data folders ---------------------------------------------------------------------------------


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shared"
    for name, data in {**makers.classes(prefix="pets/"), "flat/1.png": b"x", "MNIST/raw/x": b"x", "notes.txt": b"x",
                       **makers.classes(3, prefix="deep/er/train/")}.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "inner").mkdir()
    makers.zipped(folder / "inner" / "birds.zip", makers.classes(2, 5))
    makers.zipped(folder / "pets.zip", makers.classes(2, 7))
    (folder / "broken.tar.gz").write_bytes(b"\x1f\x8bno")
    monkeypatch.setenv("EXPLORER_DATA", f"{tmp_path / 'nowhere'}{os.pathsep}{folder}")
    return folder


def test_sets_in_the_data_folders_are_offered_until_they_are_imported(data_folder: Path) -> None:
    offers = {offer.name: offer.path for offer in datasets.list_offers()}
    assert offers == {
        "broken": data_folder / "broken.tar.gz", "deep": data_folder / "deep", "birds": data_folder / "inner/birds.zip",
        "pets": data_folder / "pets", "pets-2": data_folder / "pets.zip",
    }  # fmt: skip
    assert not set(offers) & set(datasets.names())
    card = datasets.get_card("birds")
    assert (card.available, card.classes, card.train_count, card.test_count, card.shape) == (
        False, ("class0", "class1"), 8, 2, (3, 8, 8)
    )  # fmt: skip
    assert str(data_folder) in card.manual_download
    with pytest.raises(DatasetError, match="damaged"):
        datasets.get_card("broken")
    data = datasets.load("birds")
    assert data.name in datasets.list_imports()
    assert "birds" not in {offer.name for offer in datasets.list_offers()}
    makers.zipped(data_folder / "inner" / "birds.zip", makers.classes(2, 6))
    assert "birds" in {offer.name for offer in datasets.list_offers()}  # it is another one now
    assert datasets.find_source("pets") == data_folder / "pets"
    assert datasets.find_source("digits") is None
    datasets.load("pets")
    assert "pets" not in {offer.path.name for offer in datasets.list_offers()}


def test_a_data_folder_can_itself_be_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, data in makers.classes().items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_bytes(data)
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "d"))
    (offer,) = datasets.list_offers()
    assert offer.path == tmp_path / "d"


def test_a_copy_that_is_offered_stands_for_a_set_that_is_not_here(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_official.OFFICIAL, "cifar-10", makers.small_cifar()[0])
    card = datasets.get_card("cifar-10")
    members = {f"{part}/{name}/{n}.png": b"x" for part, count in (("train", 2), ("test", 1))
               for name in card.classes for n in range(count)}  # fmt: skip
    makers.zipped(data_folder / "c10.zip", members)
    assert datasets.find_available("cifar-10") == "c10"
    assert datasets.find_available("mnist") == "mnist"


# ---- the command line ----------------------------------------------------------------------------------------------


def test_the_verbs(tmp_path: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(makers.zipped(tmp_path / "p.zip", splits()))
    sheet = tmp_path / "sheet.png"
    status, out, _ = read(capsys, "preview", path, "--json", "--sheet", str(sheet))
    seen = json.loads(out)
    assert status == 0
    assert {"classes", "splits", "images", "sizes", "left_out", "warnings"} <= seen.keys()
    with Image.open(sheet) as drawn:
        assert drawn.width > 300
    status, out, _ = read(capsys, "import", path, "--size", "16x20", "--name", "Zoo", "--json")
    made = json.loads(out)
    assert made["shape"] == [3, 16, 20]
    assert made["stored"]["scaled_by"] == "cut"
    assert (made["classes"], made["splits"], made["left_out"]) == (seen["classes"], seen["splits"], seen["left_out"])
    listed = {row["name"]: row for row in json.loads(read(capsys, "list", "--json")[1])}
    assert listed[made["name"]]["state"] == "imported"
    assert listed["birds"]["state"] == "found"
    assert json.loads(read(capsys, "show", "Zoo", "--json", "--sheet", str(sheet))[1]) == made
    assert json.loads(read(capsys, "show", "digits", "--json")[1])["splits"] == {"train": 4000, "test": 1000}
    assert "Zoo: 12 + 9 images" in read(capsys, "show", made["name"])[1]
    assert json.loads(read(capsys, "rename", "Zoo", "Tiergarten", "--json")[1])["title"] == "Tiergarten"
    file = data_folder / "zoo.npz"
    assert json.loads(read(capsys, "save", "Tiergarten", str(file), "--json")[1])["train"] == 12
    with np.load(file) as arrays:
        assert arrays["train_images"].shape == (12, 3, 16, 20)
        assert arrays["test_labels"].tolist() == datasets.load(made["name"]).test_labels.tolist()
    for verb in (("preview", path), ("list",), ("import", "birds"), ("show", "digits")):
        assert read(capsys, *verb)[0] == 0
    assert json.loads(read(capsys, "remove", "Tiergarten", "--json")[1])["removed"] == made["name"]
    assert made["name"] not in datasets.names()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("preview", "nowhere.zip"), "there is no file or folder 'nowhere.zip'"),
        (("preview", "digits"), "is a data set already"),
        (("preview", "pets", "--size", "8,5"), "must be HEIGHTxWIDTH"),
        (("import", "pets", "--size", "4"), "pixels a side"),
        (("import", "broken"), "damaged"),
        (("show", "pest"), "did you mean pets"),
        (("remove", "digits"), "digits is no imported data set"),
        (("save", "digits", "/nowhere/x.npz"), "cannot write"),
        (("rename", "digits", "x"), "no imported data set digits"),
        (("preview", "pets", "--sheet", "/nowhere/x.png"), "cannot write"),
    ],
)
def test_what_a_verb_cannot_do_is_one_line(
    data_folder: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    status, out, err = read(capsys, *args)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_set_that_a_run_uses_is_not_removed_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = import_images(makers.zipped(tmp_path / "p.zip", splits()))

    class Used:
        id = "r1"

    monkeypatch.setattr(cli._datasets, "_runs_of", lambda _: [Used()])
    status, _, err = read(capsys, "remove", made.name)
    assert status == 2
    assert "is used by 1 runs (r1)" in err
    assert json.loads(read(capsys, "remove", made.name, "--force", "--json")[1])["runs"] == ["r1"]

