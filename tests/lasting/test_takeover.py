"""Two servers over one store: a standby takes over from the one that is killed, and nothing acknowledged is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lasting import servers
from tests.persistence.engines import RedisServer, needs_redis, sqlite_url
from tests.waiting import Output

pytestmark = pytest.mark.slow  # starts many processes, and a lease ends by the clock of Redis

SEGMENTS = "/api/integration/ext/v1/segments"


_numbers = count()


class Server(servers.Server):
    """A server that stands by until it may write to *store*; its files are in a folder of its own in *place*."""

    def __init__(self, store: str, place: Path) -> None:
        super().__init__(store, place / f"server{next(_numbers)}", "--standby", "--limits", "off")

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a call to it."""
        headers = {"authToken": "t", "x-api-key": "k"}
        return requests.request(method, f"{self.wait()}{path}", json=body, headers=headers, timeout=30)

    def names(self) -> list[str]:
        """Return the names of its groups."""
        return [row["name"] for row in self.ask("GET", "/_mock/state").json()["salsa"]["segments"]]

    def send(self, number: int) -> None:
        """Send it the signal *number*."""
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGKILL) -> int:
        """End it by the signal *number*, and return its exit code."""
        self.kill(number)
        return self.process.returncode


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        server = RedisServer(tmp_path)
        yield server.url
        server.stop()


@contextmanager
def pair(store: str, place: Path) -> Iterator[list[Server]]:
    """Two servers, of which one is up; a test may replace them."""
    both = [Server(store, place), Server(store, place)]
    try:
        yield both
    finally:
        for server in both:
            server.send(signal.SIGCONT)
            server.end()


def active(candidates: list[Server]) -> Server:
    """Return the first server that answers."""
    output = Output.wait_for_any([server.output for server in candidates], servers.BANNER)
    return next(server for server in candidates if server.output is output)


def add(server: Server, name: str) -> str:
    """Add the group *name* and return the result."""
    reply = server.ask("PUT", SEGMENTS, {"payload": {"segments": [{"name": name}]}})
    assert 200 == reply.status_code, reply.text
    return str(reply.json()["payload"]["segments"][0]["result"])


def test_a_standby_goes_on_where_the_killed_one_was(store: str, tmp_path: Path) -> None:
    """Groups, counters of fault rules, the frozen clock, snapshots and the journal are there after each takeover."""
    with pair(store, tmp_path) as both:
        first = active(both)
        first.ask("POST", "/_mock/clock", {"freeze": "2026-01-01T00:00:00Z"})
        first.ask(
            "POST", "/_mock/faults", {"kind": "error", "status": 503, "operation": "salsa.*", "when": {"times": 3}}
        )
        first.ask("POST", "/_mock/snapshots/empty")
        for _ in range(3):
            server = active(both)
            assert 503 == server.ask("PUT", SEGMENTS, {"payload": {"segments": []}}).status_code
            server.ask("POST", "/_mock/clock", {"advance": 60})
            server.end()
            both[both.index(server)] = Server(store, tmp_path)
        last = active(both)
        names = [f"group {number}" for number in range(20)]
        assert {"ADDED"} == {add(last, name) for name in names}
        assert "2026-01-01T00:03:00.000Z" == last.ask("GET", "/_mock/clock").json()["now"]
        assert 23 == len(last.ask("GET", "/_mock/journal").json()["entries"])
        assert names == last.names()
        last.ask("POST", "/_mock/snapshots/empty/restore")
        assert [] == last.names()


def test_what_was_acknowledged_is_there_once_after_kills_at_random_moments(store: str, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    number = 0
    with pair(store, tmp_path) as both:
        for turn in range(3):
            server, is_due = active(both), threading.Event()
            killer = threading.Thread(target=lambda server=server, is_due=is_due: is_due.wait() and server.send(9))
            killer.start()
            last = number + 20 + 7 * turn
            with suppress(requests.RequestException):
                while True:
                    number += 1
                    if number == last:  # it is killed while it answers this call or one of the next
                        is_due.set()
                    add(server, f"group {number}")
                    acknowledged.append(f"group {number}")
            is_due.set()
            killer.join()
            server.end()
            both[both.index(server)] = Server(store, tmp_path)
        names = active(both).names()

    assert len(names) == len({*names})
    assert acknowledged == [name for name in names if name in {*acknowledged}]
    assert 3 >= len(names) - len(acknowledged)  # at most one for each kill was written and not acknowledged


def test_a_server_that_slept_refuses_once_another_has_taken_over(store: str, tmp_path: Path) -> None:
    """The standby answers with its own message, and continues from the other's state when the other has ended."""
    if store.startswith("sqlite"):
        pytest.skip("the lock of a file is held while its process sleeps")
    with pair(store, tmp_path) as both:
        first = active(both)
        (second,) = [server for server in both if server is not first]
        add(first, "one")
        first.send(signal.SIGSTOP)
        assert second is active([second])
        add(second, "two")
        first.send(signal.SIGCONT)
        refused = first.ask("PUT", SEGMENTS, {"payload": {"segments": [{"name": "three"}]}})
        assert 0 == second.end(signal.SIGTERM)
        both[both.index(second)] = Server(store, tmp_path)
        assert "ADDED" == add(first, "four")

        assert (503, "application/problem+json") == (refused.status_code, refused.headers["Content-Type"])
        assert "was taken over by process" in refused.json()["detail"]
        assert ["one", "two", "four"] == active(both).names()


def test_a_second_server_without_standby_is_refused_and_names_the_first(store: str, tmp_path: Path) -> None:
    with pair(store, tmp_path) as both:
        first = active(both)
        command = [sys.executable, "-m", "segment_mock", "serve", "--port", "0", "--store", store]
        second = subprocess.run(command, capture_output=True, text=True, check=False)

        assert 2 == second.returncode
        assert f"process {first.process.pid}" in second.stderr
        assert "--standby waits for its end" in second.stderr
