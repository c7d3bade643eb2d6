"""Forked child processes: locks are free, calls reach the parent's mock, and sockets of the parent are closed."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock
from segment_mock.forking import call_after_fork, new_lock, new_rlock
from tests.ports import free_port
from tests.waiting import PATIENCE

from .forks import Child, run_in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
SEARCH = "https://api.salsalabs.org/api/integration/ext/v1/segments/search"
METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
HEADERS = {"authToken": "any"}
FORKS = 60


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock(data="demo", limits="off") as mock:
        yield mock


def call_with_requests() -> int:
    return requests.get(METRICS, headers=HEADERS).status_code


def call_with_urllib() -> int:
    with urllib.request.urlopen(urllib.request.Request(METRICS, headers=HEADERS)) as response:
        return int(response.status)


def call_with_httpx() -> int:
    import httpx

    return httpx.get(METRICS, headers=HEADERS).status_code


def call_with_async_httpx() -> int:
    import httpx

    async def call() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.get(METRICS, headers=HEADERS)).status_code

    return asyncio.run(call())


def call_with_aiohttp() -> int:
    import aiohttp

    async def call() -> int:
        async with aiohttp.ClientSession() as client, client.get(METRICS, headers=HEADERS) as response:
            status = response.status
        # Before Python 3.12, aiohttp does not wait until a TLS connection is closed: wait until the loop has no socket
        # but its own.
        while len(asyncio.get_running_loop()._selector.get_map()) > 1:  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        return status

    return asyncio.run(call())


CLIENTS = [call_with_requests, call_with_urllib, call_with_httpx, call_with_async_httpx, call_with_aiohttp]


@pytest.mark.parametrize("call", CLIENTS)
@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_a_call_of_a_child_reaches_a_live_server_of_the_mock(
    mock: SegmentMock, call: Callable[[], int], transport: Any
) -> None:
    """The parent's journal has the call, and the parent's own calls still work."""
    mock.serve()
    with mock.intercept(transport=transport):
        call()
        assert 200 == run_in_child(call)
        call()

    assert 3 == len(mock.journal)


@pytest.mark.parametrize("call", CLIENTS)
@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_a_call_of_a_child_without_a_server_is_an_error(
    mock: SegmentMock, call: Callable[[], int], transport: Any
) -> None:
    """The message says what to do; the error is not an OSError, so clients do not retry."""
    with mock.intercept(transport=transport):
        outcome = run_in_child(call)

    assert outcome.startswith("NetworkBlocked: api.salsalabs.org was called at ")
    assert "forked from process" in outcome
    assert "children=True" in outcome
    assert 0 == len(mock.journal)


def test_block_network_applies_in_a_child(mock: SegmentMock) -> None:
    with mock.intercept(block_network=True):
        outcome = run_in_child(lambda: requests.get("https://other.example/"))

    assert outcome.startswith("NetworkBlocked: other.example was called at ")
    assert "block_network=True" in outcome


def test_a_mock_in_a_child_has_a_repr(mock: SegmentMock) -> None:
    assert repr(mock) == run_in_child(lambda: repr(mock))


def test_a_child_verifies_a_tls_server_of_the_mock(mock: SegmentMock) -> None:
    mock.serve(tls=True)
    with mock.intercept():
        assert 200 == run_in_child(call_with_requests)


def test_a_session_of_the_mock_in_a_child_calls_the_server(mock: SegmentMock) -> None:
    """Its calls raise an error if there is no server."""
    session = mock.session()
    session.get(METRICS, headers=HEADERS)
    refused = run_in_child(lambda: session.get(METRICS, headers=HEADERS).status_code)
    mock.serve()

    assert "children=True" in refused
    assert 200 == run_in_child(lambda: session.get("/api/integration/ext/v1/metrics", headers=HEADERS).status_code)
    assert 2 == len(mock.journal)


def test_a_child_does_not_use_connections_of_its_parent(mock: SegmentMock) -> None:
    """This applies in process and live."""
    for transport in ("inprocess", "live"):
        server = mock.serve()
        with requests.Session() as session, mock.intercept(transport=transport):  # type: ignore[arg-type]
            call = lambda: session.get(METRICS, headers=HEADERS).status_code  # noqa: E731
            assert [200, 200, 200] == [call(), run_in_child(call), call()]
        server.stop()


def test_an_interception_started_in_a_child_calls_the_parents_server(mock: SegmentMock) -> None:
    def call() -> int:
        with mock.intercept():
            return call_with_requests()

    refused = run_in_child(call)
    mock.serve()

    assert "children=True" in refused
    assert 200 == run_in_child(call)


@pytest.mark.parametrize(
    "use",
    [
        lambda mock: mock.journal,
        lambda mock: mock.faults,
        lambda mock: mock.clock,
        lambda mock: mock.salsa,
        lambda mock: mock.state(),
        lambda mock: mock.reset(),
        lambda mock: mock.serve(),
        lambda mock: mock.child_environment(),
    ],
)
def test_using_the_parents_mock_in_a_child_is_an_error(mock: SegmentMock, use: Callable[[SegmentMock], Any]) -> None:
    """A child has only a copy of its state; closing the copy does nothing."""
    assert run_in_child(lambda: use(mock)).startswith(f"RuntimeError: this mock belongs to process {os.getpid()}")
    assert "Salsa" == run_in_child(lambda: mock.close() or "Salsa")


def test_a_call_of_a_grandchild_reaches_the_server(mock: SegmentMock) -> None:
    mock.serve()
    with mock.intercept():
        assert 200 == run_in_child(lambda: run_in_child(call_with_requests))


def test_a_child_can_create_its_own_mock(mock: SegmentMock) -> None:
    def call() -> tuple[int, int]:
        with SegmentMock() as own, own.intercept():
            return call_with_requests(), len(own.journal)

    with mock.intercept():
        assert (200, 1) == run_in_child(call)
    assert not len(mock.journal)


def test_a_running_child_does_not_keep_the_server_port_open(mock: SegmentMock) -> None:
    """It keeps no connection of the server open, either."""
    server = mock.serve(port=free_port())
    address = (server.host, server.port)
    reader, ended = os.pipe()
    with socket.create_connection(address) as client:
        client.sendall(b"GET /api/integration/ext/v1/metrics HTTP/1.1\r\nHost: a\r\nauthToken: t\r\n\r\n")
        client.recv(10_000)
        child = Child(lambda: os.read(reader, 1))
        server.stop()
        client.settimeout(PATIENCE)
        try:
            assert b"" == client.recv(1)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address, PATIENCE)
            again = mock.serve(port=address[1])
            assert requests.get(f"{again.url}/_mock/health").ok
        finally:
            os.write(ended, b"x")
    assert b"x" == child.result()


def test_closing_the_mock_in_a_child_does_not_affect_the_parents_server(mock: SegmentMock) -> None:
    """The server continues, and its CA file is not deleted."""
    server = mock.serve(tls=True)
    run_in_child(lambda: mock.close() or server.stop())

    assert Path(str(server.ca_file)).exists()
    assert requests.get(f"{server.url}/_mock/health", verify=server.ca_file).ok


@pytest.mark.slow
def test_a_child_forked_while_threads_call_does_not_hang(mock: SegmentMock) -> None:
    """Another thread may hold a lock at the time of the fork."""
    ended = threading.Event()

    def work() -> None:
        session = requests.Session()
        while not ended.is_set():
            session.post(SEARCH, json={"payload": {"offset": 0, "count": 1}}, headers=HEADERS)

    def call_own_and_parents_mock() -> int:
        with SegmentMock() as own, own.intercept():
            call_with_requests()
        return call_with_requests()

    mock.serve()
    with mock.intercept():
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            outcomes = Counter(run_in_child(call_own_and_parents_mock) for _ in range(FORKS))
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    assert {200: FORKS} == outcomes


def test_locks_are_free_in_a_child() -> None:
    locks = [new_lock(), new_rlock()]
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locks[0], locks[1]:
            entered.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    free = run_in_child(lambda: [lock.acquire(timeout=1) for lock in locks])
    done.set()
    thread.join()

    assert [True, True] == free


def test_objects_are_notified_of_a_fork_in_the_child_only() -> None:
    class Marker:
        pid = 0

        def after_fork(self) -> None:
            self.pid = os.getpid()

    marker = Marker()
    call_after_fork(marker)

    assert run_in_child(lambda: marker.pid == os.getpid())
    assert 0 == marker.pid
