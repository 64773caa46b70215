"""From paths to classes: which folders are splits, which are classes, and whether their names are valid."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ..text import quote
from ._arrays import MAX_CLASSES, MIN_CLASSES
from ._errors import DatasetError
from ._members import Member

MAX_NAME = 64

_TRAIN = frozenset({"train", "training"})
_VALIDATION = frozenset({"val", "valid", "validation", "dev"})
_TEST = frozenset({"test", "testing", "eval"})
_SPLITS = _TRAIN | _VALIDATION | _TEST


@dataclass(frozen=True, kw_only=True)
class ClassLayout:
    """The split and class of each image, in the order in which they will be stored."""

    classes: tuple[str, ...]
    """Sorted."""
    train: tuple[tuple[Member, int], ...]
    """(file, label), sorted by label, then by path."""
    test: tuple[tuple[Member, int], ...]
    """Empty if the source has no split."""
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def assign_classes(members: Sequence[Member], source: str) -> ClassLayout:
    """Sort files into splits and classes by their folders: ``[anything/][train|test/]class/[more/]file``.

    Folders around everything are ignored. ``train`` and ``test`` (and ``val``, which is the test set if there is none,
    else joins the training set) are recognised in any case. Raises DatasetError if that gives no usable classes.
    """
    skipped: list[tuple[str, str]] = []
    paths = _strip_common_folders([(member.parts, member) for member in members if len(member.parts) > 1])
    skipped += [(member.name, "not in a class folder") for member in members if len(member.parts) == 1]
    tops = {parts[0].lower() for parts, _ in paths}
    has_split = len(tops) > 1 and tops <= _SPLITS
    filed: dict[bool, list[tuple[str, Member]]] = {True: [], False: []}
    has_test = bool(tops & _TEST)
    for parts, member in paths:
        top = parts[0].lower()
        for_test = has_split and (top in _TEST or (top in _VALIDATION and not has_test))
        below = parts[1:] if has_split else parts
        if len(below) < 2:
            skipped.append((member.name, "not in a class folder"))
        else:
            filed[for_test].append((_class_name(below[0]), member))
    classes = _classes({name for part in filed.values() for name, _ in part}, source)
    labels = {name: label for label, name in enumerate(classes)}
    only_test = {name for name, _ in filed[True]} - {name for name, _ in filed[False]}
    if only_test:
        raise DatasetError(f"{source}: the class {quote(min(only_test))} has test images but none for training")
    notes = []
    if has_split and has_test and tops & _VALIDATION:
        notes.append("The validation images were added to the training set.")
    return ClassLayout(
        classes=classes,
        train=_sorted(filed[False], labels),
        test=_sorted(filed[True], labels),
        skipped=tuple(skipped),
        notes=tuple(notes),
    )


def _strip_common_folders(paths: list[tuple[tuple[str, ...], Member]]) -> list[tuple[tuple[str, ...], Member]]:
    """Remove folders that contain everything: a single class is no classification, so none of them is a class."""
    while paths and len({parts[0] for parts, _ in paths}) == 1 and all(len(parts) > 2 for parts, _ in paths):
        paths = [(parts[1:], member) for parts, member in paths]
    return paths


def _class_name(folder: str) -> str:
    return unicodedata.normalize("NFC", folder).strip()


def _classes(names: set[str], source: str) -> tuple[str, ...]:
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        raise DatasetError(
            f"{source} has {len(names):,} class folders with files in them; from {MIN_CLASSES} to {MAX_CLASSES:,} are "
            "needed, each a folder of images, all inside train/ and test/ or neither"
        )
    folded: dict[str, str] = {}
    for name in sorted(names):
        if not name or len(name) > MAX_NAME:
            raise DatasetError(f"{source}: the class name {quote(name)} must have 1 to {MAX_NAME} characters")
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise DatasetError(f"{source}: the class name {quote(name)} contains control characters")
        other = folded.setdefault(unicodedata.normalize("NFC", name.casefold()), name)
        if other != name:
            raise DatasetError(f"{source}: the classes {quote(other)} and {quote(name)} differ in capitals only")
    return tuple(sorted(names))


def _sorted(filed: list[tuple[str, Member]], labels: dict[str, int]) -> tuple[tuple[Member, int], ...]:
    return tuple(sorted(((member, labels[name]) for name, member in filed), key=lambda pair: (pair[1], pair[0].parts)))
