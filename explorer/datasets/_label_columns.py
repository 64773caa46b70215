"""Which column of a list says what: the class of each image, or its split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from ..text import quote
from ._label_rows import Table, cell_of, is_number, plain
from ._roles import Role, find_role

_LABEL_TITLES = (
    "classname", "labelname", "categoryname", "label", "labels", "class", "classes", "category", "categories", "target",
    "targets", "species", "breed", "diagnosis", "dx", "classid", "labelid", "categoryid", "classlabel", "y", "tag",
    "predictionstring", "klasse", "kategorie", "etikett", "classe", "catégorie", "étiquette", "clase", "categoría",
    "etiqueta", "类别", "标签", "分类", "类", "種類", "ラベル", "クラス",
)  # fmt: skip
_SPLIT_TITLES = ("split", "set", "subset", "partition", "dataset", "usage", "fold")
_TRAIN_FLAGS = ("istrain", "istraining", "intrain", "trainflag", "traintestsplit", "trainvalsplit", "istrainingimage")
_TEST_FLAGS = ("istest", "istesting", "isval", "isvalid", "isvalidation", "intest")
_YES, _NO = frozenset({"1", "1.0", "1.", "true", "yes"}), frozenset({"0", "0.0", "0.", "false", "no", ""})
_MOST_NAMED = 6
_AGREE = 0.9

RoleReader = Callable[[str], Role | None]
LabelReader = Callable[[list[str]], str]


class NoLabelColumnError(ValueError):
    """A file lists the images, but not their labels; the message is a clause about it."""


def find_split(table: Table) -> tuple[int, RoleReader] | None:
    """The column that names the split of every image, by words or as a flag, and the function that reads a cell."""
    titles = table.titles
    if not titles and table.width == 2:  # such as train_test_split.txt: the name of the file is that of the column
        name = plain(table.file.rpartition("/")[2].rpartition(".")[0])
        titles = [name if at != table.files else "" for at in range(2)]
    for at, title in enumerate(titles):
        if at == table.files:
            continue
        cells = set(table.column(at))
        if title in _SPLIT_TITLES and all(map(find_role, cells)):
            return at, find_role
        if title in (*_TRAIN_FLAGS, *_TEST_FLAGS) and {cell.casefold() for cell in cells} <= _YES | _NO:
            return at, partial(_read_flag, trains=_YES if title in _TRAIN_FLAGS else _NO)
    return None


def _read_flag(cell: str, trains: frozenset[str]) -> Role:
    return "train" if cell.casefold() in trains else "test"


def label_reader(table: Table, columns: list[int], known: frozenset[str]) -> tuple[LabelReader, str]:
    """The function that gives the label of a row, '' if it has none; and a sentence where columns had to be chosen.

    Args:
        table: The list.
        columns: Those that may hold the labels.
        known: The classes that exist, if that is known.

    Raises:
        NoLabelColumnError: No column can be told to be the label.
    """
    titles, file = table.titles, table.file
    named = sorted(
        (at for at in columns if at < len(titles) and titles[at] in _LABEL_TITLES
         and (titles[at] != "y" or "x" not in titles)),
        key=lambda at: _LABEL_TITLES.index(titles[at]),
    )  # fmt: skip
    if known:
        translate = _Translation(known)
        told: dict[int, int] = {}
        for column in columns:
            classes = [translate(cell) for cell in table.column(column) if cell]
            if classes and sum(map(bool, classes)) >= _AGREE * len(classes):
                told[column] = len(set(classes))
        if told:
            best = next((column for column in named if column in told), max(told, key=lambda column: told[column]))
            return lambda row: translate(cell_of(row, best)), ""
        raise NoLabelColumnError(f"{file} lists the images, but no column of it holds their classes")
    if named:
        return _cells(table, named[0]), ""
    marked = _marked(table, columns)
    if marked:
        return lambda row: _one_marked(row, marked), ""
    if len(columns) == 1 and len(set(table.column(columns[0]))) > 1:
        return _cells(table, columns[0]), ""
    if not columns:
        raise NoLabelColumnError(f"{file} lists the images without labels")
    shown = ", ".join(quote(table.first[at]) for at in columns[:_MOST_NAMED] if at < len(table.first))
    at = _likely(table, columns)
    if at is None:
        raise NoLabelColumnError(
            f"{file} lists the images, but which of its columns ({shown}) is their label is not said: call it 'label'"
        )
    title = f", {quote(table.first[at])}," if titles else ""
    return _cells(table, at), f"Column {at + 1} of {file}{title} was taken for the label, and the others are not used."


def _cells(table: Table, at: int) -> LabelReader:
    """The cells of a column as labels, unless they are measured numbers or marks of one class among several."""
    cells = [cell for cell in table.column(at) if cell]
    if cells and all(_is_measured(cell) for cell in cells):
        raise NoLabelColumnError(f"{table.file} lists the images with numbers such as {cells[0]}, which are no classes")
    if "-1" in cells and set(cells) <= {"-1", "0", "1"}:
        raise NoLabelColumnError(
            f"{table.file} says of each image whether it shows one thing (1) or not (-1), which is no class; write "
            f"one file labels.csv with the columns filename and label"
        )
    return lambda row: cell_of(row, at)


def _likely(table: Table, columns: list[int]) -> int | None:
    """The one column of repeated words; or, without titles, the first of numbers from 0 or 1 on without a gap."""
    words = []
    for at in columns:
        cells = [cell for cell in table.column(at) if cell]
        texts = {cell for cell in cells if not _is_numeric(cell)}
        if texts and 2 * len(set(cells)) <= len(cells):
            words.append(at)
    if words:
        behind = [at for at in words if at > table.files]
        return words[0] if len(words) == 1 else behind[0] if behind and not table.titles else None
    for at in () if table.titles else columns:
        values = {cell_of(row, at) for row in table.rows}
        if len(values) > 1 and all(map(is_number, values)):
            numbers = sorted(map(int, values))
            if numbers[0] in (0, 1) and numbers[-1] - numbers[0] + 1 == len(numbers) <= len(table.rows) / 2:
                return at
    return None


def _marked(table: Table, columns: list[int]) -> dict[int, str]:
    """Columns of 0 and 1, one for each class, by their titles; none unless every row has exactly one 1."""
    cells = {at: {cell.casefold() for cell in table.column(at)} for at in columns if at < len(table.titles)}
    marks = {at: table.first[at].strip() for at, found in cells.items() if found <= _YES | _NO}
    if len(marks) < 2 or not all(sum(cell_of(row, at).casefold() in _YES for at in marks) == 1 for row in table.sample):
        return {}
    return marks


def _one_marked(row: list[str], marks: dict[int, str]) -> str:
    found = [name for at, name in marks.items() if cell_of(row, at).casefold() in _YES]
    return found[0] if len(found) == 1 else ""


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_measured(text: str) -> bool:
    return _is_numeric(text) and not float(text).is_integer()


class _Translation:
    """Labels as a list spells them, to the classes that exist: '14' may be the folder 00014."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = {name.casefold(): name for name in known}
        numbers = Counter(int(name) for name in known if is_number(name))
        self._numbers = {int(name): name for name in known if is_number(name) and numbers[int(name)] == 1}

    def __call__(self, label: str) -> str:
        """The class; '' if there is none of that name."""
        first = label.split(maxsplit=1)[0] if label else ""  # 'n01751748 111 108 230 365': a class and its box
        for text in (label, first):
            found = self._known.get(text.casefold()) or (self._numbers.get(int(text), "") if is_number(text) else "")
            if found:
                return found
        return ""
