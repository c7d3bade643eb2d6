"""Sweeps: run a test once without faults to learn its calls, then once for each call and fault, with new fixtures."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sized
from dataclasses import fields, is_dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol  # private, but the only way to run a test again; pytest-rerunfailures too

from .fixtures import ON_USE, forget_mocks, used_mocks
from .settings import SWEEP, SWEEP_LIMIT, TRANSPORT, is_unittest_with_transports, transports_of_run, unknown_names

if TYPE_CHECKING:
    from segment_mock import SegmentMock
    from segment_mock.faults import Fault

DEFAULT_FAULTS = (
    {"kind": "error", "status": 503},
    {"kind": "refuse", "refusal": "throttled", "after": False},
    "disconnect",
    "hang",
    "truncate",
)
"""The default faults: an outage, a full rate window, and three ways to lose a response."""
ARMED_BY = "the sweep"
CASE = pytest.StashKey["Case"]()
_CACHE_KEY, _LAST_FAILED = "segment_mock/failed_cases", "cache/lastfailed"


class Case:
    """One run of a test: with *fault* at call number *turn* (from 1), or without a fault, to learn the calls.

    ``calls`` are the called operations, in order.
    """

    def __init__(self, turn: int = 0, operation: str = "", fault: Fault | None = None) -> None:
        self.turn, self.operation, self.fault = turn, operation, fault
        self.calls: list[str] = []
        self._rules: list[Any] = []
        self._lock = Lock()

    @property
    def fault_text(self) -> str:
        """The fault and its moment in short form, such as ``disconnect after``."""
        return describe_fault(self.fault) if self.fault else ""

    @property
    def label(self) -> str:
        """The label that distinguishes this run from other runs of the test, ``""`` for the run without faults."""
        return f"call {self.turn} {self.operation}, {self.fault_text}" if self.fault else ""

    @property
    def is_idle(self) -> bool:
        """Whether the call was made, but the fault had nothing to change in it."""
        return len(self.calls) >= self.turn > 0 and not any(rule.fired for rule in self._rules)

    def arm(self, mock: SegmentMock) -> None:
        """Count the calls of *mock*, and arm the fault for the call of this case."""
        rule = mock.faults.add(self.fault or _pass_through, match=self._is_turn)
        rule.where = ARMED_BY
        self._rules.append(rule)

    def _is_turn(self, call: Any) -> bool:
        with self._lock:
            self.calls.append(call.operation_name)
            return len(self.calls) == self.turn


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--segment-mock-sweep-only``."""
    about = "Of each sweep, run only the clean run and the cases whose id matches, such as 'call 3*disconnect*'."
    parser.getgroup("segment-mock").addoption("--segment-mock-sweep-only", metavar="GLOB", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Register the table that the terminal summary prints."""
    # The process that started an xdist worker reports for it, and knows the tests only by their ids.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SweepTable(config), "segment_mock_sweep_table")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test several times if it has the marker, or is in a TestCase and the run has several transports."""
    mark = item.get_closest_marker(SWEEP) if SWEEP in item.keywords else None
    by_transport = is_unittest_with_transports(item)
    if mark is None and not by_transport:
        return None
    for transport in transports_of_run(item.config) if by_transport else ("",):
        if transport:
            item.stash[TRANSPORT] = transport
        _run_all(item, mark, transport)
    _tear_down(item, nextitem)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a passed run whose fault could not strike, or after which there is no call to strike."""
    result = yield
    if CASE in item.stash and not getattr(item, "_excinfo", None):
        case, mark = item.stash[CASE], item.get_closest_marker(SWEEP)
        problem = "" if mark is None else _missed(case) if case.fault else _unswept(item, mark, case)
        if problem:
            pytest.fail(f"segment-mock, sweep: {problem}", pytrace=False)
    return result


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let ``--lf`` find the tests whose cases failed; pytest's list has the ids of cases, which are not collected."""
    config = session.config
    cache = getattr(config, "cache", None)
    if cache is None or hasattr(config, "workerinput"):
        return
    failed = cache.get(_LAST_FAILED, {})
    failures = cache.get(_CACHE_KEY, {})
    table = config.pluginmanager.get_plugin("segment_mock_sweep_table")
    ran = table.cases if isinstance(table, SweepTable) else {}
    for test, cases in ran.items():
        failures.pop(test, None)
        labels = [label for label, verdict in cases.items() if verdict == "failed"]
        if labels:
            failures[test] = labels
            failed[test] = True
        for label in cases:
            failed.pop(labelled(test, label), None)
    if ran:
        cache.set(_LAST_FAILED, failed)
        cache.set(_CACHE_KEY, failures)


def cases_for(calls: Iterable[str], faults: Any = DEFAULT_FAULTS, operations: str | Iterable[str] = "*") -> list[Case]:
    """Return a case for each of *calls* that matches *operations* (globs), each of *faults*, and each of its moments.

    Raises `SettingError` for an unusable fault.
    """
    globs = [operations] if isinstance(operations, str) else [*operations]
    globs += [f"*.{glob}" for glob in globs if "." not in glob]
    each = faults if isinstance(faults, (list, tuple)) else [faults]
    moments = [moment for fault in each for moment in _moments(fault)]
    return [
        Case(turn, name, fault)
        for turn, name in enumerate(calls, 1)
        if any(fnmatchcase(name, glob) for glob in globs)
        for fault in moments
    ]


def sweep_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the errors in the arguments of the marker."""
    from segment_mock import SettingError

    yield from unknown_names(settings, ("faults", "operations", "limit"))
    limit, operations = settings.get("limit", SWEEP_LIMIT), settings.get("operations", "*")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        yield f"limit: {limit!r} is not a whole number from 1"
    globs = [operations] if isinstance(operations, str) else operations
    if not isinstance(globs, (list, tuple)) or not globs or not all(isinstance(glob, str) and glob for glob in globs):
        yield f"operations: {operations!r} is not a glob, such as 'salsa.*', or a list of them"
    try:
        cases = cases_for(["any"], **{name: value for name, value in settings.items() if name == "faults"})
    except SettingError as error:
        yield str(error)
    else:
        if not cases:
            yield "faults: the list is empty, so there would be no case"


def describe_fault(fault: Any) -> str:
    """Return *fault* in short form: its kind, the settings that differ from their defaults, and its moment, if any."""
    try:
        settings = fault.as_dict().items()
        words = [f"{name}={value}" for name, value in settings if name not in ("kind", "after")]
        has_moment = is_dataclass(fault) and "after" in [row.name for row in fields(fault)]
    except Exception:  # a user's fault may be any object
        return str(getattr(fault, "kind", None) or getattr(fault, "__name__", None) or type(fault).__name__)
    moment = [("after" if fault.after else "before")] if has_moment else []
    return " ".join([str(fault.kind), *words, *moment])


def labelled(nodeid: str, *labels: str) -> str:
    """Return the id of a run of a test: the test's id, followed by *labels* in brackets if there are any."""
    text = ", ".join(filter(None, labels))
    return f"{nodeid}[{text}]" if text else nodeid


def _run_all(item: pytest.Item, mark: pytest.Mark | None, transport: str) -> None:
    clean = Case()
    if not _passes(item, clean, mark, transport) or mark is None:
        return
    for case in _selected_cases(item, _cases(mark, clean)):
        if item.session.shouldfail or item.session.shouldstop:
            return
        _passes(item, case, mark, transport)


def _cases(mark: pytest.Mark, clean: Case) -> list[Case]:
    return cases_for(clean.calls, **{name: value for name, value in mark.kwargs.items() if name != "limit"})


def _selected_cases(item: pytest.Item, cases: list[Case]) -> list[Case]:
    """Return the cases that the command line selects, by a glob or by ``--lf``."""
    config = item.config
    glob = config.getoption("--segment-mock-sweep-only")
    if glob:
        cases = [case for case in cases if _fits(item.nodeid, case.label, glob)]
    cache = getattr(config, "cache", None)
    if cache is not None and config.getoption("lf", False):
        failed = cache.get(_CACHE_KEY, {}).get(item.nodeid, ())
        cases = [case for case in cases if case.label in failed] or cases
    return cases


def _fits(nodeid: str, label: str, glob: str) -> bool:
    # Ids contain brackets, so do not treat them as character sets.
    pattern = glob.replace("[", "[[]")
    return fnmatchcase(label, pattern) or fnmatchcase(labelled(nodeid, label), pattern)


def _unswept(item: pytest.Item, mark: pytest.Mark, clean: Case) -> str:
    """Return the reason why the sweep has no cases, or too many; ``""`` if it can continue."""
    count, limit = len(_cases(mark, clean)), mark.kwargs.get("limit", SWEEP_LIMIT)
    if not used_mocks(item):
        return "the test uses no mock; add the fixture segment_mock or segment_mock_server"
    if not clean.calls:
        return "the test made no call to its mock, so there is no call to inject a fault into"
    if not count:
        operations = mark.kwargs.get("operations")
        return f"the test made {_count(clean.calls, 'call')}, but none matches operations={operations!r}"
    if count > limit:
        return (
            f"{_count(clean.calls, 'call')} would make {count} cases, more than limit={limit}; "
            "name fewer faults or operations"
        )
    return ""


def _missed(case: Case) -> str:
    """Return the reason why the call of *case* was not made, or ``""`` if it was."""
    if len(case.calls) >= case.turn:
        return ""
    return (
        f"this run made only {_count(case.calls, 'call')}, so the fault at call {case.turn} was not injected; "
        "a sweep needs a test that makes the same calls in each run"
    )


def _passes(item: pytest.Item, case: Case, mark: pytest.Mark | None, transport: str) -> bool:
    """Run *item* as *case*, with setup and teardown, report the run, and return whether all phases passed."""
    _renew(item)
    if mark is not None:
        item.stash[CASE] = case
        item.stash[ON_USE] = case.arm
    labels = (transport, case.label)
    nodeid, location = labelled(item.nodeid, *labels), _location(item.location, *labels)
    item.ihook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    # Keep wider fixtures, such as those of the module, for the next run, by naming the parent as the next item.
    reports = runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]
    facts = _facts(case, mark, transport, item)
    for report in reports:
        vars(report)["segment_mock_sweep"] = facts
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
    return len(reports) == 3 and all(report.passed for report in reports)


