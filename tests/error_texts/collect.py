"""Collects the error messages of the package and of the plugin from their syntax trees.

``python -m tests.error_texts.collect`` prints every message with its location.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import click
import werkzeug.exceptions

ROOT = Path(__file__).parents[2]
SOURCES = ("src/segment_mock", "conftest_plugin/pytest_segment_mock")
GAP = "{}"
"""The placeholder for a variable part of a message."""

REPORTERS = {
    "_problem_template", "_unusable", "_wrong", "fail", "problem", "refusal", "setup_error", "warn",
}  # fmt: skip
"""Functions that create or show an error, with its message as an argument."""
KEYWORDS = {"hint", "message", "sentence", "why"}
"""Their keyword arguments that are messages."""
MESSAGE_CONSTANTS = {"_REASON", "_TITLES"}
"""Constants, and dictionaries of constants, that are messages and are assigned to an attribute of an error."""
MESSAGE_FUNCTIONS = {"_for_child"}
"""Functions whose result is assigned to an attribute of an error as its message."""

_WORDS = re.compile(r"[A-Za-z]{3,}.*\s.*[A-Za-z]{2,}|[A-Za-z]{2,}.*\s.*[A-Za-z]{3,}", re.DOTALL)
Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"


@dataclass(frozen=True)
class ErrorText:
    """The message of an error at *place* (``file:line``); `GAP` stands for each variable part."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def error_texts(root: Path = ROOT, sources: Iterable[str] = SOURCES) -> list[ErrorText]:
    """Return every message that has at least two constant words, in the order of files and lines."""
    modules = [_Module(file, root) for source in sources for file in sorted((root / source).rglob("*.py"))]
    makers = _exception_names(modules) | REPORTERS
    functions = [(function, module) for module in modules for function in module.functions]
    counts = Counter(function.name for function, _ in functions)
    unique = {function.name: (function, module) for function, module in functions if counts[function.name] == 1}
    texts: dict[tuple[str, int, str], None] = {}
    for module in modules:
        for node, function in module.nodes:
            for source in _sources(node, makers):
                for line, text, where in _Reader(module, function, unique).read(source):
                    if _WORDS.search(text.replace(GAP, "")):
                        texts[where, line, text] = None
    return [ErrorText(f"{file}:{line}", text) for file, line, text in sorted(texts)]


class _Module:
    """The syntax tree of a file, with the enclosing function of each node."""

    def __init__(self, file: Path, root: Path) -> None:
        self.name = file.relative_to(root).as_posix()
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.nodes = list(self._walk(self.tree, None))
        self.functions = [node for node, _ in self.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]

    def _walk(self, node: ast.AST, function: Function | None) -> Iterator[tuple[ast.AST, Function | None]]:
        for child in ast.iter_child_nodes(node):
            yield child, function
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from self._walk(child, child if is_function else function)  # type: ignore[arg-type]


class _Reader:
    """Finds the messages that an expression can evaluate to, through variables and calls of functions."""

    def __init__(self, module: _Module, function: Function | None, unique: dict[str, tuple[Function, _Module]]) -> None:
        self._module, self._function, self._unique = module, function, unique
        self._seen: set[int] = set()

    def read(self, node: ast.expr) -> Iterator[tuple[int, str, str]]:
        """Yield the line, the message and the file of each message that *node* can evaluate to."""
        if isinstance(node, ast.IfExp):
            yield from self.read(node.body)
            yield from self.read(node.orelse)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                yield from self.read(value)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for value in node.elts:
                yield from self.read(value)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            yield from self.read(node.elt)
            for part in node.generators:
                yield from self.read(part.iter)
        elif isinstance(node, ast.Starred):
            yield from self.read(node.value)
        elif isinstance(node, ast.Name):
            for value in self._values(node.id):
                yield from self.read(value)
        elif isinstance(node, ast.Call):
            yield from self._called(node)
        elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
            yield node.lineno, " ".join(_text(node).split()), self._module.name
            for part in ast.walk(node):
                if isinstance(part, ast.FormattedValue) and isinstance(part.value, (ast.Call, ast.Name, ast.IfExp)):
                    yield from self.read(part.value)

    def _values(self, name: str) -> Iterator[ast.expr]:
        scopes: list[ast.AST] = [self._module.tree]
        if self._function is not None:
            scopes = [self._function, *scopes]
        for scope in scopes:
            body = ast.walk(scope) if scope is self._function else iter(getattr(scope, "body", ()))
            values = [
                node.value
                for node in body
                if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))
                and node.value is not None
                and name in [_name(target) for target in getattr(node, "targets", [getattr(node, "target", node)])]
            ]
            values = [value for value in values if id(value) not in self._seen]
            self._seen.update(map(id, values))
            if values:
                yield from values
                return

    def _called(self, call: ast.Call) -> Iterator[tuple[int, str, str]]:
        name = _name(call.func)
        if name == "format" and isinstance(call.func, ast.Attribute):
            for line, text, file in self.read(call.func.value):
                yield line, re.sub(r"{[^}]*}", GAP, text), file
        elif name == "join" or name in ("list", "tuple", "str", "next", "iter"):
            for value in call.args:
                yield from self.read(value)
        elif name in self._unique:
            function, module = self._unique[name]
            if id(function) not in self._seen:
                reader = _Reader(module, function, self._unique)
                reader._seen = self._seen | {id(function)}
                for node in ast.walk(function):
                    if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) and node.value is not None:
                        yield from reader.read(node.value)


def _exception_names(modules: list[_Module]) -> set[str]:
    """Return the names of all exceptions of Python, click and Werkzeug, and of those that the *modules* define."""
    exceptions = {
        name
        for module in (builtins, click.exceptions, werkzeug.exceptions)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    classes = [node for module in modules for node, _ in module.nodes if isinstance(node, ast.ClassDef)]
    while missing := {
        node.name
        for node in classes
        if node.name not in exceptions and {_name(base) for base in node.bases} & exceptions
    }:
        exceptions |= missing
    return exceptions


def _sources(node: ast.AST, makers: set[str]) -> Iterator[ast.expr]:
    """Yield the expressions in *node* that are the message of an error."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield from _arguments(node.exc)
    elif isinstance(node, ast.Call) and _name(node.func) in makers:
        yield from _arguments(node)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(_name(target) in MESSAGE_CONSTANTS for target in targets):
            yield from node.value.values if isinstance(node.value, ast.Dict) else [node.value]
    elif isinstance(node, ast.FunctionDef) and node.name in MESSAGE_FUNCTIONS:
        yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str:
    """Return the message of *node*, with a `GAP` for each part that is not a constant."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else GAP
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return GAP


if __name__ == "__main__":
    sys.stdout.writelines(f"{text}\n" for text in error_texts())
