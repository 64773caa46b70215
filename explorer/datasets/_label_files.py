"""Text files that say which image is of which class: ``labels.csv``, ``train.csv``, ``val_annotations.txt`` and so on.

Any separator, with or without a row of titles; images by path, file name, or name without ending; one column of labels
or one column of 0 and 1 for each class. The images themselves decide which column names them.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..text import quote
from . import _limits as limits
from ._roles import Role, find_role

_SEPARATORS = ",;\t|"
_SAMPLE = 200
_LABEL_TITLES = (
    "classname", "labelname", "categoryname", "label", "labels", "class", "classes", "category", "categories", "target",
    "targets", "species", "breed", "diagnosis", "dx", "classid", "labelid", "categoryid", "classlabel", "y", "tag",
    "predictionstring",
)  # fmt: skip
_SPLIT_TITLES = ("split", "set", "subset", "partition", "dataset", "usage", "fold")
_MOST_NAMED = 6


class NoLabelColumnError(ValueError):
    """A file lists the images, but not their labels; the message is a clause about it."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What one file says about images."""

    file: str
    label_of: dict[str, str] = field(default_factory=dict)
    """Image to class."""
    role_of: dict[str, Role] = field(default_factory=dict)
    """Image to split, from a column of splits."""
    reason_of: dict[str, str] = field(default_factory=dict)
    """Image to the reason why the file gives it no label."""
    missing_count: int = 0
    """Rows about files that are not there."""


class ImageIndex:
    """Finds images by whatever a list may call them: a path, its last part, without ending, or a number."""

    def __init__(self, images: Iterable[str]) -> None:
        self.images = tuple(images)
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_number: dict[int, list[str]] = defaultdict(list)
        for image in self.images:
            base = image.rpartition("/")[2].casefold()
            stem = base.rpartition(".")[0] or base
            self._by_key[base].append(image)
            if stem != base:
                self._by_key[stem].append(image)
            if _is_number(stem):
                self._by_number[int(stem)].append(image)

    def find(self, value: str) -> str | None:
        """The one image of that name; None if there is none, or several."""
        parts = value.strip().replace("\\", "/").casefold().split("/")
        base = parts[-1]
        found = self._by_key.get(base, [])
        if not found and _is_number(base):
            found = self._by_number.get(int(base), [])
        if len(found) > 1 and len(parts) > 1:
            lengths = {image: _common_end(image.casefold().split("/")[:-1], parts[:-1]) for image in found}
            longest = max(lengths.values())
            found = [image for image, length in lengths.items() if length == longest]
        return found[0] if len(found) == 1 else None


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count


def read_labels(file: str, text: str, index: ImageIndex, known: frozenset[str] = frozenset()) -> Labels | None:
    """What a text file says about images.

    Args:
        file: Its path, for messages.
        text: Its content.
        index: The images that it may speak of.
        known: The classes that exist, if that is known: only a column of these is one of labels.

    Returns:
        The labels; None if the file does not list these images.

    Raises:
        NoLabelColumnError: It lists them, but no column can be told to be their label.
    """
    rows = _parse(text)
    if not 2 <= len(rows) <= limits.MAX_LABEL_ROWS:
        return None
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    width = min(max(map(len, sample)), limits.MAX_LABEL_COLUMNS)
    found = [{index.find(cell): cell for row in sample if (cell := _cell(row, at))} for at in range(width)]
    hits = [len(images.keys() - {None}) for images in found]
    # Where the number of a row or a class is a file name, too, the column that says more is that of the files.
    files = max(range(width), key=lambda at: (hits[at], not all(map(_is_number, found[at].values()))))
    if hits[files] < max(1, 0.4 * (len(sample) - 1)):
        return None
    titles = [_plain(cell) for cell in rows[0]] if index.find(_cell(rows[0], files)) is None else []
    table = _Table(file=file, titles=titles, first=rows[0], rows=rows[1:] if titles else rows, files=files, width=width)
    splits = table.find_splits()
    read = table.label_reader([at for at in range(width) if at not in (files, splits)], known)
    label_of: dict[str, str] = {}
    role_of: dict[str, Role] = {}
    reason_of: dict[str, str] = {}
    missing = 0
    for row in table.rows:
        image = index.find(_cell(row, files))
        if image is None:
            missing += 1
            continue
        label = read(row)
        if not label:
            reason_of.setdefault(image, f"no label in {file}")
        elif label_of.setdefault(image, label) != label:
            reason_of[image] = f"two labels in {file}"
        if splits is not None and (role := find_role(_cell(row, splits))):
            role_of[image] = role
    label_of = {image: label for image, label in label_of.items() if not reason_of.get(image, "").startswith("two")}
    return Labels(file=file, label_of=label_of, role_of=role_of, reason_of=reason_of, missing_count=missing)


