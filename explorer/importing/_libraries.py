"""Networks of torchvision and timm by name, from these two libraries' own lists, without a download."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import quote, suggest
from ._problem import ImportingError

if TYPE_CHECKING:
    from torch import nn

    from ..modules import WeightsFile

LIBRARIES = ("torchvision", "timm")
_NO_CONVOLUTIONAL = ("vit_", "swin", "maxvit")
"""How transformers of torchvision are called."""


def names_library(text: str) -> bool:
    """Whether a text is ``torchvision:NAME`` or ``timm:NAME``.

    Args:
        text: What was typed.

    Returns:
        Whether it begins so; the name may be none.
    """
    return text.partition(":")[0] in LIBRARIES and ":" in text


def list_names(library: str) -> list[str]:
    """List the networks that a library has.

    Args:
        library: "torchvision" or "timm".

    Returns:
        Their names.

    Raises:
        ImportingError: It is another library, or it is not installed; in one sentence.
    """
    if library == "torchvision":
        import torchvision

        found: list[str] = torchvision.models.list_models(module=torchvision.models)
        return found
    if library == "timm":
        return list(_timm().list_models())
    raise ImportingError(f"there is no library {quote(library)} here; known: {', '.join(LIBRARIES)}")


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        raise ImportingError("timm is not installed; install it with `pip install timm`") from None
    return timm


def make_module(text: str, *, empty: bool = False) -> tuple[nn.Module, tuple[int, int, int], str]:
    """Build a network of a library.

    Args:
        text: ``torchvision:NAME`` or ``timm:NAME``.
        empty: Whether no memory is taken for its tensors: they are on the meta device.

    Returns:
        The module with initial weights, the same each time; the image that it takes; and its name.

    Raises:
        ImportingError: There is no such network, it is a transformer, or the library cannot build it so; in one
            sentence.
    """
    import torch

    library, name = _find_name(text)
    if empty:
        with _without_memory():
            module, shape = _make_torchvision(name) if library == "torchvision" else _make_timm(name)
        return module.to("meta"), shape, name
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module, shape = _make_torchvision(name) if library == "torchvision" else _make_timm(name)
    return module, shape, name


def _find_name(text: str) -> tuple[str, str]:
    """The library and its own name of a network. Raises ImportingError."""
    library, _, name = text.partition(":")
    known = list_names(library)
    name = name.strip()
    plain = name.partition(".")[0]  # timm's names of weights have a tag behind a dot
    if plain not in known:
        hint = suggest(plain, known, f"`python -m explorer import {library}:` lists them" if plain else "give a name")
        raise ImportingError(f"{library} has no network {quote(name)}; {hint}")
    if library == "torchvision" and plain.startswith(_NO_CONVOLUTIONAL):
        raise ImportingError(f"{quote(plain)} is a transformer: attention between places has no form here")
    return library, plain


def count_parameters(text: str) -> int:
    """Count the parameters of a library's network without memory for them.

    Args:
        text: ``torchvision:NAME`` or ``timm:NAME``.

    Returns:
        Parameters, auxiliary heads included; 0 where the library cannot build it so.

    Raises:
        ImportingError: There is no such network, or it is a transformer; in one sentence.
    """

    _find_name(text)
    try:
        module, _, _ = make_module(text, empty=True)
    except (ImportingError, RuntimeError):  # its constructor wants the numbers
        return 0
    return sum(each.numel() for each in module.parameters())


def _without_memory() -> AbstractContextManager[Any]:
    """Layers made in it have weights without memory. Constants that a constructor computes with are as ever."""
    import torch
    from torch.overrides import TorchFunctionMode

    class EmptyOnMeta(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.empty:  # what torch's layers allocate their weights by
                kwargs = {**(kwargs or {}), "device": "meta"}
            return func(*args, **(kwargs or {}))

    return EmptyOnMeta()


def _make_torchvision(name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    import torchvision

    # Their initial weights take minutes and would be thrown away by any file of weights.
    settings = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    side = 299 if name == "inception_v3" else 224
    return torchvision.models.get_model(name, weights=None, **settings), (3, side, side)


def _make_timm(name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    try:
        module: nn.Module = _timm().create_model(name, pretrained=False)
    except Exception as error:  # noqa: BLE001  (whatever the library raises)
        told = " ".join(str(error).split())[:200]
        raise ImportingError(f"timm cannot build {quote(name)}: {told}") from None
    config: Any = getattr(module, "pretrained_cfg", None) or {}
    channels, height, width = config.get("input_size") or (3, 224, 224)
    return module, (channels, height, width)


def load_weights(module: nn.Module, files: str | Sequence[WeightsFile], name: str) -> str:
    """Load the weights of a file into a library's own module, strictly.

    Args:
        module: Its weights are overwritten.
        files: A path of a file as torch or safetensors save them, or files that are in memory.
        name: What messages call the network.

    Returns:
        The name of the file.

    Raises:
        WeightsError: The file cannot be read, or its weights are not those of the module; in one sentence.
    """
    from ..modules import StoredTensor, WeightsError, open_weights_file, read_weights, weights_paths

    if isinstance(files, str):
        files = [open_weights_file(each) for each in weights_paths(Path(files))]
    stored = read_weights(files)
    content = stored.content
    for key in ("state_dict", "model", "model_state_dict"):  # what training scripts put around it
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(each, StoredTensor) for each in content.values()):
        raise WeightsError(f"{quote(stored.name)} holds no state dict of {quote(name)}; save `model.state_dict()`")
    tensors = {key.removeprefix("module."): tensor.load() for key, tensor in content.items()}
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        told = " ".join(str(error).split())[:300]
        raise WeightsError(f"{quote(stored.name)} is no file of weights of {quote(name)}: {told}") from None
    return stored.name
