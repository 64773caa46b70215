"""The JSON form of an architecture, written and read."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from ._architecture import Architecture
from ._read_json import VERSION, read_data


def to_data(architecture: Architecture) -> dict[str, Any]:
    """The JSON form as plain data; fields at their defaults are left out, ``op`` never is."""
    return {"version": VERSION, **_dump(architecture)}


def to_json(architecture: Architecture, indent: int | None = 2) -> str:
    """The JSON form as text; ``indent=None`` is the shortest."""
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
    """The architecture in ``text`` (at most 64 KB). Raises ArchitectureError with every problem at once."""
    return Architecture.model_validate_json(text)


def from_data(data: object) -> Architecture:
    """The architecture in plain data, as ``json.loads`` gives it. Raises ArchitectureError with every problem."""
    return read_data(data, Architecture)
