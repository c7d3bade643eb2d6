"""Live servers under load, compared: requests per second, 99th percentile, and memory afterwards.

``python benchmarks/live.py [--quick] [--json FILE]``. A round loads every server in turn with 1, 8 and 32 connections;
all servers run throughout. Ours searches four groups, and the stubs repeat its response.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from statistics import median

from harness import ROUNDS, Report, interleaved, ratio, readable
from load import TOOL, Load, load
from process import Running, awake_processors, running
from scenario import SEARCH
from servers import FIXTURE, HTTPSERVER, OURS, WIREMOCK, available

CONNECTIONS = (1, 8, 32)
BOUNDS = {
    1: 2.5,
    8: 3.0,
    32: 3.0,
}  # by connections: minimum ratio to the requests per second of pytest-httpserver's static stub
Key = tuple[str, int]


class Loads:
    """The results of all rounds, by server and connections."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loads: dict[Key, list[Load]] = {}
        self._costs: dict[str, list[float]] = {}

    def side(self, server: Running, connections: int) -> float:
        """Load one server, and return its requests per second."""
        name, before = server.server.name, server.cpu
        one = load(server.port, server.server.request, connections, self._seconds)
        self._loads.setdefault((name, connections), []).append(one)
        self._costs.setdefault(name, []).append((server.cpu - before) / max(1.0, one.rate * self._seconds))
        return one.rate

    def all(self, name: str, connections: int, field: str) -> list[float]:
        """Return one field of each round."""
        return [getattr(one, field) for one in self._loads[name, connections]]

    def cost(self, name: str) -> float:
        """Return the processor time of a server for one request."""
        return median(self._costs[name])

    def bad(self, name: str) -> float:
        """Return the number of a server's invalid responses."""
        return sum(sum(self.all(name, n, field)) for n in CONNECTIONS for field in ("refused", "broken"))


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("Live: a search over keep-alive connections")
    seconds, rounds = (1, 3) if report.quick else (2, ROUNDS)
    print(f"Load by {TOOL}; {rounds} rounds of {seconds} s for each server and count of connections.\n", flush=True)
    loads = Loads(seconds)
    with ExitStack() as stack:
        servers = [stack.enter_context(running(server)) for server in available(report.quick, report.skipped)]
        for server in servers:  # a virtual machine compiles what is hot
            load(server.port, server.server.request, 8, 1 if report.quick else 4)
        sides = {(one.server.name, n): partial(loads.side, one, n) for n in CONNECTIONS for one in servers}
        with awake_processors():
            interleaved(sides, rounds)
        memory = {one.server.name: one.memory for one in servers}
    overview(report, memory, loads)
    judge(report, memory, loads)
    return report.finish()


def overview(report: Report, memory: dict[str, float], loads: Loads) -> None:
    """Print all servers: requests per second, their ratio to ours, 99th percentile, processor time and memory."""
    head = ["server", *(f"{n} conn." for n in CONNECTIONS), *(f"ours at {n}" for n in CONNECTIONS)]
    rows = []
    for name in memory:
        rates = [loads.all(name, n, "rate") for n in CONNECTIONS]
        times = [ratio(loads.all(OURS.name, n, "rate"), rate) for n, rate in zip(CONNECTIONS, rates, strict=True)]
        tails = [readable(median(loads.all(name, n, "p99")), "s") for n in CONNECTIONS]
        cells = [readable(median(rate), "/s") for rate in rates] + [f"{one:.2f} x" for one in times]
        rows.append([name, *cells, *tails, readable(loads.cost(name), "s"), readable(memory[name], "B")])
    report.table([*head, *(f"p99 at {n}" for n in CONNECTIONS), "CPU a call", "memory"], rows)


def judge(report: Report, memory: dict[str, float], loads: Loads) -> None:
    """Compare ours with the peers that bounds and aims name; each of our responses has to be valid."""
    rate = partial(loads.all, field="rate")
    for n in CONNECTIONS if HTTPSERVER.name in memory else ():
        label = f"requests a second at {n} beside {HTTPSERVER.name}"
        report.compare(label, rate(OURS.name, n), rate(HTTPSERVER.name, n), "/s", at_least=BOUNDS[n])
    if WIREMOCK.name in memory:
        name, p99 = WIREMOCK.name, partial(loads.all, field="p99")
        ours, theirs = [memory[OURS.name]], [memory[name]]
        label = f"requests a second at 8 beside {name}"
        report.compare(label, rate(OURS.name, 8), rate(name, 8), "/s", at_least=0.5)
        report.compare(f"{label}, aim", rate(OURS.name, 8), rate(name, 8), "/s", at_least=1, aim=True)
        report.compare(f"p99 at 32 beside {name}", p99(OURS.name, 32), p99(name, 32), at_most=0.2)
        report.compare(f"memory after load beside {name}", ours, theirs, "B", at_most=0.1)
    for name in (OURS.name, FIXTURE.name):
        if bad := loads.bad(name):
            report.fail(f"{name}: {bad:.0f} responses to {SEARCH.path} were errors or none")


if __name__ == "__main__":
    sys.exit(main())
