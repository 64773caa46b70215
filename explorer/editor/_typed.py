"""Values as people type them and as the product prints them: ``1×7``, ``3, 3``, ``1,024``, ``0,1``, ``same``.

What a browser sends is not trusted: a value that cannot be read is an ArchitectureError that names the field by its
label. Whether a value that can be read is allowed is for the node to say.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any, Literal, get_args, get_origin

from ..architecture import ArchitectureError, NodeBase, Problem, field_label
from ..text import format_setting, parse_decimal, quote, shorten

_PAIR = re.compile(r"\s*\(?\s*(\d{1,4})\s*[x×*,;]\s*(\d{1,4})\s*\)?\s*", re.IGNORECASE)
_AXIS = r"(\d{1,4})(?:\s*\+\s*(\d{1,4}))?"
_SIDES = re.compile(rf"\s*{_AXIS}(?:\s*[x×*,;]\s*{_AXIS})?\s*", re.IGNORECASE)
"""Padding before and behind on each axis, as it is printed: 0+1, 0+1×2."""
_FOUR = re.compile(r"\s*,\s*".join([r"[\s(\[]*(\d{1,4})[\s)\]]*"] * 4))
"""The same as Python and JSON have it: ((0, 1), (2, 2))."""
_GROUPS = re.compile(r"[1-9]\d{0,2}([,'\u2009\u202f\u00a0 ]\d{3})+")
"""A whole number as it is printed, in groups of three."""


def refuse(path: str, message: str) -> ArchitectureError:
    """The error of one sentence about the node at ``path``."""
    return ArchitectureError([Problem(path=path, message=message)])


def parse_integer(value: object, path: str, what: str, words: str = "") -> int:
    """A whole number from what was typed. Raises ArchitectureError naming ``what``; ``words`` says what else may be."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refuse(path, f"{what} must be a whole number{words}")
    if isinstance(value, str):
        text = value.strip().replace("\u2212", "-")
        value = re.sub(r"\D", "", text) if _GROUPS.fullmatch(text) else text
    try:
        number = float(value)
    except ValueError:
        raise refuse(path, f"{what} ({quote(value, 40)}) must be a whole number{words}") from None
    except OverflowError:  # JSON has integers of any length
        number = math.inf
    if number != number or abs(number) > 1e9 or number != int(number):
        raise refuse(path, f"{what} ({shorten(str(number), 40)}) must be a whole number below a billion{words}")
    return int(number)


def parse_number(value: object, path: str, what: str) -> float:
    """A number from what was typed, with a point or a comma. Raises ArchitectureError naming ``what``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refuse(path, f"{what} must be a number")
    try:
        return parse_decimal(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError) as error:
        reason = f": {error}" if isinstance(value, str) else ""
        raise refuse(path, f"{what} ({quote(value, 40)}) must be a number{reason}") from None


def parse_size(value: object, path: str, what: str, words: str = "") -> int | tuple[int, int]:
    """A size from what was typed: 3, '3', '1x7', '1×7' or '1, 7', height before width."""
    if isinstance(value, list | tuple) and len(value) == 2:
        return parse_integer(value[0], path, what), parse_integer(value[1], path, what)
    if isinstance(value, str) and not _GROUPS.fullmatch(value.strip()) and (match := _PAIR.fullmatch(value)):
        return int(match[1]), int(match[2])
    return parse_integer(value, path, what, words)


def parse_sides(value: object) -> Any:
    """((top, bottom), (left, right)) from what was typed; None where it is something else."""
    if isinstance(value, list | tuple):
        return value if any(isinstance(each, list | tuple) for each in value) else None
    text = str(value)
    if four := _FOUR.fullmatch(text):
        top, bottom, left, right = map(int, four.groups())
        return (top, bottom), (left, right)
    if "+" not in text or not (match := _SIDES.fullmatch(text)):
        return None
    numbers = [each and int(each) for each in match.groups()]
    height = (numbers[0], numbers[0] if numbers[1] is None else numbers[1])
    if numbers[2] is None:
        return height, height
    return height, (numbers[2], numbers[2] if numbers[3] is None else numbers[3])


def parse_field(kind: type[NodeBase], field: str, value: object, path: str) -> Any:
    """The value of a node's field from what was typed or chosen, by what the field may hold."""
    types, words = _allowed(kind, field)
    what = field_label(field, kind.model_fields["op"].default)
    if isinstance(value, str) and value.strip().lower() in words:
        return value.strip().lower()
    if bool in types and (isinstance(value, bool) or str(value).strip().lower() in ("yes", "no")):
        return value if isinstance(value, bool) else str(value).strip().lower() == "yes"
    others = "".join(f", or '{word}'" for word in words)
    if tuple in types:
        sides = parse_sides(value) if field == "padding" else None
        return sides or parse_size(value, path, what, others)
    if float in types:
        return parse_number(value, path, what)
    if int in types:
        return parse_integer(value, path, what, others)
    return value


def as_plain(value: Any) -> Any:
    """A field's value as JSON has it and ``parse_field`` reads it: a pair becomes '1×7'."""
    return format_setting(value) if isinstance(value, tuple) else value


def is_decimal(kind: type[NodeBase], field: str) -> bool:
    """Whether a field holds a number with decimals."""
    return float in _allowed(kind, field)[0]


def list_words(kind: type[NodeBase], field: str) -> tuple[str, ...]:
    """The words that a field may hold."""
    return _allowed(kind, field)[1]


@cache
def _allowed(kind: type[NodeBase], field: str) -> tuple[frozenset[Any], tuple[str, ...]]:
    """(types, words) that the annotation of a field allows."""
    types: set[Any] = set()
    words: list[str] = []
    open_ones = [kind.model_fields[field].annotation]
    while open_ones:
        one = open_ones.pop()
        if get_origin(one) is Literal:
            words += [word for word in get_args(one) if isinstance(word, str)]
        elif get_origin(one) is tuple or not get_args(one):
            types.add(get_origin(one) or one)
        else:
            open_ones += [each for each in get_args(one) if isinstance(each, type) or get_origin(each) is not None]
    return frozenset(types), tuple(words)
