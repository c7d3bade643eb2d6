"""Targets with unreadable responses: the error is one sentence, never a traceback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from segment_mock import SegmentMock
from tests.conform.targets import CREDENTIALS, run
from tests.waiting import PATIENCE, growing_timeouts

NOT_FOUND = b"HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<html>Hi</html"
MOVED = b"HTTP/1.1 302 X\r\nLocation: https://login.example.org/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LYING = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
ONE = ("--only", "salsa/supporters-search-nothing-asked", *CREDENTIALS)


@contextmanager
def scripted_server(*responses: bytes) -> Iterator[str]:
    """Send the next of *responses* on each connection, then always the last one; for ``b""``, send nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        for number in range(100):
            try:
                connection, _ = server.accept()
            except OSError:
                break
            response = responses[min(number, len(responses) - 1)]
            connections.append(connection)
            if response:
                with suppress(OSError):  # the client has given up
                    connection.recv(65536)
                    connection.sendall(response)
                    connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(
    ("responses", "sentence"),
    [
        ([HTML], "status: expected 400, got 200\n        body: expected JSON, got text/html: '<html>Hi</html'"),
        ([NOT_FOUND, MOVED], "got 302\n        body: expected JSON, got a redirect to 'https://login.example.org/'"),
        ([NOT_FOUND, b"220 smtp ready\r\n"], "220 smtp ready"),
        ([NOT_FOUND, b"HTT"], "HTT"),
        ([NOT_FOUND, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}"], "2 bytes read, 48 more expected"),
        (
            [NOT_FOUND, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"],
            "gzip, but failed to decode it",
        ),
        ([NOT_FOUND, b""], "no response within TIMEOUT s (--timeout)"),
    ],
    ids=["html", "redirect", "no-http", "cut-head", "cut-body", "lying-encoding", "hang"],
)
def test_a_broken_response_is_a_difference(responses: list[bytes], sentence: str) -> None:
    timeouts = [PATIENCE] if responses[-1] else growing_timeouts(0.1)
    for timeout in timeouts:
        with scripted_server(*responses) as url:
            result = run(url, "--timeout", f"{timeout:g}", *ONE)
        if result.stdout:  # otherwise the first response has not arrived within the timeout
            break

    assert 1 == result.exit_code
    assert isinstance(result.exception, SystemExit)
    assert "fail  salsa/supporters-search-nothing-asked" in result.stdout
    assert sentence.replace("TIMEOUT", f"{timeout:g}") in result.stdout


def test_no_control_character_reaches_terminal_or_xml(tmp_path: Path) -> None:
    """Bytes that would colour a terminal or break the JUnit file are escaped."""
    file = tmp_path / "report.xml"
    with scripted_server(NOT_FOUND, b"\x1b[31m\x00\x7f ]]> <&>\r\n") as url:
        result = run(url, "--timeout", f"{PATIENCE:g}", "--junit", str(file), *ONE)
    text = ElementTree.parse(file).find(".//failure").text

    assert r"\x1b[31m\x00\x7f ]]> <&>" in text
    assert text in result.stdout


def test_a_silent_target_is_called_three_times_only() -> None:
    """After three examples without a response, the others are skipped, so that a dead target does not cost minutes."""
    for timeout in growing_timeouts(0.05):
        with scripted_server(NOT_FOUND, b"") as url:
            options = ("--timeout", f"{timeout:g}", "--allow-writes", "--only", "salsa/upsert-*")
            result = run(url, *options, *CREDENTIALS)
        if result.stdout:  # otherwise the first response has not arrived within the timeout
            break

    assert 3 == result.stdout.count("fail  ")
    assert "the target did not respond to the 3 examples before this one" in result.stdout


@pytest.mark.parametrize("responses", [[b""], []], ids=["hanging", "closed"])
def test_a_target_that_can_not_be_reached_is_an_error(responses: list[bytes]) -> None:
    """The command exits with 1 before any example, and the error gives the address."""
    with scripted_server(*responses or [b""]) as url:
        if not responses:
            url = "http://127.0.0.1:1"
        result = run(url, "--timeout", "0.1")

    assert (1, "") == (result.exit_code, result.stdout)
    assert f"Error: {url} can't be reached: " in result.stderr
    assert ("no response within" if responses else "Connection refused") in result.stderr
    assert "HTTPConnection" not in result.stderr


def test_https_to_a_server_without_tls_has_its_own_error() -> None:
    with SegmentMock() as mock:
        refused = run(mock.serve().url.replace("http:", "https:"), *ONE)

    assert refused.exit_code == 1
    assert "the TLS handshake failed: " in refused.stderr


def test_certificates_are_verified() -> None:
    """Without the CA certificate, the error names the two ways to set it, and both work."""
    with SegmentMock(tls=True) as mock:
        server = mock.serve()
        refused = run(server.url, *ONE)
        by_flag = run(server.url, *ONE, "--ca-file", str(server.ca_file), "--allow-writes")
        by_variable = run(server.url, *ONE, env={"REQUESTS_CA_BUNDLE": str(server.ca_file)})

    assert [1, 0, 0] == [refused.exit_code, by_flag.exit_code, by_variable.exit_code]
    assert "its certificate is not trusted: " in refused.stderr
    assert "set its CA certificate with --ca-file or REQUESTS_CA_BUNDLE" in refused.stderr
