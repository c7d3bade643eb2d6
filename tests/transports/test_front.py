"""``create_app(upstream=URL)``: a WSGI application that forwards every call to a live server, including its faults."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server
from werkzeug.test import EnvironBuilder, run_wsgi_app

from segment_mock import SegmentMock, SettingError, added, connect, create_app, faults
from segment_mock.transports import front
from segment_mock.transports.front import Front
from segment_mock.transports.server import connection
from tests.faults.fault_clients import in_requests
from tests.faults.fault_world import HEADERS, SALSA
from tests.faults.table import PAGE, ROWS, SHORT, UPSERT, Row, cells_of
from tests.ports import free_port
from tests.waiting import PATIENCE, count_calls, growing_timeouts

F: Any = faults
EXPECTED = cells_of(PAGE.read_text(encoding="utf-8"))
FAULT_KINDS = ("disconnect", "truncate", "garble", "error", "drip", "hang", "latency")


@contextmanager
def serve_app(app: Any) -> Iterator[str]:
    """Serve *app* with Werkzeug's threaded server and yield the URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """The messages that Werkzeug logs."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("werkzeug").addHandler(handler)
    yield log
    logging.getLogger("werkzeug").removeHandler(handler)


@pytest.fixture(scope="module")
def shared_front(log: io.StringIO) -> Iterator[tuple[SegmentMock, str]]:
    """A mock in which delays take no time, and the URL of a front that forwards to it."""
    with SegmentMock(time_scale=0) as mock, serve_app(create_app(upstream=mock.serve().url)) as url:
        yield mock, url


@pytest.fixture
def mock(shared_front: tuple[SegmentMock, str]) -> SegmentMock:
    """The shared mock, after a reset."""
    shared_front[0].reset()
    return shared_front[0]


@pytest.fixture
def url(shared_front: tuple[SegmentMock, str]) -> str:
    """The URL of the front."""
    return shared_front[1]


def call(app: Flask | Front, path: str = "/segments", **options: Any) -> tuple[int, dict[str, str], bytes]:
    """Call *app* without a server and return the status, the headers and the body."""
    environ = EnvironBuilder(path, **options).get_environ()
    environ.update(options.get("environ_overrides", {}))
    chunks, status, headers, *_ = run_wsgi_app(app, environ, buffered=True)
    return int(status[:3]), dict(headers), b"".join(chunks)


@pytest.mark.parametrize("row", [row for row in ROWS if row.fault.kind in FAULT_KINDS], ids=lambda row: row.label)
def test_a_fault_has_the_same_outcome_over_a_front_as_over_the_server(
    row: Row, mock: SegmentMock, url: str, log: io.StringIO
) -> None:
    if row.hasty and row.fault.kind != "hang":
        pytest.skip("delays take no time in this test")
    mock.faults.add(row.fault)
    timeout = SHORT if row.hasty else UPSERT.timeout

    assert EXPECTED[row.label]["requests"] == in_requests(url, UPSERT._replace(timeout=timeout))
    journal = mock._emulator.journal  # the client may have given up before the call has arrived
    assert journal.wait(lambda: journal.newest and all(entry.end is not None for entry in journal), PATIENCE)
    assert "Traceback" not in log.getvalue()
    mock.reset()
    assert "200" == in_requests(url, UPSERT)


@pytest.mark.parametrize("name", ["Date", "date"])
@pytest.mark.parametrize("fault", [None, faults.Drip(bytes_per_second=1000)], ids=["whole", "in pieces"])
def test_a_stub_has_its_own_date(mock: SegmentMock, url: str, name: str, fault: Any) -> None:
    date = "Thu, 01 Jan 1970 00:00:00 GMT"
    mock.stub("GET", "/x", json={}, headers={name: date})
    if fault:
        mock.faults.add(fault)

    assert date == call(create_app(upstream=mock.serve().url), "/x")[1]["Date"]
    # Werkzeug's server has added its own, as it does for every application.
    assert date == requests.get(f"{url}/x", timeout=PATIENCE).raw.headers.getlist("Date")[-1]


