"""Text files as rows about images: which separator cuts them, which column names the images, what the titles are."""

from __future__ import annotations

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from . import _limits as limits
from ._members import IMAGE_ENDINGS

_SEPARATORS = ",;\t|"
_SAMPLE = 200


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
            if is_number(stem):
                self._by_number[int(stem)].append(image)

    def find(self, value: str) -> str | None:
        """The one image of that name; None if there is none, or several."""
        parts = value.strip().replace("\\", "/").casefold().split("/")
        base = parts[-1]
        found = self._by_key.get(base, [])
        stem, _, ending = base.rpartition(".")
        if not found and ending in IMAGE_ENDINGS:  # the images were saved in another format than the list says
            found = self._by_key.get(stem, [])
        if not found and is_number(base):
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


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows about images, and the column that names these."""

    file: str
    rows: list[list[str]]
    """Without the row of titles."""
    first: list[str]
    """The first row as it stands: titles, if there are any."""
    titles: list[str]
    """Small letters and digits only; empty if there is no row of titles."""
    files: int
    """The column that names the images."""
    width: int
    hits: float
    """Share of the rows that name an image."""

    def column(self, at: int) -> list[str]:
        """Some of the cells of a column, evenly spread."""
        return [cell_of(row, at) for row in self.sample]

    @cached_property
    def sample(self) -> list[list[str]]:
        """Some of the rows, evenly spread."""
        return self.rows[:: max(1, len(self.rows) // _SAMPLE)]


def read_table(file: str, text: str, index: ImageIndex) -> Table | None:
    """Cut a text into rows about images.

    Args:
        file: Its path, for messages.
        text: Its content.
        index: The images that it may speak of.

    Returns:
        The table, which may be of one column; None if the file does not list these images.
    """
    most = limits.MAX_ROWS_AN_IMAGE * max(limits.MAX_ENTRIES, len(index.images))
    rows = _parse(text, index, most)
    if not 2 <= len(rows) <= most:
        return None
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    width = min(max(map(len, sample)), limits.MAX_LABEL_COLUMNS)
    found = [{index.find(cell): cell for row in sample if (cell := cell_of(row, at))} for at in range(width)]
    hits = [len(images.keys() - {None}) for images in found]
    # Where the number of a row or a class is a file name, too, the column that says more is that of the files.
    files = max(range(width), key=lambda at: (hits[at], not all(map(is_number, found[at].values()))))
    if hits[files] < max(1, 0.4 * (len(sample) - 1)):
        return None
    titles = [plain(cell) for cell in rows[0]] if index.find(cell_of(rows[0], files)) is None else []
    rest = rows[1:] if titles else rows
    share = sum(index.find(cell_of(row, files)) is not None for row in rest) / len(rest)
    return Table(file=file, rows=rest, first=rows[0], titles=titles, files=files, width=width, hits=share)


def cell_of(row: list[str], at: int) -> str:
    """The cell of a row in a column; '' where the row is too short."""
    return row[at].strip() if at < len(row) else ""


def plain(title: str) -> str:
    """A title in small letters and digits, of any script."""
    return "".join(letter for letter in title.casefold() if letter.isalnum())


def is_number(text: str) -> bool:
    """Whether a text is digits only."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _parse(text: str, index: ImageIndex, most: int) -> list[list[str]]:
    """The rows by the separator that cuts them most evenly, at most one more than ``most``."""

    def lines() -> Iterable[str]:
        stripped = (line for line in io.StringIO(text, newline=None) if line.strip())
        return itertools.dropwhile(lambda line: line.startswith("#"), stripped)

    head = list(itertools.islice(lines(), 50))
    for separator in _SEPARATORS:
        if head and all(separator in line for line in head):
            found = csv.reader(lines(), delimiter=separator, skipinitialspace=True)
            try:
                return list(itertools.islice(filter(any, found), most + 1))
            except csv.Error:  # a NUL, or a field beyond csv's limit
                return []
    cut = _choose_cut([line.strip() for line in head], index)
    return list(itertools.islice((cut(line.strip()) for line in lines()), most + 1))


def _choose_cut(head: list[str], index: ImageIndex) -> Callable[[str], list[str]]:
    """How spaces cut the lines: there may be spaces in the names of files, and in those of classes."""
    cuts: list[Callable[[str], list[str]]] = [
        lambda line: [line],
        lambda line: line.split(maxsplit=1),
        lambda line: line.rsplit(maxsplit=1),
    ]
    words = [line.split() for line in head]
    if len({len(each) for each in words}) == 1 and not any(map(_is_text_tail, words)):
        cuts.insert(1, str.split)

    def hits(cut: Callable[[str], list[str]]) -> int:
        return sum(any(index.find(cell) for cell in cut(line)) for line in head)

    return max(cuts, key=hits)


def _is_text_tail(words: list[str]) -> bool:
    """Whether what stands behind the first word reads as one name: ``1340192 Boeing 737-400``, not ``7 n01 0 0 9``."""
    tail = words[1:]
    numbers = [word.replace(".", "", 1).lstrip("-").isdigit() for word in tail]
    return len(tail) > 1 and not numbers[0] and (not all(numbers[1:]) or len(tail) == 2)
