"""Images to splits and classes: by class folders, by lists of labels, or by file names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from ..text import quote
from ._arrays import MAX_CLASSES
from ._label_columns import NoLabelColumnError
from ._label_files import Labels, read_labels
from ._label_rows import ImageIndex, is_number
from ._roles import Role, find_role
from ._split_lists import join_keys, read_splits
from ._tree import Folder, find_copies, is_divided_by_class, split_roles, unwrap

_NUMBERED = re.compile(r"(.*?[^\W\d_])[\s._(-]*[0-9]+\)?", re.DOTALL)
"""A class and a number: cat.0, Abyssinian_100, daisy (7)."""
_CAMERA = frozenset({
    "img", "dsc", "dscn", "dscf", "dcim", "p", "pic", "pict", "pxl", "image", "images", "picture", "photo", "frame",
    "screenshot", "mvi", "vid", "file", "sample", "scan", "train", "test", "val",
})  # fmt: skip
"""What comes before the number in names that cameras and programs give."""
_IMAGES = frozenset({"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "jpegimages", "rgb"})
_MASKS = frozenset({
    "mask", "masks", "annotation", "annotations", "segmentation", "segmentations", "segmentationclass",
    "segmentationobject", "groundtruth", "ground_truth", "gt", "labels", "trimap", "trimaps",
})  # fmt: skip
_MOST = 0.9
"""Share of the images that must agree before their names or a list decide."""
_ORDER: tuple[Role, ...] = ("train", "validation", "test", "unlabelled")
COPY = "a second copy, one folder deeper"
MASKS = "masks beside images"

Found = list[tuple[Role | None, Labels]]
"""Lists of labels, each with the split that its file name speaks of."""


class Placing:
    """Collects where each image belongs, what is left out, and what has to be said of it."""

    def __init__(self, texts: Sequence[str], read_text: Callable[[str], str]) -> None:
        self._texts = texts
        self._read_text: Callable[[str], str] = cache(read_text)
        self.placed: dict[str, tuple[Role, str]] = {}
        """Image to split and class."""
        self.left_out: dict[str, str] = {}
        self.class_folders: set[tuple[str, ...]] = set()
        self._split_roles: set[Role] = set()
        """Splits that have folders of their own."""
        self.lists: set[str] = set()
        """Text files that were read as lists of labels."""
        self.folders: list[tuple[str, str, int]] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.hints: list[str] = []
        """Why text files were of no use; told where nothing else gives classes."""

    # ---- whole sources ----

    def place_whole(self, top: Folder) -> None:
        """A source without splits."""
        if is_divided_by_class(top):
            self.notes.append("Each class folder has splits of its own.")
            for inner in top.folders.values():
                for part in inner.folders.values():
                    self._place_folders(part, find_role(part.name) or "train", {inner.name: part})
            return
        self._leave_out_copies(top)
        if self._texts:
            self._read_text = join_keys(self._texts, self._read_text, _index(top))
        self._place_body(top, "train", frozenset())
        self._divide(top)
        if self.class_folders:
            self._warn_of_doubtful_classes(top)

    def place_splits(self, node: Folder) -> None:
        """A folder with folders such as ``train`` and ``test`` in it, each with classes, or a list, or unlabelled."""
        roles = split_roles(node)
        for name, inner in node.folders.items():
            if name not in roles:
                self._leave_out(inner, COPY if split_roles(unwrap(inner)) else "beside the split folders")
        known: set[str] = set()
        self._split_roles = set(roles.values())
        for name in sorted(roles, key=lambda name: _ORDER.index(roles[name])):
            body = unwrap(node.folders[name])
            self._leave_out_copies(body)
            if roles[name] == "unlabelled":
                self._leave_out(body, f"unlabelled: {body.where}")
            else:
                self._place_body(body, roles[name], frozenset(known))
            if roles[name] == "train" or not known:
                known = {label for _, label in self.placed.values()}

    # ---- one folder ----

    def _place_body(self, body: Folder, role: Role, known: frozenset[str]) -> None:
        """The images of one split; ``known`` are the classes of those that came before."""
        several = len(body.folders) > 1
        if any(class_name(name) in known for name in body.folders):
            self._place_folders(body, role, body.folders)
        elif self._place_by_lists(body, role, known, unless_as_folders=several):
            pass
        elif several:
            self._place_folders(body, role, body.folders)
        elif self._place_by_names(body, role, known):
            pass
        elif body.folders and not known:
            self._place_folders(body, role, body.folders)
        else:
            self._leave_out(body, f"unlabelled: {body.where}")

    def _place_folders(self, body: Folder, role: Role, folders: Mapping[str, Folder]) -> None:
        count = 0
        for name, inner in folders.items():
            label = class_name(name)
            self.class_folders.add(inner.path)
            for image in inner.all_images():
                self.placed["/".join(image)] = (role, label)
                count += 1
        self.folders.append((body.where, role, count))

    def _place_by_lists(self, body: Folder, role: Role, known: frozenset[str], *, unless_as_folders: bool) -> bool:
        """Images whose classes stand in text files, unless these say what the folders say."""
        if not self._texts:
            return False
        index = _index(body)
        found = self._read_lists(index, role, known)
        chosen = _choose(found, role, whole=role == "train")
        if not chosen or (unless_as_folders and not _contradicts(chosen, body, len(index.images))):
            return False
        several = len({named for named, _ in chosen}) > 1
        for named, labels in chosen:
            self._take(body, labels, named if several and named else role)
        if unless_as_folders:
            self.warnings.append(
                f"The folders in {body.where} divide the images in another way than {chosen[0][1].file} does: the file "
                "was believed. Take it away if the folders are the classes."
            )
        if others := _find_rivals(found, chosen):
            self.warnings.append(
                f"{', '.join(others[:3])} {'give' if len(others) > 1 else 'gives'} other classes than "
                f"{chosen[0][1].file}, which was taken: take away what is not meant."
            )
        listed = ", ".join(labels.file for _, labels in chosen)
        for image in index.images:
            if image not in self.placed:
                self.left_out.setdefault(image, f"not listed in {listed}")
        return True

    def _read_lists(self, index: ImageIndex, role: Role, known: frozenset[str]) -> Found:
        found: Found = []
        for text in self._texts:
            named = find_role(text.rpartition("/")[2].rpartition(".")[0])
            if named not in (None, role) and (known or named in self._split_roles):
                continue  # train.csv says nothing of the images of the same names in test/
            try:
                labels = read_labels(text, self._read_text(text), index, known)
            except NoLabelColumnError as error:
                self.hints.append(str(error))
            else:
                if labels and labels.label_of:
                    found.append((named, labels))
        return found

    def _take(self, body: Folder, labels: Labels, role: Role) -> None:
        count: Counter[Role] = Counter()
        named = _names_of_numbers(labels.label_of)
        for image, label in labels.label_of.items():
            split = labels.role_of.get(image, role)
            if split == "unlabelled" or (split == "train" and image in self.placed):  # the latter is tested on already
                continue
            self.placed[image] = (split, class_name(named.get(label, label)))
            count[split] += 1
        self.left_out.update(labels.reason_of)
        self.lists.add(labels.file)
        self.folders += [(body.where, split, number) for split, number in count.items()]
        self.notes.append(f"The classes of the images in {body.where} are read from {labels.file}.")
        if named:
            self.notes.append("Their numbers are given the names that the files of each class begin with.")
        if labels.note:
            self.notes.append(labels.note)
        if labels.missing_count:
            self.notes.append(f"{labels.missing_count:,} rows of {labels.file} name files that are not there.")

    def _divide(self, top: Folder) -> None:
        """Splits of images whose classes are known, where text files give them and nothing else does."""
        if not self._texts or {role for role, _ in self.placed.values()} != {"train"}:
            return
        if len({label for _, label in self.placed.values()}) < 2:
            return
        splits = read_splits(self._texts, self._read_text, ImageIndex(self.placed))
        role_of = {image: role for image, role in splits.role_of.items() if image in self.placed}
        is_whole = "train" in role_of.values()  # else what is not listed is for training
        if not any(role_of.get(image, "" if is_whole else "train") == "train" for image in self.placed) or not role_of:
            return
        listed = " and ".join(splits.files)
        count: Counter[Role] = Counter()
        for image, (_, label) in list(self.placed.items()):
            role = role_of.get(image)
            if role == "unlabelled" or (role is None and is_whole):
                self.left_out[image] = f"not listed in {listed}" if role is None else f"unlabelled in {listed}"
                del self.placed[image]
                continue
            self.placed[image] = (role or "train", label)
            count[role or "train"] += 1
        self.lists.update(splits.files)
        of_splits = tuple(f"{file} " for file in (*splits.files, *splits.unused))
        self.hints = [hint for hint in self.hints if not hint.startswith(of_splits)]
        self.folders = [*(each for each in self.folders if each[1] != "train"),
                        *((top.where, role, number) for role, number in count.items())]  # fmt: skip
        self.notes.append(f"Which images are for training and which for testing is read from {listed}.")
        if splits.unused:
            self.notes.append(f"Further lists of the same splits are not used: {', '.join(splits.unused[:4])}"
                              f"{' …' if len(splits.unused) > 4 else ''}.")  # fmt: skip

    def _place_by_names(self, body: Folder, role: Role, known: frozenset[str]) -> bool:
        """Images whose names begin with their class: ``cat.0.jpg``, or one of the known classes."""
        found = {name: _class_in_name(name, known) for name in map("/".join, body.all_images())}
        counts = Counter(label for label in found.values() if label and (known or label.casefold() not in _CAMERA))
        usable = {label for label, count in counts.items() if count > 1 or known}
        total = sum(counts[label] for label in usable)
        if not total or total < _MOST * len(found) or not (known or 2 <= len(usable) <= MAX_CLASSES):
            return False
        for name, label in found.items():
            if label in usable:
                self.placed[name] = (role, label)
            else:
                self.left_out[name] = "no class in its file name"
        example = next(name for name, label in found.items() if label in usable)
        self.folders.append((body.where, role, total))
        self.notes.append(
            f"The classes of the images in {body.where} are read from their file names: "
            f"{example.rpartition('/')[2]} is of the class {quote(found[example])}."
        )
        return True

    # ---- left out, and doubts ----

    def _leave_out(self, folder: Folder, reason: str) -> None:
        count = 0
        for image in folder.all_images():
            self.left_out["/".join(image)] = reason
            count += 1
        self.folders.append((folder.where, "left out", count))
        self.notes.append(f"{folder.where}: {count:,} images were left out ({reason.partition(':')[0]}).")

    def leave_out_masks(self, folder: Folder) -> None:
        """Folders called masks or annotations beside one called images: they show the same once more."""
        names = list(folder.folders)
        if any(name.casefold() in _IMAGES for name in names):
            for name in names:
                if name.casefold() in _MASKS:
                    self._leave_out(folder.folders.pop(name), MASKS)
        for inner in folder.folders.values():
            self.leave_out_masks(inner)

    def _leave_out_copies(self, folder: Folder) -> None:
        for copy in find_copies(folder):
            self._leave_out(copy, COPY)
            del folder.folders[copy.name]

    def _warn_of_doubtful_classes(self, top: Folder) -> None:
        named = [name for name in top.folders if find_role(name)]
        if named:
            self.warnings.append(
                f"The folder {quote(named[0])} was taken for a class, since what lies beside it is no split."
            )
        inner = {frozenset(folder.folders) for folder in top.folders.values()}
        if len(inner) == 1 and len(top.folders) > 1 and len(same := sorted(inner.pop())) > 1:
            outer = ", ".join(list(top.folders)[:3])
            self.warnings.append(
                f"The folders {outer} all hold the same folders ({', '.join(same[:3])}): the outer ones were taken for "
                "the classes. If the inner ones are, give one of the outer folders."
            )
        elif all(not folder.images and len(folder.folders) > 1 for folder in top.folders.values()):
            outer, deeper = (", ".join(sorted(names)[:3]) for names in (top.folders, set().union(*inner)))
            self.warnings.append(
                f"The classes are the outer folders ({outer}), though each holds further folders ({deeper}) and no "
                "image of its own. If the inner ones are the classes, put them all into one folder."
            )
        self.notes += [f"Not used: {hint}." for hint in self.hints]


def class_name(folder: str) -> str:
    """The class of a folder: its name in the usual form of Unicode."""
    return unicodedata.normalize("NFC", folder).strip()


def _index(folder: Folder) -> ImageIndex:
    return ImageIndex("/".join(image) for image in folder.all_images())


def _names_of_numbers(label_of: Mapping[str, str]) -> dict[str, str]:
    """Names for classes that a list only numbers, where the images' file names begin with one name for each number."""
    if not all(map(is_number, label_of.values())):
        return {}
    named: dict[str, str] = {}
    for image, label in label_of.items():
        name = _class_in_name(image, frozenset())
        if not name or name.casefold() in _CAMERA or named.setdefault(label, name) != name:
            return {}
    return named if len({name.casefold() for name in named.values()}) == len(named) > 1 else {}


