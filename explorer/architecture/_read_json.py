"""The JSON form: strict, versioned, and safe to read from a stranger.

Reading collects every problem before it gives up: each names the path of its node, the value and the rule.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel

from ..text import quote, shorten
from . import _limits as limits
from ._fields import NAME_PATTERN
from ._labels import field_label
from ._node_base import NodeBase
from ._nodes import NODE_KINDS, Auxiliary, Parallel, Sequence
from ._problems import ArchitectureError, Problem

Model = TypeVar("Model", bound=BaseModel)

VERSION = 1
"""Version of the JSON form that this code writes."""

_KEYS = 32
"""More keys than any kind of node has fields: a text of millions of them is not even looked at."""

_MAX_PROBLEMS = 100
"""Problems that are put into words; nobody reads more, and a hostile text has thousands."""

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""For each older version, the function that brings its data to the next. None exists yet."""


def read_json(text: str | bytes | bytearray, model: type[Model]) -> Model:
    """The ``model`` in ``text`` (at most ``MAX_TEXT_BYTES``). Raises ArchitectureError with every problem at once."""
    return read_data(parse_json(text), model)


def parse_json(text: str | bytes | bytearray) -> Any:
    """Plain data from ``text`` (at most ``MAX_TEXT_BYTES``). Raises ArchitectureError."""
    size = len(text) if isinstance(text, bytes | bytearray) else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.MAX_TEXT_BYTES:
        raise _refuse(f"the text has {size:,} bytes; at most {limits.MAX_TEXT_BYTES:,} are allowed")
    duplicates: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            duplicates.extend(sorted(key for key, count in counts.items() if count > 1))
        return data

    def constant(word: str) -> Any:
        raise ValueError(f"{word} is not a number that JSON knows")

    try:
        data = json.loads(text, object_pairs_hook=members, parse_constant=constant)
    except RecursionError:
        raise _refuse("the text is nested too deeply to be an architecture") from None
    except (ValueError, UnicodeDecodeError) as error:  # JSONDecodeError names line and column
        raise _refuse(f"not valid JSON: {error}") from None
    if duplicates:
        raise ArchitectureError(
            [Problem(path="", message=f"the key {quote(key)} occurs twice") for key in duplicates[:_MAX_PROBLEMS]]
        )
    return data


def read_data(data: object, model: type[Model]) -> Model:
    """The ``model`` in plain data, as ``json.loads`` gives it. Raises ArchitectureError with every problem."""
    if not isinstance(data, dict):
        raise _refuse(f"an architecture is a JSON object, not {type(data).__name__}")
    data = dict(data)
    version = data.pop("version", VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= VERSION:
        raise _refuse(f"version (={quote(version)}) is not known here; this program reads 1 to {VERSION}")
    for older in range(version, VERSION):
        data = MIGRATIONS[older](data)
    problems: list[Problem] = []
    if len(data) > _KEYS:
        raise _refuse(f"an architecture has no {len(data):,} keys; known: {', '.join(model.model_fields)}")
    _count(data.get("trunk"), problems)
    if problems:  # too deep or too many: do not even look closer
        raise ArchitectureError(problems)
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        problems = problems_of(error, data, model)
    except RecursionError:
        raise _refuse("the text is nested too deeply to be an architecture") from None
    named = {p.path for p in problems if "are named" in p.message}
    problems += [p for p in _sibling_names(data.get("trunk")) if p.path not in named]
    raise ArchitectureError(problems) from None


def _refuse(message: str) -> ArchitectureError:
    return ArchitectureError([Problem(path="", message=message)])


def _children(data: dict[str, Any]) -> list[Any]:
    kind = NODE_KINDS.get(data["op"]) if isinstance(data.get("op"), str) else None
    value = data.get(kind.child_field) if kind and kind.child_field else None
    return list(value) if isinstance(value, list | tuple) else [value] if isinstance(value, dict) else []


def _count(trunk: object, problems: list[Problem]) -> None:
    """Refuse by size and depth before any model is made; iterative, so that no nesting can exhaust the stack."""
    stack = [(trunk, 0)]
    nodes = 0
    while stack:
        node, depth = stack.pop()
        nodes += 1
        children = _children(node) if isinstance(node, dict) else []
        if isinstance(node, dict) and len(node) > _KEYS:
            problems.append(Problem(path="", message=f"a node has {len(node):,} keys; no kind of node has as many"))
            return
        if children and depth > limits.MAX_DEPTH:
            message = f"containers are nested more than {limits.MAX_DEPTH} deep"
            problems.append(Problem(path="", message=message))
            return
        if nodes > limits.MAX_NODES + 1:
            problems.append(Problem(path="", message=f"there are more than {limits.MAX_NODES:,} nodes"))
            return
        stack += [(child, depth + 1) for child in children]


def _sibling_names(data: object, path: str = "") -> list[Problem]:
    """Doubled names, which pydantic only reaches where everything else is right."""
    if not isinstance(data, dict):
        return []
    problems, seen = [], set()
    for index, child in enumerate(_children(data)):
        name = child.get("name") if isinstance(child, dict) else None
        if not isinstance(name, str):
            continue
        part = _path_part(name, f"[{index}]")
        if name in seen:
            problems.append(Problem(path=path, message=f"two children are named {quote(name)}; names must differ"))
        seen.add(name)
        problems += _sibling_names(child, f"{path}/{part}" if path else part)
    return problems


_LARGE = dict, list, tuple
_RULES = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge:,}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le:,}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be one of {expected}",
    "union_tag_not_found": "needs 'op', the kind of node",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
    "too_short": "needs at least {min_length}",
    "too_long": "has {actual_length}; at most {max_length} are allowed",
}


