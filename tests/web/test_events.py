"""Server-sent events: their content, how readers resume, and that readers never delay the vendors' clients."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests

from segment_mock import SegmentMock, create_app, faults
from segment_mock.transports.server.connection import Connection
from segment_mock.transports.server.server import LiveServer
from segment_mock.web import events
from tests.waiting import PATIENCE, count_calls

METRICS = "/api/integration/ext/v1/metrics"
SEGMENTS = "/api/integration/ext/v1/segments"
KEY = {"authToken": "s3cret"}
GROUP = {"payload": {"segments": [{"name": "A"}]}}


class Event(NamedTuple):
    """An event of the stream, with its type, its decoded data and its id."""

    kind: str
    data: Any
    id: str


class Stream:
    """Reads the event stream of *server*, from the event after *last_id* if it is given."""

    def __init__(self, server: LiveServer, last_id: str = "", **headers: str) -> None:
        self.connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
        more = {"Last-Event-ID": last_id} if last_id else {}
        self.connection.request("GET", "/_mock/events", headers={**headers, **more})
        self.response = self.connection.getresponse()
        self.id = last_id

    def blocks(self) -> Iterator[dict[str, str]]:
        """Yield the fields of each event, by name."""
        block: dict[str, str] = {}
        while line := self.response.readline().decode():
            if line == "\n":
                yield block
                block = {}
            else:
                name, _, value = line.rstrip("\n").partition(": ")
                block[name] = value

    def next(self, *kinds: str) -> Event:
        """Return the next event whose type is one of *kinds*."""
        for block in self.blocks():
            self.id = block.get("id", self.id)
            if block.get("event") in kinds:
                return Event(block["event"], json.loads(block["data"]), self.id)
        raise AssertionError("the stream has ended")

    def wait_for_first_event(self) -> Stream:
        """Wait for the event that the server sends at the start, and note its id."""
        self.id = next(self.blocks())["id"]
        return self

    def close(self) -> None:
        self.response.close()
        self.connection.close()


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock(data="demo") as mock:
        yield mock


@pytest.fixture
def server(mock: SegmentMock) -> LiveServer:
    return mock.serve()


@pytest.fixture
def stream(server: LiveServer) -> Iterator[Stream]:
    stream = Stream(server).wait_for_first_event()
    yield stream
    stream.close()


def test_the_stream_has_the_headers_of_an_event_stream(stream: Stream) -> None:
    assert (200, "text/event-stream") == (
        stream.response.status,
        stream.response.headers["Content-Type"].partition(";")[0],
    )
    assert ("no-store", None) == (stream.response.headers["Cache-Control"], stream.response.headers["Content-Length"])


def test_a_finished_call_sends_an_entry_and_a_change(server: LiveServer, stream: Stream) -> None:
    requests.put(f"{server.url}{SEGMENTS}?authToken=s3cret", json=GROUP, headers=KEY, timeout=PATIENCE)

    entry = stream.next("entry").data
    change = stream.next("change").data

    assert ("salsa.upsert_segments", 200, "answered") == (entry["operation"], entry["status"], entry["outcome"])
    assert [{"table": "segments", "added": 1, "updated": 0, "removed": 0}] == entry["changes"]
    assert "s3cret" not in json.dumps(entry)
    (row,) = change["tables"]
    assert ("salsa.segments", 1, False) == (row["table"], row["added"], row["replaced"])


def test_the_journal_summary_has_the_same_data_as_the_events(server: LiveServer, stream: Stream) -> None:
    for token in ("t", "t", ""):
        requests.get(server.url + METRICS, headers={"authToken": token}, timeout=PATIENCE)

    entries = [stream.next("entry").data for _ in range(3)]
    calls = requests.get(f"{server.url}/_mock/journal/summary", timeout=PATIENCE).json()["calls"]
    refused = requests.get(f"{server.url}/_mock/journal/summary?status=401", timeout=PATIENCE).json()["calls"]

    assert (entries, entries[2:]) == (calls, refused)
    assert 1 == len({entry["fingerprint"] for entry in entries})


def test_a_delayed_call_sends_an_entry_when_it_starts_and_when_it_ends(
    mock: SegmentMock, server: LiveServer, stream: Stream
) -> None:
    mock.faults.add(faults.Latency(seconds=0.3))
    requests.get(server.url + METRICS, headers=KEY, timeout=PATIENCE)

    started, ended = (stream.next("entry").data for _ in range(2))

    assert (started["id"], "open", None) == (ended["id"], started["outcome"], started["status"])
    assert ("answered", 200, ["1 latency"]) == (ended["outcome"], ended["status"], ended["faults"])


def test_changes_of_fault_rules_and_their_counters_are_sent(
    mock: SegmentMock, server: LiveServer, stream: Stream
) -> None:
    rule = mock.faults.add("error", "salsa.*", times=1)
    armed = stream.next("fault").data
    requests.get(server.url + METRICS, headers=KEY, timeout=PATIENCE)
    fired = stream.next("fault").data
    mock.faults.remove(rule.id)
    removed = stream.next("fault").data

    assert ([rule.id], 0, 1) == ([one["id"] for one in armed["faults"]], armed["faults"][0]["fired"], armed["armed"])
    assert ("fired once", 1) == (fired["faults"][0]["why"], fired["faults"][0]["fired"])
    assert ([], [rule.id], 0) == (removed["faults"], removed["removed"], removed["armed"])


def test_changes_of_clock_and_records_and_resets_are_sent(mock: SegmentMock, stream: Stream) -> None:
    mock.clock.freeze("2026-01-01T00:00:00Z")
    frozen = stream.next("clock").data
    mock.salsa.add_segment("past the API")
    added = stream.next("change").data
    mock.load({})
    replaced = stream.next("change").data
    mock.journal.clear()
    cleared = stream.next("reset").data
    mock.reset()
    reset = stream.next("reset").data

    assert {"now": "2026-01-01T00:00:00.000Z", "frozen": True} == frozen
    assert [("salsa.segments", 1)] == [(row["table"], row["added"]) for row in added["tables"]]
    assert all(row["replaced"] for row in replaced["tables"])
    assert (False, True) == (cleared["records"], reset["records"])


def test_a_reader_that_reconnects_gets_the_events_since_its_last_id(server: LiveServer, stream: Stream) -> None:
    requests.get(server.url + METRICS, headers=KEY, timeout=PATIENCE)
    last = stream.next("entry").id
    stream.close()
    for _ in range(3):
        requests.get(server.url + METRICS, headers=KEY, timeout=PATIENCE)

    again = Stream(server, last)
    numbers = [again.next("entry").data["id"] for _ in range(3)]
    again.close()
    over_query = requests.get(f"{server.url}/_mock/events?after={last}", stream=True, timeout=PATIENCE)
    lines = over_query.iter_lines()
    first = next(json.loads(line[6:])["id"] for line in lines if line.startswith(b"data: "))
    over_query.close()

    assert ([2, 3, 4], 2) == (numbers, first)


@pytest.mark.parametrize("unknown", ["x", "0-1", "0-\u0661", "-", "1e9-99999999"])
def test_an_unknown_last_event_id_sends_a_lost_event(server: LiveServer, unknown: str) -> None:
    stream = Stream(server, unknown.encode().decode("latin-1"))

    assert stream.next("lost").data["lost"] is None
    stream.close()


def test_a_slow_reader_gets_the_number_of_lost_events(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 20)
    slow, quick = Stream(server).wait_for_first_event(), Stream(server).wait_for_first_event()
    resumed_from = slow.id
    slow.close()
    ids = []
    for _ in range(50):
        requests.get(server.url + METRICS, headers=KEY, timeout=PATIENCE)
        ids.append(quick.next("entry").data["id"])

    late = Stream(server, resumed_from)
    lost = late.next("lost").data
    rest = [late.next("entry").data["id"] for _ in range(20)]

    assert [*range(1, 51)] == ids
    assert (30, "/_mock/journal" in lost["hint"]) == (lost["lost"], True)
    assert [*range(31, 51)] == rest
    quick.close()
    late.close()


def test_a_reader_that_does_not_read_does_not_delay_clients(mock: SegmentMock, server: LiveServer) -> None:
    idle_reader = socket.create_connection((server.host, server.port))
    idle_reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    idle_reader.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with requests.Session() as session:
        durations = []
        for _ in range(300):
            start = time.perf_counter()
            assert 200 == session.get(server.url + METRICS, headers=KEY, timeout=PATIENCE).status_code
            durations.append(time.perf_counter() - start)

    assert sorted(durations)[150] < 1
    idle_reader.close()


def test_a_server_with_readers_stops_immediately(
    mock: SegmentMock, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segment_mock.transports.server.server.STOP_TIMEOUT", PATIENCE)
    streams = [Stream(server).wait_for_first_event() for _ in range(5)]

    start = time.perf_counter()
    server.stop()
    took = time.perf_counter() - start

    assert took < PATIENCE / 2  # about 5 ms on an idle machine
    for stream in streams:
        with pytest.raises((AssertionError, ConnectionError)):
            stream.next("entry")
        stream.close()


def test_the_connection_of_a_reader_that_leaves_is_removed(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = count_calls(monkeypatch, Connection, "connection_lost")
    Stream(server).wait_for_first_event().close()
    context = server._running.context  # type: ignore[union-attr]

    lost.wait_until(lambda: not context.connections)  # connections of other servers may be lost too


def test_head_returns_no_body_and_starts_no_stream(server: LiveServer) -> None:
    response = requests.head(f"{server.url}/_mock/events", timeout=PATIENCE)

    assert (200, b"") == (response.status_code, response.content)


def test_events_require_the_admin_token() -> None:
    with SegmentMock(admin_token="s") as mock:
        url = mock.serve().url
        refused = requests.get(f"{url}/_mock/events", timeout=PATIENCE)
        with requests.get(
            f"{url}/_mock/events", headers={"Authorization": "Bearer s"}, stream=True, timeout=PATIENCE
        ) as allowed:
            assert (401, 200) == (refused.status_code, allowed.status_code)


def test_in_process_the_response_ends_after_the_events_so_far(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_SHORTEST", 0)  # seconds between two looks at the mock
    session, client = mock.session(), create_app(data="demo").test_client()
    first = session.get("http://localhost/_mock/events", timeout=PATIENCE)
    session.get(f"https://api.salsalabs.org{METRICS}", headers=KEY)
    second = session.get(
        "http://localhost/_mock/events", headers={"Last-Event-ID": first.text.split("id: ")[1].split()[0]}
    )

    assert ("event: " in first.text, "event: entry" in second.text) == (False, True)
    assert client.get("/_mock/events").text.startswith("retry: ")


def test_on_a_wsgi_server_the_stream_ends_after_a_while_and_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Thread

    from werkzeug.serving import make_server

    monkeypatch.setattr(events, "_TURN", 0.3)
    served = make_server("127.0.0.1", 0, create_app(data="demo"), threaded=True)
    thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        url = f"http://127.0.0.1:{served.port}"
        first = requests.get(f"{url}/_mock/events", timeout=PATIENCE).text
        requests.get(url + METRICS, headers=KEY, timeout=PATIENCE)
        last = first.split("id: ")[1].split()[0]
        second = requests.get(f"{url}/_mock/events", headers={"Last-Event-ID": last}, timeout=PATIENCE).text
    finally:
        served.shutdown()
        thread.join()
        served.server_close()

    assert 1 == second.count("event: entry")
