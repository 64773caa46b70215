"""The arrows between the packages, and what may not be imported where."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "explorer"

ALLOWED: dict[str, set[str]] = {
    "architecture": {"text"},
    "catalog": {"text", "architecture"},
    "analysis": {"text", "architecture"},
    "modules": {"text", "architecture", "analysis"},
    "comparison": {"text", "architecture", "analysis", "catalog", "figures", "experiments"},
    "profiling": {"text", "modules", "analysis", "architecture", "catalog"},
    "runs": {"text", "home"},
    "training": {"text", "runs", "datasets", "modules", "analysis", "architecture", "catalog", "home"},
    "experiments": {"text", "architecture", "analysis", "catalog", "training", "runs"},
    "inspection": {"text", "training", "runs", "datasets", "modules", "analysis", "architecture", "catalog", "home"},
    "figures": {"text", "analysis", "architecture", "catalog", "experiments"},
    "home": set(),
    "text": set(),
    "datasets": {"text", "home"},
}
"""For each sub-package the others that it may import. One that is not listed may import any, but not in a circle."""

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
    "explorer.experiments",
    "explorer.inspection",
    "explorer.cli",
)


def part_of(path: Path) -> str:
    """The sub-package, or single module, below ``explorer`` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function, as an absolute dotted name."""
    package = [*path.relative_to(ROOT).parent.parts]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # ``from .. import architecture`` names a module, ``from ..architecture import Conv`` does not: take both.
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def arrows() -> dict[str, set[str]]:
    """Which parts of ``explorer`` import which others."""
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    found: dict[str, set[str]] = {part: set() for part in parts}
    for path in PACKAGE.rglob("*.py"):
        here = part_of(path)
        for module in imported_modules(path):
            names = module.split(".")
            if names[0] == "explorer" and len(names) > 1 and names[1] in parts and here in found:
                found[here].add(names[1])
    return {here: others - {here} for here, others in found.items()}


@pytest.mark.parametrize("package", ALLOWED)
def test_arrows_point_as_drawn(package: str) -> None:
    found = arrows()
    if package not in found:
        pytest.skip(f"explorer/{package} is not there")
    assert found[package] <= ALLOWED[package]


def test_packages_do_not_import_in_circles() -> None:
    left = arrows()
    while left:
        free = [part for part, others in left.items() if not others & left.keys()]
        assert free, f"these import one another in a circle: {sorted(left)}"
        for part in free:
            del left[part]


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
        "def f():\n    from explorer.figures import x\n    import streamlit as st\n"
    )
    found = imported_modules(file)
    expected = {"torch.nn", "explorer.modules", "explorer.catalog", "explorer.analysis.other", "explorer.figures"}
    assert expected | {"streamlit"} <= found


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
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
