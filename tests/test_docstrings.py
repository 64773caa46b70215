"""Every name that a package exports says what it is, what it takes and what it gives (Google style)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import explorer

PACKAGES = [each.name for each in pkgutil.iter_modules(explorer.__path__) if each.ispkg and each.name != "cli"]
MODULES = ["text", "home", *PACKAGES]


def exported(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The names of ``__all__``, or the public ones that the module defines; those of exported modules below them."""
    own = [name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__]
    for name in getattr(module, "__all__", [name for name in own if not name.startswith("_")]):
        value = getattr(module, name)
        if inspect.ismodule(value):
            yield from ((f"{name}.{below}", each) for below, each in exported(value))
        else:
            yield name, value


def described(doc: str) -> set[str]:
    """The names that the section Args describes."""
    section = re.search(r"^Args:\n((?: {4}.*\n?|\n)+)", doc, re.MULTILINE)
    return set(re.findall(r"^ {4}\*{0,2}(\w+):", section[1], re.MULTILINE)) if section else set()


def find_faults(function: Callable[..., Any]) -> Iterator[str]:
    """What the docstring of a function lacks, or says of parameters that there are not."""
    doc, signature = inspect.getdoc(function) or "", inspect.signature(function)
    if not doc:
        yield "has no docstring"
    told, taken = described(doc), set(signature.parameters)
    yield from (f"does not describe {name}" for name in sorted(taken - told))
    yield from (f"describes {name}, which it does not take" for name in sorted(told - taken))
    gives = signature.return_annotation not in ("None", None)
    if gives and not re.search(r"^(Returns|Yields):$", doc, re.MULTILINE):
        yield "does not say what it returns"


@pytest.mark.parametrize("name", MODULES)
def test_exported_functions_describe_what_they_take_and_return(name: str) -> None:
    module = importlib.import_module(f"explorer.{name}")
    functions = [(label, each) for label, each in exported(module) if inspect.isfunction(inspect.unwrap(each))]
    assert [f"{label} {fault}" for label, each in functions for fault in find_faults(each)] == []


@pytest.mark.parametrize("name", MODULES)
def test_exported_classes_and_their_public_methods_have_docstrings(name: str) -> None:
    module = importlib.import_module(f"explorer.{name}")
    missing = []
    for label, kind in exported(module):
        if inspect.isclass(kind):
            doc = vars(kind).get("__doc__") or ""
            if not doc or doc.startswith(f"{kind.__name__}("):  # the latter is what dataclass writes by itself
                missing.append(label)
            missing += [
                f"{label}.{member}"
                for member, value in vars(kind).items()
                if not member.startswith("_")
                and member not in getattr(kind, "__dataclass_fields__", {})  # a function as default is no method
                and (inspect.isroutine(value) or hasattr(value, "fget") or hasattr(value, "func"))
                and not inspect.getdoc(getattr(kind, member))
            ]
    assert missing == []


def test_faults_are_found() -> None:
    def scale(value: int, factor: int) -> int:
        """Scale a number.

        Args:
            value: The number.
            unit: Its unit.
        """
        return value * factor

    assert list(find_faults(scale)) == [
        "does not describe factor", "describes unit, which it does not take", "does not say what it returns",
    ]  # fmt: skip
