"""Strictness: a fault that never fired, a call that no vendor knows and a real credential don't pass unseen."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ._sweep_case import CASE
from ._used import STRICT, used

if TYPE_CHECKING:
    from segment_mock import SegmentMock

NAMES = ("faults", "operations", "credentials")
_DEFAULT = frozenset({"faults", "operations"})
_TRUTH = {"true": frozenset(NAMES), "false": frozenset[str]()}
_HELP = (
    "What fails a test: 'true' for all, 'false' for nothing, or some of faults (one never fired), operations (a call "
    "that no vendor knows), credentials (one that looks real; else warned of). Default: faults, operations."
)


class CredentialWarning(UserWarning):
    """A test sent a credential that looks like one a vendor has issued."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini key ``segment_mock_strict``."""
    parser.addini("segment_mock_strict", _HELP, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an ini key that can't be read, before any test."""
    try:
        chosen(config.getini("segment_mock_strict"))
    except ValueError as error:
        raise pytest.UsageError(f"segment_mock_strict: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Look at what a test did that has not failed by itself."""
    result = yield
    if used(item) and not getattr(item, "_excinfo", None):  # where unittest keeps its failures
        _look(item)
    return result


def chosen(told: Any) -> frozenset[str] | None:
    """Return the names that *told* (a truth, a text or a list) stands for, None for None; raises ValueError."""
    if told is None or told == "":
        return None
    if isinstance(told, bool) or str(told).lower() in _TRUTH:
        return _TRUTH[str(told).lower()]
    names = [name.strip() for name in told.split(",")] if isinstance(told, str) else told
    if isinstance(names, (list, tuple, set, frozenset)) and set(names) <= set(NAMES):
        return frozenset(names)
    raise ValueError(f"{told!r} is not true, false, or some of {', '.join(NAMES)}")


def _in_force(item: pytest.Item) -> tuple[frozenset[str], bool]:
    """Return what fails this test, and whether it is to be warned of credentials."""
    told = [marker.kwargs["strict"] for marker in item.iter_markers("segment_mock") if "strict" in marker.kwargs]
    names = chosen(told[0] if told else item.stash.get(STRICT, None))
    if names is None:
        names = chosen(item.config.getini("segment_mock_strict"))
    return (_DEFAULT, True) if names is None else (names, bool(names))


def _look(item: pytest.Item) -> None:
    if not any(mock.faults.armed or len(mock.journal) for mock in used(item)):
        return
    found = {name: [line for mock in used(item) for line in check(item, mock)] for name, check in _CHECKS.items()}
    if not any(found.values()):
        return
    fails, warns = _in_force(item)
    told = "\n".join(_told(name, lines, fails) for name, lines in found.items() if lines and name in fails)
    if told:
        pytest.fail(f"segment-mock: {told}", pytrace=False)
    if found["credentials"] and warns:
        item.warn(CredentialWarning("\n".join([_TITLES["credentials"], *found["credentials"]])))


def _told(name: str, lines: list[str], fails: frozenset[str]) -> str:
    left = [other for other in NAMES if other in fails and other != name] or False
    way = f"@pytest.mark.segment_mock(strict={left}), or segment_mock_strict in the ini file, lets this pass"
    return "\n".join([_TITLES[name], *(f"  {line}" for line in lines), f"  ({way})"])


def _unfired(item: pytest.Item, mock: SegmentMock) -> Iterator[str]:
    scenarios: dict[str, list[Any]] = {}
    for rule in () if CASE in item.stash else mock.faults.armed:
        if rule.where.startswith("scenario "):
            scenarios.setdefault(rule.where, []).append(rule)
        elif not rule.fired and not _of_all(item, rule):
            yield f"rule {rule.id} {rule.kind} on {rule.operation}: {rule.why()}\n    armed by {_line(rule.where)}"
    for name, rules in scenarios.items():
        if not any(rule.fired for rule in rules):
            yield f"{name}: " + "; ".join(f"rule {rule.id} {rule.kind}: {rule.why()}" for rule in rules)


def _of_all(item: pytest.Item, rule: Any) -> bool:
    """Tell whether *rule* came from what is set for every test of a place, and need not fire in each."""
    own = any("faults" in marker.kwargs for marker in item.iter_markers("segment_mock"))
    return rule.where.startswith("the settings of ") and not own


def _line(where: str) -> str:
    file, _, number = where.rpartition(":")
    text = linecache.getline(str(Path(file).absolute()), int(number)).strip() if number.isdigit() else ""
    return f"{where}\n    > {text}" if text else where


def _unknown(item: pytest.Item, mock: SegmentMock) -> Iterator[str]:
    for entry in mock.journal:
        if entry.operation.endswith((".no_such_operation", ".no_such_method")):
            at = f" (called at {entry.caller})" if entry.caller else ""
            yield f"#{entry.id} {entry.method} {entry.target}{at}: {entry.hint or 'no such operation'}"


def _real(item: pytest.Item, mock: SegmentMock) -> Iterator[str]:
    from segment_mock.redaction import REAL

    for entry in mock.journal:
        names = [name for name, text in entry.request_headers.items() if text == REAL]
        if names:
            yield f"#{entry.id} {entry.method} {entry.target}: {', '.join(names)} (no report or capsule has it)"


_CHECKS: Mapping[str, Callable[[pytest.Item, SegmentMock], Iterator[str]]] = {
    "faults": _unfired,
    "operations": _unknown,
    "credentials": _real,
}
_TITLES = {
    "faults": "A fault was armed and never fired, so this test does not show what it seems to:",
    "operations": "A call went to an operation that no vendor has:",
    "credentials": "A credential looks like one that a vendor has issued; a test needs none, any text will do:",
}
