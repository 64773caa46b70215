"""Files of weights as people save them: safetensors, torch's archives and its older form, shards of either."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import safetensors.torch

from ..text import quote, shorten
from ._foreign import HEAD_BYTES, describe_archive, describe_ending, describe_foreign
from ._pickle_data import MAX_PICKLE_BYTES, NotPlainDataError, read_pickle
from ._stored import StoredTensor, StoredWeights, WeightsError, WeightsFile

_LIST_BYTES = 32_000_000
"""What an archive's list of members, or a safetensors file's header, may have: that of some 200,000 tensors."""
_INDEX_BYTES = 32_000_000
_SHARD = re.compile(r"(.*?)[-_.]?(\d+)-of-(\d+)(?=\.)")
_LEGACY = 0x1950A86A20F9469CFC6C
"""The number that is the first of the pickles in torch's older form."""


def read_weights(files: Sequence[WeightsFile]) -> StoredWeights:
    """Read what files of weights hold. Nothing in them is executed, and numbers are read when they are asked for.

    Args:
        files: One file; or all shards of one, with or without their index.

    Returns:
        The content of the file; of shards one dict of all their tensors.

    Raises:
        WeightsError: A file is in no form that is read here (the message says what it is), is damaged, or shards are
            missing.
    """
    if not files:
        raise WeightsError("no file was given; give a .safetensors file or a state dict saved by torch")
    index = next((file for file in files if _is_index(file)), None)
    if index is None and len(files) == 1:
        _refuse_lonely_shard(files[0].name)
        return _read_one(files[0])
    return _join_shards([file for file in files if file is not index], index)


def find_shards(index: WeightsFile) -> list[str]:
    """Names of the files that an index of shards lists; [] for a file that is no such index.

    Raises:
        WeightsError: the index is damaged, or it names files outside its own folder.
    """
    return sorted(set(_weight_map(index).values())) if _is_index(index) else []


def is_shard(name: str) -> bool:
    """Whether a file is by its name one of several shards, such as ``model-00001-of-00002.safetensors``."""
    return _SHARD.search(name) is not None and describe_ending(name) is None


# ---- shards ---------------------------------------------------------------------------------------------------------


def _is_index(file: WeightsFile) -> bool:
    return file.name.endswith(".index.json") or (file.name.endswith(".json") and b'"weight_map"' in file.data[:65_536])


