"""Faults under other WSGI servers: exact if the server gives access to its socket, else as exact as WSGI allows."""

from __future__ import annotations

import errno
import io
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from segment_mock import WouldHangForever, create_app, faults
from segment_mock.clock import Clock
from tests.faults.fault_clients import in_requests
from tests.faults.fault_world import HEADERS, SALSA
from tests.faults.table import PAGE, ROWS, SHORT, UPSERT, Row, cells_of
from tests.waiting import PATIENCE

F: Any = faults
BODY = {"payload": {"segments": [{"name": "A"}, {"name": "B"}]}}
CELLS = cells_of(PAGE.read_text(encoding="utf-8"))
# The threads of another server really wait, without end for a fault such as hang.
BROKEN = [row for row in ROWS if not row.hasty and row.fault.kind in ("disconnect", "truncate", "garble", "error")]


def arm(app: Flask, fault: dict[str, Any]) -> None:
    """Replace all rules with *fault*."""
    app.test_client().delete("/_mock/faults")
    assert 201 == app.test_client().post("/_mock/faults", json=fault).status_code


def group_names(app: Flask) -> list[str]:
    """Return the names of the stored groups."""
    return [row["name"] for row in app.test_client().get("/_mock/state").get_json()["salsa"]["segments"]]


@pytest.fixture(scope="module")
def werkzeug_server() -> Iterator[tuple[Flask, str, io.StringIO]]:
    """Serve the application by Werkzeug's threaded server; return its address and its log."""
    app, log = create_app(), io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("werkzeug").addHandler(handler)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = False  # so that closing the server waits for the threads of its calls
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield app, f"http://127.0.0.1:{server.port}", log
    server.shutdown()
    thread.join()
    server.server_close()
    logging.getLogger("werkzeug").removeHandler(handler)


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row.label)
def test_werkzeugs_server_breaks_off_as_the_live_server_does(
    row: Row, werkzeug_server: tuple[Flask, str, io.StringIO]
) -> None:
    """requests sees the same as with the live server, the records are as expected, and no traceback is logged."""
    app, url, log = werkzeug_server
    app.test_client().post("/_mock/reset")
    arm(app, row.fault.as_dict())

    assert CELLS[row.label]["requests"] == in_requests(url, UPSERT)
    assert {"yes": ["A", "B"], "no": []}[CELLS[row.label]["performed"]] == group_names(app)
    assert "Traceback" not in log.getvalue()
    arm(app, {"kind": "latency", "seconds": 0})
    assert "200" == in_requests(url, UPSERT)


def test_werkzeugs_server_sends_a_slow_body_in_pieces(werkzeug_server: tuple[Flask, str, io.StringIO]) -> None:
    app, url, _ = werkzeug_server
    arm(app, {"kind": "drip", "chunk": 64, "bytes_per_second": 1e6})

    assert "200" == in_requests(url, UPSERT)


def test_a_client_may_give_up_on_werkzeugs_server(
    werkzeug_server: tuple[Flask, str, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late response takes real time under a WSGI server. The call is performed nevertheless.

    The wait of the server ends when the client has given up.
    """
    has_given_up = threading.Event()
    monkeypatch.setattr(Clock, "_real_sleep", staticmethod(lambda seconds: has_given_up.wait(PATIENCE)))
    app, url, _ = werkzeug_server
    app.test_client().post("/_mock/reset")
    arm(app, {"kind": "latency", "seconds": 60})
    journal = app.extensions["segment_mock.emulator"].journal

    assert "ReadTimeout(ReadTimeoutError)" == in_requests(url, UPSERT._replace(timeout=SHORT))
    has_given_up.set()
    assert journal.wait(lambda: [200] == [entry.status for entry in journal], PATIENCE)
    assert ["A", "B"] == group_names(app)


@pytest.mark.parametrize(
    ("fault", "error", "performed"),
    [
        (F.Disconnect(), ConnectionAbortedError, []),
        (F.Disconnect(after=True), ConnectionAbortedError, ["A", "B"]),
        (F.Disconnect(reset=True), ConnectionResetError, []),
        (F.Garble(how="bytes"), ConnectionAbortedError, ["A", "B"]),
        (F.Truncate(), ConnectionAbortedError, ["A", "B"]),
        (F.Truncate(reset=True), ConnectionResetError, ["A", "B"]),
        (F.Hang(after=True), WouldHangForever, ["A", "B"]),
        (F.Hang(), WouldHangForever, []),
    ],
    ids=repr,
)
def test_flasks_test_client_raises(fault: Any, error: type[Exception], performed: list[str]) -> None:
    """Without a socket, a response that a real client could not read raises an exception in the call or in its data."""
    app = create_app()
    arm(app, fault.as_dict())
    with pytest.raises(error):
        _ = app.test_client().put(f"{SALSA}/segments", json=BODY, headers=HEADERS).data

    assert performed == group_names(app)


def test_flasks_test_client_gets_a_slow_body_at_once() -> None:
    """It moves the mock's clock. The response to HEAD and an error are unaffected."""
    app = create_app()
    client = app.test_client()
    client.post("/_mock/clock", json={"freeze": "2026-01-01T00:00:00Z"})
    arm(app, {"kind": "drip", "chunk": 10, "bytes_per_second": 10})
    response = client.put(f"{SALSA}/segments", json=BODY, headers=HEADERS)
    count, now = response.json["payload"]["count"], client.get("/_mock/clock").json["now"]
    arm(app, {"kind": "truncate", "operation": "*"})

    assert (2, len(response.data)) == (count, int(response.headers["Content-Length"]))
    assert f"2026-01-01T00:00:{-(-len(response.data) // 10):02}.000Z" == now
    with pytest.raises(ConnectionAbortedError):
        _ = client.head("/segments", headers=HEADERS).data


@pytest.mark.parametrize("name", ["werkzeug.socket", "gunicorn.socket"])
@pytest.mark.parametrize("reset", [False, True])
def test_the_socket_of_the_server_is_written_to_and_released(name: str, reset: bool) -> None:
    """The client reads the bytes and the end. To the server, the client then seems to have left."""
    app, began = create_app(), []
    arm(app, {"kind": "disconnect", "reset": reset})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), 5)
        lent, _ = listener.accept()
    environ = app.test_request_context(f"{SALSA}/segments", method="PUT", json=BODY, headers=HEADERS).request.environ
    with client, lent:
        with pytest.raises(ConnectionError) as caught:
            app({**environ, name: lent}, lambda *arguments: began.append(arguments))

        assert b"" == lent.recv(10)
        if reset:
            with pytest.raises(ConnectionResetError):
                client.recv(10)
        else:
            assert b"" == client.recv(10)
    assert ([], errno.ECONNRESET) == (began, caught.value.errno)
