"""What a file is that holds no weights which can be read here, told from its first bytes, its name or its members."""

from __future__ import annotations

from collections.abc import Collection

HEAD_BYTES = 512

_TORCH = "save model.state_dict() with torch.save, or as safetensors"
_KERAS = f"is of Keras or another program that writes HDF5, not of torch; load it there, and {_TORCH}"
_TENSORFLOW = f"is of TensorFlow, not of torch; convert the network to torch, and {_TORCH}"
_IMPORT = "import it: Open on the Design page, or `python -m explorer import FILE --keep`"
_UNPACK = "unpack it, and give the file of weights that is in it"

_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", _KERAS),
    (0, b"\x93NUMPY", f"is a numpy array, without the names of a network's layers; {_TORCH}"),
    (0, b"GGUF", "is of llama.cpp (GGUF), which no network here can be"),
    (4, b"TFL3", f"is of TensorFlow Lite, not of torch; {_TORCH}"),
    (4, b"ET12", f"is a program for ExecuTorch, not weights; {_TORCH}"),
    (0, b"\x1f\x8b", f"is compressed (gzip); {_UNPACK}"),
    (0, b"BZh", f"is compressed (bzip2); {_UNPACK}"),
    (0, b"\xfd7zXZ\0", f"is compressed (xz); {_UNPACK}"),
    (0, b"(\xb5/\xfd", f"is compressed (zstd); {_UNPACK}"),
    (0, b"7z\xbc\xaf'\x1c", f"is a 7z archive; {_UNPACK}"),
    (0, b"Rar!", f"is a RAR archive; {_UNPACK}"),
    (257, b"ustar", f"is a tar archive; {_UNPACK}"),
    (0, b"\x89PNG\r\n\x1a\n", "is a picture, not weights"),
    (0, b"\xff\xd8\xff", "is a picture, not weights"),
    (0, b"GIF8", "is a picture, not weights"),
    (0, b"%PDF", "is a PDF document, not weights"),
    (0, b"version https://git-lfs", "is only the pointer that Git LFS keeps in its place; run `git lfs pull`"),
)
"""(place, bytes, what it is)."""

_ENDINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((".onnx", ".ort"), f"is a network as ONNX, not weights alone; {_IMPORT}"),
    ((".h5", ".hdf5", ".keras"), _KERAS),
    ((".pb", ".tflite", ".meta", ".ckpt.index"), _TENSORFLOW),
    ((".caffemodel", ".prototxt"), f"is of Caffe, not of torch; convert it, and {_TORCH}"),
    ((".msgpack",), f"is of Flax, not of torch; convert it, and {_TORCH}"),
    ((".npy", ".npz"), f"is of numpy, without the form of a state dict; {_TORCH}"),
    ((".mlmodel", ".mlpackage"), f"is of Core ML, not of torch; {_TORCH}"),
    ((".distcp",), "is a part of a distributed checkpoint; join it with "
                   "torch.distributed.checkpoint.format_utils.dcp_to_torch_save"),
)  # fmt: skip

_PROGRAM = ("constants.pkl", "archive_format", "code/", "models/")
"""Members by which TorchScript and exported programs are known, in the one folder that torch's archives have."""
_MEMBERS = (
    ("model.weights.h5", _KERAS),
    ("saved_model.pb", _TENSORFLOW),
    (".npy", f"is of numpy (npz), without the form of a state dict; {_TORCH}"),
)
"""(how a member's name ends, what the archive is)."""


def describe_foreign(name: str, head: bytes, size_bytes: int) -> str | None:
    """What a file is by its first bytes, as the end of a sentence that begins with its name; None: it may be weights.

    Args:
        name: of the file; its ending counts where the bytes say nothing.
        head: its first ``HEAD_BYTES``.
        size_bytes: of the whole file.
    """
    if not size_bytes:
        return "is empty; copy it again"
    for place, mark, what in _BEGINNINGS:
        if head[place : place + len(mark)] == mark:
            return what
    if head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a"):  # ONNX: its version, then who wrote it, as text
        return _ENDINGS[0][1]
    if _is_text(head):
        start = head.lstrip()[:200].lower()
        if start.startswith((b"<!doctype", b"<html", b"<?xml")):
            return "is a web page, not weights; it was not the file itself that was downloaded"
        return "is text, not weights; give a .safetensors file or a state dict saved by torch"
    if not head.strip(b"\0"):
        return "begins with nothing but zeros, so it is no file of weights, or a copy that was never finished"
    if head[:4] == b"PK\3\4" or head[:1] == b"\x80" or head[8:9] == b"{":
        return None
    return describe_ending(name)


def describe_ending(name: str) -> str | None:
    """What a file is by its name; None where that says nothing."""
    lower = name.lower()
    if ".data-0" in lower and "-of-" in lower:
        return _TENSORFLOW
    return next((what for endings, what in _ENDINGS if lower.endswith(endings)), None)


def describe_archive(members: Collection[str]) -> str | None:
    """What a zip archive is by its members, if not one that torch wrote for tensors."""
    if any(each.partition("/")[2].startswith(_PROGRAM) for each in members):
        return "is a program (TorchScript or exported), not weights; load it with torch and save its state_dict()"
    for ending, what in _MEMBERS:
        if any(each.endswith(ending) for each in members):
            return what
    if not any(each.endswith("/data.pkl") for each in members):
        return f"is a zip archive of other files; {_UNPACK}" if members else "is an empty archive; copy it again"
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < len(head) - 4:  # the last letter may be cut in two
            return False
        text = head[: error.start].decode("utf-8")
    return text.isprintable() or all(letter.isprintable() or letter in "\n\r\t" for letter in text)
