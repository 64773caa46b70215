"""A file that holds a network with its weights → Import, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..text import quote_path
from ._from_onnx import from_onnx_path
from ._from_safetensors import from_safetensors_path
from ._import import Import
from ._libraries import list_names
from ._problem import ImportingError

NETWORK_FILES = (".onnx", ".safetensors")
"""Endings of files that hold a network with its weights."""
_WHAT = "give torchvision:NAME, timm:NAME, or a file of a network"
_DESIGNS = (".json", ".py", ".txt")


def from_file(
    path: str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    design_only: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Import:
    """Import the network of a file: ONNX, or safetensors that hold their design. Nothing in it is run.

    Args:
        path: Of the file.
        input_shape: Channels, height and width of an image, where an ONNX file leaves them free.
        design_only: As ``from_onnx`` takes it; of safetensors nothing is compared.
        tell: Is told what is being done, one phrase.

    Returns:
        The import.

    Raises:
        ImportingError: It is another kind of file, damaged, or no network for images; in one sentence.
        WeightsError: It holds something else than weights, or is damaged.
    """
    from ..modules import open_weights_file, read_weights

    path = Path(path)
    ending, name = path.suffix.lower(), quote_path(path.name)
    if ending == ".onnx":
        return from_onnx_path(path, input_shape=input_shape, design_only=design_only, tell=tell)
    if not path.is_file():
        hint = f"did you mean torchvision:{path}?" if str(path) in list_names("torchvision") else _WHAT
        raise ImportingError(f"there is no file {quote_path(str(path))}; {hint}")
    if ending == ".safetensors":
        return from_safetensors_path(path)
    if ending in _DESIGNS:
        raise ImportingError(f"{name} holds a design without weights: name it wherever a network is named, as it is")
    read_weights([open_weights_file(path)])  # says what it is and what to do with it, if it holds no weights
    raise ImportingError(
        f"{name} holds weights without their network: name it, NETWORK:{path.name}, or load them into a library's "
        f"(import torchvision:NAME --weights {path.name})"
    )
