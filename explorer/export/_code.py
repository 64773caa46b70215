"""Python code as text, as ``ruff format`` lays it out: 88 columns, one argument a line where a call is long."""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 88
INDENT = "    "
_LONGEST_ATTRIBUTE = 40
_LONGEST_CLASS = 40


@dataclass(frozen=True)
class Argument:
    """What stands between the parentheses of a call: a value, perhaps named, perhaps with a comment behind it."""

    value: Code
    name: str = ""
    comment: str = ""

    @property
    def head(self) -> str:
        """What stands before the value."""
        is_key = self.name.startswith('"') or self.name[:1].isdigit()
        return "" if not self.name else f"{self.name}: " if is_key else f"{self.name}="


@dataclass(frozen=True)
class Call:
    """A call, or a list or dict in the same form: ``opening``, arguments, ``closing``."""

    opening: str
    arguments: tuple[Argument, ...] = ()
    closing: str = ")"

    def __str__(self) -> str:
        return f"{self.opening}{self.listed}{self.closing}"

    @property
    def listed(self) -> str:
        """Its arguments in one line."""
        return ", ".join(f"{each.head}{each.value}" for each in self.arguments)

    @property
    def is_commented(self) -> bool:
        """Whether a comment stands within it, so that it takes several lines."""
        values = [each.value for each in self.arguments]
        return any(each.comment for each in self.arguments) or any(
            value.is_commented for value in values if isinstance(value, Call)
        )


@dataclass(frozen=True)
class Sum:
    """Terms that are added."""

    terms: tuple[str, ...]

    def __str__(self) -> str:
        return " + ".join(self.terms)


Code = str | Sum | Call


def call(function: str, *arguments: Code | Argument, **named: Code) -> Call:
    """Write a call of a function or class.

    Args:
        function: What is called.
        arguments: By their place.
        named: By their names.

    Returns:
        The call.
    """
    placed = [each if isinstance(each, Argument) else Argument(each) for each in arguments]
    return Call(f"{function}(", (*placed, *(Argument(value, name) for name, value in named.items())))


def lay_out(code: Code, level: int, head: str = "", tail: str = "", comment: str = "") -> list[str]:
    """Lay out an expression or a statement with it.

    Args:
        code: The expression.
        level: How deep it is indented.
        head: What stands before it in its line.
        tail: What stands behind it.
        comment: What is told of it, at the end of the line where there is room, else above.

    Returns:
        Lines.
    """
    space = INDENT * level
    told = f"  # {comment}" if comment else ""
    line = f"{space}{head}{code}{tail}"
    if not (isinstance(code, Call) and code.is_commented):
        if len(line) + len(told) <= WIDTH:
            return [f"{line}{told}"]
        if len(line) <= WIDTH and not isinstance(code, Call):
            return [f"{space}# {comment}", line]
    if isinstance(code, Sum):
        if tail == ",":  # within a call
            begin, *rest = code.terms
            return [f"{space}{head}{begin}", *(f"{space}+ {term}" for term in rest[:-1]), f"{space}+ {rest[-1]}{tail}"]
        inner = [f"{space}{INDENT}{'+ ' if index else ''}{term}" for index, term in enumerate(code.terms)]
        return [f"{space}{head}(", *inner, f"{space}){tail}{told}"]
    if isinstance(code, str) or not code.arguments:
        return [*([f"{space}# {comment}"] if comment else []), line]
    lines = [f"{space}{head}{code.opening}"]
    listed = f"{space}{INDENT}{code.listed}"
    if not code.is_commented and len(listed) <= WIDTH:
        return [*lines, listed, f"{space}{code.closing}{tail}{told}"]
    first = code.arguments[0]
    alone = len(code.arguments) == 1 and not first.name and not first.comment and code.closing[:1] == ")"
    for each in code.arguments:
        lines += lay_out(each.value, level + 1, each.head, "" if alone else ",", each.comment)
    return [*lines, f"{space}{code.closing}{tail}{told}"]


