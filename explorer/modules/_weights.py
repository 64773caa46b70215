"""Weights from a file that a stranger may have made, into a network: everything is compared before anything is copied.

Two forms are read: safetensors, and the state dict that ``torch.save`` writes. The second is a pickle in a zip archive,
so it is looked through first: members stored as they are, checksums that hold, and no names but those of tensors in
the pickle. Programs (TorchScript, exported programs) are never opened.
"""

from __future__ import annotations

import difflib
import io
import pickletools
import zipfile
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from ..text import compact_shape, shorten

_ENTRY_BYTES, _FRAME_BYTES = 2048, 65_536
"""What a file may hold for each tensor beside its numbers (a path has at most 400 letters), and once for all."""
_MEMBERS = 3
"""Members of an archive for each tensor, generously: torch writes one, and a handful for all."""
_TENSOR_NAMES = frozenset({
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {kind}Storage" for kind in
      ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")),
})  # fmt: skip
"""All that a pickle of weights names. torch's own list is longer, and ``bytearray`` on it can take any memory."""
_OTHER_NAMES = frozenset({"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"})
"""Other ways in which a pickle makes objects; ``torch.save`` uses none of them for weights."""
_PROGRAMS = ("/constants.pkl", "/archive_format", "/code/", "/models/")
"""Members by which TorchScript and exported programs are known."""


class WeightsError(ValueError):
    """A file that does not hold exactly the weights of a network; the message is one sentence that names the file."""


def load_weights(network: nn.Module, data: bytes, name: str = "the file") -> None:
    """Fill a network from the bytes of a safetensors file or of a state dict saved by torch.

    Nothing in the data is executed. In memory the file is twice, beside the network.

    Args:
        network: its weights and buffers are overwritten in place, once all is known to be right.
        data: the whole file.
        name: what messages call the file.

    Raises:
        WeightsError: a tensor has another name, shape or type than the network's, one is missing, a number is not
            finite, or the data is neither form. The network is then as it was.
    """
    fill(network, read_weights(network, data, name), name)


def load_weights_file(network: nn.Module, path: Path) -> bytes:
    """Fill a network from a file, of which never more is read than such weights can take; else as ``load_weights``.

    Args:
        network: Its weights and buffers are overwritten in place, once all is known to be right.
        path: A safetensors file, or a state dict saved by torch.

    Returns:
        The bytes of the file, for a checksum.

    Raises:
        WeightsError: As ``load_weights``, or the file cannot be read.
    """
    limit = size_limit_bytes(network)
    try:
        if not path.is_file():
            raise WeightsError(f"{str(path)!r} is not a file; give a .safetensors file or a state dict saved by torch")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise WeightsError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    load_weights(network, data, path.name)
    return data


def read_weights(network: nn.Module, data: bytes, name: str, *, authentic: bool = False) -> dict[str, Tensor]:
    """Read the tensors of a file that should hold a network's weights; ``fill`` checks whether it does.

    Args:
        network: Its weights decide how large the file may be.
        data: The whole file.
        name: What messages call the file.
        authentic: The file is known by its checksum; torch then reads it in whatever form, older than archives too.

    Returns:
        CPU tensors by name.

    Raises:
        WeightsError: The data is too large, damaged, or neither safetensors nor a state dict.
    """
    if len(data) > size_limit_bytes(network):
        weights = sum(map(_bytes_of, network.state_dict().values()))
        raise WeightsError(
            f"{name} is larger than this network's weights ({weights:,} bytes); save its state dict alone, in its types"
        )
    if authentic:
        return _unpickle(data, name)
    overhead_bytes = _overhead_bytes(network)
    if data[:4] == b"PK\3\4":
        _check_archive(data, name, _MEMBERS * len(network.state_dict()) + 100, overhead_bytes)
        return _unpickle(data, name)
    if data[8:9] == b"{":
        return _read_safetensors(data, name, overhead_bytes)
    if data[:1] == b"\x80":
        raise WeightsError(f"{name} is a bare pickle; load it with the torch that wrote it and save it as safetensors")
    raise WeightsError(f"{name} is neither a safetensors file nor a state dict saved by torch, or it is damaged")


