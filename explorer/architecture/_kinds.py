"""A node kind from outside: what reads nodes is built anew, so that JSON, links and edits know the kind."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from ._architecture import Architecture
from ._node_base import NodeBase
from ._nodes import NODE_KINDS

_Node = TypeVar("_Node", bound=NodeBase)
_BUILT = ("__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__")


def add_node_kind(kind: type[_Node]) -> type[_Node]:
    """Make a node kind known; to be used as a decorator of a class that derives from ``NodeBase``.

    The readings have tables of their own, in which the kind is entered by its ``op``: ``analysis.VISITS``,
    ``modules.MAKERS``, ``figures.LOOKS`` and ``editor.CONTROLS``. The former two are needed to analyse and to build it.

    Args:
        kind: The class; its field ``op`` is a Literal whose default is the name in JSON.

    Returns:
        The same class.

    Raises:
        ValueError: There is another kind of this ``op``.
    """
    op = kind.model_fields["op"].default
    if op in NODE_KINDS:
        raise ValueError(f"there is a node kind {op!r} already")
    NODE_KINDS[op] = kind
    models: list[type[BaseModel]] = [Architecture, *(known for known in NODE_KINDS.values() if known.child_field)]
    for model in models:  # all of them first: what is left of the old ones would be built into the new
        for built in _BUILT:
            if built in model.__dict__:
                delattr(model, built)
    for model in models:
        model.model_rebuild(force=True)
    return kind