def _find_rivals(found: Found, chosen: Found) -> list[str]:
    """Files that give as many images as a chosen one other classes than that."""
    return [
        labels.file
        for named, labels in found
        for role, taken in chosen
        if named == role
        and labels is not taken
        and len(labels.label_of) >= _MOST * len(taken.label_of)
        and _partition(labels.label_of) != _partition(taken.label_of)
    ]


def _partition(label_of: Mapping[str, str]) -> set[frozenset[str]]:
    members: dict[str, set[str]] = {}
    for image, label in label_of.items():
        members.setdefault(label, set()).add(image)
    return set(map(frozenset, members.values()))


def _choose(found: Found, role: Role, *, whole: bool) -> Found:
    """The lists to use: train.csv and test.csv together for a whole source, else the one that says most."""
    if whole and any(named == "train" for named, _ in found):
        best: dict[Role, tuple[Role | None, Labels]] = {}
        for named, labels in found:
            if named and (named not in best or len(labels.label_of) > len(best[named][1].label_of)):
                best[named] = (named, labels)
        return [best[named] for named in sorted(best, key=_ORDER.index, reverse=True)]
    ranked = sorted(found, key=lambda pair: (pair[0] == role, len(pair[1].label_of)), reverse=True)
    return ranked[:1]


def _contradicts(chosen: Found, body: Folder, total: int) -> bool:
    """Whether lists tell nearly all images apart in another way than the folders do."""
    label_of = {image: label for _, labels in chosen for image, label in labels.label_of.items()}
    if len(label_of) < _MOST * total:
        return False
    inside = [
        {label_of[name] for name in map("/".join, folder.all_images()) if name in label_of}
        for folder in body.folders.values()
    ]
    return any(len(labels) > 1 for labels in inside) or len(set().union(*inside)) < len(inside)


def _class_in_name(image: str, known: frozenset[str]) -> str:
    """The class that a file name begins with; '' if there is none."""
    base = image.rpartition("/")[2]
    stem = base.rpartition(".")[0] or base
    if not known:
        match = _NUMBERED.fullmatch(stem)
        return class_name(match[1]) if match else ""
    folded = stem.casefold()
    begins = [
        name for name in known
        if not name.isdigit() and folded.startswith(name.casefold()) and not folded[len(name) : len(name) + 1].isalpha()
    ]  # fmt: skip
    return max(begins, key=len, default="")
