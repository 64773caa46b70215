"""The floors of the house, the arrows between the packages, and what may not be imported where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "explorer"
_MODULE = re.compile(r"explorer(\.\w+)+")

FLOORS: tuple[set[str], ...] = (
    {"text", "home", "memory", "person", "process"},
    {"architecture", "ownership"},
    {"analysis", "catalog", "datasets", "runs"},
    {"figures", "modules"},
    {"editor", "profiling", "importing"},
    {"training"},
    {"experiments", "inspection", "export"},
    {"comparison", "slimming", "search"},
    {"challenges"},
    {"cli"},
    {"__main__"},
)
"""The packages by floors, the ground floor first. Each imports only from floors below its own."""
GROUND = FLOORS[0]

ALLOWED: dict[str, set[str]] = {
    "architecture": set(),
    "analysis": {"architecture"},
    "catalog": {"architecture"},
    "datasets": {"ownership"},
    "ownership": set(),
    "runs": set(),
    "figures": {"analysis", "architecture"},
    "modules": {"catalog", "analysis", "architecture"},
    "editor": {"figures", "analysis", "architecture"},
    "profiling": {"modules", "analysis", "architecture"},
    "training": {"profiling", "modules", "runs", "datasets", "catalog", "analysis", "architecture"},
    "experiments": {"training", "figures", "runs", "datasets", "catalog", "analysis", "architecture"},
    "inspection": {
        "training", "importing", "modules", "runs", "datasets", "catalog", "analysis", "architecture", "ownership",
    },
    "importing": {"modules", "catalog", "analysis", "architecture"},
    "export": {"training", "importing", "modules", "figures", "datasets", "catalog", "analysis", "architecture"},
    "slimming": {"export", "inspection", "profiling", "modules", "datasets", "analysis", "architecture"},
    "comparison": {"export", "experiments", "figures", "analysis", "catalog", "architecture"},
    "search": {"experiments", "training", "runs", "figures", "analysis", "architecture"},
    "challenges": {"search", "runs", "figures", "analysis", "architecture"},
    "cli": set.union(*FLOORS[1:9]),
}
"""For each package the others that it imports; beside them any may import the ground floor."""

WITHOUT_TORCH = (
    "explorer",
    "explorer.architecture",
    "explorer.catalog",
    "explorer.analysis",
    "explorer.figures",
    "explorer.comparison",
    "explorer.profiling",
    "explorer.datasets",
    "explorer.runs",
    "explorer.training",
    "explorer.editor",
    "explorer.experiments",
    "explorer.export",
    "explorer.importing",
    "explorer.inspection",
    "explorer.search",
    "explorer.challenges",
    "explorer.cli",
    "explorer.text",
    "explorer.home",
    "explorer.memory",
    "explorer.process",
)


def part_of(path: Path) -> str:
    """The sub-package, or single module, below ``explorer`` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def _imports(text: str) -> tuple[tuple[int, str, str], ...]:
    """(dots, module, name) of everything that a source text imports, at its top or inside a function.

    A text such as "explorer.training" in it counts with the name "__main__": so a process is started.
    """
    found: list[tuple[int, str, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.level, node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE.fullmatch(node.value):
            found.append((0, node.value, "__main__"))
    return tuple(found)


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that a file imports, the module as an absolute dotted name."""
    package = [*path.relative_to(ROOT).parent.parts]
    for dots, module, name in _imports(path.read_text(encoding="utf-8")):
        base = package[: len(package) - dots + 1] if dots else []
        yield ".".join([*base, *([module] if module else [])]), name


def imported_modules(path: Path) -> set[str]:
    """Every module that a file imports or starts; of ``from .. import architecture`` both the package and the name."""
    return {each for module, name in imports(path) for each in (module, f"{module}.{name}" if name else module)}


@cache
def arrows() -> dict[str, set[str]]:
    """Which packages and top modules of ``explorer`` import which others."""
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    found: dict[str, set[str]] = {part: set() for part in parts}
    for path in PACKAGE.rglob("*.py"):
        here = part_of(path)
        for module in imported_modules(path):
            names = module.split(".")
            if names[0] == "explorer" and len(names) > 1 and names[1] in parts and here in found:
                found[here].add(names[1])
    return {here: others - {here} for here, others in found.items()}


def module_arrows() -> dict[str, set[str]]:
    """Which modules of ``explorer`` and ``pages`` import which others. A package's name stands for its __init__.py.

    ``from . import _limits`` is an arrow to the module ``_limits`` alone, although the package is loaded before it.
    """
    files = [path for folder in ("explorer", "pages") for path in (ROOT / folder).rglob("*.py")]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    modules = set(names.values())
    found: dict[str, set[str]] = {}
    for path, here in names.items():
        pairs = [(module, f"{module}.{name}") for module, name in imports(path) if name != "__main__"]
        found[here] = {whole if whole in modules else module for module, whole in pairs} & modules - {here}
    return found


def circles(arrows: dict[str, set[str]]) -> set[str]:
    """Who imports one another in a circle: all that remains when whoever has no arrow in or out is taken away."""
    left = dict(arrows)
    while True:
        imported = set().union(*left.values())
        ends = [part for part, others in left.items() if not others & left.keys() or part not in imported]
        if not ends:
            return set(left)
        for part in ends:
            del left[part]


def test_every_package_has_a_floor_and_imports_only_from_below() -> None:
    found = arrows()
    floor = {part: number for number, parts in enumerate(FLOORS) for part in parts}
    assert found.keys() == floor.keys()
    wrong = [f"{here} → {other}" for here, others in found.items() for other in others if floor[other] >= floor[here]]
    assert not wrong


@pytest.mark.parametrize("package", ALLOWED)
def test_arrows_are_those_that_are_allowed(package: str) -> None:
    others = arrows()[package] - GROUND
    if package == "cli":
        assert others <= ALLOWED[package]
    else:
        assert others == ALLOWED[package], "README's table and ALLOWED say which arrows there are"


def test_the_table_of_the_readme_agrees() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^    (\d)  explorer/(\w+)  +\S.*?(?:  → (.+))?$", readme, re.M)
    told = {
        name: set.union(*FLOORS[1 : int(floor)]) if into == "all below" else set(into.split(", ")) - {""}
        for floor, name, into in rows
        if floor != "0"
    }
    assert told == ALLOWED
    assert {name: int(floor) for floor, name, _ in rows if floor != "0"} == {
        part: number for number, parts in enumerate(FLOORS[:-1]) for part in parts - GROUND
    }


def test_modules_do_not_import_in_circles() -> None:
    assert not circles(module_arrows())


def test_a_circle_of_modules_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is closed inside a function; modules of one package by ``from . import`` are not one by themselves."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    package = tmp_path / "explorer" / "a"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from ._x import f\n")
    (package / "_x.py").write_text("from . import _y\n")
    (package / "_y.py").write_text("")
    assert not circles(module_arrows())
    (package / "_y.py").write_text("def g():\n    from ._x import f\n")
    assert circles(module_arrows()) == {"explorer.a._x", "explorer.a._y"}
    (package / "_y.py").write_text("from . import f\n")
    assert circles(module_arrows())


def test_pages_do_not_import_the_command_line() -> None:
    for path in (ROOT / "pages").rglob("*.py"):
        assert not any(module.startswith("explorer.cli") for module in imported_modules(path)), path


def test_explorer_does_not_import_its_entry_points() -> None:
    for path in PACKAGE.rglob("*.py"):
        names = {module.split(".")[0] for module in imported_modules(path)}
        assert not names & {"streamlit", "pages", "app", "tests"}, path.relative_to(ROOT)


def test_the_parser_sees_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that sees nothing forbids nothing."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "explorer" / "analysis" / "sample.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import torch.nn\nfrom .. import modules\nfrom ..catalog import get\nfrom . import other\n"
        "def f():\n    from explorer.figures import x\n    import streamlit as st\nSTART = 'explorer.training.worker'\n"
    )
    found = imported_modules(file)
    expected = {"torch.nn", "explorer.modules", "explorer.catalog", "explorer.analysis.other", "explorer.figures"}
    assert expected | {"streamlit", "explorer.training.worker"} <= found


def test_light_packages_load_neither_torch_nor_streamlit() -> None:
    """All in one process, each named that is the first to bring a heavy one with it."""
    script = (
        "import importlib, sys\n"
        f"for name in {WITHOUT_TORCH!r}:\n"
        "    importlib.import_module(name)\n"
        "    heavy = sorted({'torch', 'streamlit', 'torchvision'} & sys.modules.keys())\n"
        "    assert not heavy, f'{name} loads {heavy}'\n"
    )
    command = [sys.executable, "-c", script]
    # Three seconds of a core, which a busy machine may stretch: the limit is that of every test. One that was killed
    # for want of memory says nothing, hence its status.
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"exit status {run.returncode}: {run.stderr}"