def _facts(case: Case, mark: pytest.Mark | None, transport: str, item: pytest.Item) -> dict[str, Any]:
    """Return the data of a run for the table, as JSON because an xdist worker may have run it."""
    facts: dict[str, Any] = {
        "turn": case.turn,
        "fault": case.fault_text,
        "idle": case.is_idle,
        "label": case.label,
        "transport": transport,
        "extra": not case.label and transport not in ("", transports_of_run(item.config)[0]),
    }
    if mark is None or case.fault is not None:
        return facts
    return {**facts, "calls": case.calls, "cases": len(_selected_cases(item, _cases(mark, case)))}


def _renew(item: pytest.Item) -> None:
    """Reset *item* so that it can run again; pytest itself sets up its fixtures again."""
    forget_mocks(item)
    item.user_properties.clear()
    item._report_sections.clear()
    if getattr(item, "cls", None) is not None:
        for name in ("_instance", "_obj"):
            vars(item).pop(name, None)


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tear down fixtures that the next test does not share; report an error as one of this test."""
    teardown = partial(item.session._setupstate.teardown_exact, nextitem)
    call = pytest.CallInfo.from_call(teardown, when="teardown")
    if call.excinfo:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)


def _location(location: tuple[str, int | None, str], *labels: str) -> tuple[str, int | None, str]:
    return (*location[:2], labelled(location[2], *labels))


async def _pass_through(call: Any, proceed: Any) -> Any:
    return await proceed()


def _moments(source: Any) -> Iterator[Any]:
    """Yield the fault *source* before and after the call, or only at the moment that it specifies.

    *source* is the name of a kind, a dictionary or a fault.
    """
    from segment_mock import SettingError
    from segment_mock.faults import fault_of

    fault: Any = fault_of(source)
    if getattr(fault, "at_connect", False):
        raise SettingError(f"faults: {fault.kind!r} strikes connections, but a sweep strikes calls")
    is_settled = (isinstance(source, Mapping) and "after" in source) or getattr(fault, "after", True)
    yield fault
    if not is_settled:
        yield replace(fault, after=True)


class SweepTable:
    """Collects the reports of sweeps, including those of workers, and prints a row for each call."""

    def __init__(self, config: pytest.Config) -> None:
        self._only = config.getoption("--segment-mock-sweep-only")
        self._session: pytest.Session | None = None
        self._calls: dict[str, list[str]] = {}
        self._runs: dict[str, dict[tuple[int, str], str]] = {}
        self.cases: dict[str, dict[str, str]] = {}
        """The label and verdict of each case that ran, by the id of the test."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Store the session, which counts the tests of the run."""
        self._session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a phase of a run, which has its own id; there are more runs than collected tests."""
        facts: dict[str, Any] | None = getattr(report, "segment_mock_sweep", None)
        if facts is None:
            return
        collected, labels = report.nodeid, (facts["transport"], facts["label"])
        report.nodeid, report.location = labelled(collected, *labels), _location(report.location, *labels)
        test = labelled(collected, facts["transport"])
        if report.when == "setup" and facts["extra"] and self._session:
            self._session.testscollected += 1
        if not facts["label"]:
            if "calls" in facts:
                self._calls[test] = facts["calls"]
                self._runs.setdefault(test, {})
            if report.when == "call" and report.passed and self._session:
                self._session.testscollected += facts.get("cases", 0)
            return
        verdicts = self._runs.setdefault(test, {})
        case = facts["turn"], facts["fault"]
        if report.failed:
            verdicts[case] = "failed"
        elif report.skipped:
            verdicts.setdefault(case, "xfailed" if hasattr(report, "wasxfail") else "skipped")
        elif report.when == "call":
            verdicts.setdefault(case, "idle" if facts["idle"] else "passed")
        verdict = verdicts.get(case, "passed")
        self.cases.setdefault(collected, {})[facts["label"]] = verdict

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run whose --segment-mock-sweep-only matches no case."""
        if self._only and self._runs and not any(self._runs.values()) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of each sweep."""
        ran = {test: verdicts for test, verdicts in self._runs.items() if verdicts}
        if not ran and not (self._only and self._runs):
            return
        terminalreporter.section("segment-mock sweep")
        for test, verdicts in ran.items():
            terminalreporter.write_line(_headline(test, self._calls.get(test, []), verdicts))
            for turn, operation in enumerate(self._calls.get(test, []), 1):
                own = {fault: verdict for (at, fault), verdict in verdicts.items() if at == turn}
                failed = "failed" in own.values()
                terminalreporter.write_line(f"  {turn:>3} {operation:<30} {_verdict(own)}", red=failed, bold=failed)
        if not ran:
            terminalreporter.write_line(f"no case matches --segment-mock-sweep-only {self._only!r}", red=True)


def _headline(test: str, calls: list[str], verdicts: Mapping[tuple[int, str], str]) -> str:
    failed = sum(verdict == "failed" for verdict in verdicts.values())
    return f"{test}: {_count(calls, 'call')}, {_count(verdicts, 'case')}, {failed or 'none'} failed"


def _count(items: Sized, noun: str) -> str:
    from segment_mock.wording import plural

    return plural(len(items), noun)


def _verdict(own: Mapping[str, str]) -> str:
    if not own:
        return "not swept"
    states = ("failed", "passed", "xfailed", "skipped", "idle")
    names = {state: [fault for fault, verdict in own.items() if verdict == state] for state in states}
    parts = [f"FAILED with {', '.join(names['failed'])}"] if names["failed"] else []
    parts += [f"{state} {len(names[state])}" for state in ("passed", "xfailed", "skipped") if names[state]]
    parts += [f"nothing to change for {', '.join(names['idle'])}"] if names["idle"] else []
    return "; ".join(parts)
