"""The vendor of a host, and the hosts and origins that may call the control plane, on every transport."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, create_app
from segment_mock.hosts import host_of, is_browser_noise, is_loopback

from .server.raw_client import RawClient

METRICS = "/api/integration/ext/v1/metrics"
SALSA = (
    "api.salsalabs.org",
    "API.SALSALABS.ORG",
    "api.salsalabs.org.",
    "hq.uat.igniteaction.net",
    "hq.uat.igniteaction.net.",
)
SEGMENTER = ("eu.instaleap.io", "eu.instaleap.io.", "A.B.InstaLeap.io.")


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Host.Example", "host.example"), ("host.example.", "host.example"), ("host.example.:80", "host.example"),
        ("[::1]:80", "::1"), ("[::1]", "::1"), ("host:", "host:"), ("host:\u00b2", "host:\u00b2"), ("", ""),
    ],
)  # fmt: skip
def test_host_of_returns_the_normalized_host_of_an_authority(authority: str, host: str) -> None:
    assert host == host_of(authority)


@pytest.mark.parametrize("host", ["", ".", "localhost..", "localhost:x", "127.evil.example", "localhost.evil.example"])
def test_names_that_only_resemble_localhost_are_not_loopback(host: str) -> None:
    assert not is_loopback(host_of(host))


@pytest.mark.parametrize("host", [*SALSA, *SEGMENTER])
def test_a_vendors_host_selects_the_vendor_on_every_transport(host: str) -> None:
    """The host is case-insensitive, and may end with the dot of a fully qualified name."""
    vendor = "salsa" if host in SALSA else "segmenter"
    with SegmentMock() as mock, requests.Session() as session:
        session.trust_env = False
        server = mock.serve(proxy=True)
        session.get(f"{server.url}/nothing", headers={"Host": host})
        session.get(f"http://{host}/nothing", proxies={"http": server.url})
        session.get(f"https://{host}/nothing", proxies={"https": server.url}, verify=server.ca_file)
        with mock.intercept():
            session.get(f"https://{host}/nothing")
        create_app(mock._emulator).test_client().get("/nothing", headers={"Host": host})

    assert [f"{vendor}.no_such_operation"] * 5 == [entry.operation for entry in mock.journal]


@pytest.mark.parametrize(
    "path",
    [
        "/favicon.ico",
        "/favicon-32x32.png",
        "/apple-touch-icon.png",
        "/robots.txt",
        "/manifest.json?v=1",
        "/.well-known/appspecific/x.json",
    ],
)
def test_automatic_requests_of_browsers_are_404_and_not_in_the_journal(path: str) -> None:
    """They are ordinary calls under a vendor's host."""
    with SegmentMock() as mock, requests.Session() as session:
        statuses = [session.get(mock.serve().url + path).status_code]
        statuses.append(create_app(mock._emulator).test_client().get(path).status_code)
        assert [] == [*mock.journal]
        with mock.intercept():
            statuses.append(session.get(f"https://api.salsalabs.org{path}").status_code)

    assert [404, 404, 401] == statuses
    assert ["salsa.no_such_operation"] == [entry.operation for entry in mock.journal]


@pytest.mark.parametrize(
    "path", ["/segments", "/favicon", "/favicon.ico/x", "/a/favicon.ico", "/robots.txtx", "/well-known/x"]
)
def test_similar_paths_are_not_automatic_requests_of_browsers(path: str) -> None:
    assert not is_browser_noise(path)


def status_of(server: Any, request: bytes) -> int:
    """Send *request* without any further header and return the status."""
    with RawClient(server) as client:
        return client.send(request).read_response()[0]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "headers", ["", "Host:\r\n", "Host: api.salsalabs.org\r\n", "Host: 127.0.0.1.evil.example\r\n"]
)
def test_the_control_plane_refuses_requests_without_a_local_host_header(version: str, headers: str) -> None:
    with SegmentMock() as mock:
        assert 403 == status_of(mock.serve(), f"GET /_mock/state HTTP/{version}\r\n{headers}\r\n".encode())


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1:80", "[::1]:80"])
def test_the_control_plane_accepts_requests_with_a_local_host_header(host: str) -> None:
    with SegmentMock() as mock:
        assert 200 == status_of(mock.serve(), f"GET /_mock/state HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "localhost",
        "http://evil.example",
        "http://localhost.evil.example",
        "//localhost",
        "http://localhost:81",
    ],
)
@pytest.mark.parametrize("host", ["Host: localhost\r\n", ""])
def test_the_control_plane_refuses_other_origins(origin: str, host: str) -> None:
    """The admin token makes no difference."""
    key = "Authorization: Bearer key\r\n"
    with SegmentMock() as mock, SegmentMock(admin_token="key") as mock_with_token:
        request = f"POST /_mock/reset HTTP/1.1\r\n{host}Origin: {origin}\r\n{{}}Content-Length: 0\r\n\r\n"

        assert 403 == status_of(mock.serve(), request.format("").encode())
        assert 403 == status_of(mock_with_token.serve(), request.format(key).encode())


def test_each_server_returns_its_own_ca_and_settings() -> None:
    """A mock has several servers; a server without TLS has no CA."""
    with SegmentMock() as mock, requests.Session() as session:
        session.trust_env = False
        servers = [mock.serve(), mock.serve(tls=True), mock.serve(proxy=True), mock.serve(tls=True)]
        responses = [session.get(f"{server.url}/_mock/ca.pem", verify=server.ca_file) for server in servers]
        all_settings = [
            session.get(f"{server.url}/_mock/vendors", verify=server.ca_file).json()["settings"] for server in servers
        ]
        in_process = mock.session().get("/_mock/ca.pem").status_code
        over_wsgi = create_app(mock._emulator).test_client().get("/_mock/ca.pem").status_code

    assert [404, 200, 200, 200] == [response.status_code for response in responses]
    assert [server.ca_pem for server in servers[1:]] == [response.content for response in responses[1:]]
    assert 4 == len({response.content for response in responses})
    assert [server.port for server in servers] == [settings["port"] for settings in all_settings]
    assert [(False, False), (True, False), (False, True), (True, False)] == [
        (settings["tls"], settings["proxy"]) for settings in all_settings
    ]
    assert (404, 404) == (in_process, over_wsgi)
