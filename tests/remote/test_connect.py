"""Connecting to a server: invalid servers, the admin token, TLS, error messages, and values that can't be sent."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segment_mock import NetworkBlocked, SegmentMock, SettingError, connect, faults


@pytest.fixture
def remote() -> Iterator[Any]:
    """A `RemoteMock` of a server in this process."""
    with SegmentMock() as mock, connect(mock.serve().url) as remote:
        yield remote


def test_a_missing_server_is_an_error_with_its_url() -> None:
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:1: no segment-mock answers"):
        connect("http://127.0.0.1:1")


@pytest.mark.parametrize("url", ["127.0.0.1:7357", "ftp://127.0.0.1", "http://", "http://x:0", "http://x/?a=1"])
def test_an_invalid_url_is_an_error(url: str) -> None:
    with pytest.raises(SettingError, match="is not the base URL of a server"):
        connect(url)


class PageHandler(http.server.BaseHTTPRequestHandler):
    """Serves a web page, as a server other than segment-mock does."""

    def do_GET(self) -> None:
        """Send a page."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello")

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def test_a_server_other_than_segment_mock_is_an_error() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), PageHandler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(ConnectionError, match=r"not segment-mock; it answered 200 <html>hello"):
            connect(f"http://127.0.0.1:{server.server_port}")
        thread.join()


def test_the_admin_token_is_sent_and_required() -> None:
    with SegmentMock(admin_token="hush") as mock:
        url = mock.serve().url

        assert 0 == len(connect(url, "hush").journal)
        assert "hush" not in str(dict(connect(url, admin_token="hush").settings))
        for token, reason in ((None, "the server requires an admin token"), ("wrong", "the admin token is wrong")):
            with pytest.raises(PermissionError, match=f"{url}: {reason}"):
                connect(url, token)
    with pytest.raises(SettingError, match="admin_token"):
        connect(url, "a\nb")


def test_a_ca_file_verifies_a_server_with_tls(tmp_path: Path) -> None:
    with SegmentMock(tls=True) as mock:
        server = mock.serve()
        with connect(server.url, ca_file=server.ca_file) as remote:
            response = remote.session().get(
                "https://api.salsalabs.org/api/integration/ext/v1/metrics", headers={"authToken": "t"}
            )
            with remote.intercept(transport="tls"):
                pass

        assert 200 == response.status_code
        assert 1 == len(mock.journal)
        with pytest.raises(ConnectionError, match="certificate verify failed"):
            connect(server.url)


def test_https_to_a_plain_server_is_an_error_that_suggests_http() -> None:
    with SegmentMock() as mock, pytest.raises(ConnectionError, match=r"the TLS handshake failed; use http://"):
        connect(mock.serve().url.replace("http:", "https:"))


def test_an_error_has_the_message_and_the_url_of_the_server(remote: Any) -> None:
    with pytest.raises(SettingError, match=rf"unknown fault kind 'hnag'.*\(reported by {remote.url}\)"):
        remote.faults.add("hnag")
    with pytest.raises(LookupError, match=rf"no snapshot is called 'x'; none was taken \(reported by {remote.url}\)"):
        remote.restore("x")


@pytest.mark.parametrize(
    ("setting", "documents", "place"),
    [
        (
            "data",
            [{"salsa": {"segments": [{"name": "A"}]}}, {"salsa": {"segments": [{"nam": "B"}]}}],
            "salsa.segments[0].nam",
        ),
        ("data", [{"stubs": [{"method": "GET", "pth": "/"}]}], "stubs[0]"),
        ("faults", [[{"kind": "error"}], [{"kind": "error"}, {"kind": "hnag"}]], "[1]"),
        ("stubs", [[], [{"method": "GET", "pth": "/"}]], "[0]"),
    ],
)
def test_an_error_in_a_file_has_the_place_in_the_file(
    remote: Any, setting: str, documents: list[Any], place: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.json" for number, _ in enumerate(documents)]
    for file, document in zip(files, documents, strict=True):
        file.write_text(json.dumps(document))

    with pytest.raises(SettingError) as refused:
        remote.prepare(**{setting: [*map(str, files)]})

    assert str(refused.value).startswith(f"{files[-1]}: {place}: unknown ")


def test_rows_of_two_files_that_share_an_id_are_named_with_their_files(remote: Any, tmp_path: Path) -> None:
    files, row = [tmp_path / "a.json", tmp_path / "b.json"], {"id": "x", "name": "A", "broadcastMediumId": "m"}
    for file in files:
        file.write_text(json.dumps({"segmenter": {"segments": [{**row, "segmentType": "t"}]}}))

    with pytest.raises(SettingError) as refused:
        remote.prepare(data=[*map(str, files)])

    assert str(refused.value) == (
        f"{files[1]}: segmenter.segments[0]: the id 'x' is already used by {files[0]}: segmenter.segments[0]"
    )


def test_functions_and_other_objects_can_not_be_sent(remote: Any) -> None:
    async def fault(call: Any, proceed: Any) -> Any:
        return await proceed()

    for arguments in ((fault,), (faults.Hang(), "*", lambda call: True)):
        with pytest.raises(SettingError, match="is a Python function and can't be sent"):
            remote.faults.add(*arguments)
    with pytest.raises(SettingError, match="only JSON can be sent"):
        remote.load({"salsa": {"segments": [object()]}})
    with pytest.raises(SettingError, match="can't move the time of this process"):
        remote.clock.patch_sleep()


def test_a_rule_keeps_its_counters_when_the_server_is_reset(remote: Any) -> None:
    old = remote.faults.add("error")
    remote.session().get("/segments")

    assert 1 == old.fired
    remote.reset()
    new = remote.faults.add("error")
    assert (1, 0) == (old.fired, new.fired)
    assert old != new


def test_the_server_deletes_a_snapshot_when_its_object_is_deleted() -> None:
    with SegmentMock() as mock, connect(mock.serve().url) as remote:
        snapshot = remote.snapshot()
        names = [*mock._emulator.snapshots]
        del snapshot

        assert 1 == len(names)
        assert {} == mock._emulator.snapshots


def test_intercept_refuses_transports_that_the_server_does_not_support(remote: Any) -> None:
    for transport in ("inprocess", "tls"):
        with pytest.raises(SettingError, match=f"transport: '{transport}' needs"):
            remote.intercept(transport=transport)


def test_calls_refused_by_block_network_are_counted(remote: Any) -> None:
    import http.client

    with remote.intercept(block_network=True), pytest.raises(NetworkBlocked):
        http.client.HTTPConnection("elsewhere.example").connect()

    assert {"elsewhere.example": 1} == remote.refused


def test_a_mock_and_its_remote_mock_share_their_records() -> None:
    with SegmentMock(data="demo") as mock:
        remote = connect(mock.serve().url)
        remote.salsa.add_segment("New")

        assert mock.salsa.segments == remote.salsa.segments
        assert mock.state() == remote.state()
        assert "add_segment" in dir(remote.salsa)
        with pytest.raises(AttributeError, match="did you mean 'segments'"):
            _ = remote.salsa.segmnts
