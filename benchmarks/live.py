"""Live servers under load, side by side: requests a second, tail, and memory after it.

``python benchmarks/live.py [--quick] [--json FILE]``. A round loads every server in turn at 1, 8 and 32
connections; all of them run all the time. Ours searches a world of four groups, the stubs repeat its reply.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from statistics import median

from exchange import SEARCH
from load import TOOL, Load, load
from rounds import ROUNDS, Report, interleaved, shown, table
from servers import FIXTURE, HTTPSERVER, OURS, Running, available, running

CONNECTIONS = (1, 8, 32)
BOUND = 3.0  # times the requests a second of pytest-httpserver's static stub
Key = tuple[str, int]


class Loads:
    """Every load of every round by server and connections."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.found: dict[Key, list[Load]] = {}

    def side(self, server: Running, connections: int) -> float:
        """Load one server and return its requests a second."""
        one = load(server.port, server.server.ask, connections, self._seconds)
        self.found.setdefault((server.server.name, connections), []).append(one)
        return one.rate

    def median(self, key: Key, field: str) -> float:
        """Return one field's median."""
        return median(getattr(one, field) for one in self.found[key])


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.begun("Live: requests a second on one keep-alive socket after another")
    seconds, rounds = (1, 3) if report.quick else (2, ROUNDS)
    print(f"Load by {TOOL}; {rounds} rounds of {seconds} s for each server and count of connections.\n")
    loads = Loads(seconds)
    with ExitStack() as stack:
        servers = [stack.enter_context(running(server)) for server in available(report.quick, report.skipped)]
        for server in servers:  # a virtual machine compiles what is hot
            load(server.port, server.server.ask, 8, 1 if report.quick else 4)
        sides = {(one.server.name, n): partial(loads.side, one, n) for n in CONNECTIONS for one in servers}
        rates = interleaved(sides, rounds)
        print(overview(servers, loads))
    judge(report, rates, loads)
    return report.finish()


def overview(servers: list[Running], loads: Loads) -> str:
    """Return the table of all servers: requests a second and p99 at each count, memory after the load."""
    head = ["server"] + [f"{n} conn." for n in CONNECTIONS] + [f"p99 at {n}" for n in CONNECTIONS] + ["memory"]
    rows = []
    for server in servers:
        keys = [(server.server.name, n) for n in CONNECTIONS]
        rates = [shown(loads.median(key, "rate"), "/s") for key in keys]
        tails = [shown(loads.median(key, "p99"), "s") for key in keys]
        rows.append([server.server.name, *rates, *tails, shown(server.memory, "B")])
    return table(head, rows)


def judge(report: Report, rates: dict[Key, list[float]], loads: Loads) -> None:
    """Compare ours with the others; no server may have refused a call or broken a connection of ours."""
    for name in dict.fromkeys(name for name, _ in rates):
        for n in CONNECTIONS:
            if name != OURS.name:
                bound = BOUND if name == HTTPSERVER.name else None
                what = f"requests a second at {n} beside {name}"
                report.compare(what, rates[OURS.name, n], rates[name, n], "/s", at_least=bound)
    for name in (OURS.name, FIXTURE.name):
        bad = sum(one.refused + one.broken for n in CONNECTIONS for one in loads.found[name, n])
        if bad:
            report.fail(f"{name}: {bad} answers to {SEARCH.path} were no answers")


if __name__ == "__main__":
    sys.exit(main())
