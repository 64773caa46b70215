"""Checkpoints that survive crashes, full disks and damaged files.

``step-0000001234.pt`` with ``step-0000001234.pt.sha256`` beside it (the form of ``sha256sum``), the last two kept; and
``best-validation-0000000987.pt`` (or ``best-test-…``), the weights alone after the best epoch by that accuracy; and,
where that was asked for, ``kept-0000000500.pt``, the weights alone after some of the epochs, kept for good.
torch notices few damaged bytes by itself, so nothing is read as a checkpoint before its SHA-256 has been verified.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ..runs import (
    atomic_write,
    bring,
    checkpoint_step,
    find_bytes_elsewhere,
    forget_elsewhere,
    list_best,
    list_checkpoints,
    sweep,
    sync_folder,
)

FORMAT = 1
"""Of what is inside; a file with a higher number was written by a newer version of the product."""
KEPT = 2
REFUSED = ".refused"
"""Ending that a file gets when it could not be used."""


class CheckpointError(ValueError):
    """A file that cannot be used as a checkpoint; the message names it and says why."""


def save(folder: Path, run: str, step: int, captured: dict[str, Any]) -> Path:
    """Write a checkpoint and remove those before the last two.

    Args:
        folder: It exists: in a run's folder that was removed and made anew in the middle, nothing is to be written.
        run: Id of the run.
        step: Updates made so far; part of the file's name.
        captured: The state, of tensors and plain values.

    Returns:
        The file.

    Raises:
        OSError: It could not be written; the others are untouched.
    """
    path = _write(folder / f"step-{step:010}.pt", run, step, captured)
    _remove(list_checkpoints(folder)[KEPT:])
    return path


def save_best(folder: Path, run: str, split: str, step: int, captured: dict[str, Any]) -> Path:
    """Write the weights of the best epoch by the accuracy of a split, in place of those before.

    Args:
        folder: As for ``save``.
        run: Id of the run.
        split: 'test' or 'validation'; part of the file's name.
        step: Updates made so far.
        captured: The weights and what they reached.

    Returns:
        The file.

    Raises:
        OSError: It could not be written; the one before is untouched.
    """
    path = _write(folder / f"best-{split}-{step:010}.pt", run, step, captured)
    _remove(each for each in list_best(folder) if each != path)
    return path


def save_kept(folder: Path, run: str, step: int, captured: dict[str, Any]) -> Path:
    """Write weights that are kept for good.

    Args:
        folder: As for ``save``.
        run: Id of the run.
        step: Updates made so far.
        captured: The weights.

    Returns:
        The file; the one that was there, where the run came by this step before.

    Raises:
        OSError: It could not be written.
    """
    return _write(folder / f"kept-{step:010}.pt", run, step, captured)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        _digest_of(path).unlink(missing_ok=True)
        forget_elsewhere(path)
        sync_folder(path.parent)


def _write(path: Path, run: str, step: int, captured: dict[str, Any]) -> Path:
    if path.exists():
        try:
            read_verified(path)
        except CheckpointError:
            _quarantine(path)
        else:
            return path  # the same step of the same run: never put a good file at risk for an equal one
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "run": run, "step": step, "state": captured}, buffer)
    data = buffer.getbuffer()
    # The digest first: as soon as the file has its name it counts, and no crash in between can make it worthless.
    atomic_write(_digest_of(path), f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode())
    try:
        atomic_write(path, data)
    except OSError:
        if not path.exists():
            _digest_of(path).unlink(missing_ok=True)
        raise
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left behind: half-written files, digests without a file. Only for the one who writes here."""
    if folder.is_dir():
        sweep(folder)
        for digest in folder.glob("*.pt.sha256"):
            if not (path := digest.with_suffix("")).exists() and not find_bytes_elsewhere(path):
                digest.unlink(missing_ok=True)


def load_newest(folder: Path, run: str) -> tuple[dict[str, Any] | None, list[str]]:
    """Load the newest checkpoint that can be used.

    What cannot be used is quarantined under its name with ``.refused``, so that it is not tried again.

    Args:
        folder: Where the run's checkpoints are.
        run: Id of the run.

    Returns:
        (its state, None if there is none; a sentence about each that cannot be used).

    Raises:
        StorageError: As ``read_verified``: what is not known to be bad is not passed over.
    """
    problems: list[str] = []
    for path in list_checkpoints(folder):
        try:
            return load(path, run), problems
        except CheckpointError as error:
            problems.append(str(error))
            _quarantine(path)
    return None, problems


def read_verified(path: Path) -> bytes:
    """Read a checkpoint whose SHA-256 is the one beside it; it is fetched where it is in an object store.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        CheckpointError: It cannot be read, or has another digest.
        StorageError: It is to be fetched from an object store, which cannot be reached.
    """
    bring(path)
    try:
        data, digest = path.read_bytes(), _digest_of(path).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path.name}: cannot be verified ({error})") from None
    if digest != [hashlib.sha256(data).hexdigest(), path.name]:
        raise CheckpointError(f"{path.name}: damaged, its {len(data):,} bytes do not have the SHA-256 beside it")
    return data


def load(path: Path, run: str) -> dict[str, Any]:
    """Load a checkpoint of a run, verified first.

    Args:
        path: The file.
        run: Id of the run.

    Returns:
        The state, its tensors on the CPU.

    Raises:
        CheckpointError: It is damaged, no checkpoint, of a newer format, or another run's; the message names it.
        StorageError: As ``read_verified``.
    """
    data = read_verified(path)
    try:
        captured = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, ValueError):
        raise CheckpointError(f"{path.name}: not a checkpoint of this product") from None
    if not isinstance(captured, dict) or not isinstance(captured.get("format"), int):
        raise CheckpointError(f"{path.name}: not a checkpoint of this product")
    if captured["format"] > FORMAT:
        raise CheckpointError(
            f"{path.name}: written by a newer version (format {captured['format']}, known up to {FORMAT}); "
            f"update the product to use it"
        )
    if (captured["run"], captured["step"]) != (run, checkpoint_step(path)):
        raise CheckpointError(f"{path.name}: holds step {captured['step']} of run {captured['run']}")
    state: dict[str, Any] = captured["state"]
    return state


def _digest_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _quarantine(path: Path) -> None:
    for each in (path, _digest_of(path)):
        if each.exists():
            os.replace(each, each.with_name(each.name + REFUSED))
