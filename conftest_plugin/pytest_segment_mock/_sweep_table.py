"""What became of every case of every sweep, in the summary of the run."""

from __future__ import annotations

from typing import Any

import pytest


class SweepTable:
    """Collects the reports of sweeps, a worker's too, and prints a row a call."""

    def __init__(self) -> None:
        self._session: pytest.Session | None = None
        self._calls: dict[str, list[str]] = {}
        self._cases: dict[str, dict[tuple[int, str], str]] = {}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep the session, which counts the tests of the run."""
        self._session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase of a case, under an id of its own; the cases are more tests than were collected."""
        told: dict[str, Any] | None = getattr(report, "segment_mock_sweep", None)
        if told is None:
            return
        test = report.nodeid
        report.nodeid, report.location = labelled(test, report.location, told["label"])
        if not told["label"]:
            self._calls[test] = told["calls"]
            if report.when == "call" and report.passed and self._session:
                self._session.testscollected += told["cases"]
            return
        found = self._cases.setdefault(test, {})
        case = told["turn"], told["fault"]
        if report.failed:
            found[case] = "broke"
        found.setdefault(case, "idle" if told["idle"] else "held")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of each sweep."""
        if not self._cases:
            return
        terminalreporter.section("segment-mock sweep")
        for test, found in self._cases.items():
            terminalreporter.write_line(_headline(test, self._calls.get(test, []), found))
            for turn, operation in enumerate(self._calls.get(test, []), 1):
                own = {fault: what for (at, fault), what in found.items() if at == turn}
                broke = "broke" in own.values()
                terminalreporter.write_line(f"  {turn:>3} {operation:<30} {_verdict(own)}", red=broke, bold=broke)


def labelled(nodeid: str, location: tuple[str, int | None, str], label: str) -> tuple[str, tuple[str, int | None, str]]:
    """Return id and location of a run of a test: the test's own, with *label* if it has one."""
    suffix = f"[{label}]" if label else ""
    return nodeid + suffix, (*location[:2], location[2] + suffix)


def _headline(test: str, calls: list[str], found: dict[tuple[int, str], str]) -> str:
    broke = sum(what == "broke" for what in found.values())
    verdict = f"{broke} broke it" if broke else "none broke it"
    return f"{test}: {len(calls)} calls, {len(found)} cases, {verdict}"


def _verdict(own: dict[str, str]) -> str:
    if not own:
        return "not swept"
    names = {state: [fault for fault, what in own.items() if what == state] for state in ("broke", "held", "idle")}
    told = [f"BROKE by {', '.join(names['broke'])}"] if names["broke"] else []
    told += [f"held against {len(names['held'])}"] if names["held"] else []
    return "; ".join(told + ([f"nothing to spoil for {', '.join(names['idle'])}"] if names["idle"] else []))
