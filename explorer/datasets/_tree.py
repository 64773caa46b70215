"""Folders with images in them, and which of them are splits: by names and nesting alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ._roles import Role, find_role, is_plain_role

Path = tuple[str, ...]


class Folder:
    """A folder that has images, directly or below."""

    __slots__ = ("folders", "images", "path")

    def __init__(self, path: Path = ()) -> None:
        self.path = path
        self.folders: dict[str, Folder] = {}
        self.images: list[Path] = []
        """Directly in it."""

    @property
    def name(self) -> str:
        """Its own name; '' of the source itself."""
        return self.path[-1] if self.path else ""

    @property
    def where(self) -> str:
        """Its path for people."""
        return "/".join(self.path) or "the top folder"

    def all_images(self) -> Iterator[Path]:
        """Those directly in it, then those of each folder below."""
        yield from self.images
        for folder in self.folders.values():
            yield from folder.all_images()


def build_tree(images: Iterable[Path]) -> Folder:
    """The folders around images, given as paths."""
    top = Folder()
    nodes: dict[Path, Folder] = {(): top}

    def node(path: Path) -> Folder:
        found = nodes.get(path)
        if found is None:
            found = nodes[path] = Folder(path)
            node(path[:-1]).folders[path[-1]] = found
        return found

    for image in images:
        node(image[:-1]).images.append(image)
    return top


def unwrap(folder: Folder) -> Folder:
    """Without the folders that hold nothing but one folder of folders: ``seg_train/seg_train``, ``train/images``."""
    while len(folder.folders) == 1:
        (only,) = folder.folders.values()
        if not only.folders:
            break
        folder = only
    return folder


def split_roles(folder: Folder) -> dict[str, Role]:
    """The folders in it that are splits, if it is divided into splits; else {}.

    Folders called train, bus and car are three classes; train with class folders, and test beside it, are splits.
    """
    roles = {name: role for name in folder.folders if (role := find_role(name))}
    others = [inner for name, inner in folder.folders.items() if name not in roles]
    learnt = [folder.folders[name] for name, role in roles.items() if role == "train"]
    divided = [unwrap(inner).folders.keys() for inner in learnt if len(unwrap(inner).folders) > 1]
    plain = {role for name, role in roles.items() if is_plain_role(name)}
    if len(set(roles.values())) > 1:
        if (not others and _are_divided(folder, roles)) or divided or ("train" in plain and len(plain) > 1):
            return roles
        return roles if not others and learnt else {}
    if not divided:
        return {}
    # One split alone: what lies beside it must be no class, that is flat, or divided as it is.
    names = set().union(*divided)
    inside = [set(unwrap(inner).folders) for inner in others]
    return roles if "train" in plain and all(not each or each & names for each in inside) else {}


def _are_divided(folder: Folder, roles: dict[str, Role]) -> bool:
    return any(len(unwrap(folder.folders[name]).folders) > 1 for name in roles)


def find_splits(folder: Folder, depth: int = 4) -> list[Folder]:
    """The folders nearest to the top that are divided into splits with class folders."""
    folder = unwrap(folder)
    if split_roles(folder):
        return [folder]
    found = []
    for inner in folder.folders.values() if depth else ():
        found += [each for each in find_splits(inner, depth - 1) if _are_divided(each, split_roles(each))]
    return found


def is_divided_by_class(folder: Folder) -> bool:
    """Whether every folder in it is a class with splits inside: ``cat/train``, ``cat/test``, ``dog/train`` ..."""
    found: set[Role | None] = set()
    for inner in folder.folders.values():
        if inner.images or not inner.folders:
            return False
        for part in inner.folders.values():
            if part.folders or not is_plain_role(part.name):
                return False
            found.add(find_role(part.name))
    return "train" in found and len(found) > 1


def find_copies(folder: Folder) -> list[Folder]:
    """Folders in it that repeat it one folder deeper: ``flowers/{daisy, rose, flowers/{daisy, rose}}``."""
    copies = []
    for inner in folder.folders.values():
        body = unwrap(inner)
        repeated = body.folders.keys() & folder.folders.keys() - {inner.name}
        if inner.images or len(repeated) < 2 or len(repeated) < len(body.folders):
            continue
        here = {image[len(folder.path) :] for image in folder.all_images()}
        deeper = [image[len(body.path) :] for image in body.all_images()]
        if 2 * sum(image in here for image in deeper) >= len(deeper):
            copies.append(inner)
    return copies
