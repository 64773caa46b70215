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
    table = read_table(file, text, index)
    if table is None:
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
    return Labels(
        file=file, label_of=label_of, role_of=role_of, reason_of=reason_of, missing_count=missing, note=note
    )
