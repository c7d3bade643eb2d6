"""Hosts beside the vendors' own: a company's gateway taken in, a vendor's host left out."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import NetworkBlocked, SegmentMock, SettingError

PATH = "/api/integration/ext/v1/metrics"
NO_HOST = r"hosts: .* is not a host, such as gateway\.example"
HEADERS = {"authToken": "any"}


def status(host: str) -> int:
    """Return the status of a call to *host*."""
    return requests.get(f"https://{host}{PATH}", headers=HEADERS, timeout=5).status_code


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
@pytest.mark.parametrize("host", ["gateway.example", "GATEWAY.example.", "eu.gateway.example"])
def test_a_gateway_is_taken_in(transport: Any, host: str) -> None:
    with SegmentMock() as mock, mock.intercept(transport=transport, hosts=["gateway.example", "*.gateway.example"]):
        assert status(host) == 200
        assert status("api.salsalabs.org") == 200
        mock.journal.assert_called("salsa.get_metrics", times=2)


def test_a_vendors_host_is_left_out() -> None:
    """It is then a host like any other."""
    hosts = ["!api.salsalabs.org"]
    with SegmentMock() as mock, mock.intercept(hosts=hosts, block_network=True), pytest.raises(NetworkBlocked):
        status("api.salsalabs.org")


def test_the_last_pattern_counts() -> None:
    """All of a domain but one host, and those of the interception after those of the mock."""
    with SegmentMock(hosts=["*.gateway.example", "!eu.gateway.example"]) as mock:
        with mock.intercept(block_network=True):
            assert status("us.gateway.example") == 200
            with pytest.raises(NetworkBlocked):
                status("eu.gateway.example")
        with mock.intercept(hosts=["eu.gateway.example"]):
            assert status("eu.gateway.example") == 200


@pytest.mark.parametrize("host", ["https://gateway.example", "gateway.example:443", "gateway.example/x", "", "*", "!"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """By the setting and by the interception alike."""
    with pytest.raises(SettingError, match=NO_HOST):
        SegmentMock(hosts=[host])
    with SegmentMock() as mock, pytest.raises(SettingError, match=NO_HOST):
        mock.intercept(hosts=[host])


def test_proxy_serves_a_configured_gateway() -> None:
    with SegmentMock(hosts=["gateway.example"]) as mock:
        server = mock.serve(proxy=True)
        reply = requests.get(
            f"https://gateway.example{PATH}", headers=HEADERS, proxies={"https": server.url}, verify=server.ca_file
        )

        assert reply.status_code == 200


def test_marker_and_fixture(pytester: pytest.Pytester) -> None:
    """They take the setting as any other."""
    pytester.makepyfile(
        f"""
        import pytest, requests

        URL = "https://gateway.example{PATH}"

        @pytest.mark.segment_mock(hosts=["gateway.example"])
        def test_marked(segment_mock):
            assert requests.get(URL, headers={HEADERS}).status_code == 200

        class TestConfigured:
            @pytest.fixture(scope="session")
            def segment_mock_config(self):
                return {{"hosts": ["gateway.example"]}}

            def test_it(self, segment_mock):
                assert requests.get(URL, headers={HEADERS}).status_code == 200
        """
    )
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=2)
