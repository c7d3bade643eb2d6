"""Half a minute of calls by 32 clients, with faults: every acknowledged write exists, and memory does not grow.

``python benchmarks/endurance.py [--seconds 30] [--json FILE]``. A client names the fault that it wants in a header. So
it knows which response it may get and whether its write was performed, and the final records are compared exactly.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from endurance_clients import FATES, OWN, Client, group, segment
from harness import Report
from process import Running, running
from servers import OURS

CLIENTS = 32
WARM, GROWTH = 0.3, 1.05
ID = 220
"""Bytes that the id of a deleted group takes, with its place in the table."""


def _world(clients: list[Client]) -> dict[str, Any]:
    for client in clients:
        keys = [name(client.number, place) for place in range(OWN) for name in (group, segment)]
        client.expected = dict.fromkeys(keys, "new")
    keys = [(client.number, place) for client in clients for place in range(OWN)]
    groups = [{"segmentId": group(*key), "name": f"Group {key[0]} {key[1]}", "description": "new"} for key in keys]
    segments = [{"id": segment(*key), "name": f"Segment {key}", "description": "new"} for key in keys]
    return {"salsa": {"segments": groups}, "segmenter": {"segments": segments}}


def _control(port: int, method: str, path: str, body: Any = None) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, None if body is None else json.dumps(body))
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {document}")
    return document


def _records(port: int) -> dict[str, str]:
    state = _control(port, "GET", "/_mock/state")
    groups = {row["segmentId"]: row["description"] for row in state["salsa"]["segments"]}
    return groups | {row["id"]: row["description"] for row in state["segmenter"]["segments"]}


def _threads(server: Running) -> int:
    tasks = Path(f"/proc/{server.pid}/task")
    return len([*tasks.iterdir()]) if tasks.is_dir() else 0


def main() -> int:
    """Run the clients; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    options = parser.parse_args()
    report = Report("Endurance: calls and faults from 32 clients", False, options.json)
    with running(OURS) as server:
        clients = [Client(number, server.port) for number in range(CLIENTS)]
        _control(server.port, "PUT", "/_mock/state", _world(clients))
        rules = [{**fate.rule, "match": {"headers": {"X-Fate": name}}} for name, fate in FATES.items() if fate.rule]
        _control(server.port, "POST", "/_mock/faults", rules)
        warm = _endured(clients, server, options.seconds)
        # The ids of deleted groups accumulate by design, because such an id may be used again.
        ids = sum(client.deleted for client in clients) - warm[2]
        memory = server.memory
        report.compare(
            "memory but for ids of deleted groups / once warm", [memory - ids * ID], [warm[0]], "B", at_most=GROWTH
        )
        report.compare("threads at the end / once warm", [_threads(server)], [warm[1]], "", at_most=1.0)
        report.add("memory at the end", [memory], "B")
        report.add("ids of deleted groups since it was warm", [ids], "")
        records = _records(server.port)
    _report(report, clients, records, options.seconds)
    return report.finish()


def _endured(clients: list[Client], server: Running, seconds: float) -> tuple[float, int, int]:
    """Let *clients* make calls for some seconds; return memory, threads and deleted groups of the warm *server*."""
    end = time.monotonic() + seconds
    workers = [threading.Thread(target=client.work, args=(lambda: time.monotonic() > end,)) for client in clients]
    for worker in workers:
        worker.start()
    time.sleep(seconds * WARM)
    warm = server.memory, _threads(server), sum(client.deleted for client in clients)
    while (remaining := end - time.monotonic()) > 0:
        time.sleep(min(remaining, 5))
        passed = min(seconds, seconds - end + time.monotonic())
        print(f"{passed:.0f} s: {sum(client.seen.total() for client in clients)} calls", file=sys.stderr, flush=True)
    for worker in workers:
        worker.join(20)
    return warm


def _report(report: Report, clients: list[Client], records: dict[str, str], seconds: float) -> None:
    expected = {key: text for client in clients for key, text in client.expected.items()}
    wrong = [line for client in clients for line in client.wrong]
    wrong += [
        f"{key}: {records.get(key)!r}, not {text!r}" for key, text in expected.items() if records.get(key) != text
    ]
    wrong += [f"{key}: no client wrote it" for key in records if key not in expected]
    seen = sum((client.seen for client in clients), Counter[str]())
    report.add("calls", [seen.total()], "")
    report.add("of these met a fault", [seen.total() - seen["none"]], "")
    report.add("calls a second", [seen.total() / seconds], "/s")
    right = sum(records.get(key) == text for key, text in expected.items())
    report.add("records that hold what they must", [right], "")
    report.add("responses or records that are wrong", [len(wrong)], "")
    if wrong or {*seen} != {*FATES}:
        report.fail("; ".join(wrong[:5]) or f"only these fates were met: {[*seen]}")


if __name__ == "__main__":
    sys.exit(main())