def test_the_front_returns_status_headers_and_body_of_the_server(mock: SegmentMock, url: str) -> None:
    session, direct = requests.Session(), mock.serve()
    ignored = ("Server", "Connection", "Date")
    for method, path, body in (
        ("PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": "A"}]}}),
        ("POST", "/api//integration/ext/v1/segments/search", {"payload": {"offset": 0, "count": 20}}),
        ("PUT", "/segments", {"id": "nobody"}),
        ("DELETE", "/nothing?a=1&a=2", None),
        ("GET", "/_mock/clock", None),
        ("GET", "/_mock/openapi/salsa.json", None),
        ("GET", "/_mock/journal.har?operation=nothing", None),
        ("GET", "/_mock/", None),
    ):
        responses = []
        for base in (url, direct.url):
            mock.reset()
            mock.clock.freeze("2026-01-01")
            response = session.request(method, base + path, json=body, headers=HEADERS, timeout=PATIENCE)
            responses.append(
                (response.status_code, [x for x in response.headers.items() if x[0] not in ignored], response.content)
            )
        assert responses[0] == responses[1], path
    direct.stop()


def test_the_front_forwards_host_query_headers_and_body_unchanged(mock: SegmentMock, url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    body = bytes(range(256)) * 3
    head = (
        "POST /a//b%2Fc%41;x=1?q=%20&q=%C3%A9 HTTP/1.1\r\nHost: api.salsalabs.org\r\nX-A: one\r\nX-A: two\r\n"
        f"Connection: close, X-Hop\r\nX-Hop: here\r\nTE: trailers\r\nX-B: caf\xe9\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        client.sendall(head.encode("latin-1") + body)
        while client.recv(65536):
            pass
    (entry,) = mock.journal.entries()
    received_headers = entry.request.headers

    assert ("POST", "/a//b%2Fc%41;x=1?q=%20&q=%C3%A9", body) == (
        entry.request.method,
        entry.request.target,
        entry.request.body,
    )
    assert ("api.salsalabs.org", "caf\xe9", "salsa") == (
        received_headers["host"],
        received_headers["x-b"],
        entry.vendor,
    )
    assert ["one", "two"] == [part.strip() for part in received_headers["x-a"].split(",")]
    assert not {"x-hop", "te", "x-segment-mock-front", "transfer-encoding"} & {*received_headers}
    assert "wsgi" == entry.door


def test_the_front_forwards_a_chunked_body(mock: SegmentMock, url: str) -> None:
    response = requests.put(f"{url}/segments", data=iter([b'{"id": ', b'"vip"}']), headers=HEADERS, timeout=PATIENCE)

    assert (404, b'{"id": "vip"}') == (response.status_code, mock.journal.entries()[0].request.body)


def test_a_body_over_the_limit_is_413_as_from_the_server() -> None:
    """The rest of the body is not forwarded, and the next call is answered."""
    with SegmentMock(body_limit=1000) as mock, serve_app(create_app(upstream=mock.serve().url)) as url:
        large = requests.put(f"{url}/segments", data=b"x" * 5_000_000, headers=HEADERS, timeout=PATIENCE)
        direct = requests.put(f"{mock.serve().url}/segments", data=b"x" * 5_000, headers=HEADERS, timeout=PATIENCE)
        after = requests.put(f"{url}/segments", json={}, headers=HEADERS, timeout=PATIENCE)

    assert (413, 413, direct.content) == (large.status_code, direct.status_code, large.content)
    assert 400 == after.status_code


def test_a_call_with_an_incomplete_body_is_400_and_not_forwarded(mock: SegmentMock) -> None:
    app = create_app(upstream=mock.serve().url)
    environ = EnvironBuilder("/segments", method="PUT", data=b'{"id": "x"}', headers=HEADERS).get_environ()
    chunks, status, *_ = run_wsgi_app(app, {**environ, "CONTENT_LENGTH": "99"}, buffered=True)

    assert ("400", []) == (status[:3], mock.journal.entries())
    assert "Content-Length" in json.loads(b"".join(chunks))["detail"]


def test_a_call_without_a_body_is_forwarded_without_a_body(mock: SegmentMock) -> None:
    app = create_app(upstream=mock.serve().url)
    for data in (b"", b"{}"):
        environ = EnvironBuilder("/segments", method="PUT", data=data, headers=HEADERS).get_environ()
        environ.pop("CONTENT_LENGTH", None)
        run_wsgi_app(app, {**environ, "wsgi.input_terminated": True})

    assert [b"", b"{}"] == [entry.request.body for entry in mock.journal.entries()]
    assert [False, True] == ["transfer-encoding" in entry.request.headers for entry in mock.journal.entries()]


def test_a_call_with_an_invalid_header_is_400_and_not_forwarded(mock: SegmentMock) -> None:
    app = create_app(upstream=mock.serve().url)
    environ = EnvironBuilder("/segments", headers=HEADERS).get_environ()
    for value in ("a\nb", "\u20ac"):
        chunks, status, *_ = run_wsgi_app(app, {**environ, "HTTP_X_A": value}, buffered=True)

        assert ("400", []) == (status[:3], mock.journal.entries())
        assert "can't be forwarded" in json.loads(b"".join(chunks))["detail"]


def test_without_a_raw_target_the_front_quotes_the_path(mock: SegmentMock) -> None:
    app = create_app(upstream=mock.serve().url)
    environ = EnvironBuilder("/a b", query_string="c=d").get_environ()
    for name in ("RAW_URI", "REQUEST_URI"):
        environ.pop(name, None)
    run_wsgi_app(app, environ)
    mounted = EnvironBuilder("/segments", base_url="http://localhost/mounted").get_environ()
    run_wsgi_app(app, mounted)

    assert ["/a%20b?c=d", "/segments"] == [entry.request.target for entry in mock.journal.entries()]


def test_the_control_plane_works_through_the_front(mock: SegmentMock, url: str) -> None:
    with connect(url) as remote:
        remote.faults.add(F.Error(status=503), times=1)
        with remote.expect_changes(salsa={"segments": added(2)}):
            statuses = [in_requests(url, UPSERT) for _ in range(2)]

        assert ["503", "200"] == statuses
        assert 2 == len(remote.journal.entries(operation="upsert_segments"))
        assert 1 == len(mock.faults)
        remote.reset()
        assert [] == mock.journal.entries()


def test_the_root_redirects_a_browser_to_the_page(mock: SegmentMock, url: str) -> None:
    response = requests.get(url, headers={"Accept": "text/html"}, timeout=PATIENCE)

    assert (f"{url}/_mock/", 200) == (response.url, response.status_code)


def test_a_response_to_head_has_a_length_and_no_body(mock: SegmentMock, url: str) -> None:
    server = mock.serve()
    responses = [requests.head(f"{base}/segments", headers=HEADERS, timeout=PATIENCE) for base in (url, server.url)]
    server.stop()

    assert [b"", b""] == [response.content for response in responses]
    assert "0" != responses[0].headers["Content-Length"] == responses[1].headers["Content-Length"]


def test_a_connect_fault_resets_the_connection(mock: SegmentMock, url: str) -> None:
    """The front has already accepted the connection when the fault applies."""
    mock.faults.add(F.Connect(how="timeout"))

    assert "ConnectionError(ConnectionResetError)" == in_requests(url, UPSERT)


def test_a_response_without_a_body_is_forwarded(mock: SegmentMock, url: str) -> None:
    mock.stub("GET", "/empty", status=204)
    response = requests.get(f"{url}/empty", timeout=PATIENCE)

    assert (204, b"", False) == (response.status_code, response.content, "Content-Length" in response.headers)


def test_the_front_streams_events(mock: SegmentMock, url: str) -> None:
    with requests.get(f"{url}/_mock/events", stream=True, timeout=PATIENCE) as response:
        lines = response.iter_lines()
        first = [next(lines) for _ in range(2)]
        requests.put(f"{url}/segments", json={"id": "vip"}, headers=HEADERS, timeout=PATIENCE)
        event = next(line for line in lines if line.startswith(b"event: entry"))

    assert b"retry: 1000" == first[0]
    assert b"event: entry" == event
    assert "text/event-stream" == response.headers["Content-Type"]


def test_without_threads_a_stream_of_events_ends_after_the_events_so_far(mock: SegmentMock) -> None:
    status, headers, body = call(create_app(upstream=mock.serve().url), "/_mock/events")

    assert (200, True) == (status, body.startswith(b"retry: 1000"))
    assert headers["Content-Type"] == "text/event-stream"


def test_a_stream_of_events_ends_after_a_while(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "TURN", 0.1)
    with serve_app(create_app(upstream=mock.serve().url)) as url:
        body = requests.get(f"{url}/_mock/events", timeout=PATIENCE).content

    assert body.startswith(b"retry: 1000")


@pytest.mark.slow  # the front's own timeout of a socket has to pass
def test_a_delay_longer_than_the_timeout_of_the_front_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server sends heartbeats to the front while a fault delays the response."""
    monkeypatch.setattr(connection, "BEAT", 0.05)
    for timeout in growing_timeouts(0.5):  # the front gives up meanwhile if the machine pauses for longer
        with SegmentMock(faults={"kind": "latency", "seconds": 1.5 * timeout}) as mock:
            status, *_ = call(Front(mock.serve().url, timeout=timeout), headers=HEADERS)
        if status == 405:
            break

    assert 405 == status


def test_a_hanging_call_ends_when_its_client_disconnects(mock: SegmentMock, url: str) -> None:
    mock.faults.add(F.Hang())
    outcomes = [in_requests(url, UPSERT._replace(timeout=SHORT)) for _ in range(3)]
    journal = mock._emulator.journal
    assert journal.wait(lambda: [entry.end is not None for entry in journal] == [True] * 3, PATIENCE)

    assert ["ReadTimeout(ReadTimeoutError)"] * 3 == outcomes
    assert ["abandoned"] * 3 == [entry.outcome for entry in mock.journal.entries()]


def test_a_reset_of_the_mock_ends_a_hanging_call(mock: SegmentMock, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mock.faults.add(F.Hang())
    hangs = count_calls(monkeypatch, F.Hang, "__call__")
    outcomes: list[str] = []
    thread = threading.Thread(target=lambda: outcomes.append(in_requests(url, UPSERT)))
    thread.start()
    hangs.wait()
    mock.reset()
    thread.join()

    assert ["ConnectionError(ConnectionResetError)"] == outcomes


def test_a_fault_rule_counts_calls_of_all_connections(mock: SegmentMock, url: str) -> None:
    mock.faults.add(F.Error(status=503), "salsa.*", times=5)
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(in_requests(url, UPSERT))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["200"] * 3 + ["503"] * 5 == sorted(results)


# The admin token.


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_front_without_the_admin_token_returns_502(token: str | None) -> None:
    with SegmentMock(admin_token="t0ken") as mock:
        settings: Any = {} if token is None else {"admin_token": token}
        status, headers, body = call(create_app(upstream=mock.serve().url, **settings), headers=HEADERS)

    assert (502, "application/problem+json", []) == (status, headers["Content-Type"], mock.journal.entries())
    assert "SEGMENT_MOCK_ADMIN_TOKEN" in json.loads(body)["hint"]


def test_the_token_of_a_front_gives_its_clients_no_access(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGMENT_MOCK_ADMIN_TOKEN", "t0ken")
    with SegmentMock(admin_token="t0ken") as mock:
        app = create_app(upstream=mock.serve().url)
        statuses = [
            call(app, "/_mock/state")[0],
            call(app, "/_mock/state", headers={"Authorization": "Bearer t0ken"})[0],
            call(app, "/_mock/state", headers={"X-Segment-Mock-Front-Token": "t0ken"})[0],
            call(app, headers=HEADERS)[0],
        ]

        assert [401, 200, 401, 405] == statuses
        assert "t0ken" not in repr(mock.journal.entries())


def test_the_front_forwards_a_non_ascii_token() -> None:
    with SegmentMock(admin_token="gehe\u00ednis") as mock:
        app = create_app(upstream=mock.serve().url, admin_token="gehe\u00ednis")

        assert 405 == call(app, headers=HEADERS)[0]


def test_headers_of_a_front_without_a_valid_token_or_method_are_401() -> None:
    with SegmentMock(admin_token="t0ken") as mock:
        server = mock.serve()
        wrong = requests.post(f"{server.url}/segments", headers={"X-Segment-Mock-Front": "PUT"}, timeout=PATIENCE)
        token = {"X-Segment-Mock-Front-Token": "t0ken"}
        tunnel = requests.post(server.url, headers={"X-Segment-Mock-Front": "CONNECT", **token}, timeout=PATIENCE)
        odd = requests.post(server.url, headers={"X-Segment-Mock-Front": "A B", **token}, timeout=PATIENCE)

    assert [401, 401, 401] == [wrong.status_code, tunnel.status_code, odd.status_code]
    assert [] == mock.journal.entries()


# The server is missing or invalid.


def problem(response: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    """Return the status and the detail of a problem+json response."""
    status, headers, body = response
    document = json.loads(body)
    assert (headers["Content-Type"], status) == ("application/problem+json", document["status"])
    return status, document["detail"]


def test_a_stopped_server_is_502_until_it_is_started_again() -> None:
    with SegmentMock() as mock:
        server = mock.serve(port=free_port())  # no other process is given the port meanwhile
        app = create_app(upstream=server.url)
        up = [call(app, headers=HEADERS)[0]]
        server.stop()
        down = problem(call(app, headers=HEADERS))
        again = mock.serve(port=server.port)
        up.append(call(app, headers=HEADERS)[0])

    assert ([405, 405], server.url) == (up, again.url)
    assert (502, f"The segment-mock at {server.url} can't be reached: Connection refused.") == down


@contextmanager
def serve_bytes(answer: bytes | None) -> Iterator[str]:
    """Serve one request with the bytes *answer*, then close; with None, keep the connection open without a response."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            client.recv(65536)
            if answer is not None:
                client.sendall(answer)
                client.close()
            connections.append(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
    for client in connections:
        client.close()


ENVELOPE = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.segment-mock.reply\r\nContent-Length: 99\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "phrase"),
    [
        (None, 504, "gave no sign of life for 0.1 s"),
        (b"", 502, "closed the connection without a complete response"),
        (b"garbage\r\n", 502, "closed the connection without a complete response"),
        (ENVELOPE + b'{"status": 200, "headers": []}\nhalf', 502, "closed the connection without a complete response"),
        (ENVELOPE + b"[]\n" + b"x" * 96, 502, "is not segment-mock; it answered 200"),
        (ENVELOPE + b"{\n" + b"x" * 97, 502, "is not segment-mock; it answered 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", 502, "is not segment-mock; it answered"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nBusy", 502, "it answered 503 Busy"),
        (b"HTTP/1.1 408 T\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nLate", 408, "Late"),
    ],
)
def test_an_invalid_response_of_the_server_is_an_error(answer: bytes | None, status: int, phrase: str) -> None:
    with serve_bytes(answer) as url:
        actual_status, detail = problem(call(Front(url, timeout=0.1 if answer is None else 20), headers=HEADERS))

    assert (status, True) == (actual_status, phrase in detail)


def test_an_unresolvable_host_of_the_server_is_502() -> None:
    status, detail = problem(call(Front("http://nobody.invalid:1"), headers=HEADERS))

    assert (502, True) == (status, "http://nobody.invalid:1 can't be reached" in detail)


def test_a_front_that_forwards_to_a_front_is_502() -> None:
    app = Front("http://127.0.0.1:1")
    with serve_app(app) as url:
        loop = Front(url)
        status, detail = problem(call(loop, headers=HEADERS))

    assert (502, True) == (status, "508" in detail)


def test_connect_to_a_front_is_501() -> None:
    assert 501 == problem(call(Front("http://127.0.0.1:1"), method="CONNECT"))[0]


# TLS and settings.


def test_a_front_verifies_a_tls_server_with_the_ca_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names the variable if it is missing."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with SegmentMock() as mock:
        server = mock.serve(tls=True)
        unknown = json.loads(call(create_app(upstream=server.url), headers=HEADERS)[2])
        monkeypatch.setenv("SEGMENT_MOCK_CA_FILE", str(server.ca_file))
        monkeypatch.setenv("SEGMENT_MOCK_UPSTREAM", server.url)
        with serve_app(create_app()) as url:
            responses = [in_requests(url, UPSERT) for _ in range(3)]
            mock.faults.add(F.Hang())
            responses.append(in_requests(url, UPSERT._replace(timeout=SHORT)))

    assert "SEGMENT_MOCK_CA_FILE" in unknown["hint"]
    assert ["200", "200", "200", "ReadTimeout(ReadTimeoutError)"] == responses


@pytest.mark.parametrize(
    ("settings", "phrase"),
    [
        ({"upstream": "127.0.0.1:7357"}, "upstream: '127.0.0.1:7357' is not the base URL"),
        ({"upstream": "http://user:secret@host:1"}, "upstream: 'host:1' is not"),
        ({"upstream": "http://host:99999"}, "upstream"),
        ({"upstream": "http://host/?a"}, "upstream"),
        ({"upstream": "http://host:1", "data": "demo"}, "data: an app with an upstream"),
        ({"upstream": "http://host:1", "admin_token": "a\nb"}, "admin_token"),
    ],
)
def test_an_invalid_setting_of_a_front_is_an_error(settings: dict[str, Any], phrase: str) -> None:
    with pytest.raises(SettingError) as caught:
        create_app(**settings)

    assert phrase in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_ca_file_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENT_MOCK_CA_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingError, match="ca_file: '/nowhere"):
        create_app(upstream="https://127.0.0.1:1")
