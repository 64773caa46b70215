"""A pickle read as data: nothing in it is imported, called or made.

``pickletools`` splits a pickle into its opcodes, which are replayed here on plain containers. Where the pickle asks for
an object there is an ``Opaque`` with the name of its class instead; a tensor becomes a ``StoredTensor``. So a file may
hold anything beside its weights (a Namespace, settings of OmegaConf, numbers of numpy) and none of it can act.

Source: CPython's ``pickletools`` (what each opcode does); torch 2.14, ``torch/_utils.py`` (how tensors are pickled).
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ._stored import Opaque, StoredTensor

MAX_PICKLE_BYTES = 32_000_000
"""Of the part of a file that names the tensors and holds what lies beside them."""
_MAX_OPCODES = 1_000_000
"""A second or two of reading. A state dict has some twenty opcodes for each tensor."""
_MAX_KEY = 1_000_000

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}
_TYPES = {
    f"torch.{name}": getattr(torch, name)
    for name in (
        "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "uint16", "uint32", "uint64",
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    )
}  # fmt: skip
"""Types that a tensor of torch's third form names itself."""
_DICTS = frozenset({"collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict"})
_SETS = frozenset({"builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset"})
_PUSHED = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
})  # fmt: skip
"""Opcodes whose argument is the value."""
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}

StorageBytes = Callable[[str, int], memoryview]
"""The bytes of a storage by its key; the number is how many there must be."""


class NotPlainDataError(ValueError):
    """A pickle that cannot be read: damaged, forged, or larger than any of weights."""


