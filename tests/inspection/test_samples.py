"""Sample pictures: those that are listed and there; what is not as it should be gives none, never an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer import datasets
from explorer.inspection import list_sample_images
from tests.datasets.makers import png

GOOD = {"file": "tabby.png", "title": "A tabby", "class": "cat", "credit": "made by us, MIT"}


def listed(folder: Path, *entries: object) -> Path:
    (folder / "samples.json").write_text(json.dumps(entries))
    return folder


def test_what_is_listed_and_there(tmp_path: Path) -> None:
    (tmp_path / "tabby.png").write_bytes(png(1))
    (found,) = list_sample_images(listed(tmp_path, GOOD, {**GOOD, "file": "gone.png"}))
    assert (found.name, found.title, found.class_name, found.credit) == ("tabby", "A tabby", "cat", "made by us, MIT")
    assert found.path == tmp_path / "tabby.png"


@pytest.mark.parametrize(
    "entry",
    [
        {**GOOD, "file": "../tabby.png"}, {**GOOD, "file": "/etc/passwd"}, {**GOOD, "file": "tabby.svg"},
        {**GOOD, "extra": 1}, {**GOOD, "title": ""}, {"file": "tabby.png"}, "tabby.png", None,
    ],
)  # fmt: skip
def test_a_list_that_is_not_as_it_should_be_gives_none(tmp_path: Path, entry: object) -> None:
    (tmp_path / "tabby.png").write_bytes(png(1))
    assert list_sample_images(listed(tmp_path, entry)) == []


def test_an_absent_folder_gives_none(tmp_path: Path) -> None:
    assert list_sample_images(tmp_path / "nowhere") == []
    (tmp_path / "samples.json").write_text("not json")
    assert list_sample_images(tmp_path) == []


def test_those_that_ship_are_pictures_of_what_they_say() -> None:
    for sample in list_sample_images():
        assert datasets.decode(sample.path.read_bytes()).pixels.size
        known = (*datasets.get_card("cifar-10").classes, *datasets.get_card("mnist").classes)
        assert sample.class_name is None or sample.class_name in known
