"""From a path to the files of weights that it means, and their bytes."""

from __future__ import annotations

import mmap
from pathlib import Path

from ..text import quote_path
from ._reading import find_shards, is_shard
from ._stored import WeightsError, WeightsFile

_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


def open_weights_file(path: Path) -> WeightsFile:
    """Open a file on the disk. Its bytes are mapped, so that only those that are wanted are read.

    Args:
        path: A file of any size.

    Returns:
        The file, for ``read_weights``.

    Raises:
        WeightsError: It is no file, or it cannot be read.
    """
    try:
        if not path.is_file():
            raise WeightsError(
                f"{quote_path(path)} is not a file; give a .safetensors file or a state dict saved by torch"
            )
        with path.open("rb") as file:
            empty = path.stat().st_size == 0
            data = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise WeightsError(f"cannot read {quote_path(path)}: {reason}") from None
    return WeightsFile(name=path.name, data=data)


def weights_paths(path: Path) -> list[Path]:
    """Find the files of weights that a path means: itself, the shards of an index, or those of a folder.

    Args:
        path: Of a file of weights, of an index of shards (``.index.json``), or of a folder with either.

    Returns:
        Paths, an index before its shards; shards that are missing are left out.

    Raises:
        WeightsError: A folder has no weights, or several files of them.
    """
    if path.is_dir():
        return _paths_in(path)
    return [path, *_shards_of(path)] if path.name.endswith(".index.json") else [path]


def _shards_of(index: Path) -> list[Path]:
    return [path for name in find_shards(open_weights_file(index)) if (path := index.parent / name).is_file()]


def _paths_in(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise WeightsError(f"cannot read {quote_path(folder)}: {error.strerror or error}") from None
    for form in ("safetensors.index.json", "index.json"):  # of two copies the one without pickles
        indices = [path for path in files if path.name.endswith(form)]
        if len(indices) == 1:
            return [indices[0], *_shards_of(indices[0])]
    weights = [path for path in files if path.name.lower().endswith(_ENDINGS)]
    if len(weights) == 1 or (weights and all(is_shard(path.name) for path in weights)):
        return weights
    names = ", ".join(quote_path(path.name) for path in weights[:4])
    what = f"{len(weights)} files of weights ({names})" if weights else f"no file of weights ({', '.join(_ENDINGS)})"
    raise WeightsError(f"the folder {quote_path(folder)} has {what}; give one file")
