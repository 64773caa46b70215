"""Text files that say of images only to which split they belong, and tables that name images by a key.

``train.txt`` and ``test.txt`` beside class folders; ``train_test_split.txt``; a column ``is_train``. Keys: one file has
a number and a path in each row, and others say of the number what they have to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ._label_columns import find_split
from ._label_rows import ImageIndex, cell_of, read_table
from ._roles import Role, find_role

_ORDER: tuple[Role, ...] = ("train", "validation", "test")
_AGREE = 0.9
"""Share of a file's rows that must speak of images before it counts."""


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The splits that text files give to images."""

    role_of: dict[str, Role] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """Those that were read."""
    unused: tuple[str, ...] = ()
    """Further lists of the same splits, such as those of other folds."""


def read_splits(texts: Sequence[str], read_text: Callable[[str], str], index: ImageIndex) -> Splits:
    """What text files say of the splits of images, whatever else they say.

    Args:
        texts: Paths of the files.
        read_text: Gives the content of one.
        index: The images.

    Returns:
        The splits; without images if no file speaks of any. What a list for testing names is not trained on, whatever
        the list for training says.
    """
    listed: dict[Role, list[tuple[str, list[str]]]] = {}
    for text in sorted(texts, key=_by_numbers):
        table = read_table(text, read_text(text), index)
        if table is None or table.hits < _AGREE:
            continue
        found = [(index.find(cell_of(row, table.files)), row) for row in table.rows]
        split = find_split(table)
        if split:
            at, read_role = split
            roles = {image: role for image, row in found if image and (role := read_role(cell_of(row, at)))}
            return Splits(role_of=roles, files=(text,))
        role = find_role(text.rpartition("/")[2].rpartition(".")[0])
        if role and role != "unlabelled":
            listed.setdefault(role, []).append((text, [image for image, _ in found if image]))
    role_of: dict[str, Role] = {}
    for named in _ORDER:
        role_of.update(dict.fromkeys(listed[named][0][1], named) if named in listed else {})
    return Splits(
        role_of=role_of,
        files=tuple(found[0][0] for found in listed.values()),
        unused=tuple(text for found in listed.values() for text, _ in found[1:]),
    )


def join_keys(texts: Sequence[str], read_text: Callable[[str], str], index: ImageIndex) -> Callable[[str], str]:
    """Read texts in which the keys that one of them gives to images are replaced by the images' paths.

    Args:
        texts: Paths of the files.
        read_text: Gives the content of one.
        index: The images.

    Returns:
        ``read_text``; or, where there is such a table of keys, a function that gives nothing for the table itself and
        rows ``path<TAB>rest`` for files about most of its keys.
    """

    def pairs_of(text: str) -> list[tuple[str, str]]:
        lines = (line.split(maxsplit=1) for line in read_text(text).splitlines() if line.strip())
        return [(pair[0], pair[1].strip()) for pair in lines if len(pair) == 2]

    for table in texts if len(texts) > 1 else ():
        pairs = pairs_of(table)
        path_of = dict(pairs)
        unique = len(path_of) == len(pairs) == len(set(path_of.values())) > 1
        if not unique or any(index.find(key) for key in path_of):
            continue
        if sum(index.find(path) is not None for path in path_of.values()) < _AGREE * len(path_of):
            continue

        def read_joined(text: str, path_of: dict[str, str] = path_of, table: str = table) -> str:
            if text == table:
                return ""
            rows = [f"{path_of[key]}\t{_as_cells(rest)}\n" for key, rest in pairs_of(text) if key in path_of]
            return "".join(rows) if 2 * len(rows) >= len(path_of) else read_text(text)

        return read_joined
    return read_text


def _as_cells(rest: str) -> str:
    """Several numbers are several cells; words are one name."""
    words = rest.split()
    return "\t".join(words) if all(re.fullmatch(r"-?[0-9.]+", word) for word in words) else rest


def _by_numbers(text: str) -> tuple[list[tuple[int, str]], str]:
    """By which train1, train2 and train10 stand in this order."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)], text
