"""Faults on a live server: no resource leaks, no client waits for another, and a reset or a stop ends hanging calls."""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, faults
from tests.faults.fault_clients import LIVE, in_session
from tests.faults.fault_world import HEADERS, SALSA, names
from tests.faults.table import ROWS, SHORT, UPSERT, Row
from tests.waiting import count_calls

F: Any = faults
BODY = json.dumps({"payload": {"segments": [{"name": "A"}]}}).encode()
HEAD = f"PUT {SALSA}/segments HTTP/1.1\r\nHost: x\r\nauthToken: t\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
MANY = 1000
PATIENCE = 20.0


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """Return the log records of level warning or higher, of every logger."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # now, because objects of earlier tests may log an error when they are destroyed
    outcomes: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: outcomes.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("asyncio", "segment_mock")]
    for logger in loggers:
        logger.addHandler(handler)
    yield outcomes
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Raise the limit of open files to what a thousand connections need, or skip the test if the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 3 * MANY
    if hard != resource.RLIM_INFINITY and hard < limit:
        pytest.skip(f"this process may open {hard} files, {limit} are needed")
    enough = soft == resource.RLIM_INFINITY or soft >= limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if enough else limit, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files() -> Counter[str]:
    """Return the files and sockets that this process has open."""
    gc.collect()  # closes what earlier tests abandoned
    files: Counter[str] = Counter()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the directory itself is closed by now
            files[os.readlink(entry)] += 1  # noqa: PTH115 - a socket is no path
    return files


def threads() -> set[threading.Thread]:
    """Return the running threads. Those of earlier tests, such as idle workers of trio, may end at any time."""
    return {*threading.enumerate()}


def hanging_connections(url: str, stack: ExitStack, count: int) -> list[socket.socket]:
    """Open *count* connections, each with a call that hangs."""
    host, port = url.removeprefix("http://").split(":")
    opened = [stack.enter_context(socket.create_connection((host, int(port)), PATIENCE)) for _ in range(count)]
    for each in opened:
        each.sendall(HEAD + BODY)
    return opened


def _rest(client: socket.socket) -> bytes:
    try:
        return client.recv(100)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("row", [row for row in ROWS if not row.hasty], ids=lambda row: row.label)
def test_the_next_call_on_a_new_connection_is_answered(row: Row, errors: list[str]) -> None:
    """The server logs no error."""
    with SegmentMock(time_scale=0) as mock:
        url = mock.serve().url
        mock.faults.add(row.fault)
        LIVE["requests"](url, UPSERT)
        mock.faults.clear()
        mock.load({})

        assert "200" == LIVE["requests"](url, UPSERT)
        assert ["A", "B"] == names(mock)
    assert [] == errors


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_no_thread_or_socket_is_left(errors: list[str]) -> None:
    """The process has no other threads and sockets after all faults and the stop than before."""
    rows = [row for row in ROWS if row.fault.kind in ("disconnect", "truncate", "garble", "hang", "drip")]
    for measured in (False, True):
        files, others = open_files(), threads()
        with SegmentMock(time_scale=0) as mock:
            url = mock.serve().url
            for row in rows:
                with mock.faults.injected(row.fault):
                    LIVE["requests"](url, UPSERT._replace(timeout=row.timeout))
        if measured:  # what stays open for good is open by now
            assert (Counter(), set()) == (open_files() - files, threads() - others)
    assert [] == errors


@pytest.mark.usefixtures("many_files")
@pytest.mark.memory_only("it counts threads, and a lease has one")
def test_a_thousand_hanging_connections_need_no_threads(errors: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Other clients are served, the stop does not wait, and no call is performed."""
    with SegmentMock(limits="off") as mock, ExitStack() as stack:
        others = threads()
        url = mock.serve().url
        own = threads() - others
        mock.faults.add(F.Hang(), "salsa.upsert_segments")
        hangs = count_calls(monkeypatch, F.Hang, "__call__")
        opened = hanging_connections(url, stack, MANY)
        hangs.wait(MANY)
        response = requests.post(
            f"{url}{SALSA}/segments/search", json={"payload": {}}, headers=HEADERS, timeout=PATIENCE
        )
        during = threads() - others
        mock.close()

        assert (200, 0) == (response.status_code, response.json()["payload"]["total"])
        assert (1, own) == (len(own), during)
        assert set() == threads() - others
        assert {b""} == {_rest(each) for each in opened}
        assert {"abandoned"} == {entry.outcome for entry in mock.journal.entries(operation="upsert_segments")}
    assert [] == errors


def test_a_reset_closes_hanging_calls_without_performing_them(
    errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, late = count_calls(monkeypatch, F.Hang, "__call__"), count_calls(monkeypatch, F.Latency, "__call__")
    with SegmentMock() as mock, ExitStack() as stack:
        url = mock.serve().url
        mock.faults.add(F.Hang(), times=2)
        mock.faults.add(F.Latency(seconds=3600))
        opened = hanging_connections(url, stack, 3)
        hangs.wait(2)
        late.wait()
        entries = mock.journal.entries()
        mock.reset()
        rests = [_rest(each) for each in opened]
        requests.put(f"{url}{SALSA}/segments", data=BODY, headers=HEADERS, timeout=PATIENCE)

        assert ([b""] * 3, ["abandoned"] * 3, [()] * 3) == (
            rests, [entry.outcome for entry in entries], [entry.changes for entry in entries],
        )  # fmt: skip
        assert ["A"] == names(mock)
        assert 1 == len(mock.journal)
    assert [] == errors


def test_a_hang_after_the_write_leaves_records_and_an_entry() -> None:
    """The client gives up, and the entry has no status."""
    with SegmentMock() as mock:
        url = mock.serve().url
        mock.faults.add(F.Hang(after=True))
        with pytest.raises(requests.ReadTimeout):
            requests.put(f"{url}{SALSA}/segments", data=BODY, headers=HEADERS, timeout=(PATIENCE, SHORT))
        journal = mock._emulator.journal  # the client may have given up before the server has begun the call

        assert journal.wait(lambda: ["abandoned"] == [entry.outcome for entry in journal], PATIENCE)
        (entry,) = journal
        assert (None, ("1 hang",)) == (entry.status, entry.faults)
        assert ["A"] == [change.after["name"] for change in entry.changes if change.after] == names(mock)


def test_faults_break_off_responses_over_tls(errors: list[str]) -> None:
    """Python's ssl may report a reset as a plain disconnect."""
    seen = {}
    with SegmentMock(time_scale=0) as mock:
        server = mock.serve(tls=True)
        for fault in (F.Disconnect(), F.Truncate(), F.Garble(how="bytes"), F.Error(), F.Disconnect(reset=True)):
            with mock.faults.injected(fault), requests.Session() as session:
                session.trust_env, session.verify = False, server.ca_file
                seen[Row(fault).label] = in_session(session, server.url, UPSERT)

    assert seen.popitem()[1] in ("ConnectionError(ConnectionResetError)", "ConnectionError(RemoteDisconnected)")
    assert {
        "`disconnect`": "ConnectionError(RemoteDisconnected)",
        "`truncate`": "ChunkedEncodingError(IncompleteRead)",
        '`garble`, how "bytes"': "ConnectionError(BadStatusLine)",
        "`error`": "500",
    } == seen
    assert [] == errors
