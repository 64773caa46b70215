"""From the names of files to classes and splits. Pure: what text files say is asked of a function.

``_tree`` tells splits from classes, ``_placing`` gives each image its place, ``_label_files`` reads lists of labels.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..text import quote
from . import _limits as limits
from ._arrays import MAX_CLASSES, MIN_CLASSES
from ._errors import DatasetError
from ._members import ARCHIVE_INSIDE, LABEL_ENDINGS, UNREAD_LABELS, skip_reason
from ._placing import Placing
from ._roles import Role
from ._tree import build_tree, find_splits, is_divided_by_class, unwrap

MAX_NAME = 64
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The split and class of each image, in the order in which they are stored."""

    classes: tuple[str, ...]
    """Sorted; as numbers where all are numbers in a list of labels."""
    train: tuple[tuple[str, int], ...]
    """(path, label), sorted by label, then by path."""
    test: tuple[tuple[str, int], ...]
    """Empty if there is no labelled image for testing."""
    left_out: tuple[tuple[str, str], ...]
    """(path, reason) of every file that is no image of a class."""
    folders: tuple[tuple[str, str, int], ...]
    """(folder, what it was taken for, images), for people."""
    notes: tuple[str, ...]
    """How the source was read, one sentence each."""
    warnings: tuple[str, ...]
    """What a person should look at before training, one sentence each."""


def find_layout(
    files: Iterable[tuple[str, int]],
    *,
    source: str,
    folders: Iterable[str] = (),
    problems: Iterable[tuple[str, str]] = (),
    read_text: Callable[[str], str] = lambda _: "",
) -> Layout:
    """Sort the files of a source into splits and classes by their names.

    Args:
        files: Path inside the source, parts separated by slashes, and size in bytes.
        source: Its name, for messages.
        folders: Folders that are known to exist, so that an empty one can be told.
        problems: (path, reason) of files that cannot be read, such as encrypted ones.
        read_text: Gives the content of a text file of the source.

    Returns:
        The layout.

    Raises:
        DatasetError: It gives no usable classes; the message counts what was left out and why.
    """
    images, texts, left_out = [], [], dict(problems)
    for name, size_bytes in files:
        parts = tuple(name.split("/"))
        reason = skip_reason(parts, size_bytes)
        if not reason:
            images.append(parts)
            continue
        left_out[name] = reason
        if name.lower().endswith(LABEL_ENDINGS) and "submission" not in name.lower():
            texts.append((name, size_bytes))
    known_folders = {*(folder.rstrip("/") for folder in folders), *(name.rpartition("/")[0] for name in left_out)}

    placing = Placing(_choose_texts(texts), read_text)
    tree = build_tree(images)
    placing.leave_out_masks(tree)
    top = unwrap(tree)
    splits = [] if is_divided_by_class(top) else find_splits(top)
    if len(splits) > 1:
        shown = ", ".join(each.where for each in splits[:_SHOWN])
        raise DatasetError(
            f"{source} holds {len(splits)} data sets, each with splits of its own ({shown}): give one of them"
        )
    if splits:
        placing.place_splits(splits[0])
    else:
        placing.place_whole(top)

    left_out = {name: reason for name, reason in left_out.items() if name not in placing.lists} | placing.left_out
    for image in map("/".join, images):
        if image not in placing.placed:
            left_out.setdefault(image, "beside the split folders" if splits else "not in a class folder")
    return _finish(source, placing, left_out, known_folders)


