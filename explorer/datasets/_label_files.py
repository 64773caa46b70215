"""Text files that say which image is of which class: ``labels.csv``, ``train.csv``, ``val_annotations.txt`` and so on.

Any separator, with or without a row of titles; images by path, file name, or name without ending; one column of labels
or one column of 0 and 1 for each class. The images themselves decide which column names them (``_label_rows``); what
the others say is told by ``_label_columns``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ._label_columns import find_split, label_reader
from ._label_rows import ImageIndex, cell_of, read_table
from ._roles import Role


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
    note: str = ""
    """How its columns were read, where that is not said in it."""


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
<<<<<<< HEAD
    table = read_table(file, text, index)
    if table is None:
=======
    most = limits.MAX_ROWS_AN_IMAGE * max(limits.MAX_ENTRIES, len(index.images))
    rows = _parse(text, most)
    if not 2 <= len(rows) <= most:
>>>>>>> 1418562 (Data sets too large for memory are streamed from their folder: an index is stored, the files stay)
        return None
    split = find_split(table)
    taken = (table.files, split[0] if split else None)
    read, note = label_reader(table, [at for at in range(table.width) if at not in taken], known)
    label_of: dict[str, str] = {}
    role_of: dict[str, Role] = {}
    reason_of: dict[str, str] = {}
    missing = 0
    for row in table.rows:
        image = index.find(cell_of(row, table.files))
        if image is None:
            missing += 1
            continue
        label = read(row)
        if not label:
            reason_of.setdefault(image, f"no label in {file}")
        elif label_of.setdefault(image, label) != label:
            reason_of[image] = f"two labels in {file}"
        if split and (role := split[1](cell_of(row, split[0]))):
            role_of[image] = role
    label_of = {image: label for image, label in label_of.items() if not reason_of.get(image, "").startswith("two")}
<<<<<<< HEAD
    return Labels(
        file=file, label_of=label_of, role_of=role_of, reason_of=reason_of, missing_count=missing, note=note
    )
=======
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


def _parse(text: str, most: int) -> list[list[str]]:
    """The rows by the separator that cuts them most evenly, at most one more than ``most``; [] if none does."""
    head = [line for line in itertools.islice(io.StringIO(text, newline=None), 50) if line.strip()]
    lines = filter(str.strip, io.StringIO(text, newline=None))
    for separator in _SEPARATORS:
        if all(separator in line for line in head):
            found = csv.reader(io.StringIO(text, newline=None), delimiter=separator, skipinitialspace=True)
            try:
                return list(itertools.islice(filter(any, found), most + 1))
            except csv.Error:  # a NUL, or a field beyond csv's limit
                return []
    even = len({len(line.split()) for line in head}) == 1  # else there are spaces in the names
    cut = (line.split() if even else line.rsplit(maxsplit=1) for line in lines)
    return list(itertools.islice((cells for cells in cut if len(cells) > 1), most + 1))
>>>>>>> 1418562 (Data sets too large for memory are streamed from their folder: an index is stored, the files stay)
