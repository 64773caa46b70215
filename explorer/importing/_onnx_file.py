"""The content of an ONNX file, parsed and held against limits before anything is made of it. Nothing in it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..text import quote, shorten
from ._problem import ImportingError

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

MAX_ONNX_BYTES = 2**31 - 1
"""Of a file: protobuf, in which ONNX is written, knows no larger ones."""
MIN_OPSET = 11
"""Of 2019; older operators keep settings elsewhere."""
_MAX_NODES = 10_000
_MAX_RANK = 8
_MAX_DEPTH = 4
"""Of networks within networks, and of functions that call functions."""
_MAX_METADATA_LETTERS = 2**20
_DAMAGED = "it is damaged, or no ONNX file"
_MAX_BRANCH_NODES = 100
_OWN_DOMAINS = ("", "ai.onnx")
_SCOPES = "pkg.torch.onnx.name_scopes"
"""Under which torch's exporter keeps the modules around an operator."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operator of the file."""

    op: str
    """With its domain before it, if that is not ONNX's own."""
    name: str
    inputs: tuple[str, ...]
    """'' where an optional one is left out."""
    outputs: tuple[str, ...]
    settings: Mapping[str, Any]
    """Its attributes; texts as str."""
    modules: tuple[str, ...]
    """Around it, the outermost first, by their own names, as far as the file says."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A network within a network, one of an operator's two ways."""

    nodes: tuple[Node, ...]
    tensors: Mapping[str, NDArray[Any]] = field(repr=False)
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """A network as its file has it."""

    model: onnx.ModelProto = field(repr=False)
    nodes: tuple[Node, ...]
    tensors: Mapping[str, NDArray[Any]] = field(repr=False)
    image: str
    """The name of the input."""
    image_shape: tuple[int | None, ...]
    """Of the input with the batch; None where a size is free."""
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]
    writer: str
    """The program that wrote it, as it says itself."""


def parse_onnx(data: bytes, beside: Mapping[str, bytes] | None = None) -> OnnxFile:
    """Read the bytes of an ONNX file.

    Args:
        data: Of the file.
        beside: The files in which it keeps its weights, by their names, where it keeps them elsewhere.

    Returns:
        Its content.

    Raises:
        ImportingError: It is damaged, too large, of too old a version, takes other inputs than one batch of images, or
            its weights are in a file that was not given; in one sentence.
    """
    if len(data) > MAX_ONNX_BYTES:
        raise ImportingError(f"the file has {len(data) / 2**30:.1f} GB; an ONNX file has at most 2 GB")
    model = _parse(data)
    if model is None:
        raise ImportingError(f"{_DAMAGED}: its structure cannot be read; write or copy it again")
    if not model.graph.node and not model.graph.output:
        raise ImportingError(f"{_DAMAGED}: it holds no network; write or copy it again")
    _check_version(model)
    model = _inline(model)
    graph = model.graph
    if len(graph.node) > _MAX_NODES:
        raise ImportingError(f"it has {len(graph.node):,} operators; at most {_MAX_NODES:,} are read")
    tensors = _read_tensors(graph.initializer, beside or {})
    if graph.sparse_initializer:
        raise ImportingError("it has sparse weights, which are not read here; write it with dense ones")
    image, shape = _find_image(graph, tensors)
    nodes = tuple(_read_node(each, beside or {}) for each in graph.node)
    metadata = {each.key: each.value for each in model.metadata_props if len(each.value) <= _MAX_METADATA_LETTERS}
    writer = " ".join(each for each in (model.producer_name, model.producer_version) if each)
    return OnnxFile(
        model=model, nodes=nodes, tensors=tensors, image=image, image_shape=shape,
        outputs=tuple(each.name for each in graph.output), metadata=metadata, writer=shorten(writer, 60),
    )  # fmt: skip


def _parse(data: bytes) -> onnx.ModelProto | None:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, ValueError, RuntimeError, RecursionError):
        return None
    return model