def problems_of(
    error: pydantic.ValidationError, data: object, model: type[BaseModel], base: str = ""
) -> list[Problem]:
    """pydantic's errors for ``data`` as ours, below the path ``base``: node names instead of indices, one per field."""
    problems: dict[tuple[str, str], Problem] = {}
    found = error.errors(include_url=False)
    for item in found[:_MAX_PROBLEMS]:
        path, field, kind = _locate(data, item["loc"], model)
        path = "/".join(part for part in (base, path) if part)
        context = item.get("ctx", {})
        value = item["input"]
        labelled = ""
        if item["type"] == "extra_forbidden":
            known = list(kind.model_fields) if kind else []
            close = difflib.get_close_matches(field, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}" if known else ""
            message = f"unknown key {quote(field)}; {hint}"
        elif item["type"] == "union_tag_invalid":
            given = context.get("tag", "")
            close = difflib.get_close_matches(str(given), NODE_KINDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(NODE_KINDS)}"
            message = f"op (={quote(given)}) is not a kind of node; {hint}"
        elif item["type"] == "missing":
            message = f"{field or 'the node'} is required"
        elif item["type"] == "value_error" and not field:  # a rule of the whole node
            message = str(context.get("error", item["msg"]))
        else:
            own = context.get("error") if item["type"] == "value_error" else None
            text_is_short = item["type"] == "too_short" and isinstance(value, str)
            known_rule = _RULES.get("string_too_short" if text_is_short else item["type"])
            rule = str(own) if own else known_rule.format(**context) if known_rule else item["msg"]
            # Nodes, and texts longer than any name, are not written again.
            shown = len(value) <= limits.MAX_NAME if isinstance(value, str) else own or not isinstance(value, _LARGE)
            message = f"{field or 'the node'}{f' (={quote(value)})' if shown else ''} {rule}"
            if field:
                labelled = f"{_label(field, kind)}{f' ({_written(value)})' if shown else ''} {rule}"
        # A union (number or word) reports each of its members; the first says enough.
        problems.setdefault((path, field or message), Problem(path=path, message=message, labelled=labelled))
    if len(found) > _MAX_PROBLEMS:
        problems["", ""] = Problem(path="", message=f"{len(found) - _MAX_PROBLEMS:,} further problems are not listed")
    return list(problems.values())


def _label(field: str, kind: type[BaseModel] | None) -> str:
    op = kind.model_fields.get("op") if kind else None
    return field_label(field, op.default if op else "")


def _written(value: object) -> str:
    """A value as people write it: 1×7."""
    if isinstance(value, list | tuple) and all(isinstance(each, int) for each in value):
        return shorten("×".join(map(str, value)))
    return quote(value)


def _path_part(name: object, otherwise: str) -> str:
    """A name as part of a path, unless it is not one: what a stranger wrote belongs between quotes."""
    return name if isinstance(name, str) and NAME_PATTERN.fullmatch(name) else otherwise


def _locate(
    data: object, loc: tuple[int | str, ...], model: type[BaseModel]
) -> tuple[str, str, type[BaseModel] | None]:
    """(path of the node, field, kind of the node) for pydantic's location, which mixes fields, indices and tags."""
    names: list[str] = []
    field = ""
    kind: type[BaseModel] | None = model
    here: object = data
    for step in loc:
        if isinstance(here, BaseModel):
            here = dict(here)
        if isinstance(step, int) and isinstance(here, list | tuple) and step < len(here):
            here = here[step]
            name = here.get("name") if isinstance(here, dict) else getattr(here, "name", None)
            if isinstance(here, dict | NodeBase):
                names.append(_path_part(name, f"[{step}]"))
                field = ""
        elif isinstance(here, dict) and step in here and isinstance(step, str):
            here = here[step]
            field = "" if step in ("body", "trunk") and isinstance(here, dict) else step
            if step == "body" and isinstance(here, dict):
                names.append(_path_part(here.get("name"), "body"))
        elif isinstance(step, str) and step in NODE_KINDS:
            kind = NODE_KINDS[step]
            field = ""
        elif isinstance(step, str) and not field:
            field = step
        if step == "trunk":
            kind = Sequence
        if isinstance(here, dict) and isinstance(here.get("op"), str) and here["op"] in NODE_KINDS:
            kind = NODE_KINDS[here["op"]]
    if field in ("children", "branches", "trunk") and kind in (Sequence, Parallel, Auxiliary):
        field = str(loc[-1]) if isinstance(loc[-1], str) else field
    return "/".join(names), field, kind