def read_pickle(stream: io.BytesIO, storage_bytes: StorageBytes, item_bytes: dict[str, int] | None = None) -> Any:
    """The value of the pickle that begins at the stream's position; the stream stands behind it afterwards.

    Args:
        stream: at most ``MAX_PICKLE_BYTES``, so that no length that a pickle claims can take more.
        storage_bytes: where the numbers of tensors are; asked when a tensor is loaded.
        item_bytes: is filled with the bytes of one number of each storage, by its key.

    Returns:
        ``None``, truth values, numbers, text, bytes, tuples, lists, dicts (whose keys are text or small numbers: other
        entries are dropped), ``StoredTensor`` and ``Opaque``. A container may hold itself.

    Raises:
        NotPlainDataError: the pickle is damaged or too long.
    """
    replay = _Replay(storage_bytes, {} if item_bytes is None else item_bytes)
    try:
        for count, (code, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MAX_OPCODES:
                raise NotPlainDataError(f"it has more than {_MAX_OPCODES:,} steps")
            replay.step(code.name, argument)
        return replay.stack.pop()
    except NotPlainDataError:
        raise
    except Exception as error:  # noqa: BLE001  (what a forged pickle makes pickletools raise cannot be listed)
        raise NotPlainDataError(f"it is damaged ({type(error).__name__})") from None


class _Replay:
    """The machine that a pickle is written for, without any of its powers."""

    def __init__(self, storage_bytes: StorageBytes, item_bytes: dict[str, int]) -> None:
        self.storage_bytes, self.item_bytes = storage_bytes, item_bytes
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        """The stacks under each mark."""
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _PUSHED:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "MARK":
            self.below.append(stack)
            self.stack = []
        elif name in ("EMPTY_LIST", "EMPTY_SET"):
            stack.append([])
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("GLOBAL", "EXT1", "EXT2", "EXT4"):
            stack.append(Opaque(str(argument).replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            stack[-2:] = [Opaque(f"{stack[-2]}.{stack[-1]}")]
        elif name in ("REDUCE", "NEWOBJ"):
            stack[-2:] = [self._call(*stack[-2:])]
        elif name == "NEWOBJ_EX":
            stack[-3:] = [self._call(*stack[-3:-1])]
        elif name in ("APPEND", "SETITEM", "BUILD", "POP"):
            self._change(name)
        elif name == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        elif name == "DUP":
            stack.append(stack[-1])
        elif name not in ("PROTO", "FRAME", "STOP"):
            self._end_mark(name, argument)

    def _change(self, name: str) -> None:
        if name == "POP" and not self.stack:
            self.stack = self.below.pop()
            return
        value = self.stack.pop()
        if name == "APPEND":
            _extend(self.stack[-1], [value])
        elif name == "SETITEM":
            key = self.stack.pop()
            _put(self.stack[-1], [key, value])

    def _end_mark(self, name: str, argument: Any) -> None:
        """Opcodes that take everything down to the mark."""
        items, self.stack = self.stack, self.below.pop()
        if name == "TUPLE":
            self.stack.append(tuple(items))
        elif name in ("LIST", "FROZENSET"):
            self.stack.append(items)
        elif name == "DICT":
            self.stack.append(_put({}, items))
        elif name in ("APPENDS", "ADDITEMS"):
            _extend(self.stack[-1], items)
        elif name == "SETITEMS":
            _put(self.stack[-1], items)
        elif name == "INST":
            self.stack.append(self._call(Opaque(str(argument).replace(" ", ".")), tuple(items)))
        elif name == "OBJ":
            self.stack.append(self._call(items[0], tuple(items[1:])))
        elif name != "POP_MARK":
            raise NotPlainDataError(f"it has the opcode {name}")

    def _call(self, function: Any, arguments: Any) -> Any:
        """What a call would give, where it gives plain data or a tensor; else a note that it was not made."""
        name = function.name if isinstance(function, Opaque) else "an unknown object"
        if name in _DICTS:
            pairs = next((each for each in arguments if isinstance(each, list)), [])
            return _put({}, [part for pair in pairs for part in pair])
        if name in _SETS:
            return list(arguments[0]) if arguments else []
        if name == "torch.Size":
            return tuple(arguments[0])
        if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
            return arguments[0]
        if name == "torch._tensor._rebuild_from_type_v2":
            return self._call(arguments[0], arguments[2])
        if name in ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"):
            return self._tensor(*arguments[:4])
        if name == "torch._utils._rebuild_tensor_v3" and isinstance(arguments[6], Opaque):
            storage, offset, size, stride = arguments[:4]
            return self._tensor(storage, offset, size, stride, _TYPES.get(arguments[6].name, arguments[6]))
        return Opaque(name)

    def _storage(self, described: Any) -> Any:
        """('storage', its class, key, device, count) as ``_tensor`` wants it; the class of ('module', class, ...)."""
        if described[0] == "module":
            return described[1]
        word, kind, key, _, count = described[:5]
        is_view = len(described) > 5 and described[5] is not None
        if word != "storage" or not isinstance(kind, Opaque) or is_view:
            return Opaque("torch.storage")
        stored = _STORAGES.get(kind.name.rpartition(".")[2])
        if stored is None:
            return kind
        self.item_bytes[str(key)] = stored.itemsize
        return stored, str(key), int(count)

    def _tensor(self, storage: Any, offset: int, size: Any, stride: Any, dtype: Any = None) -> Any:
        if isinstance(storage, Opaque):
            return storage
        stored, key, count = storage
        if isinstance(dtype, Opaque):  # a type that torch knows and this does not
            return dtype
        dtype = dtype or stored
        size, stride = tuple(map(int, size)), tuple(map(int, stride))
        if len(size) != len(stride) or min((offset, *size, *stride)) < 0:
            raise NotPlainDataError("a tensor has no possible shape")
        span = 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if 0 not in size else 0
        begin, end, held = offset * dtype.itemsize, (offset + span) * dtype.itemsize, count * stored.itemsize
        if end > held:
            raise NotPlainDataError("a tensor claims more numbers than its storage has")

        def load() -> Tensor:
            part = bytearray(self.storage_bytes(key, held)[begin:end])
            if not part:
                return torch.zeros(size, dtype=dtype)
            return torch.frombuffer(part, dtype=dtype).as_strided(size, stride)

        return StoredTensor(shape=size, dtype=dtype, load=load)


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)


def _put(target: Any, items: list[Any]) -> Any:
    """Entries into a dict, keys and values in turn. Keys that could collide at will are left out."""
    if isinstance(target, dict):
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str) or (isinstance(key, int) and 0 <= key < _MAX_KEY):
                target[key] = value
    return target