def count_reasons(left_out: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many files were left out for each reason, the commonest first; numbers in brackets do not make it another."""
    counts = Counter(reason if reason.startswith("not an") else reason.partition(" (")[0] for _, reason in left_out)
    return dict(counts.most_common())


def _choose_texts(texts: list[tuple[str, int]]) -> list[str]:
    """Those that are tried as lists of labels: the nearest to the top, within the limits."""
    chosen: list[str] = []
    total = 0
    for name, size_bytes in sorted(texts, key=lambda text: (text[0].count("/"), text[0])):
        if total + size_bytes <= limits.MAX_LABEL_BYTES and len(chosen) < limits.MAX_LABEL_FILES:
            chosen.append(name)
            total += size_bytes
    return chosen


def _finish(source: str, placing: Placing, left_out: dict[str, str], known_folders: set[str]) -> Layout:
    """Two sets out of the splits that there are, and everything in its order."""
    roles = {role for role, _ in placing.placed.values()}
    stored: dict[Role, Role] = {role: role for role in roles}
    notes, warnings = list(dict.fromkeys(placing.notes)), list(placing.warnings)
    if "validation" in roles:
        if "train" not in roles:
            stored["validation"] = "train"
            notes.append("There is no training set: the validation images are used for training.")
        elif "test" in roles:
            stored["validation"] = "train"
            notes.append("The validation images were added to the training set.")
        else:
            stored["validation"] = "test"
            notes.append("There is no labelled test set: the validation images are used as the test set.")
    images = {name: (stored[role], label) for name, (role, label) in placing.placed.items()}
    trained = {label for role, label in images.values() if role == "train"}
    tested = {label for role, label in images.values() if role == "test"}
    if tested and trained and not tested & trained:
        raise DatasetError(
            f"{source}: the classes for testing, such as {quote(min(tested))}, are not those for training, such as "
            f"{quote(min(trained))}; give both the same names, capitals included"
        )
    classes = _classes(trained, source, _describe(left_out, placing.hints), numbers=not placing.class_folders)
    for name, (_, label) in list(images.items()):
        if label not in trained:
            left_out[name] = f"its class {label} has no training images"
            del images[name]
    if tested - trained:
        warnings.append(f"Without training images, and so left out: {_shown(tested - trained)}.")
    if tested and trained - tested:
        warnings.append(f"Without test images: {_shown(trained - tested)}.")
    empty = _empty_folders(placing, known_folders)
    if empty:
        warnings.append(f"Folders without an image that can be read, and so no classes: {_shown(empty)}.")
    label_of = {name: label for label, name in enumerate(classes)}

    def ordered(wanted: Role) -> tuple[tuple[str, int], ...]:
        pairs = [(name, label_of[label]) for name, (role, label) in images.items() if role == wanted]
        return tuple(sorted(pairs, key=lambda pair: (pair[1], pair[0].split("/"))))

    return Layout(
        classes=classes, train=ordered("train"), test=ordered("test"), left_out=tuple(sorted(left_out.items())),
        folders=tuple(placing.folders), notes=tuple(notes), warnings=tuple(warnings),
    )  # fmt: skip


def _empty_folders(placing: Placing, known_folders: set[str]) -> set[str]:
    """Folders that lie where the class folders lie and have no image."""
    parents = {path[:-1] for path in placing.class_folders}
    with_images = {tuple(name.split("/")[:depth]) for name in [*placing.placed, *placing.left_out]
                   for depth in range(name.count("/") + 1)}  # fmt: skip
    paths = [tuple(folder.split("/")) for folder in known_folders if folder]
    return {"/".join(path) for path in paths if path[:-1] in parents and path not in with_images}


def _classes(names: set[str], source: str, why: str, *, numbers: bool) -> tuple[str, ...]:
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        raise DatasetError(
            f"{source} has {len(names):,} class folders with images in them; from {MIN_CLASSES} to {MAX_CLASSES:,} are "
            f"needed, each a folder of images, all inside train/ and test/ or neither, or a file labels.csv with the "
            f"columns filename and label{why}"
        )
    folded: dict[str, str] = {}
    for name in sorted(names):
        if not name or len(name) > MAX_NAME:
            raise DatasetError(f"{source}: the class name {quote(name)} must have 1 to {MAX_NAME} characters")
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise DatasetError(f"{source}: the class name {quote(name)} contains control characters")
        other = folded.setdefault(unicodedata.normalize("NFC", name.casefold()), name)
        if other != name:
            raise DatasetError(
                f"{source}: the classes {quote(other)} and {quote(name)} differ in capitals only; give them one name, "
                "or names that differ in more"
            )
    if numbers and all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def _describe(left_out: dict[str, str], hints: list[str]) -> str:
    """Why there may be no classes, for the end of a message."""
    archives = sorted(name for name, reason in left_out.items() if reason == ARCHIVE_INSIDE)
    unread = sorted(name for name in left_out if name.lower().endswith(UNREAD_LABELS))
    parts = [f"; {hint}" for hint in hints[:1]]
    if unread and not hints:
        parts.append(f"; if the labels are in {quote(unread[0])}, which is not read, write them as labels.csv")
    if left_out:
        counts = list(count_reasons(left_out.items()).items())
        parts.append("; left out: " + ", ".join(f"{count:,} {reason}" for reason, count in counts[:_SHOWN]))
        if len(counts) > _SHOWN:
            parts.append(f" and {sum(count for _, count in counts[_SHOWN:]):,} more")
    if archives:
        parts.append(f"; unpack it and give {' or '.join(map(quote, archives[:2]))}")
    return "".join(parts)


def _shown(names: set[str]) -> str:
    found = [quote(name) for name in sorted(names)[:_SHOWN]]
    return ", ".join(found) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
