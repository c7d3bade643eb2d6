"""The cost of a store: calls per second in memory, on SQLite and on Redis, ``python benchmarks/lasting.py``.

The rounds are interleaved. Calls of the core are a search and a write of one group in turn; a live server gets the same
from one connection. Redis is a separate server with ``appendonly yes``, once for each setting of its fsync.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from segment_mock import SegmentMock
from segment_mock.messages import Request

PATH = "/api/integration/ext/v1/segments"
HEADERS = {"authToken": "t", "Content-Type": "application/json"}
SEARCH = b'{"payload":{"offset":0,"count":4}}'
ROUNDS, CALLS = 7, 400


def main() -> int:
    """Measure and print; return the exit code."""
    calls = CALLS // 4 if "--quick" in sys.argv else CALLS
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = {"memory": "memory", "SQLite": f"sqlite:///{place / 'state.db'}"}
        for sync in ("everysec", "always") if shutil.which("redis-server") else ():
            stores[f"Redis, {sync}"] = stack.enter_context(redis(place / sync, sync))
        mocks = {name: stack.enter_context(SegmentMock(store=url, limits="off")) for name, url in stores.items()}
        ways = {
            "core call": {name: core_calls(mock) for name, mock in mocks.items()},
            "live call": {name: live_calls(mock) for name, mock in mocks.items()},
        }
        for store, actions in ways.items():
            rounds = [{name: rate(action, calls) for name, action in actions.items()} for _ in range(ROUNDS)]
            for name in actions:
                ratio = median(row[name] / row["memory"] for row in rounds)
                print(f"{store:<10} {name:<16} {median(row[name] for row in rounds):8.0f} a second  {ratio:5.2f}")
    return 0


def rate(action: Callable[[int], None], calls: int) -> float:
    """Return how often *action* can be performed in a second."""
    began = time.perf_counter()
    for number in range(calls):
        action(number)
    return calls / (time.perf_counter() - began)


def body_of(number: int) -> tuple[str, str, bytes]:
    """Return method, path and body of call *number*."""
    if number % 2:
        return "POST", f"{PATH}/search", SEARCH
    body = b'{"payload":{"segments":[{"name":"Group %d","externalSystemId":"%d"}]}}' % (number, number)
    return "PUT", PATH, body


def core_calls(mock: SegmentMock) -> Callable[[int], None]:
    """Return a function that makes a call to the core."""
    headers = {name.lower(): value for name, value in HEADERS.items()}

    def call(number: int) -> None:
        method, path, body = body_of(number)
        response = mock._core.answer(Request(method, path, headers, body))
        assert getattr(response, "status", 0) == 200, response

    return call


def live_calls(mock: SegmentMock) -> Callable[[int], None]:
    """Return a function that makes a call to a live server."""
    parts = urlsplit(mock.serve().url)
    connection = HTTPConnection(str(parts.hostname), parts.port)

    def call(number: int) -> None:
        method, path, body = body_of(number)
        connection.request(method, path, body, HEADERS)
        response = connection.getresponse()
        text = response.read()
        assert response.status == 200, text

    return call


@contextmanager
def redis(place: Path, sync: str) -> Iterator[str]:
    """Run a Redis server with its files in *place*."""
    place.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ("--port", str(port), "--dir", str(place), "--appendonly", "yes", "--appendfsync", sync, "--save", "")
    with subprocess.Popen(["redis-server", *flags], stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(500):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.01)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
