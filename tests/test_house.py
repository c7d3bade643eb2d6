"""The house rules that a linter does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "conftest_plugin").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LINES, LONG = 200, 30


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file."""
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS))


def long_functions(text: str) -> dict[str, int]:
    """Return the functions of a file that are too long, with their lines."""
    sizes = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(text)}
    return {name: size for name, size in sizes.items() if size > LONG}


def factless(text: str) -> list[str]:
    """Return the tests of a file that do not say what they hold."""
    return [node.name for node in functions(text) if node.name.startswith("test_") and not ast.get_docstring(node)]


def test_files_are_small() -> None:
    """No file is longer than 200 lines."""
    sizes = {named(path): len(path.read_text().splitlines()) for path in SOURCES}

    assert {} == {name: size for name, size in sizes.items() if size > LINES}


def test_functions_are_small() -> None:
    """No function is longer than 30 lines."""
    assert {} == {named(path): found for path in SOURCES if (found := long_functions(path.read_text()))}


def test_every_test_states_its_fact() -> None:
    """Each test function says in its docstring what it holds."""
    assert {} == {named(path): found for path in TESTS if (found := factless(path.read_text()))}


def test_the_rules_can_fail() -> None:
    """What is one line too long, or says nothing, is found."""
    text = "def test_it():\n" + "    a = 1\n" * LONG

    assert ({"test_it": LONG + 1}, ["test_it"]) == (long_functions(text), factless(text))
