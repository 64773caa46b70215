"""Which files become which split and class: the layouts that people have, by their names alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.datasets import ImageFolder

from explorer.datasets import DatasetError, Layout, find_layout, preview
from tests.datasets import makers
from tests.sizes import examples


def layout(names: Iterable[str], texts: dict[str, str] | None = None, folders: Iterable[str] = ()) -> Layout:
    texts = texts or {}
    files = [(name, 1000) for name in [*names, *texts]]
    return find_layout(files, source="'x.zip'", folders=folders, read_text=lambda name: texts.get(name, ""))


def files(where: str, count: int, ending: str = "jpg", first: int = 0) -> list[str]:
    return [f"{where}/{number}.{ending}" for number in range(first, first + count)]


def tree(*wheres: str, count: int = 3) -> list[str]:
    return [name for where in wheres for name in files(where, count)]


def found(made: Layout) -> dict[str, tuple[int, int]]:
    """Images of each class, for training and for testing."""
    train, test = (Counter(label for _, label in part) for part in (made.train, made.test))
    return {name: (train[label], test[label]) for label, name in enumerate(made.classes)}


def reasons(made: Layout) -> dict[str, int]:
    return dict(Counter(reason for _, reason in made.left_out))


CASES: dict[str, tuple[list[str], dict[str, str], dict[str, tuple[int, int]], dict[str, int]]] = {
    "class folders": (tree("a", "b"), {}, {"a": (3, 0), "b": (3, 0)}, {}),
    "inside other folders": (tree("x/y/a", "x/y/b"), {}, {"a": (3, 0), "b": (3, 0)}, {}),
    "train and test": (tree("train/a", "train/b", "test/a", "test/b"), {}, {"a": (3, 3), "b": (3, 3)}, {}),
    "training_set and test_set, nested once more": (
        tree("training_set/training_set/cats", "training_set/training_set/dogs", "test_set/test_set/cats",
             "test_set/test_set/dogs"), {}, {"cats": (3, 3), "dogs": (3, 3)}, {},
    ),
    "Training, Testing": (tree("Training/a", "Training/b", "Testing/a", "Testing/b"), {},
                          {"a": (3, 3), "b": (3, 3)}, {}),
    "camel case": (tree("TrainImages/a", "TrainImages/b", "TestImages/a", "TestImages/b"), {},
                   {"a": (3, 3), "b": (3, 3)}, {}),
    "years": (tree("train2017/a", "train2017/b", "val2017/a", "val2017/b"), {}, {"a": (3, 3), "b": (3, 3)}, {}),
    "train, valid, test": (tree(*(f"{s}/{c}" for s in ("train", "valid", "test") for c in "ab")), {},
                           {"a": (6, 3), "b": (6, 3)}, {}),
    "train, dev": (tree(*(f"{s}/{c}" for s in ("train", "dev") for c in "ab")), {}, {"a": (3, 3), "b": (3, 3)}, {}),
    "one without labels": (
        [*tree(*(f"seg_{s}/seg_{s}/{c}" for s in ("train", "test") for c in "ab")), *files("seg_pred/seg_pred", 4)], {},
        {"a": (3, 3), "b": (3, 3)}, {"unlabelled: seg_pred": 4},
    ),
    "a copy of the splits": (
        tree(*(f"x/{deeper}{s}/{c}" for deeper in ("", "x/") for s in ("train", "val", "test") for c in "ab")), {},
        {"a": (6, 3), "b": (6, 3)}, {"a second copy, one folder deeper": 18},
    ),
    "a copy of the classes": (
        tree("flowers/daisy", "flowers/rose", "flowers/flowers/daisy", "flowers/flowers/rose"), {},
        {"daisy": (3, 0), "rose": (3, 0)}, {"a second copy, one folder deeper": 6},
    ),
    "a copy inside a split": (
        tree("train/a", "train/b", "train/train/a", "train/train/b", "test/a", "test/b"), {},
        {"a": (3, 3), "b": (3, 3)}, {"a second copy, one folder deeper": 6},
    ),
    "tiny-imagenet": (
        [*tree("t/train/n1/images", "t/train/n2/images"), *files("t/val/images", 4), *files("t/test/images", 5)],
        {"t/val/val_annotations.txt": "".join(f"{n}.jpg\tn{1 + n % 2}\t0\t0\t9\t9\n" for n in range(4)),
         "t/train/n1/n1_boxes.txt": "0.jpg\t0\t0\t9\t9\n", "t/wnids.txt": "n1\nn2\n", "t/words.txt": "n1\tdog\n"},
        {"n1": (3, 2), "n2": (3, 2)},
        {"unlabelled: t/test": 5, "not an image (.txt)": 3},
    ),
    "ImageNet's depth": (
        [*tree("I/Data/CLS-LOC/train/n1", "I/Data/CLS-LOC/train/n2"), *files("I/Data/CLS-LOC/val", 4, "JPEG"),
         *files("I/Data/CLS-LOC/test", 2)],
        {"LOC_val_solution.csv": "ImageId,PredictionString\n" + "".join(f"{n},n{1 + n % 2} 1 2 3\n" for n in range(4)),
         "LOC_train_solution.csv": "ImageId,PredictionString\n0,n1 1 2 3 4\n",
         "LOC_sample_submission.csv": "ImageId,PredictionString\n0,n1 1 2 3 4\n",
         "I/ImageSets/CLS-LOC/val.txt": "0 1\n1 2\n2 3\n3 4\n"},
        {"n1": (3, 2), "n2": (3, 2)},
        {"unlabelled: I/Data/CLS-LOC/test": 2, "not an image (.csv)": 2, "not an image (.txt)": 1},
    ),
    "labels.csv": (
        files("images", 4), {"labels.csv": "filename,label\r0.jpg,cat\r1.jpg,dog\r2.jpg,cat\r3.jpg,dog\r"},
        {"cat": (2, 0), "dog": (2, 0)}, {},
    ),
    "labels beside loose images": (
        ["0.jpg", "1.jpg", "2.jpg", "3.jpg"], {"y.csv": "id;class\n0;cat\n1;dog\n2;cat\n3;dog\n"},
        {"cat": (2, 0), "dog": (2, 0)}, {},
    ),
    "ids, padded with zeros, and paths": (
        [f"img/{n:05}.png" for n in range(4)],
        {"t.tsv": "\ufeffimage_id\ttarget\n0\t0\n1\t10\n2\t9\nimg/00003.png\t9\n"},
        {"0": (1, 0), "9": (2, 0), "10": (1, 0)}, {},
    ),
    "one column for each class": (
        files("images", 4), {"train.csv": "image_id,rust,scab\n0,1,0\n1,0,1\n2,1,0\n3,0,1\n"},
        {"rust": (2, 0), "scab": (2, 0)}, {},
    ),
    "train.csv and test.csv": (
        files("images", 6), {"train.csv": "file,label\n0,a\n1,b\n2,a\n3,b\n", "test.csv": "file,label\n4,a\n5,b\n",
                             "sample_submission.csv": "file,label\n4,b\n5,b\n"},
        {"a": (2, 1), "b": (2, 1)}, {"not an image (.csv)": 1},
    ),
    "parts that are no classes": (
        [*files("part_1", 3), *files("part_2", 3, first=3)],
        {"meta.csv": "id,image_id,dx,age\n" + "".join(f"L{n},{n},{'nv' if n % 2 else 'mel'},5\n" for n in range(6))},
        {"mel": (3, 0), "nv": (3, 0)}, {},
    ),
    "a list that says what the folders say": (
        tree("cats", "dogs"), {"labels.csv": "path,label\n" + "".join(
            f"{c}s/{n}.jpg,{c}\n" for c in ("cat", "dog") for n in range(3))},
        {"cats": (3, 0), "dogs": (3, 0)}, {"not an image (.csv)": 1},
    ),
    "test labelled by a list of other numbers": (
        [*tree("Train/00000", "Train/00001"), *files("Test", 4, "png"), *files("Meta", 2)],
        {"Test.csv": "Width,Height,ClassId,Path\n" + "".join(f"9,9,{n % 2},Test/{n}.png\n" for n in range(4)),
         "Train.csv": "Width,Height,ClassId,Path\n9,9,0,Train/00000/0.jpg\n"},
        {"00000": (3, 2), "00001": (3, 2)}, {"beside the split folders": 2, "not an image (.csv)": 1},
    ),
    "a column of splits": (
        tree("train/x", "train/y", "test/x"), {"b.csv": "labels,filepaths,data set\n" + "".join(
            f"{s[-1]},{s}/{n}.jpg,{s}\n" for s in ("train/x", "train/y", "test/x") for n in range(3))},
        {"x": (3, 3), "y": (3, 0)}, {"not an image (.csv)": 1},
    ),
    "splits of loose images by a column": (
        files("i", 8), {"b.csv": "f,labels,split\n" + "".join(
            f"{n},{'hawk' if n % 2 else 'owl'},{'train' if n < 6 else 'test'}\n" for n in range(8))},
        {"hawk": (3, 1), "owl": (3, 1)}, {},
    ),
    "lists of splits beside class folders, without endings": (
        tree("x/images/a", "x/images/b", count=4), {
            "x/meta/train.txt": "".join(f"{c}/{n}\n" for c in "ab" for n in (0, 1)),
            "x/meta/test.txt": "".join(f"{c}/{n}\n" for c in "ab" for n in (2,)),
            "x/meta/classes.txt": "a\nb\n", "x/readme.txt": "Nothing of\nimages.\n",
        }, {"a": (2, 1), "b": (2, 1)},
        {"not listed in x/meta/test.txt and x/meta/train.txt": 2, "not an image (.txt)": 2},
    ),
    "a list for testing alone": (
        tree("a", "b"), {"testing_list.txt": "a/0.jpg\nb/1.jpg\n"}, {"a": (2, 1), "b": (2, 1)}, {},
    ),
    "lists of several folds": (
        tree("i/a", "i/b", count=12), {f"labels/{split}{fold}.txt": "".join(
            f"{c}/{n}.jpg\n" for c in "ab" for n in range(12) if (n % 3 == fold % 3) == (split == "test"))
            for split in ("train", "test") for fold in range(1, 11)},
        {"a": (8, 4), "b": (8, 4)}, {"not an image (.txt)": 18},
    ),
    "keys in one file, splits in another": (
        [f"c/images/{c}/{c}_{n}.jpg" for c in ("1.owl", "2.hen") for n in range(3)],
        {"c/images.txt": "".join(f"{k} {c}/{c}_{k % 3}.jpg\n" for k in range(3, 9)
                                 for c in [("1.owl", "2.hen")[k // 3 - 1]]),
         "c/image_class_labels.txt": "".join(f"{k} {k // 3}\n" for k in range(3, 9)),
         "c/train_test_split.txt": "".join(f"{k} {int(k % 3 > 0)}\n" for k in range(3, 9)),
         "c/bounding_boxes.txt": "".join(f"{k} {k}.5 2.0 3.0 4.0\n" for k in range(3, 9)),
         "c/classes.txt": "1 1.owl\n2 2.hen\n"},
        {"1.owl": (2, 1), "2.hen": (2, 1)}, {"not an image (.txt)": 4},
    ),
    "keys in one file, labels in another": (
        [f"c/images/DSC{n}.jpg" for n in range(6)],
        {"c/images.txt": "".join(f"{k} DSC{k - 50}.jpg\n" for k in range(50, 56)),
         "c/labels.txt": "".join(f"{k} {'hen' if k % 2 else 'barn owl'}\n" for k in range(50, 56)),
         "c/train_test_split.txt": "".join(f"{k} {int(k < 54)}\n" for k in range(50, 56))},
        {"barn owl": (2, 1), "hen": (2, 1)}, {"not an image (.txt)": 1},
    ),
    "classes by number, whose names the files have": (
        [f"images/{c}_{n}.jpg" for c in ("Abyssinian", "beagle") for n in range(6)],
        {"annotations/list.txt": "#Image CLASS-ID SPECIES BREED\n#1:37 2:Cat 3:Dog\n" + "".join(
            f"{c}_{n} {k} 1 1\n" for k, c in enumerate(("Abyssinian", "beagle"), 1) for n in range(6)),
         "annotations/trainval.txt": "".join(
            f"{c}_{n} {k} 1 1\n" for k, c in enumerate(("Abyssinian", "beagle"), 1) for n in range(4)),
         "annotations/test.txt": "".join(
            f"{c}_{n} {k} 1 1\n" for k, c in enumerate(("Abyssinian", "beagle"), 1) for n in (4, 5))},
        {"Abyssinian": (4, 2), "beagle": (4, 2)}, {"not an image (.txt)": 1},
    ),
    "masks beside the images of each class": (
        tree(*(f"{c}/{what}" for c in ("COVID", "Normal") for what in ("images", "masks"))), {},
        {"COVID": (3, 0), "Normal": (3, 0)}, {"masks beside images": 6},
    ),
    "masks beside all images": (
        [f"images/{c}_{n}.jpg" for c in ("cat", "dog") for n in range(3)]
        + [f"annotations/trimaps/{c}_{n}.png" for c in ("cat", "dog") for n in range(3)], {},
        {"cat": (3, 0), "dog": (3, 0)}, {"masks beside images": 6},
    ),
    "masks in splits of their own": (
        tree(*(f"{what}/{split}/{c}" for what in ("images", "masks") for split in ("train", "test") for c in "ab")), {},
        {"a": (3, 3), "b": (3, 3)}, {"masks beside images": 12},
    ),
    "splits that are told in camel case": (
        files("i", 8), {"b.csv": "f,labels,usage\n" + "".join(
            f"{n},{'hawk' if n % 2 else 'owl'},{('Training', 'Training', 'PublicTest')[n // 3]}\n" for n in range(8))},
        {"hawk": (3, 1), "owl": (3, 1)}, {},
    ),
    "a flag for training": (
        files("i", 8), {"b.csv": "f,labels,is_train\n" + "".join(
            f"{n},{'hawk' if n % 2 else 'owl'},{n < 6}\n" for n in range(8))},
        {"hawk": (3, 1), "owl": (3, 1)}, {},
    ),
    "split folders whose images have the same names, each with a list of boxes and classes": (
        [*files("cars_train", 8), *files("cars_test", 4)],
        {f"anno_{split}.csv": "".join(f"{n}.jpg,{30 + 7 * n},{20 + 9 * n},200,300,{1 + (n + shift) % 2}\n"
                                      for n in range(count))
         for split, count, shift in (("train", 8, 0), ("test", 4, 1))},
        {"1": (4, 2), "2": (4, 2)}, {},
    ),
    "spaces in the names of classes, not in each": (
        files("data/images", 6), {"data/variants.txt": "".join(
            f"{n} {('Falcon 2000', 'Spitfire', 'Boeing 737')[n % 3]}\n" for n in range(6))},
        {"Boeing 737": (2, 0), "Falcon 2000": (2, 0), "Spitfire": (2, 0)}, {},
    ),
    "as many words in every row": (
        files("images", 4), {"l.txt": "".join(f"{n} Boeing {(707, 717)[n % 2]}\n" for n in range(4))},
        {"Boeing 707": (2, 0), "Boeing 717": (2, 0)}, {},
    ),
    "titles in another language": (
        files("images", 4),
        {"l.csv": "Datei;Breite;Klasse\n" + "".join(f"{n}.jpg;9;{'ab'[n % 2]}\n" for n in range(4))},
        {"a": (2, 0), "b": (2, 0)}, {},
    ),
    "one column of words among numbers": (
        files("images", 4), {"l.csv": "file,w,h,animal\n" + "".join(f"{n},9,{n},{'ab'[n % 2]}\n" for n in range(4))},
        {"a": (2, 0), "b": (2, 0)}, {},
    ),
    "true and false, and other endings": (
        files("images", 4, "png"), {"l.csv": "# made by hand\nfile,rust,scab\n" + "".join(
            f"images\\{n}.jpg,{n % 2 == 0},{n % 2 == 1}\n" for n in range(4))},
        {"rust": (2, 0), "scab": (2, 0)}, {},
    ),
    "dogs and cats in the file names": (
        [*(f"train/{c}.{n}.jpg" for c in ("cat", "dog") for n in range(5)), *files("test1", 4)],
        {"sampleSubmission.csv": "id,label\n0,0\n1,0\n"},
        {"cat": (5, 0), "dog": (5, 0)}, {"unlabelled: test1": 4, "not an image (.csv)": 1},
    ),
    "pets": ([f"images/{c}_{n}.jpg" for c in ("Abyssinian", "great_pyrenees") for n in range(5)], {},
             {"Abyssinian": (5, 0), "great_pyrenees": (5, 0)}, {}),
    "test images named by their class": (
        [*tree("asl_train/asl_train/A", "asl_train/asl_train/nothing"), "asl_test/asl_test/A_test.jpg",
         "asl_test/asl_test/nothing_test.jpg"], {}, {"A": (3, 1), "nothing": (3, 1)}, {},
    ),
    "splits inside the classes": (tree("cat/train", "cat/test", "dog/train", "dog/test"), {},
                                  {"cat": (3, 3), "dog": (3, 3)}, {}),
    "classes with folders in them": (tree("a/2020", "a/2021", "b"), {}, {"a": (6, 0), "b": (3, 0)}, {}),
    "a class called train": (tree("train", "bus", "car"), {}, {"bus": (3, 0), "car": (3, 0), "train": (3, 0)}, {}),
    "stations": (tree("train_station", "test_track", "airport"), {},
                 {"airport": (3, 0), "test_track": (3, 0), "train_station": (3, 0)}, {}),
    "valid and invalid": (tree("valid", "invalid"), {}, {"invalid": (3, 0), "valid": (3, 0)}, {}),
    "only the splits of a folder": (
        [*tree("data/train/a", "data/train/b", "data/test/a", "data/test/b"), *files("figures", 2)], {},
        {"a": (3, 3), "b": (3, 3)}, {"beside the split folders": 2},
    ),
    "train and some examples": ([*tree("train/a", "train/b"), *files("demo", 2)], {}, {"a": (3, 0), "b": (3, 0)},
                                {"beside the split folders": 2}),
    "a class that is tested alone": (tree("train/a", "train/b", "test/a", "test/c"), {}, {"a": (3, 3), "b": (3, 0)},
                                     {"its class c has no training images": 3}),
    "val is all there is": (tree("val/a", "val/b", "test/a", "test/b"), {}, {"a": (3, 3), "b": (3, 3)}, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_layouts(case: str) -> None:
    names, texts, expected, left_out = CASES[case]
    made = layout(names, texts)
    assert found(made) == expected
    assert reasons(made) == left_out
    placed = [name for name, _ in (*made.train, *made.test)]
    assert len(set(placed)) == len(placed)
    used = {name for name in texts if name not in dict(made.left_out)}
    assert {*placed, *(name for name, _ in made.left_out)} == {*names, *texts} - used
    assert all(name in " ".join(made.notes) for name in used)  # that labels were read from a list is said


@pytest.mark.parametrize(
    ("names", "texts", "said"),
    [
        (files("images", 5), {}, "1 class folders"),
        (["0.jpg", "1.jpg"], {}, "unlabelled"),
        ([*files("train", 3), *files("test", 3)], {}, "unlabelled: train"),
        ([f"DSC_{n:04}.jpg" for n in range(9)], {}, "0 class folders"),
        (files("i", 3), {"l.csv": "file,x,y\n0,1,2\n1,4,5\n2,6,7\n"}, r"which of its columns \('x', 'y'\)"),
        (files("i", 9), {"l.csv": "file,y\n" + "".join(f"{n},{n + 1 / 7:.3f}\n" for n in range(9))}, "are no classes"),
        (files("i", 9), {"cat_train.txt": "".join(f"{n} {1 if n % 3 else -1}\n" for n in range(9))}, "is no class;"),
        ([*files("i", 9), "setid.mat"], {}, "labels are in 'setid.mat', which is not read, write them as"),
        (["train.zip", "test1.zip", "s.csv"], {}, "give 'test1.zip' or 'train.zip'"),
        ([f"a/{n}.ppmx" for n in range(12)], {}, r"12 not an image \(.ppmx\)"),
        ([f"a/{n}.heic" for n in range(12)], {}, "12 a HEIC photo"),
        (tree("one/train/a", "one/train/b", "one/test/a", "two/train/a", "two/train/b", "two/test/b"), {}, "one, two"),
        ([f"{'d/' * 9}{c}/{n}.jpg" for c in "ab" for n in range(3)], {}, "6 deeper than 8 folders"),
        (tree("train/a", "train/b", "test/c", "test/d"), {}, "are not those for training, such as .a."),
    ],
)
def test_what_has_no_classes_is_refused_with_the_reason(names: list[str], texts: dict[str, str], said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        layout(names, texts)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_what_is_encrypted_is_counted_in_the_refusal() -> None:
    with pytest.raises(DatasetError, match="12 encrypted"):
        find_layout([], source="x", problems=[(f"a/{n}.jpg", "encrypted") for n in range(12)])


def test_doubts_are_told() -> None:
    def told(names: list[str], texts: dict[str, str] | None = None, folders: Iterable[str] = ()) -> str:
        made = layout(names, texts, folders)
        return " ".join([*made.notes, *made.warnings])

    assert "validation images are used as the test set" in told(tree("train/a", "train/b", "val/a", "val/b"))
    assert "added to the training set" in told(tree(*(f"{s}/{c}" for s in ("train", "val", "test") for c in "ab")))
    assert "Without test images: 'b'" in told(tree("train/a", "train/b", "test/a"))
    assert "no classes: 'c'" in told(tree("a", "b"), folders=["a", "b", "c"])
    assert "no classes: 'train/c'" in told([*tree("train/a", "train/b", "test/a", "test/b"), "train/c/x.heic"])
    assert "'train' was taken for a class" in told(tree("train", "bus", "car"))
    assert "all hold the same folders (back_pack, bike)" in told(tree(*(f"{d}/{c}" for d in ("amazon", "dslr")
                                                                       for c in ("bike", "back_pack"))))  # fmt: skip
    assert "m.csv lists the images" in told(tree("p1", "p2"), {"m.csv": "f,x,y\n" + "".join(
        f"{p}/{n}.jpg,1,2\n" for p in ("p1", "p2") for n in range(3))})  # fmt: skip
    said = told(files("i", 8), {f"{kind}_{split}.csv": "f,label\n" + "".join(
        f"{n},{kind}{n % 4 // (1 if kind == 'variant' else 2)}\n" for n in range(8) if (n < 4) == (split == "train"))
        for kind in ("family", "variant") for split in ("train", "test")})  # fmt: skip
    assert "variant_test.csv, variant_train.csv give other classes than family_test.csv, which was taken" in said
    assert "The classes are the outer folders (a, b)" in told(tree("a/abbey", "a/airport", "b/bakery", "b/bank"))
    assert "not used: labels/test2.txt" in told(tree("a", "b"), {
        f"labels/test{n}.txt": f"a/{n}.jpg\nb/{n}.jpg\n" for n in (1, 2)})  # fmt: skip
    assert "Column 3 of l.csv, 'kind', was taken for the label" in told(files("i", 4), {
        "l.csv": "f,w,kind\n" + "".join(f"{n},9,{'ab'[n % 2]}\n" for n in range(4))})  # fmt: skip
    listed = "f,label\n0,a\n1,b\n2,a\n3,b\n9,a\n1,b\n"
    assert "1 rows of l.csv name files that are not there" in told(files("i", 4), {"l.csv": listed})


def test_rows_without_a_label_and_with_two() -> None:
    made = layout(files("i", 7), {"l.csv": "f,label\n0,a\n1,b\n2,a\n3,b\n4,\n5,a\n5,b\n"})
    assert reasons(made) == {"no label in l.csv": 1, "two labels in l.csv": 1, "not listed in l.csv": 1}


_TRAIN = ("train", "Train", "training", "training_set", "seg_train", "Final_Training", "train_images", "trainset")
_TEST = ("test", "Testing", "test_set", "seg_test", "Final_Test", "val", "valid", "validation", "eval", "dev")
_CLASS = st.text("abcdefgh_ 0123456789", min_size=1, max_size=6).filter(lambda name: name == name.strip())
_WRAPS: tuple[Callable[[str], str], ...] = (
    lambda path: path, lambda path: f"top/{path}", lambda path: f"Data/CLS-LOC/{path}",
)  # fmt: skip


@settings(max_examples=examples(150))
@given(
    classes=st.lists(_CLASS, min_size=2, max_size=5, unique_by=str.casefold),
    train=st.sampled_from(_TRAIN),
    test=st.one_of(st.none(), st.sampled_from(_TEST)),
    again=st.sampled_from(["", "same", "images"]),
    deeper=st.sampled_from(["", "images/", "x/y/"]),
    wrap=st.sampled_from(_WRAPS),
    copy=st.booleans(),
    bare=st.integers(0, 3),
)
def test_splits_of_every_name_and_nesting(
    classes: list[str], train: str, test: str | None, again: str, deeper: str, wrap: Callable[[str], str], copy: bool,
    bare: int,
) -> None:  # fmt: skip
    def body(split: str) -> str:
        return f"{split}/{split}" if again == "same" else f"{split}/images" if again == "images" else split

    expected = {split: {f"{body(split)}/{name}/{deeper}{n}.png": name for name in classes for n in range(2)}
                for split in (train, test) if split}  # fmt: skip
    names = [name for part in expected.values() for name in part]
    if copy and test:  # beside a copy of itself, one folder deeper
        names += [f"again/{name}" for name in names]
    names += [f"seg_pred/{n}.png" for n in range(bare)] if test else []
    made = layout(map(wrap, names))
    assert made.classes == tuple(sorted(classes))
    for part, split in ((made.train, train), (made.test, test)):
        want = {wrap(name): label for name, label in expected.get(split or "", {}).items()}
        assert {name: made.classes[label] for name, label in part} == want


@settings(max_examples=examples(200))
@given(names=st.lists(st.lists(st.sampled_from(
    ["train", "test", "val", "a", "b", "c", "images", "x.png", "1.jpg", "cat.0.jpg", "l.csv", "z.zip", "d.heic", "n"]),
    min_size=1, max_size=5).map("/".join), max_size=25, unique=True))  # fmt: skip
def test_any_heap_of_names_gives_a_layout_or_a_sentence(names: list[str]) -> None:
    try:
        made = layout(names, {name: "x,label\nx.png,a\n1.jpg,b\n" for name in names if name.endswith(".csv")})
    except DatasetError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
        return
    placed = [name for name, _ in (*made.train, *made.test)]
    assert len(set(placed)) == len(placed)
    assert not set(placed) & dict(made.left_out).keys()
    assert {label for _, label in made.train} == set(range(len(made.classes)))


@settings(max_examples=examples(40))
@given(
    classes=st.lists(st.text("abcxyz-1", min_size=1, max_size=4), min_size=2, max_size=4, unique_by=str.casefold),
    splits=st.sampled_from([(), ("train", "test"), ("train", "val"), ("training", "validation", "testing")]),
    wrapped=st.booleans(),
    deeper=st.sampled_from(["", "more/"]),
    endings=st.lists(st.sampled_from(["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp", "txt"]),
                     min_size=1, max_size=3).filter(lambda found: set(found) != {"txt"}),
)  # fmt: skip
def test_torchvision_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, classes: list[str], splits: tuple[str, ...], wrapped: bool, deeper: str,
    endings: list[str],
) -> None:  # fmt: skip
    root = tmp_path_factory.mktemp("data")
    inside = root / "wrapped" if wrapped else root
    for split in splits or (".",):
        for name in classes:
            for number, ending in enumerate(endings * 2):
                path = inside / split / name / f"{deeper}{number}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x")
    listed = [(path.relative_to(root).as_posix(), 1) for path in sorted(root.rglob("*")) if path.is_file()]
    made = find_layout(listed, source="x")
    test = splits[-1] if splits else None
    for part, into in ((made.train, [split for split in splits or (".",) if split != test]), (made.test, [test])):
        judges = [ImageFolder(str(inside / split)) for split in into if split]
        assert all(judge.classes == list(made.classes) for judge in judges)
        want = {Path(path): label for judge in judges for path, label in judge.samples}
        assert {root / name: label for name, label in part} == want


def test_two_hundred_folders_of_anything_give_a_table_or_a_sentence(tmp_path: Path) -> None:
    """Real folders: images of all kinds, broken ones, texts, empty folders, links and odd names."""
    import random

    kinds = [
        makers.png(1), makers.png(2, 1, 1), makers.png(3, 30, 20), b"", b"text", makers.png(4)[:50],
        makers.encoded(makers.pixels(5, 9, 9, 3), "JPEG"), makers.encoded(makers.pixels(6, 9, 9), "PPM"),
    ]  # fmt: skip
    for number in range(examples(200)):
        deal = random.Random(number)
        root = tmp_path / str(number)
        root.mkdir()
        for _ in range(deal.randint(0, 30)):
            parts = [deal.choice(["train", "test", "val", "a", "b", "été", "x y", ".hidden", "images", "__MACOSX"])
                     for _ in range(deal.randint(0, 4))]  # fmt: skip
            folder = root.joinpath(*parts)
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{deal.randint(0, 40)}.{deal.choice(['png', 'jpg', 'PNG', 'ppm', 'txt', 'csv', 'zip', 'heic', ''])}"
            if not (folder / name).exists():
                (folder / name).write_bytes(deal.choice(kinds))
        try:
            data = preview(root).to_data()
        except DatasetError as error:
            assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
        else:
            of_classes = sum(sum(counts.values()) for counts in data["classes"].values())
            assert data["images"] == sum(data["splits"].values()) == of_classes


def test_lists_of_labels_that_are_made_to_harm_are_bounded() -> None:
    images = files("i", 4)
    good = "f,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(4))
    long = 'f,label\n"' + "x" * 200_000
    for bad in ("," * 3_000_000, "0,a\n" * 500_000, "f,label\n\0", long, "\n" * 1_000_000, "0 a b\n1"):
        made = layout(images, {"bad.csv": bad, "good.csv": good})
        assert found(made) == {"a": (2, 0), "b": (2, 0)}
