"""What `make test` leaves out has a relative that it runs."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def left_out(path: Path) -> dict[str, str]:
    """The tests of a file that wait for `make test-all` as a whole, each with its relative."""
    return {
        test.name: mark.args[0].value
        for test in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(test, ast.FunctionDef)
        for mark in test.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "thorough"
        if isinstance(mark.args[0], ast.Constant)
    }


LEFT_OUT = {
    f"tests/{path.relative_to(HERE)}::{name}": relative
    for path in sorted(HERE.rglob("test_*.py"))
    if "@thorough(" in path.read_text(encoding="utf-8")  # to parse all files takes seconds
    for name, relative in left_out(path).items()
}


def test_the_marks_are_found() -> None:
    assert "tests/browser/test_inspect.py::test_own_weights_of_every_kind" in LEFT_OUT


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_relative_is_run(name: str) -> None:
    relative = LEFT_OUT[name]
    assert relative not in LEFT_OUT
    file, _, function = relative.partition("::")
    tree = ast.parse((HERE.parent / file).read_text(encoding="utf-8"))
    assert function in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
