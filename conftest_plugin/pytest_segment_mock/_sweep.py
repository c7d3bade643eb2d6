"""Sweep: a test run once clean to learn its calls, then once for each call and fault, all of it set up afresh."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from ._sweep_case import CASE, Case, cases
from ._sweep_table import SweepTable, labelled
from ._used import forget, used

MARKER = "segment_mock_sweep"
LIMIT = 500


def pytest_configure(config: pytest.Config) -> None:
    """Set up the table of the summary."""
    # A worker's reports are told by the process that started it, which knows the tests by their ids alone.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SweepTable(), "segment_mock_sweep_table")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Take over the run of a test that has the marker."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return None
    clean = Case()
    if _passes(item, clean):
        for case in _cases(marker, clean):
            if item.session.shouldfail or item.session.shouldstop:
                break
            _passes(item, case)
    _tear_down(item, nextitem)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a run that passed, but shows nothing."""
    result = yield
    case = item.stash.get(CASE, None)
    if case is not None and not getattr(item, "_excinfo", None):
        wrong = _unswept(item, case) if case.fault is None else _missed(case)
        if wrong:
            pytest.fail(f"segment-mock, sweep: {wrong}", pytrace=False)
    return result


def _cases(marker: pytest.Mark, clean: Case) -> list[Case]:
    return cases(clean.calls, **{name: value for name, value in marker.kwargs.items() if name != "limit"})


def _unswept(item: pytest.Item, clean: Case) -> str:
    """Return why there is nothing to sweep, or too much, after the clean run."""
    marker = item.get_closest_marker(MARKER)
    assert marker is not None
    found, limit = len(_cases(marker, clean)), marker.kwargs.get("limit", LIMIT)
    if not used(item):
        return "the test uses no mock; ask for the fixture segment_mock or segment_mock_server"
    if not clean.calls:
        return "the test made no call to its mock, so there is none to break"
    if not found:
        return f"none of the {len(clean.calls)} calls is one of operations={marker.kwargs.get('operations')!r}"
    if found > limit:
        return f"{len(clean.calls)} calls make {found} cases, more than limit={limit}: name fewer faults or operations"
    return ""


def _missed(case: Case) -> str:
    """Return why the call to be struck was not made, or ``""``."""
    if len(case.calls) >= case.turn:
        return ""
    return f"this run made {len(case.calls)} calls, so call {case.turn} of the clean run never came: not twice the same"


def _passes(item: pytest.Item, case: Case) -> bool:
    """Run *item* as *case*, with everything of its own set up and torn down, report it, and tell if all passed."""
    _renew(item, case)
    nodeid, location = labelled(item.nodeid, item.location, case.label)
    item.ihook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    # What lies above the test (a module's fixtures, say) stays for the next run: its parent comes next.
    reports = runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]
    told = _facts(item, case)
    for report in reports:
        vars(report)["segment_mock_sweep"] = told
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
    return len(reports) == 3 and all(report.passed for report in reports)


def _facts(item: pytest.Item, case: Case) -> dict[str, Any]:
    """Return what the table wants to know of a run, as JSON: it may have been a worker's."""
    facts: dict[str, Any] = {"turn": case.turn, "fault": case.told, "idle": case.idle, "label": case.label}
    marker = item.get_closest_marker(MARKER)
    clean = case.fault is None and marker is not None
    return {**facts, "calls": case.calls, "cases": len(_cases(marker, case))} if clean and marker else facts


def _renew(item: pytest.Item, case: Case) -> None:
    """Make *item* as if it had never run: its fixtures are set up anew by themselves, the rest is here."""
    forget(item)
    item.stash[CASE] = case
    item.user_properties.clear()
    item._report_sections.clear()
    if getattr(item, "cls", None) is not None:
        for name in ("_instance", "_obj"):
            vars(item).pop(name, None)


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tear down what the test that comes next does not share; what goes wrong is this test's error."""
    torn = partial(item.session._setupstate.teardown_exact, nextitem)
    call = pytest.CallInfo.from_call(torn, when="teardown")
    if call.excinfo:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)