def _unpickle(data: bytes, name: str) -> dict[str, Tensor]:
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001  (torch's own words advise to switch the protection off)
        raise WeightsError(f"{name} does not hold tensors as torch saves them, or it is damaged") from None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise WeightsError(f"{name} holds a {type(found).__name__}, not weights by name; save model.state_dict()")
    other = [key for key, value in found.items() if not isinstance(value, Tensor)]
    if other:
        raise WeightsError(
            f"{name} holds {_quoted(other)}, which {'is' if len(other) == 1 else 'are'} not tensors; "
            f"save model.state_dict() alone"
        )
    return found


def fill(network: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Copy tensors into a network, if they are exactly its weights; one on the meta device gets its memory then.

    Args:
        network: Its weights and buffers are overwritten in place.
        tensors: CPU tensors by the names of the state dict.
        name: What messages call the file.

    Raises:
        WeightsError: A tensor is missing, too many, of another shape or type, or not finite; nothing is copied then.
    """
    own = network.state_dict()
    missing, unexpected = [key for key in own if key not in tensors], [key for key in tensors if key not in own]
    if missing or unexpected:
        raise WeightsError(f"{name} does not fit: {_names_differ(missing, unexpected, [*own])}")
    for key, wanted in own.items():
        _check(key, tensors[key], wanted, name)
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(f"{name}: {shorten(key, 120)!r} holds numbers that are not finite (NaN or Inf)")
    if any(wanted.is_meta for wanted in own.values()):
        own = network.to_empty(device="cpu").state_dict()
    with torch.no_grad():
        for key, wanted in own.items():
            wanted.copy_(tensors[key])


def _check(key: str, given: Tensor, wanted: Tensor, name: str) -> None:
    where = f"{name}: {shorten(key, 120)!r}"
    if given.shape != wanted.shape:
        raise WeightsError(f"{where} is {_times(given.shape)}, the network has {_times(wanted.shape)}")
    if given.dtype != wanted.dtype:
        raise WeightsError(f"{where} is {_type(given)}, the network has {_type(wanted)}; save it in that type")
    if given.layout != torch.strided or given.device.type != "cpu":
        raise WeightsError(f"{where} is not stored as plain numbers; save it dense, from the CPU")
    channels_last = given.ndim == 4 and given.is_contiguous(memory_format=torch.channels_last)
    if not (given.is_contiguous() or channels_last):  # an expanded tensor claims more numbers than the file has
        raise WeightsError(f"{where} is stored with strides {given.stride()}; save it contiguous")


def _check_archive(data: bytes, name: str, members: int, overhead_bytes: int) -> None:
    if data.count(b"PK\1\2") > members:  # before zipfile makes an object of each
        raise WeightsError(f"{name} holds more members than a state dict of this network has tensors")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = archive.infolist()
            names = [member.filename for member in found]
            if any(part in f"/{each}" for each in names for part in _PROGRAMS):
                raise WeightsError(f"{name} is a program (TorchScript or exported), not weights; save its state dict")
            if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in found):
                raise WeightsError(f"{name} is compressed or encrypted, which torch does not do; save it again")
            if sum(member.file_size for member in found) > len(data) or len(set(names)) != len(names):
                raise WeightsError(f"{name} declares more than it holds; it is not a file that torch wrote")
            damaged = archive.testzip()
            if damaged is not None:
                member = shorten(damaged, 120)
                raise WeightsError(f"{name} is damaged: the checksum of its member {member!r} does not hold")
            pickles = [each for each in names if each.endswith("/data.pkl")]
            if len(pickles) != 1 or archive.getinfo(pickles[0]).file_size > overhead_bytes:
                raise WeightsError(f"{name} is not a state dict saved by torch")
            pickled = archive.read(pickles[0])
    except WeightsError:
        raise
    except Exception:  # noqa: BLE001  (what a forged archive makes zipfile raise cannot be listed)
        raise WeightsError(f"{name} is damaged: it begins like an archive of torch, and is none") from None
    _check_pickle(pickled, name)


def _check_pickle(pickled: bytes, name: str) -> None:
    try:
        for code, argument, _ in pickletools.genops(pickled):
            if code.name in _OTHER_NAMES or (code.name == "GLOBAL" and argument not in _TENSOR_NAMES):
                what = shorten(str(argument or code.name).replace(" ", "."), 120)
                raise WeightsError(
                    f"{name} holds Python objects ({what}), which are never made; save model.state_dict()"
                )
    except WeightsError:
        raise
    except Exception:  # noqa: BLE001
        raise WeightsError(f"{name} is damaged: its list of tensors cannot be read") from None


def _read_safetensors(data: bytes, name: str, overhead_bytes: int) -> dict[str, Tensor]:
    if int.from_bytes(data[:8], "little") > overhead_bytes:
        raise WeightsError(f"{name} names more tensors than this network has")
    try:
        return safetensors.torch.load(data)
    except Exception:  # noqa: BLE001  (SafetensorError, and whatever a type unknown to torch raises)
        raise WeightsError(f"{name} is damaged, or no safetensors file") from None


def _overhead_bytes(network: nn.Module) -> int:
    """Bytes of a file that are not numbers."""
    return _ENTRY_BYTES * len(network.state_dict()) + _FRAME_BYTES


def size_limit_bytes(network: nn.Module) -> int:
    """Compute the size of the largest file that can hold a network's weights.

    Args:
        network: The network.

    Returns:
        Bytes: its weights and buffers in their types, and what a file format may add.
    """
    return sum(map(_bytes_of, network.state_dict().values())) + _overhead_bytes(network)


def _bytes_of(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _names_differ(missing: list[str], unexpected: list[str], own: list[str]) -> str:
    parts = []
    if missing:
        parts.append(f"it lacks {_quoted(missing)}")
    if unexpected:
        near = difflib.get_close_matches(unexpected[0][:500], missing[:500] or own[:500], n=1, cutoff=0.5)
        nearest = f" (nearest: {near[0]!r})" if near else ""
        parts.append(f"it has {_quoted(unexpected)}, unknown to the network{nearest}")
    return "; ".join(parts)


def _quoted(names: list[str], limit: int = 2) -> str:
    more = len(names) - limit
    return ", ".join(repr(shorten(each, 120)) for each in names[:limit]) + (f" and {more:,} more" if more > 0 else "")


def _times(shape: tuple[int, ...]) -> str:
    return compact_shape(shape) or "a single number"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
