"""The value itself, and walks over it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from . import _limits as limits
from ._node_base import NodeBase
from ._nodes import Node, Sequence
from ._read_json import read_json
from ._value import Value


def _check_text(limit: int) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str):
            if len(value) > limit:
                raise ValueError(f"has {len(value):,} characters; at most {limit} are allowed")
            bad = [ch for ch in value if unicodedata.category(ch) in ("Cc", "Cs") and ch not in "\n\t"]
            if bad:
                raise ValueError(f"contains the control character U+{ord(bad[0]):04X}, which cannot be shown")
        return value

    return BeforeValidator(check)


def _check_input_shape(value: object) -> tuple[int, int, int]:
    def whole(number: object, low: int, high: int) -> bool:
        return isinstance(number, int) and not isinstance(number, bool) and low <= number <= high

    if isinstance(value, list | tuple) and len(value) == 3:
        c, h, w = value
        if whole(c, 1, limits.MAX_CHANNELS) and all(whole(n, limits.MIN_IMAGE, limits.MAX_IMAGE) for n in (h, w)):
            return (c, h, w)
    raise ValueError(
        f"must be channels, height and width: 1 to {limits.MAX_CHANNELS:,} channels, "
        f"{limits.MIN_IMAGE} to {limits.MAX_IMAGE:,} pixels a side"
    )


InputShape = Annotated[tuple[int, int, int], PlainValidator(_check_input_shape)]


class Architecture(Value):
    """A network as a value: what pages edit, links carry, runs remember and files store."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, _check_text(limits.MAX_TITLE), Field(min_length=1)]
    """Title for people; any text up to 120 characters."""
    input_shape: InputShape
    """(channels, height, width) of one image."""
    trunk: Sequence
    """The layers, one after another. Paths start below it."""
    notes: Annotated[str, _check_text(limits.MAX_NOTES)] = ""
    """Remarks of the designer."""
    provenance: Annotated[str, _check_text(limits.MAX_NOTES)] = ""
    """Where the network comes from: paper, document, or what it was edited from."""

    @model_validator(mode="after")
    def _within_limits(self) -> Architecture:
        nodes, depth = self.trunk.extent
        if nodes > limits.MAX_NODES:
            raise ValueError(f"has {nodes:,} nodes; at most {limits.MAX_NODES:,} are allowed")
        if depth > limits.MAX_DEPTH:
            raise ValueError(f"nests containers {depth} deep; at most {limits.MAX_DEPTH} are allowed")
        return self

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.input_shape, self.trunk, self.notes, self.provenance))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Architecture:
        """Read the JSON form strictly, old versions included.

        Args:
            json_data: JSON of an architecture; bytes are UTF-8, -16 or -32.

        Returns:
            The architecture, validated.

        Raises:
            ArchitectureError: With every problem at once.
        """
        return read_json(json_data, cls)


def walk(root: Architecture | NodeBase, prefix: str = "") -> Iterator[tuple[str, Node]]:
    """Walk over every node below ``root`` with its path, parents before children, in execution order.

    Args:
        root: An architecture, or a node.
        prefix: Path of ``root``, put before the others; '' for the trunk.

    Yields:
        (path, node).
    """
    nodes = root.trunk.nodes if isinstance(root, Architecture) else root.nodes
    for node in nodes:
        path = f"{prefix}/{node.name}" if prefix else node.name
        yield path, node
        if node.nodes:
            yield from walk(node, path)
