"""Start and stop: servers until their first response, imports, and the time that a pytest plugin adds to an empty run.

``python benchmarks/start.py [--quick] [--json FILE]``.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import TypeVar

from pytest_httpserver import HTTPServer

from harness import Report, interleaved, readable
from process import ENVIRONMENT, Server, running
from scenario import world
from servers import HTTPSERVER, OURS, available

TAX = 0.010  # maximum seconds that the plugin adds to an empty run
SHARE = 0.5  # maximum ratio to what pytest-httpserver's plugin adds
SPAWN = 1.9  # maximum ratio to pytest-httpserver of the time from start to first response
NOTHING = "keyword"  # a module of the standard library that is not a plugin
PLUGINS = {
    "segment_mock": "pytest_segment_mock",
    "httpserver": "pytest_httpserver.pytest_plugin",
    "respx": "respx.plugin",
}
MODULES = ("segment_mock", "segment_mock.mock", "responses", "flask", "moto.server")
IDLE = 100
Result = TypeVar("Result")


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("Start and stop")
    servers(report, 2 if report.quick else 5)
    imports(report, 3 if report.quick else 15)
    plugins(report, 7 if report.quick else 25)
    serving(report, 5 if report.quick else 15)
    return report.finish()


def servers(report: Report, rounds: int) -> None:
    """Compare the time from starting a server to its first correct response."""
    sides = {server.name: partial(spawn_time, server) for server in available(report.quick, report.skipped)}
    for warm in sides.values():
        warm()
    samples = interleaved(sides, rounds)
    for name in samples:
        if name != OURS.name:
            bound = SPAWN if name == HTTPSERVER.name else None
            report.compare(f"spawn to first response beside {name}", samples[OURS.name], samples[name], at_most=bound)


def spawn_time(server: Server) -> float:
    """Return the time until a new process of *server* answers."""
    with running(server) as server_run:
        return server_run.since


def imports(report: Report, rounds: int) -> None:
    """Report the time of imports in a new interpreter."""
    there = [name for name in MODULES if find_spec(name.partition(".")[0])]
    report.skipped.update({name: "not installed" for name in MODULES if name not in there})
    samples = interleaved({name: partial(seconds_of, f"import {name}") for name in there}, rounds)
    for name in there:
        report.add(f"import {name}, processor time", samples[name])


def plugins(report: Report, rounds: int) -> None:
    """Report the time that each plugin adds to a pytest run without tests, and check the bound of our plugin.

    Reading the entry points of all installed packages, which pytest does for any name after ``-p``, does not count.
    """
    sides = {name: partial(empty_run, ["-p", at]) for name, at in {"none": NOTHING, **PLUGINS}.items()}
    for warm in sides.values():
        warm()
    samples = interleaved(sides, rounds)
    added = {name: median(a - b for a, b in zip(samples[name], samples["none"], strict=True)) for name in PLUGINS}
    for name, tax in added.items():
        report.add(f"plugin {name} in an empty run, processor time", [tax])
    ours, theirs = [added["segment_mock"]], [added["httpserver"]]
    report.compare("what the plugin adds to an empty run / pytest-httpserver's", ours, theirs, at_most=SHARE)
    if ours[0] > TAX and not report.quick:
        report.miss(f"the plugin adds {readable(ours[0], 's')} to an empty run; bound {readable(TAX, 's')}")


def empty_run(arguments: list[str]) -> float:
    """Return the time of pytest for an empty folder with these arguments, without importing pytest itself."""
    words = ["-q", "-p", "no:cacheprovider", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        return seconds_of(f"pytest.main({words!r})", "import pytest", folder)


def seconds_of(statement: str, first: str = "", folder: str | None = None) -> float:
    """Return the processor time of *statement* in a new interpreter; wall time would count other processes too."""
    code = f"from time import process_time\n{first}\nbegan = process_time()\n{statement}\nprint(process_time() - began)"
    alone = {**ENVIRONMENT, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def serving(report: Report, rounds: int) -> None:
    """Compare starting and stopping a live server within a process with pytest-httpserver."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        with world() as mock:
            server = timed_call(times, "start", mock.serve)
            timed_call(times, "stop", server.stop)
            server = mock.serve()
            idle = [socket.create_connection((server.host, server.port)) for _ in range(IDLE)]
            timed_call(times, f"stop with {IDLE} idle connections", server.stop)
            for one in idle:
                one.close()
        peer = HTTPServer("127.0.0.1", 0)
        timed_call(times, "their start", peer.start)
        with suppress(OSError):
            timed_call(times, "their stop", peer.stop)
    report.compare("mock.serve() / pytest-httpserver's start", times["start"], times["their start"])
    report.compare("server.stop() / pytest-httpserver's stop", times["stop"], times["their stop"])
    report.add(f"stop with {IDLE} idle connections", times[f"stop with {IDLE} idle connections"])


def timed_call(times: dict[str, list[float]], name: str, action: Callable[[], Result]) -> Result:
    """Call *action*, record the time that it took, and return its result."""
    began = perf_counter()
    result = action()
    times.setdefault(name, []).append(perf_counter() - began)
    return result


if __name__ == "__main__":
    sys.exit(main())
