"""Whether a test expects an error, as by ``pytest.raises(WouldHangForever)``."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

import pytest

_RAISES = type(pytest.raises(KeyError))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST = 500
"""How many functions are read at most."""


def expects(item: pytest.Item, error: type[Exception]) -> bool:
    """Return whether the test names *error*, or a base class of it other than Exception.

    It may name it in a nested function, in a helper of its class or module, by another name, in a tuple of the module,
    or as a parameter. A helper in another module of the project has to name *error* itself: a base class such as
    RuntimeError may be what the tested code catches.
    """
    classes = [each for each in error.__mro__ if issubclass(each, Exception) and each is not Exception]
    params = getattr(getattr(item, "callspec", None), "params", {})
    if any(_means(value, classes) for value in params.values()):
        return True
    test = _function(getattr(item, "obj", None))
    functions = [] if test is None else [test]
    for function in functions:  # which grows by the helpers
        is_of_test = test is not None and function.__globals__ is test.__globals__
        errors = classes if is_of_test else [error]
        names = {*_names(function.__code__)}
        for name, value in _values(function, names, getattr(item, "cls", None)):
            if name in {each.__name__ for each in errors} or _means(value, errors):
                return True
            helper = _function(value)
            if helper is None or helper in functions or len(functions) > _MOST:
                continue
            if helper.__globals__ is function.__globals__ or _is_of_project(helper, item.config.rootpath):
                functions.append(helper)
    return False


def _values(function: FunctionType, names: Collection[str], cls: type | None) -> Iterator[tuple[str, Any]]:
    """Yield *names* of *function* with what they stand for in its module, in *cls*, and in a module that it names."""
    for name in names:
        value = function.__globals__.get(name, inspect.getattr_static(cls, name, None))
        yield name, value
        if isinstance(value, ModuleType):
            yield from ((inner, vars(value)[inner]) for inner in names if inner in vars(value))


def _is_of_project(function: FunctionType, root: Path) -> bool:
    """Return whether *function* is in a file below *root*, and in no installed package."""
    path = Path(function.__code__.co_filename)
    return path.is_relative_to(root) and _INSTALLED.isdisjoint(path.parts)


def _function(value: Any) -> FunctionType | None:
    """Return the Python function behind *value*, without its decorators."""
    if not isinstance(value, staticmethod | classmethod) and not inspect.isroutine(value):
        return None
    inner = getattr(value, "hypothesis", None)  # the decorator @given has no __wrapped__
    function: Any = inspect.unwrap(getattr(inner, "inner_test", cast("Any", value)))
    function = getattr(function, "__func__", function)
    return function if isinstance(function, FunctionType) else None


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in *code* and the functions and classes within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _means(value: Any, classes: Collection[type]) -> bool:
    """Return whether *value* is one of *classes*, a sequence with one of them, or ``pytest.raises`` of one."""
    if isinstance(value, _RAISES):
        old: Any = getattr(value, "expected_exception", ())  # of pytest before 8.4
        return _means(getattr(value, "expected_exceptions", old), classes)
    if isinstance(value, (tuple, list)):
        return any(_means(each, classes) for each in value if not isinstance(each, (tuple, list)))
    return any(value is each for each in classes)