def lay_out_def(name: str, parameters: Iterable[str], returns: str, level: int) -> list[str]:
    """Lay out the head of a function.

    Args:
        name: Of the function.
        parameters: Each with its type and default.
        returns: Its type.
        level: How deep it is indented.

    Returns:
        Lines, the last of which ends in a colon.
    """
    space, listed = INDENT * level, list(parameters)
    line = f"{space}def {name}({', '.join(listed)}) -> {returns}:"
    if len(line) <= WIDTH:
        return [line]
    within = f"{space}{INDENT}{', '.join(listed)}"
    if len(within) <= WIDTH:
        return [f"{space}def {name}(", within, f"{space}) -> {returns}:"]
    return [f"{space}def {name}(", *(f"{space}{INDENT}{each}," for each in listed), f"{space}) -> {returns}:"]


def lay_out_docstring(paragraphs: Iterable[str], level: int) -> list[str]:
    """Lay out a docstring. What the paragraphs say is text and nothing else, whatever letters are in it.

    Args:
        paragraphs: Text; spaces and line ends in it count as one space. One without spaces is broken anywhere.
        level: How deep it is indented.

    Returns:
        Lines.
    """
    space = INDENT * level
    first, *rest = [escape(" ".join(each.split())) for each in paragraphs]
    room = WIDTH - len(space)
    line = f'{space}"""{first}"""'
    if not rest and len(line) <= WIDTH:
        return [line]
    lines = textwrap.wrap(f'"""{first}', room, break_long_words=False, break_on_hyphens=False)
    for paragraph in rest:
        is_word = " " not in paragraph
        lines += ["", *textwrap.wrap(paragraph, room, break_long_words=is_word, break_on_hyphens=False)]
    return [*(f"{space}{line}".rstrip() for line in lines), f'{space}"""']


def escape(text: str) -> str:
    """Write text as it stands in a string of Python between double quotes, one or three.

    Backslashes and quotes get a backslash; letters that cannot be seen, or that turn the direction of what is read,
    their number.

    Args:
        text: Any text.

    Returns:
        One line of visible letters.
    """
    return "".join(map(_escape_letter, text))


def _escape_letter(letter: str) -> str:
    if letter in '\\"':
        return f"\\{letter}"
    if letter == " " or unicodedata.category(letter)[0] not in "CZ":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def quote_text(text: str) -> str:
    """Write text as a string of Python."""
    return f'"{escape(text)}"'


def is_plain_name(name: str) -> bool:
    """Whether Python takes a name as it is for an argument; '__a' has another meaning in a class."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def is_attribute_name(name: str) -> bool:
    """Whether it is also short enough that a line which assigns to it need not be broken before the value."""
    return is_plain_name(name) and len(name) <= _LONGEST_ATTRIBUTE


class Names:
    """Names of one place of the code, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, *wanted: str) -> str:
        """Give the first of the wanted names that is free, else one with a number; never a keyword or a builtin."""
        for name in wanted:
            if self._is_free(name):
                return self._add(name)
        stem = f"{wanted[0]}_" if wanted[0][-1:].isdigit() else wanted[0]
        return self._add(next(name for count in itertools.count(2) if self._is_free(name := f"{stem}{count}")))

    def _is_free(self, name: str) -> bool:
        return name not in self._taken and not keyword.iskeyword(name) and not hasattr(builtins, name)

    def _add(self, name: str) -> str:
        self._taken.add(name)
        return name


def name_argument(text: str) -> str:
    """Make a name of an argument of any text: lower case, words parted by underscores, no digit at its beginning."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()
    return name if name[:1].isalpha() else f"part{name}" if name else "value"


def name_class(text: str) -> str:
    """Make a name of a class of any text: its words of plain letters and digits, each with a capital; '' of none."""
    words = re.findall(r"[A-Za-z0-9]+", text.replace("×", "x"))
    titled = " ".join(word[0].upper() + word[1:] for word in words)
    while len(titled) > _LONGEST_CLASS and " " in titled:
        titled = titled.rpartition(" ")[0]
    name = re.sub(r"(?<=\d) (?=\d)", "_", titled).replace(" ", "")[:_LONGEST_CLASS]
    return name if not name[:1].isdigit() else f"Net{name}"


def write_number(value: object) -> str:
    """Write a number, a truth value, a text or a tuple of numbers."""
    return quote_text(value) if isinstance(value, str) else repr(value)


def type_of(values: Iterable[object]) -> str:
    """Find the type of an argument that takes these values."""
    kinds = {_type_of(each) for each in values}
    if "float" in kinds:
        kinds.discard("int")
    return " | ".join(sorted(kinds))


def _type_of(value: object) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(_type_of, value))}]"
    return type(value).__name__
