"""Strict mode: fail or warn if a passed test did something that makes its success doubtful."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from .fixtures import mock_factory, used_mocks, used_settings
from .guard import hanging_calls, hosts_refused_by_exec, is_by_guard, is_up, refused_calls
from .settings import STRICT, strict_names
from .sweep import CASE

if TYPE_CHECKING:
    from segment_mock import SegmentMock

_FAILS_BY_DEFAULT = frozenset({"faults", "operations", "stubs", "network"})
_SHOWN = 10
"""How many lines of one name are listed."""
_RAISES = type(pytest.raises(KeyError))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST_FUNCTIONS = 500
"""How many functions are read at most, to see whether a test expects an error."""
_HELP = (
    "What fails a test: 'true' for all, 'false' for nothing, or some of the following. 'faults': a fault never fired, "
    "or a call would hang without end. 'operations': a call matched no operation. 'stubs': a stub was never called. "
    "'credentials': one looks real. 'fields': a member was sent that the API ignores. 'network': a call was refused. "
    "Default: faults, operations, stubs, and network for calls that segment_mock_guard refused. The others are "
    "warnings."
)


class CredentialWarning(UserWarning):
    """A test sent a credential that looks like a real one.

    The strict name ``credentials`` makes it a failure. Filter it as ``pytest_segment_mock.CredentialWarning``.
    """


class IgnoredFieldWarning(UserWarning):
    """A test sent a field that the API ignores, which is often a misspelt name.

    The strict name ``fields`` makes it a failure. Filter it as ``pytest_segment_mock.IgnoredFieldWarning``.
    """


class RefusedCallWarning(UserWarning):
    """A test made a call to another host, which ``block_network`` refused.

    The strict name ``network`` makes it a failure. Filter it as ``pytest_segment_mock.RefusedCallWarning``.
    """


class ExecRefusal(NamedTuple):
    """A call to *host* that the proxy of ``segment-mock exec`` refused. The line that made the call is unknown."""

    host: str
    caller: str = ""
    why: str = "exec"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini key ``segment_mock_strict``."""
    parser.addini("segment_mock_strict", _HELP, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an unusable ini key before any test."""
    try:
        strict_names(config.getini("segment_mock_strict"))
    except ValueError as error:
        raise pytest.UsageError(f"segment_mock_strict: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Check a test that did not fail otherwise."""
    refused_before, by_exec = len(refused_calls()), hosts_refused_by_exec(item.config)
    hanging_before = len(hanging_calls())
    factory = mock_factory(item.config)
    factory.closed.clear()
    before = {mock: _part_of(mock) for mock in factory.open}
    result = yield
    if not getattr(item, "_excinfo", None):  # unittest stores failures there
        mocks = used_mocks(item)
        shared_mocks = [*factory.open, *factory.closed]
        refused = refused_calls()[refused_before:]
        if refused:
            refused = _without_nested_runs(item, refused, [*mocks, *shared_mocks])
        for host, count in hosts_refused_by_exec(item.config).items():
            refused += [ExecRefusal(host)] * (count - by_exec.get(host, 0))
        parts = [_part_of(mock, before.get(mock)) for mock in shared_mocks]
        if any(mock.faults.ever_armed or mock.stubs or len(mock.journal) for mock in mocks):
            parts = [*map(_part_of, mocks), *parts]
        if refused or parts:
            _check(item, parts, refused, hanging_calls()[hanging_before:] if parts else [])
    return result


class _Part(NamedTuple):
    """The part of a mock that a test has to do with: calls, and the rules and stubs that were added."""

    mock: SegmentMock
    entries: Sequence[Any]
    rules: Sequence[Any]
    stubs: Sequence[Any]


def _part_of(mock: SegmentMock, before: _Part | None = None) -> _Part:
    """Return all of *mock*, or what is new in it since *before*."""
    everything = _Part(mock, [*mock.journal], mock.faults.ever_armed, [*mock.stubs])
    if before is None:
        return everything
    newest = before.entries[-1] if before.entries else None
    older = next((number for number, entry in enumerate(everything.entries, 1) if entry is newest), 0)
    rules = [rule for rule in everything.rules if not any(rule is other for other in before.rules)]
    stubs = [stub for stub in everything.stubs if not any(stub is other for other in before.stubs)]
    return _Part(mock, everything.entries[older:], rules, stubs)


def _without_nested_runs(item: pytest.Item, refused: list[Any], mocks: Sequence[SegmentMock]) -> list[Any]:
    """Leave out calls that a nested pytest run refused, as in the test of a plugin."""
    return [call for call in refused if (is_up(item.config) if is_by_guard(call) else mocks)]


def _check(item: pytest.Item, parts: Sequence[_Part], refused: list[Any], hanging: list[str]) -> None:
    from segment_mock import WouldHangForever

    try:
        fails, warns, problems = _problems(item, parts, refused)
        problems["hanging"] = [] if hanging and _expects(item, WouldHangForever) else [*dict.fromkeys(hanging)]
        fails |= {"hanging"} if "faults" in fails else set()
    except Exception as error:  # a failing check must not hide the result of the test
        item.warn(UserWarning(f"segment-mock: strict could not be checked: {type(error).__name__}: {error}"))
        return
    failures = [_section(name, lines, fails) for name, lines in problems.items() if lines and name in fails]
    if failures:
        pytest.fail("segment-mock: " + "\n".join(failures), pytrace=False)
    for name, lines in problems.items():
        if lines and name in warns:
            item.warn(_WARNINGS[name]("\n".join([_TITLES[name], *_bounded(lines)])))


def _problems(
    item: pytest.Item, parts: Sequence[_Part], refused: list[Any]
) -> tuple[frozenset[str], frozenset[str], dict[str, list[str]]]:
    """Return the names that fail this test, those that it is warned about, and the lines of each name."""
    from segment_mock import NetworkBlocked

    problems = {name: [line for part in parts for line in of(item, part)] for name, of in _CHECKS.items()}
    names = _strict_names_of(item)
    if names is None:
        refused = [] if refused and _expects(item, NetworkBlocked) else refused
        problems["network"] = [_refused(call) for call in refused if is_by_guard(call)]
        problems["blocked"] = [_refused(call) for call in refused if not is_by_guard(call)]
        return _FAILS_BY_DEFAULT, frozenset(_WARNINGS), problems
    problems["network"] = [_refused(call) for call in refused]
    return names, frozenset(_WARNINGS) - names if names else frozenset(), problems


def _strict_names_of(item: pytest.Item) -> frozenset[str] | None:
    """Return the strict names of this test, or None for the default; the innermost marker or key wins."""
    for mark in item.iter_markers("segment_mock"):
        if "strict" in mark.kwargs:
            return strict_names(mark.kwargs["strict"])
    settings = used_settings(item)
    names = strict_names(settings.plugin.get("strict")) if settings is not None else None
    return strict_names(item.config.getini("segment_mock_strict")) if names is None else names


def _section(name: str, lines: list[str], fails: frozenset[str]) -> str:
    own = "faults" if name == "hanging" else name
    other_names = [other for other in STRICT if other in fails and other != own] or False
    remedy = f"@pytest.mark.segment_mock(strict={other_names}), or segment_mock_strict in the ini file, lets this pass"
    return "\n".join([_TITLES[name], *(f"  {line}" for line in _bounded(lines)), f"  ({remedy})"])


def _bounded(lines: list[str]) -> list[str]:
    return [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else lines


def _unfired(item: pytest.Item, part: _Part) -> Iterator[str]:
    scenarios: dict[str, list[Any]] = {}
    for rule in () if CASE in item.stash else part.rules:
        if rule.where.startswith("scenario "):
            scenarios.setdefault(rule.where, []).append(rule)
        elif not rule.fired and not _is_common(item, rule):
            name = f"rule {rule.id} {rule.kind} on {rule.operation}"
            yield f"{name}: {rule.explain()}\n    armed by {_source(rule.where)}"
    for name, rules in scenarios.items():
        if not any(rule.fired for rule in rules):
            yield f"{name}: " + "; ".join(f"rule {rule.id} {rule.kind}: {rule.explain()}" for rule in rules)


def _is_common(item: pytest.Item, rule: Any) -> bool:
    """Return whether *rule* comes from ``segment_mock_config`` and need not fire in each test."""
    own = any("faults" in mark.kwargs for mark in item.iter_markers("segment_mock"))
    return rule.where.startswith("the settings of ") and not own


def _source(where: str) -> str:
    file, _, number = where.rpartition(":")
    text = linecache.getline(str(Path(file).absolute()), int(number)).strip() if number.isdigit() else ""
    return f"{where}\n    > {text}" if text else where


def _unknown_operations(item: pytest.Item, part: _Part) -> Iterator[str]:
    for entry in part.entries:
        if entry.operation.endswith((".no_such_operation", ".no_such_method", "unmatched")):
            at = f" (called at {entry.caller})" if entry.caller else ""
            yield f"#{entry.id} {entry.method} {entry.target}{at}: {part.mock.journal.hint(entry) or 'unknown path'}"


def _unused_stubs(item: pytest.Item, part: _Part) -> Iterator[str]:
    own = any("stubs" in mark.kwargs for mark in item.iter_markers("segment_mock"))
    for stub in part.stubs:
        if not stub.calls and (own or not part.mock.stubs.is_initial(stub)):
            yield f"stub {stub} answered no call" + (f"\n    added at {_source(stub.where)}" if stub.where else "")


def _real_credentials(item: pytest.Item, part: _Part) -> Iterator[str]:
    from segment_mock.redaction import REAL

    for entry in part.entries:
        names = [name for name, text in entry.request_headers.items() if text == REAL]
        if names:
            yield f"#{entry.id} {entry.method} {entry.target}: {', '.join(names)} (redacted in reports and capsules)"


def _ignored_fields(item: pytest.Item, part: _Part) -> Iterator[str]:
    fields = part.mock.journal.ignored_fields() if part.entries else []
    for entry, calls, path, suggestion in fields:
        if entry.id < part.entries[0].id:
            continue  # an earlier test sent it first
        at = f" (called at {entry.caller})" if entry.caller else ""
        more = f", and in {calls - 1} more call{'s' * (calls > 2)}" if calls > 1 else ""
        yield f"#{entry.id} {entry.operation}: {path}{suggestion}{at}{more}"


def _refused(call: Any) -> str:
    if isinstance(call, ExecRefusal):
        return f"{call.host} was called, and refused by the proxy of segment-mock exec"
    by = "segment_mock_guard" if is_by_guard(call) else "block_network"
    return f"{call.host} was called at {call.caller or 'an unknown line'}, and refused by {by}"


_CHECKS: Mapping[str, Callable[[pytest.Item, _Part], Iterator[str]]] = {
    "faults": _unfired,
    "operations": _unknown_operations,
    "stubs": _unused_stubs,
    "credentials": _real_credentials,
    "fields": _ignored_fields,
}
_TITLES = {
    "hanging": "A call would have hung without end, and the test did not fail:",
    "faults": "A fault was armed and never fired, so this test proves less than it appears to:",
    "operations": "A call matched no operation of any vendor:",
    "credentials": "A credential looks like a real one; tests should use an invented one:",
    "fields": "The test sent a field that the API ignores:",
    "stubs": "A stub answered no call, so this test proves less than it appears to:",
    "network": "A call was refused:",
    "blocked": "A call was refused:",
}
_WARNINGS: Mapping[str, type[UserWarning]] = {
    "credentials": CredentialWarning,
    "fields": IgnoredFieldWarning,
    "network": RefusedCallWarning,
    "blocked": RefusedCallWarning,
}


def _expects(item: pytest.Item, error: type[Exception]) -> bool:
    """Return whether the test expects *error*, as by ``pytest.raises(WouldHangForever)``.

    It does if it names *error*, or a base class of it other than Exception. It may name it in a nested function, in a
    helper of its class or module, by another name, in a tuple of the module, or as a parameter. A helper in another
    module of the project has to name *error* itself: a base class such as RuntimeError may be what the tested code
    catches.
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
        names = {*_names_in(function.__code__)}
        for name, value in _values(function, names, getattr(item, "cls", None)):
            if name in {each.__name__ for each in errors} or _means(value, errors):
                return True
            helper = _function(value)
            if helper is None or helper in functions or len(functions) > _MOST_FUNCTIONS:
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


def _names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in *code* and the functions and classes within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _means(value: Any, classes: Collection[type]) -> bool:
    """Return whether *value* is one of *classes*, a sequence with one of them, or ``pytest.raises`` of one."""
    if isinstance(value, _RAISES):
        old: Any = getattr(value, "expected_exception", ())  # of pytest before 8.4
        return _means(getattr(value, "expected_exceptions", old), classes)
    if isinstance(value, (tuple, list)):
        return any(_means(each, classes) for each in value if not isinstance(each, (tuple, list)))
    return any(value is each for each in classes)