def _check_version(model: onnx.ModelProto) -> None:
    opset = next((each.version for each in model.opset_import if each.domain in _OWN_DOMAINS), None)
    if opset is None:
        raise ImportingError("it is damaged: it does not say which version of ONNX's operators it uses")
    if opset < MIN_OPSET:
        raise ImportingError(
            f"it uses version {opset} of ONNX's operators (opset); {MIN_OPSET} and later are read: export it anew, or "
            "raise it with onnx.version_converter"
        )


def _inline(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network without functions of its own, which files may define and call."""
    if not model.functions:
        return model
    import onnx.inliner

    bodies = {(each.domain, each.name): each.node for each in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def count(nodes: Iterable[onnx.NodeProto], depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise ImportingError("its functions call one another too deeply; export it with functions inlined")
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            if key in bodies and key not in sizes:
                sizes[key] = count(bodies[key], depth + 1)
            total += sizes.get(key, 1)
        return total

    if count(model.graph.node, 0) > _MAX_NODES:
        raise ImportingError(f"with its functions inlined it has more than {_MAX_NODES:,} operators")
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # noqa: BLE001  (whatever the library raises on damaged functions)
        raise ImportingError(f"its functions cannot be inlined: {shorten(_one_line(error), 160)}") from None


def _read_tensors(
    initializers: Iterable[onnx.TensorProto], beside: Mapping[str, bytes]
) -> dict[str, NDArray[Any]]:
    return {each.name: read_tensor(each, beside) for each in initializers}


def read_tensor(tensor: onnx.TensorProto, beside: Mapping[str, bytes]) -> NDArray[Any]:
    """The numbers of a tensor; those that were kept in another file are put into this one.

    Raises:
        ImportingError: Their number is not what the shape says, or they are in a file that was not given.
    """
    from math import prod

    from onnx import TensorProto, helper, numpy_helper

    name = quote(shorten(tensor.name, 60))
    shape = tuple(tensor.dims)
    if len(shape) > _MAX_RANK or any(each < 0 for each in shape):
        raise ImportingError(f"it is damaged: tensor {name} has the shape {shape}")
    if tensor.data_location == TensorProto.EXTERNAL:
        _take_from_beside(tensor, beside, name)
    try:
        kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, TypeError, ValueError):
        raise ImportingError(f"tensor {name} has a type of numbers that is not known here") from None
    known = len(tensor.raw_data) or 8 * sum(
        len(getattr(tensor, each)) for each in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
    )  # protobuf's own lists
    if tensor.data_type != TensorProto.STRING and prod(shape) * kind.itemsize > 2 * known:
        raise ImportingError(f"it is damaged: tensor {name} has fewer numbers than its shape {shape} asks for")
    try:
        return numpy_helper.to_array(tensor)
    except Exception:  # noqa: BLE001  (whatever the library raises on a damaged tensor)
        raise ImportingError(f"it is damaged: the numbers of tensor {name} do not fit its shape {shape}") from None


def _take_from_beside(tensor: onnx.TensorProto, beside: Mapping[str, bytes], name: str) -> None:
    said = {each.key: each.value for each in tensor.external_data}
    place = said.get("location", "")
    if place not in beside:
        raise ImportingError(
            f"it keeps tensor {name} in another file, {quote(shorten(place, 80))}: give that file, too, or write one "
            "file (torch.onnx.export with external_data=False)"
        )
    content = beside[place]
    try:
        start = int(said.get("offset", "0"))
        length = int(said["length"]) if "length" in said else len(content) - start
    except ValueError:
        start = length = -1
    if start < 0 or length < 0 or start + length > len(content):
        raise ImportingError(
            f"tensor {name} is said to lie beyond the end of {quote(shorten(place, 80))}: the two files do not belong "
            "together, or one is damaged"
        )
    tensor.raw_data = bytes(content[start : start + length])
    del tensor.external_data[:]
    tensor.ClearField("data_location")


def list_files_beside(data: bytes) -> tuple[str, ...]:
    """List the files in which an ONNX file keeps its weights.

    Args:
        data: Of the file.

    Returns:
        Plain names; those that lead to other folders are left out.
    """
    model = _parse(data)
    if model is None:
        return ()
    found = {
        entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"
    }
    return tuple(sorted(each for each in found if re.fullmatch(r"[^/\\\0]{1,255}", each) and each not in (".", "..")))


def _find_image(
    graph: onnx.GraphProto, tensors: Mapping[str, Any]
) -> tuple[str, tuple[int | None, ...]]:
    inputs = [each for each in graph.input if each.name not in tensors]
    if len(inputs) != 1:
        raise ImportingError(f"the network takes {len(inputs)} inputs; only one, a batch of images, can be imported")
    kind = inputs[0].type.tensor_type
    sizes = tuple(each.dim_value if each.dim_value > 0 else None for each in kind.shape.dim)
    if len(sizes) != 4:
        raise ImportingError(
            f"its input {quote(shorten(inputs[0].name, 60))} has {len(sizes)} axes; a batch of images has 4"
        )
    return inputs[0].name, sizes


def _read_node(node: onnx.NodeProto, beside: Mapping[str, bytes], depth: int = 0) -> Node:
    from onnx import AttributeProto

    settings: dict[str, Any] = {}
    for each in node.attribute:
        if each.type == AttributeProto.GRAPH and depth < _MAX_DEPTH and len(each.g.node) <= _MAX_BRANCH_NODES:
            settings[each.name] = Branch(
                nodes=tuple(_read_node(inner, beside, depth + 1) for inner in each.g.node),
                tensors=_read_tensors(each.g.initializer, beside), outputs=tuple(out.name for out in each.g.output),
            )  # fmt: skip
        elif each.type == AttributeProto.TENSOR:
            settings[each.name] = read_tensor(each.t, beside)
        elif each.type == AttributeProto.STRING:
            settings[each.name] = each.s.decode("utf-8", "replace")
        elif each.type in (AttributeProto.FLOAT, AttributeProto.INT):
            settings[each.name] = each.f if each.type == AttributeProto.FLOAT else each.i
        elif each.type in (AttributeProto.FLOATS, AttributeProto.INTS):
            settings[each.name] = tuple(each.floats if each.type == AttributeProto.FLOATS else each.ints)
    op = node.op_type if node.domain in _OWN_DOMAINS else f"{node.domain}.{node.op_type}"
    name = node.name or (node.output[0] if node.output else node.op_type)
    return Node(
        op=shorten(op, 80), name=shorten(name, 200), inputs=tuple(node.input), outputs=tuple(node.output),
        settings=settings, modules=_find_modules(node),
    )  # fmt: skip


def _find_modules(node: onnx.NodeProto) -> tuple[str, ...]:
    """By what torch's exporters and others write into names and metadata."""
    said = next((each.value for each in node.metadata_props if each.key == _SCOPES), "")
    scopes = re.findall(r"'([^']{0,500})'", said[:20_000])
    if scopes:  # '', 'layer1', 'layer1.0', 'layer1.0.conv1', and the operator's own name
        return tuple(part for part in scopes[-2].split(".") if part) if len(scopes) > 1 else ()
    parts: list[str] = []
    whole = ""
    named = [part for part in node.name[:2000].split("/") if part]
    if len(named) > 1 and re.fullmatch(rf"{re.escape(node.op_type)}\w*", named[-1]):
        named = named[:-1]
    elif len(named) < 2:
        return ()
    for part in named:  # /layer1/layer1.0/conv1/Conv: each with the names of those around it, or without
        parts.append(part.removeprefix(f"{whole}.") if whole else part)
        whole = part
    return tuple(part.partition(":")[0] for part in parts)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
