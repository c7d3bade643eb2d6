"""Warn if a mock had no calls while another stubbing library was active, and show how to let calls pass through it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from types import TracebackType
from typing import Any

import pytest

from .fixtures import used_mocks
from .settings import MARKER

ADVICE: Mapping[str, str] = {
    "responses": 'responses.add_passthru("https://api.salsalabs.org")',
    "requests_mock": "requests_mock.Mocker(real_http=True)",
    "respx": 'respx_mock.route(host="api.salsalabs.org").pass_through()',
    "pytest_httpx": 'httpx_mock(should_mock=lambda request: request.url.host != "api.salsalabs.org")',
    "vcr": 'vcr.use_cassette(..., ignore_hosts=["api.salsalabs.org"])',
}
"""For each library that intercepts calls before a mock does, the line that lets calls to a vendor's host pass."""
_SHOWN = 3
_TITLE = "segment-mock"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Check which library may have answered instead of a mock, while stubs of fixtures are still active."""
    try:
        result = yield
    except Exception as error:
        _note(item, error.__traceback__)
        raise
    _note(item, None)
    return result


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the notes on stubs of passed tests; for a failed test, its report has them."""
    tests: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("passed", ()):
        for title, line in getattr(report, "sections", ()):
            if title == f"Captured {_TITLE} call":
                tests.setdefault(line, []).append(report.nodeid)
    if not tests:
        return
    terminalreporter.section(_TITLE)
    for line, names in tests.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        terminalreporter.line(f"{', '.join(names[:_SHOWN])}{more}: {line}")


def _note(item: pytest.Item, traceback: TracebackType | None) -> None:
    mocks = used_mocks(item)
    if not mocks or MARKER not in getattr(item, "fixturenames", ()) or any(len(mock.journal) for mock in mocks):
        return
    for library in dict.fromkeys([*_active(), *_libraries_in(traceback)]):
        line = (
            f"no call reached the mock while {library}, which intercepts calls first, was active; "
            f"to let calls pass, use {ADVICE[library]}"
        )
        item.add_report_section("call", _TITLE, line)


def _active() -> Iterator[str]:
    """Yield the libraries whose stubs are active in a client library."""
    for library, is_active in _IS_ACTIVE.items():
        if library in sys.modules:
            try:
                if is_active(sys.modules):
                    yield library
            except (AttributeError, KeyError):  # another version, or its client library is not imported
                continue


def _libraries_in(traceback: TracebackType | None) -> Iterator[str]:
    """Yield the libraries that have a frame in *traceback*."""
    while traceback is not None:
        library = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if library in ADVICE:
            yield library
        traceback = traceback.tb_next


def _is_of(function: Any, library: str) -> bool:
    return bool(function.__module__.partition(".")[0] == library)


_IS_ACTIVE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "responses": lambda modules: _is_of(modules["requests.adapters"].HTTPAdapter.send, "responses"),
    "requests_mock": lambda modules: _is_of(modules["requests.sessions"].Session.send, "requests_mock"),
    "respx": lambda modules: any(mocker._patches for mocker in modules["respx.mocks"].Mocker.registry.values()),
    "pytest_httpx": lambda modules: _is_of(modules["httpx"].HTTPTransport.handle_request, "pytest_httpx"),
    "vcr": lambda modules: _is_of(modules["urllib3.connectionpool"].HTTPConnectionPool.ConnectionCls, "vcr"),
}
