"""Two servers with one store: a standby takes over from a killed server and loses no acknowledged change."""

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
    """A server started with ``--standby`` on *store*; its files are in a new folder within *folder*."""

    def __init__(self, store: str, folder: Path) -> None:
        super().__init__(store, folder / f"server{next(_numbers)}", "--standby", "--limits", "off")

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Wait until the server is ready, send a request with a credential, and return the response."""
        headers = {"authToken": "t", "x-api-key": "k"}
        return requests.request(method, f"{self.wait()}{path}", json=body, headers=headers, timeout=30)

    def names(self) -> list[str]:
        """Return the names of the server's groups."""
        return [row["name"] for row in self.request("GET", "/_mock/state").json()["salsa"]["segments"]]

    def send_signal(self, signal_number: int) -> None:
        """Send the signal *signal_number* to the process."""
        self.process.send_signal(signal_number)

    def end(self, signal_number: int = signal.SIGKILL) -> int:
        """End the process by the signal *signal_number*, and return its exit code."""
        self.kill(signal_number)
        return self.process.returncode


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store; each test runs with SQLite and with Redis."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        server = RedisServer(tmp_path)
        yield server.url
        server.stop()


@contextmanager
def server_pair(store: str, folder: Path) -> Iterator[list[Server]]:
    """Start two servers on *store*, one of which becomes active; kill the servers in the list at the end.

    A test may replace a server in the list.
    """
    pair = [Server(store, folder), Server(store, folder)]
    try:
        yield pair
    finally:
        for server in pair:
            server.send_signal(signal.SIGCONT)
            server.end()


def active(candidates: list[Server]) -> Server:
    """Wait until one of *candidates* is ready for calls, and return it."""
    output = Output.wait_for_any([server.output for server in candidates], servers.BANNER)
    return next(server for server in candidates if server.output is output)


def add(server: Server, name: str) -> str:
    """Create the group *name* and return its ``result`` in the response, such as ADDED."""
    response = server.request("PUT", SEGMENTS, {"payload": {"segments": [{"name": name}]}})
    assert 200 == response.status_code, response.text
    return str(response.json()["payload"]["segments"][0]["result"])


def test_a_standby_continues_from_the_state_of_the_killed_server(store: str, tmp_path: Path) -> None:
    """It has the groups, counters of fault rules, frozen clock, snapshots and journal, also after several takeovers."""
    with server_pair(store, tmp_path) as pair:
        first = active(pair)
        first.request("POST", "/_mock/clock", {"freeze": "2026-01-01T00:00:00Z"})
        first.request(
            "POST", "/_mock/faults", {"kind": "error", "status": 503, "operation": "salsa.*", "when": {"times": 3}}
        )
        first.request("POST", "/_mock/snapshots/empty")
        for _ in range(3):
            server = active(pair)
            assert 503 == server.request("PUT", SEGMENTS, {"payload": {"segments": []}}).status_code
            server.request("POST", "/_mock/clock", {"advance": 60})
            server.end()
            pair[pair.index(server)] = Server(store, tmp_path)
        last = active(pair)
        names = [f"group {number}" for number in range(20)]
        assert {"ADDED"} == {add(last, name) for name in names}
        assert "2026-01-01T00:03:00.000Z" == last.request("GET", "/_mock/clock").json()["now"]
        assert 23 == len(last.request("GET", "/_mock/journal").json()["entries"])
        assert names == last.names()
        last.request("POST", "/_mock/snapshots/empty/restore")
        assert [] == last.names()


def test_acknowledged_groups_exist_once_after_kills_during_calls(store: str, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    number = 0
    with server_pair(store, tmp_path) as pair:
        for run in range(3):
            server, is_due = active(pair), threading.Event()
            killer = threading.Thread(
                target=lambda server=server, is_due=is_due: is_due.wait() and server.send_signal(9)
            )
            killer.start()
            last = number + 20 + 7 * run
            with suppress(requests.RequestException):
                while True:
                    number += 1
                    if number == last:  # the server is killed while it answers this call or one of the next
                        is_due.set()
                    add(server, f"group {number}")
                    acknowledged.append(f"group {number}")
            is_due.set()
            killer.join()
            server.end()
            pair[pair.index(server)] = Server(store, tmp_path)
        names = active(pair).names()

    assert len(names) == len({*names})
    assert acknowledged == [name for name in names if name in {*acknowledged}]
    assert 3 >= len(names) - len(acknowledged)  # at most one for each kill was written and not acknowledged


def test_a_suspended_server_refuses_calls_after_a_takeover(store: str, tmp_path: Path) -> None:
    """After the other server has ended, the first one becomes active again and continues from its state."""
    if store.startswith("sqlite"):
        pytest.skip("a suspended process keeps the lock of its file")
    with server_pair(store, tmp_path) as pair:
        first = active(pair)
        (second,) = [server for server in pair if server is not first]
        add(first, "one")
        first.send_signal(signal.SIGSTOP)
        assert second is active([second])
        add(second, "two")
        first.send_signal(signal.SIGCONT)
        refusal = first.request("PUT", SEGMENTS, {"payload": {"segments": [{"name": "three"}]}})
        assert 0 == second.end(signal.SIGTERM)
        pair.remove(second)
        assert "ADDED" == add(first, "four")

        assert (503, "application/problem+json") == (refusal.status_code, refusal.headers["Content-Type"])
        assert "was taken over by process" in refusal.json()["detail"]
        assert ["one", "two", "four"] == active(pair).names()


def test_a_second_server_without_standby_exits_with_2_and_names_the_first(store: str, tmp_path: Path) -> None:
    with server_pair(store, tmp_path) as pair:
        first = active(pair)
        command = [sys.executable, "-m", "segment_mock", "serve", "--port", "0", "--store", store]
        second = subprocess.run(command, capture_output=True, text=True, check=False)

        assert 2 == second.returncode
        assert f"process {first.process.pid}" in second.stderr
        assert "standby (--standby) waits until that process ends" in second.stderr
