"""Whether a test expects an error, as by ``pytest.raises(WouldHangForever)``."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from types import CodeType, FunctionType
from typing import Any, cast

import pytest

_RAISES = type(pytest.raises(KeyError))


def expects(item: pytest.Item, error: type[Exception]) -> bool:
    """Return whether the test names *error*, or a base class of it other than Exception.

    It may name it in a nested function, in a helper of its class or module, by another name, in a tuple of the module,
    or as a parameter.
    """
    classes = [each for each in error.__mro__ if issubclass(each, Exception) and each is not Exception]
    params = getattr(getattr(item, "callspec", None), "params", {})
    if any(_means(value, classes) for value in params.values()):
        return True
    class_names = {each.__name__ for each in classes}
    functions = [_function(getattr(item, "obj", None))]
    for function in functions:  # which grows by the helpers
        if function is None:
            continue
        for name in _names(function.__code__):
            value = function.__globals__.get(name, inspect.getattr_static(getattr(item, "cls", None), name, None))
            if name in class_names or _means(value, classes):
                return True
            helper = _function(value)
            if helper is not None and helper.__globals__ is function.__globals__ and helper not in functions:
                functions.append(helper)
    return False


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
