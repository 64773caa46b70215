"""The JSON form of an architecture, written and read."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from ._architecture import Architecture
from ._node_base import NodeBase
from ._problems import ArchitectureError, Problem
from ._read_json import VERSION, parse_json, read_data

DESIGN_KEY = "explorer.design"
"""Under which files of other kinds (weights, ONNX) hold a design as JSON in their metadata."""


def to_data(architecture: Architecture) -> dict[str, Any]:
    """Convert an architecture to the JSON form as plain data, with its ``version``.

    Args:
        architecture: Any architecture; whether its layers fit together does not matter.

    Returns:
        Dictionaries, lists, numbers and text; fields at their defaults are left out, ``op`` never is.
    """
    return {"version": VERSION, **_dump(architecture)}


def to_json(architecture: Architecture, indent: int | None = 2) -> str:
    """Write an architecture as JSON, which ``from_json`` reads back to an equal value.

    Args:
        architecture: Any architecture.
        indent: Spaces for each level; None gives the shortest text, in one line.

    Returns:
        The text, not escaped to ASCII.
    """
    separators = (",", ":") if indent is None else None
    return json.dumps(to_data(architecture), indent=indent, separators=separators, ensure_ascii=False)


def _dump(value: Any) -> Any:
    if isinstance(value, BaseModel):
        data = {}
        for name, field in type(value).model_fields.items():
            item = getattr(value, name)
            if name == "op" or field.is_required() or item != field.default:
                data[name] = _dump(item)
        # op first: a reader, and the discriminator's error message, want to know the kind before anything else.
        return {"op": data.pop("op"), **data} if "op" in data else data
    return [_dump(item) for item in value] if isinstance(value, tuple) else value


def from_json(text: str | bytes | bytearray) -> Architecture:
    """Read an architecture from JSON, which may come from a stranger.

    Args:
        text: JSON of this version or an older one, at most ``MAX_TEXT_BYTES``; bytes are UTF-8, -16 or -32.

    Returns:
        The architecture, validated; ``analysis.problems`` finds whether its layers fit together.

    Raises:
        ArchitectureError: With every problem at once.
    """
    return Architecture.model_validate_json(text)


def from_data(data: object) -> Architecture:
    """Read an architecture from plain data, as ``json.loads`` gives it.

    Args:
        data: What ``to_data`` gives, of this version or an older one.

    Returns:
        The architecture, validated.

    Raises:
        ArchitectureError: With every problem at once.
    """
    return read_data(data, Architecture)


def nodes_to_json(nodes: tuple[NodeBase, ...]) -> str:
    """Write nodes as JSON, which ``nodes_from_json`` reads back.

    Args:
        nodes: In order.

    Returns:
        The text, in one line.
    """
    data = {"version": VERSION, "nodes": [_dump(node) for node in nodes]}
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def nodes_from_json(text: str | bytes | bytearray) -> tuple[Any, ...]:
    """Read nodes from JSON, which may come from a stranger.

    Args:
        text: What ``nodes_to_json`` wrote; JSON of one node, or of an architecture, whose trunk is taken.

    Returns:
        The nodes, validated.

    Raises:
        ArchitectureError: With every problem at once.
    """
    data = parse_json(text)
    if isinstance(data, dict) and "trunk" in data:
        return read_data(data, Architecture).trunk.nodes
    if isinstance(data, dict) and "op" in data:
        data = {"nodes": [data]}
    if not isinstance(data, dict) or not data.keys() <= {"version", "nodes"} or not isinstance(data.get("nodes"), list):
        message = "this is no copied layer: JSON with a list 'nodes' is expected, as Copy writes it"
        raise ArchitectureError([Problem(path="", message=message)])
    # Read as a network's trunk: its bounds and rules are theirs.
    trunk = {"op": "sequence", "name": "trunk", "children": data["nodes"]}
    network = {"version": data.get("version", VERSION), "name": "copied", "input_shape": [1, 8, 8], "trunk": trunk}
    return read_data(network, Architecture).trunk.nodes
