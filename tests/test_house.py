"""The house rules that a linter does not know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "conftest_plugin").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_files_and_functions_are_small(path: Path) -> None:
    """No file is longer than 200 lines and no function longer than 30."""
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS)]
    long = {node.name: size for node in functions if (size := (node.end_lineno or 0) - node.lineno + 1) > 30}

    assert {} == long
    assert len(text.splitlines()) <= 200


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_every_test_states_its_fact(path: Path) -> None:
    """Each test function says in its docstring what it holds."""
    tests = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTIONS)]

    assert [] == [node.name for node in tests if node.name.startswith("test_") and not ast.get_docstring(node)]
