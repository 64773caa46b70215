"""Frozen values whose derived facts (hash, plan, steps, geometry) are worked out once and belong to one value only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self, TypeVar

from pydantic import BaseModel

_Model = TypeVar("_Model", bound=BaseModel)


class Value(BaseModel):
    """A pydantic model with cached properties that copies and pickles leave behind.

    pydantic copies all of ``__dict__``, cached properties included: ``node.model_copy(update={"out_channels": 8})``
    would be analysed with the old node's plan, and a pickled hash of text is wrong in another process.
    """

    def __copy__(self) -> Self:
        return copy_without_checks(self)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self  # frozen, and so is all that it holds

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:  # noqa: ARG002
        """A copy with other fields, not validated; ``deep`` makes no difference to a frozen value."""
        return copy_without_checks(self, **(update or {}))

    def copy(self, *, update: Any = None, deep: bool = False) -> Self:  # type: ignore[override]
        """``model_copy`` under its older name, which pydantic still has."""
        return self.model_copy(update=update, deep=deep)

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        """The fields alone, so that ``Conv(**{**dict(conv), "out_channels": 8})`` works at any time."""
        yield from _fields_of(self).items()

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": _fields_of(self)}


def _fields_of(value: BaseModel) -> dict[str, Any]:
    return {name: value.__dict__[name] for name in type(value).__pydantic_fields__}


def copy_without_checks(value: _Model, **fields: Any) -> _Model:
    """Copy a value with other fields, not validated, without what was worked out for the old one (hash, plan, steps).

    Args:
        value: A node or an architecture.
        fields: New values of its fields. The caller makes sure that they are valid.

    Returns:
        The copy, which shares all other fields.
    """
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", {**_fields_of(value), **fields})
    object.__setattr__(copy, "__pydantic_fields_set__", value.__pydantic_fields_set__ | fields.keys())
    object.__setattr__(copy, "__pydantic_extra__", None)
    object.__setattr__(copy, "__pydantic_private__", None)
    return copy
