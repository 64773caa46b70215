"""Imported models that are kept in the user's home: a safetensors file each, what is known as metadata. No torch."""

from __future__ import annotations

import json
import logging
import math
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import ownership
from ..analysis import analyze
from ..architecture import Architecture, from_json
from ..datasets import Preprocessing
from ..importing import Import
from ..text import format_bytes, quote

logger = logging.getLogger(__name__)

DESIGN, TITLE, PROVENANCE, RANDOM = "explorer.design", "title", "provenance", "random"
"""Keys of the metadata, beside ``classes`` and ``preprocessing``; the design, the classes and so on are JSON."""
PREFIX, _SUFFIX = "imported-", ".safetensors"
UNKNOWN_PREPROCESSING = "How images were normalised is not known: pixels from −1 to 1 are assumed"
MAX_IMPORTED_BYTES = 10_000_000_000
"""Of all imported models together: a hundred ResNet-50s. Each import on the page keeps its weights."""
_HEADER_BYTES = 32_000_000
"""Of tensors' names and metadata; more is no file of ours."""


@dataclass(frozen=True, kw_only=True)
class ImportedModel:
    """A model that was imported and kept."""

    name: str
    """What ``opening.open_model`` takes. It ends with a digest of the content, so a name always means the same."""
    path: Path
    """The safetensors file."""
    title: str
    """Shown to people."""
    provenance: str
    """Where the weights come from, one phrase."""
    is_random: bool
    """Whether the weights are initial ones, random numbers."""
    architecture: Architecture
    """The design."""
    classes: tuple[str, ...]
    """Names in the order of the scores; empty where they are not known."""
    preprocessing: Preprocessing | None
    """How images become inputs; None where that is not known."""
    size_bytes: int
    """Of the file."""

    @property
    def detail(self) -> str:
        """Origin and size, in a few words."""
        return f"{self.provenance}, {format_bytes(self.size_bytes)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known to judge its answers, one sentence each."""
        notes = []
        if self.is_random:
            notes.append("The weights are random numbers: until it is trained its answers mean nothing")
        elif self.preprocessing is None:
            notes.append(UNKNOWN_PREPROCESSING)
        return tuple(notes)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a file of ours says beside its network."""

    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    provenance: str = ""


def read_facts(found: Import) -> Facts:
    """Read what an imported file says of its classes, preprocessing and origin; what cannot be read is left out.

    Args:
        found: The import.

    Returns:
        What is known; class names as many as the design has scores, and images of its input shape.
    """
    assert found.architecture is not None
    scores = math.prod(analyze(found.architecture).totals.output_shape)
    classes, how = (_parse(found.facts.get(key)) for key in ("classes", "preprocessing"))
    names = tuple(map(str, classes)) if isinstance(classes, list) and len(classes) == scores else ()
    preprocessing = None
    with suppress(ValueError):
        preprocessing = Preprocessing.from_data(how) if how is not None else None
    if preprocessing is not None and preprocessing.shape != found.architecture.input_shape:
        preprocessing = None
    return Facts(classes=names, preprocessing=preprocessing, provenance=found.facts.get("provenance", "")[:300])


def _parse(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def imported_folder(home: Path) -> Path:
    """The folder of imported models in a data directory; it need not exist."""
    return home / "imported"


def owners_of(name: str, home: Path) -> Path:
    """Where it is written whose a model is."""
    return imported_folder(home) / f"{name}.owners"


def list_imported(home: Path) -> dict[str, ImportedModel]:
    """List the imported models that are kept, and may be seen by whom the program acts for.

    Args:
        home: The data directory.

    Returns:
        Models by name, the newest first. Files that cannot be read are left out, with a warning in the log.
    """
    found = []
    for path in imported_folder(home).glob(f"{PREFIX}*{_SUFFIX}"):
        try:
            about = path.stat()
        except OSError:  # removed meanwhile
            continue
        if not ownership.may_look(owners_of(path.name.removesuffix(_SUFFIX), home)):
            continue
        model = _read(path, about.st_mtime_ns, about.st_size)
        if model is not None:
            found.append((-about.st_mtime_ns, model.name, model))
    return {name: model for _, name, model in sorted(found, key=lambda each: each[:2])}


def remove_imported(name: str, home: Path) -> None:
    """Remove an imported model. Runs that began with it keep a copy of their own.

    Of several people who brought the same one each lets it go for themselves; the last one removes it.

    Args:
        name: As ``list_imported`` names it.
        home: The data directory.

    Raises:
        ValueError: There is none of that name, or it cannot be removed.
    """
    found = list_imported(home)
    if name not in found:
        raise ValueError(f"there is no imported model {quote(name)}; `python -m explorer models` shows all models")
    try:
        if not ownership.let_go(owners_of(name, home)):
            return
    except ValueError as error:
        raise ValueError(f"{name} cannot be removed: {error}") from None
    try:
        found[name].path.unlink(missing_ok=True)
        shutil.rmtree(owners_of(name, home), ignore_errors=True)
    except OSError as error:
        raise ValueError(f"{name} cannot be removed: {error.strerror or error}") from None


def share_imported(name: str, home: Path, shared: bool) -> None:
    """Let others use an imported model, or no longer.

    Args:
        name: As ``list_imported`` names it.
        home: The data directory.
        shared: Whether others may.

    Raises:
        ValueError: There is none of that name, or it is not theirs for whom the program acts.
    """
    if name not in list_imported(home):
        raise ValueError(f"there is no imported model {quote(name)}; `python -m explorer models` shows all models")
    try:
        ownership.share(owners_of(name, home), shared)
    except ValueError as error:
        raise ValueError(f"{name} cannot be shared: {error}") from None


def find_owners(name: str, home: Path) -> dict[str, bool]:
    """Find who owns an imported model.

    Args:
        name: As ``list_imported`` names it.
        home: The data directory.

    Returns:
        Whether others may look, by the owners' ids; '' stands for what was made without sign-in.
    """
    return ownership.list_owners(owners_of(name, home))


def measure_imported(home: Path) -> int:
    """Measure what the imported models take.

    Args:
        home: The data directory.

    Returns:
        Bytes, of all of them together.
    """
    total = 0
    for path in imported_folder(home).glob(f"{PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # removed meanwhile
            total += path.stat().st_size
    return total


def imported_path(name: str, home: Path) -> Path:
    """Where a model of a name is kept."""
    return imported_folder(home) / f"{name}{_SUFFIX}"


@lru_cache(maxsize=256)
def _read(path: Path, _changed_ns: int, size_bytes: int) -> ImportedModel | None:
    try:
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            if not 0 < header_bytes <= min(_HEADER_BYTES, size_bytes):
                raise ValueError("it is no safetensors file")
            about = json.loads(file.read(header_bytes))["__metadata__"]
        how = about.get("preprocessing")
        return ImportedModel(
            name=path.name.removesuffix(_SUFFIX), path=path, title=about[TITLE], provenance=about[PROVENANCE],
            is_random=bool(json.loads(about[RANDOM])), architecture=from_json(about[DESIGN]),
            classes=tuple(json.loads(about.get("classes", "[]"))), size_bytes=size_bytes,
            preprocessing=None if how is None else Preprocessing.from_data(json.loads(how)),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("the imported model %s is left out: it cannot be read (%s)", path.name, error)
        return None
