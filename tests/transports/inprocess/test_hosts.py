"""Further hosts to intercept, such as a company's gateway, and vendors' hosts that are excluded."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import NetworkBlocked, SegmentMock, SettingError

PATH = "/api/integration/ext/v1/metrics"
NO_HOST = r"hosts: .* is not a host, such as gateway\.example"
HEADERS = {"authToken": "any"}


def status_from(host: str) -> int:
    """Return the status of a call to *host*."""
    return requests.get(f"https://{host}{PATH}", headers=HEADERS, timeout=60).status_code


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
@pytest.mark.parametrize("host", ["gateway.example", "GATEWAY.example.", "eu.gateway.example"])
def test_a_configured_gateway_is_intercepted(transport: Any, host: str) -> None:
    with SegmentMock() as mock, mock.intercept(transport=transport, hosts=["gateway.example", "*.gateway.example"]):
        assert status_from(host) == 200
        assert status_from("api.salsalabs.org") == 200
        mock.journal.assert_called("salsa.get_metrics", times=2)


def test_an_excluded_host_of_a_vendor_is_not_intercepted() -> None:
    hosts = ["!api.salsalabs.org"]
    with SegmentMock() as mock, mock.intercept(hosts=hosts, block_network=True), pytest.raises(NetworkBlocked):
        status_from("api.salsalabs.org")


def test_the_last_matching_pattern_decides() -> None:
    """Patterns of the interception follow those of the mock."""
    with SegmentMock(hosts=["*.gateway.example", "!eu.gateway.example"]) as mock:
        with mock.intercept(block_network=True):
            assert status_from("us.gateway.example") == 200
            with pytest.raises(NetworkBlocked):
                status_from("eu.gateway.example")
        with mock.intercept(hosts=["eu.gateway.example"]):
            assert status_from("eu.gateway.example") == 200


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_a_single_host_needs_no_list(transport: Any) -> None:
    with SegmentMock(hosts="a.example") as mock, mock.intercept(transport=transport, hosts="b.example"):
        assert [200, 200] == [status_from("a.example"), status_from("b.example")]


@pytest.mark.parametrize(
    "host",
    ["https://gateway.example", "gateway.example:443", "a.example,b.example", "", "*", "!", 5, 1.5, True, None, b"a.b"],
)
def test_an_invalid_host_is_an_error(host: Any) -> None:
    """Settings of the mock and arguments of ``intercept`` are checked in the same way, with or without a list."""
    for hosts in [[host]] if host is None else [host, [host]]:
        with pytest.raises(SettingError, match=NO_HOST):
            SegmentMock(hosts=hosts)
        with SegmentMock() as mock, pytest.raises(SettingError, match=NO_HOST):
            mock.intercept(hosts=hosts)


def test_a_proxy_serves_a_configured_gateway() -> None:
    with SegmentMock(hosts=["gateway.example"]) as mock:
        server = mock.serve(proxy=True)
        response = requests.get(
            f"https://gateway.example{PATH}", headers=HEADERS, proxies={"https": server.url}, verify=server.ca_file
        )

        assert response.status_code == 200


def test_marker_and_config_fixture_accept_hosts(pytester: pytest.Pytester) -> None:
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