@dataclass(frozen=True, kw_only=True)
class _Table:
    file: str
    titles: list[str]
    """Small letters and digits only; empty if there is no row of titles."""
    first: list[str]
    """The first row as it stands."""
    rows: list[list[str]]
    files: int
    """The column that names the images."""
    width: int

    def column(self, at: int) -> list[str]:
        return [_cell(row, at) for row in self.rows[:: max(1, len(self.rows) // _SAMPLE)]]

    def find_splits(self) -> int | None:
        """The column that names the split of every image."""
        for at, title in enumerate(self.titles):
            if at != self.files and title in _SPLIT_TITLES and all(map(find_role, self.column(at))):
                return at
        return None

    def label_reader(self, columns: list[int], known: frozenset[str]) -> Callable[[list[str]], str]:
        """The function that gives the label of a row; '' if it has none. Raises NoLabelColumnError."""
        named = sorted(
            (at for at in columns if at < len(self.titles) and self.titles[at] in _LABEL_TITLES
             and (self.titles[at] != "y" or "x" not in self.titles)),
            key=lambda at: _LABEL_TITLES.index(self.titles[at]),
        )  # fmt: skip
        if known:
            translate = _Translation(known)
            for at in [*named, *(at for at in columns if at not in named)]:
                cells = [cell for cell in self.column(at) if cell]
                if cells and sum(bool(translate(cell)) for cell in cells) >= 0.9 * len(cells):
                    return lambda row: translate(_cell(row, at))
            raise NoLabelColumnError(f"{self.file} lists the images, but no column of it holds their classes")
        if named:
            return lambda row: _cell(row, named[0])
        marked = self._marked(columns)
        if marked:
            return lambda row: _one_marked(row, marked)
        if len(columns) == 1 or (columns and not self.titles):  # without titles the label stands behind the name
            labels = next((at for at in columns if at > self.files), columns[-1])
            return lambda row: _cell(row, labels)
        if not columns:
            raise NoLabelColumnError(f"{self.file} lists the images without labels")
        shown = ", ".join(quote(self.first[at]) for at in columns[:_MOST_NAMED] if at < len(self.first))
        raise NoLabelColumnError(
            f"{self.file} lists the images, but which of its columns ({shown}) is their label is not said: call it "
            "'label'"
        )

    def _marked(self, columns: list[int]) -> dict[int, str]:
        """Columns of 0 and 1, one for each class, by their titles; none unless every row has exactly one 1."""
        cells = {at: set(self.column(at)) for at in columns if at < len(self.titles)}
        marks = {at: self.first[at].strip() for at, found in cells.items() if found <= _MARKS}
        rows = self.rows[:: max(1, len(self.rows) // _SAMPLE)]
        if len(marks) < 2 or not all(sum(_cell(row, at) in _ONE for at in marks) == 1 for row in rows):
            return {}
        return marks


class _Translation:
    """Labels as a list spells them, to the classes that exist: '14' may be the folder 00014."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = {name.casefold(): name for name in known}
        numbers = Counter(int(name) for name in known if _is_number(name))
        self._numbers = {int(name): name for name in known if _is_number(name) and numbers[int(name)] == 1}

    def __call__(self, label: str) -> str:
        """The class; '' if there is none of that name."""
        first = label.split(maxsplit=1)[0] if label else ""  # 'n01751748 111 108 230 365': a class and its box
        for text in (label, first):
            found = self._known.get(text.casefold()) or (self._numbers.get(int(text), "") if _is_number(text) else "")
            if found:
                return found
        return ""


_MARKS = frozenset({"0", "1", "0.0", "1.0", "0.", "1.", ""})
_ONE = frozenset({"1", "1.0", "1."})


def _one_marked(row: list[str], marks: dict[int, str]) -> str:
    found = [name for at, name in marks.items() if _cell(row, at) in _ONE]
    return found[0] if len(found) == 1 else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _cell(row: list[str], at: int) -> str:
    return row[at].strip() if at < len(row) else ""


def _plain(title: str) -> str:
    return "".join(letter for letter in title.casefold() if letter.isalnum())


def _parse(text: str) -> list[list[str]]:
    """The rows by the separator that cuts them most evenly, at most one more than is allowed; [] if none does."""
    head = [line for line in itertools.islice(io.StringIO(text, newline=None), 50) if line.strip()]
    lines = filter(str.strip, io.StringIO(text, newline=None))
    for separator in _SEPARATORS:
        if all(separator in line for line in head):
            found = csv.reader(io.StringIO(text, newline=None), delimiter=separator, skipinitialspace=True)
            try:
                return list(itertools.islice(filter(any, found), limits.MAX_LABEL_ROWS + 1))
            except csv.Error:  # a NUL, or a field beyond csv's limit
                return []
    even = len({len(line.split()) for line in head}) == 1  # else there are spaces in the names
    cut = (line.split() if even else line.rsplit(maxsplit=1) for line in lines)
    return list(itertools.islice((cells for cells in cut if len(cells) > 1), limits.MAX_LABEL_ROWS + 1))
