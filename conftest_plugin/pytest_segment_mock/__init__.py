"""The pytest plugin of segment-mock. It imports segment_mock only when a test asks for a mock."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from importlib.metadata import version

import pytest

from . import fixtures, guard, report, settings, strict, sweep
from .fixtures import LiveMock, MockFactory
from .strict import CredentialWarning, IgnoredFieldWarning, RefusedCallWarning

__all__ = ["CredentialWarning", "IgnoredFieldWarning", "LiveMock", "MockFactory", "RefusedCallWarning"]

# Registered here instead of in pytest_plugins, for which pytest would read the entry points of all installed packages.
_PARTS = (settings, strict, report, sweep, guard, fixtures)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the parts of the plugin, which add their own options."""
    for part in _PARTS:
        pluginmanager.register(part, part.__name__)


def pytest_report_header(config: pytest.Config) -> str:
    """Show version and seed at the head of the run."""
    server = f", server {url}" if (url := settings.url_of(config)) else ""
    return f"segment-mock: {version('segment-mock')}, seed {settings.seed(config) or 0}{server}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse to collect tests whose markers have unknown or invalid arguments."""
    report = yield
    items = [node for node in report.result if isinstance(node, pytest.Item)] if report.passed else []
    markers = (settings.MARKER, settings.SWEEP)
    marks = {id(mark): (item, mark) for item in items for name in markers for mark in item.iter_markers(name)}
    problems = [f"{item.nodeid}: {problem}" for item, mark in marks.values() for problem in _mark_problems(mark)]
    if problems:
        report.outcome, report.result, report.longrepr = "failed", [], "\n".join(problems)
    return report


def _mark_problems(mark: pytest.Mark) -> Iterator[str]:
    if mark.args:
        arguments = ", ".join(map(repr, mark.args))
        yield f"{mark.name}: expected only keyword arguments, such as data=... or seed=..., got {arguments}"
        return
    check = settings.setting_problems if mark.name == settings.MARKER else sweep.sweep_problems
    yield from (f"{mark.name}: {problem}" for problem in check(mark.kwargs))