def _weight_map(index: WeightsFile) -> dict[str, str]:
    try:
        found = json.loads(bytes(index.data[:_INDEX_BYTES]))["weight_map"]
        known = {str(key): str(value) for key, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsError(f"{index.name} is no index of shards, or it is damaged") from None
    outside = next((each for each in known.values() if re.search(r"[/\\:\0]", each) or each in ("", ".", "..")), None)
    if outside is not None:
        raise WeightsError(f"{index.name} names the file {quote(outside)}; shards lie in the folder of their index")
    return known


def _refuse_lonely_shard(name: str) -> None:
    found = _SHARD.search(name)
    if found and int(found[3]) > 1 and is_shard(name):
        raise WeightsError(
            f"{name} is one shard of {int(found[3])}; give all shards together, with their index (.index.json)"
        )


def _join_shards(shards: list[WeightsFile], index: WeightsFile | None) -> StoredWeights:
    """One dict of all tensors; each must be in one shard alone, and in the one that the index says."""
    if index is None and not all(is_shard(file.name) for file in shards):
        names = ", ".join(file.name for file in shards[:4])
        raise WeightsError(f"{names} are {len(shards)} files that are not shards of one; leave all but one out")
    places = _weight_map(index) if index else {}
    wanted = set(places.values()) if index else _siblings(shards)
    given = {file.name for file in shards}
    title = index.name if index else shards[0].name
    if missing := sorted(wanted - given):
        raise WeightsError(
            f"{title} belongs to {len(wanted)} shards, of which {quote(missing[0])}"
            f"{f' and {len(missing) - 1} more are' if len(missing) > 1 else ' is'} missing; give all shards together"
        )
    if other := sorted(given - wanted):
        raise WeightsError(f"{quote(other[0])} is no shard of {title}; give only the shards and their index")
    tensors: dict[str, Any] = {}
    conversions: dict[str, None] = {f"{len(shards)} shards joined{'' if index else ', without an index'}": None}
    for file in sorted(shards, key=lambda each: each.name):
        part = _read_one(file)
        conversions |= dict.fromkeys(part.conversions)
        if not isinstance(part.content, dict):
            raise WeightsError(f"the shard {file.name} holds no tensors by name; save the shards again")
        for key, value in part.content.items():
            if key in tensors:
                raise WeightsError(f"{quote(key, 120)} is in two shards; which of them counts cannot be told")
            if index and places.get(str(key), file.name) != file.name:
                raise WeightsError(f"{quote(key, 120)} is in {file.name}, its index says {quote(places[str(key)])}")
            tensors[str(key)] = value
    if lacking := [key for key in places if key not in tensors]:
        raise WeightsError(f"{places[lacking[0]]} lacks {quote(lacking[0], 120)}, which the index {title} says it has")
    name = re.sub(r"\.index\.json$", "", title) if index else _SHARD.sub(r"\1", title)
    return StoredWeights(name=name, content=tensors, conversions=tuple(conversions))


def _siblings(shards: list[WeightsFile]) -> set[str]:
    """The names of all shards of which these are some; the first one's name says how many there are."""
    name = shards[0].name
    found = _SHARD.search(name)
    assert found
    first, last, digits, count = name[: found.start(2)], name[found.end(3) :], len(found[2]), int(found[3])
    start = 0 if any(int(m[2]) == 0 for file in shards if (m := _SHARD.search(file.name))) else 1
    return {f"{first}{number + start:0{digits}}-of-{found[3]}{last}" for number in range(min(count, 10_000))}


# ---- one file -------------------------------------------------------------------------------------------------------


def _read_one(file: WeightsFile) -> StoredWeights:
    name, data = file.name, file.data
    foreign = describe_foreign(name, bytes(data[:HEAD_BYTES]), len(data))
    if foreign:
        raise WeightsError(f"{name} {foreign}")
    if data[:4] == b"PK\3\4":
        return _read_archive(file)
    if data[8:9] == b"{":
        return _read_safetensors(file)
    if data[:1] == b"\x80":
        return _read_legacy(file)
    raise WeightsError(f"{name} is neither a safetensors file nor saved by torch, or it is damaged at its beginning")


def _read_safetensors(file: WeightsFile) -> StoredWeights:
    name, data = file.name, file.data
    header_bytes = int.from_bytes(data[:8], "little")
    if header_bytes > len(data) - 8:
        raise WeightsError(
            f"{name} is cut off: its header alone has {header_bytes:,} bytes, the file {len(data):,}; copy it again"
        )
    if header_bytes > _LIST_BYTES:
        raise WeightsError(f"{name} names more tensors than any network here has")
    try:
        header = json.loads(bytes(data[8 : 8 + header_bytes]))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        missing = 8 + header_bytes + max(ends, default=0) - len(data)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise WeightsError(f"{name} is damaged, or no safetensors file: its header cannot be read") from None
    if missing > 0:
        raise WeightsError(f"{name} is cut off: {missing:,} bytes are missing at its end; copy it again")
    try:
        tensors = safetensors.torch.load(bytes(data))
    except Exception:  # noqa: BLE001  (SafetensorError, and whatever a type unknown to torch raises)
        raise WeightsError(f"{name} is damaged, or no safetensors file") from None
    content: dict[str, Any] = {
        key: StoredTensor(shape=tuple(tensor.shape), dtype=tensor.dtype, load=partial(tensors.__getitem__, key))
        for key, tensor in tensors.items()
    }
    return StoredWeights(name=name, content=content, facts=_read_metadata(header.get("__metadata__")))


def _read_metadata(given: Any) -> dict[str, Any]:
    """What a header says beside its tensors: text by keys, some of it JSON."""
    facts: dict[str, Any] = {}
    for key, text in given.items() if isinstance(given, dict) else ():
        try:
            facts[key] = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            facts[key] = text
    return facts


def _read_archive(file: WeightsFile) -> StoredWeights:
    name = file.name
    archive = _Archive(file)
    foreign = describe_archive(archive.members)
    if foreign:
        raise WeightsError(f"{name} {foreign}")
    pickles = [each for each in archive.members if each.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"{name} is not a state dict saved by torch")
    folder = pickles[0].removesuffix("data.pkl")
    if archive.members[pickles[0]].file_size > MAX_PICKLE_BYTES:
        raise WeightsError(f"{name} names more than any network here has; save model.state_dict() alone")
    order = archive.members.get(f"{folder}byteorder")
    if order and bytes(archive.read(order.filename)) not in (b"little", b""):
        raise WeightsError(f"{name} was written by a machine with another byte order; save it as safetensors there")

    def storage_bytes(key: str, count: int) -> memoryview:
        part = archive.read(f"{folder}data/{key}")
        if len(part) < count:
            raise WeightsError(f"{name} declares more numbers than it holds; it is damaged, or torch did not write it")
        return part

    try:
        content = read_pickle(io.BytesIO(archive.read(pickles[0])), storage_bytes)
    except NotPlainDataError as error:
        raise WeightsError(f"{name} is damaged: its list of tensors cannot be read, {error}") from None
    checked = () if archive.has_checksums else ("it was saved without checksums: damage to it cannot be noticed",)
    return StoredWeights(name=name, content=content, conversions=checked)


class _Archive:
    """A zip archive of which members are read in place, each after its checksum."""

    def __init__(self, file: WeightsFile) -> None:
        self.name, self.data = file.name, memoryview(file.data)
        try:
            with zipfile.ZipFile(_Window(self.data)) as archive:
                found = archive.infolist()
        except Exception:  # noqa: BLE001  (what a forged archive makes zipfile raise cannot be listed)
            raise WeightsError(
                f"{self.name} is cut off or damaged: it begins like an archive of torch, and its list of members is "
                f"not at its end; copy it again"
            ) from None
        self.members = {member.filename: member for member in found}
        self.has_checksums = any(member.CRC for member in found)
        self._checked: set[str] = set()
        if len(self.members) != len(found):
            raise WeightsError(f"{self.name} has two members of one name; it is not a file that torch wrote")

    def read(self, name: str) -> memoryview:
        """A member's bytes. Raises WeightsError where they are not those that were written."""
        member = self.members.get(name)
        if member is None:
            raise WeightsError(f"{self.name} is damaged: its member {shorten(name, 120)!r} is missing")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise WeightsError(f"{self.name} is compressed or encrypted, which torch does not do; save it again")
        begin = member.header_offset
        try:  # the local header: 26 bytes, then the lengths of the name and of what extends the header
            lengths = struct.unpack("<HH", self.data[begin + 26 : begin + 30])
            begin += 30 + sum(lengths)
            part = self.data[begin : begin + member.file_size]
        except (struct.error, ValueError, OverflowError):
            part = self.data[:0]
        whole = len(part) == member.file_size
        if name not in self._checked and self.has_checksums:
            whole = whole and zlib.crc32(part) == member.CRC
        if not whole:
            raise WeightsError(
                f"{self.name} is damaged: the checksum of its member {shorten(name, 120)!r} does not hold"
            )
        self._checked.add(name)
        return part


class _Window(io.RawIOBase):
    """Bytes as a file that hands out no more at once than a list of members may have."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.place = data, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = max(0, offset + (0, self.place, len(self.data))[whence])
        return self.place

    def read(self, count: int = -1) -> bytes:
        end = len(self.data) if count < 0 else self.place + count
        if end - self.place > _LIST_BYTES:
            raise ValueError("the list of members is too long")
        part = bytes(self.data[self.place : end])
        self.place += len(part)
        return part


def _read_legacy(file: WeightsFile) -> StoredWeights:
    """Torch's form before 1.6: four pickles, then every storage as its count and its numbers, in the order of keys."""
    name, data = file.name, memoryview(file.data)
    stream = io.BytesIO(data[:MAX_PICKLE_BYTES])
    places: dict[str, memoryview] = {}

    def storage_bytes(key: str, count: int) -> memoryview:
        part = places.get(key, data[:0])
        if len(part) < count:
            raise WeightsError(f"{name} is cut off: numbers are missing at its end; copy it again")
        return part

    item_bytes: dict[str, int] = {}
    try:
        if read_pickle(stream, storage_bytes) != _LEGACY:
            raise WeightsError(f"{name} is a pickle that torch.save did not write; save the state dict with torch.save")
        _, system, content = (read_pickle(stream, storage_bytes, item_bytes) for _ in range(3))
        keys = read_pickle(stream, storage_bytes)
    except NotPlainDataError as error:
        raise WeightsError(f"{name} is cut off or damaged: its list of tensors cannot be read, {error}") from None
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise WeightsError(f"{name} was written by a machine with another byte order; save it as safetensors there")
    place = stream.tell()
    for key in keys if isinstance(keys, list) else ():
        if key not in item_bytes:
            break  # what follows cannot be found; a tensor in it is told to be missing
        count = int.from_bytes(data[place : place + 8], "little")
        end = place + 8 + count * item_bytes[key]
        places[key] = data[place + 8 : end]
        place = end
    return StoredWeights(name=name, content=content, conversions=("torch's older form, which has no checksums",))
