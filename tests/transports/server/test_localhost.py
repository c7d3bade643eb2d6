"""``--host localhost`` listens on both IP families."""

from __future__ import annotations

import http.client
import socket

import pytest

from segment_mock import SegmentMock
from tests.ports import free_port
from tests.waiting import PATIENCE


def has_ipv6() -> bool:
    """Return whether this machine has an IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_localhost_listens_on_every_available_family() -> None:
    with SegmentMock() as mock:
        server = mock.serve("localhost", free_port())  # at which nothing else listens after the stop
        for host in ("127.0.0.1", "localhost", *(["::1"] if has_ipv6() else [])):
            connection = http.client.HTTPConnection(host, server.port, timeout=PATIENCE)
            connection.request("GET", "/_mock/health")
            assert 200 == connection.getresponse().status
            connection.close()
        assert f"http://localhost:{server.port}" == server.url
        server.stop()
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(OSError, match=r"."):
                socket.create_connection((host, server.port), timeout=PATIENCE)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_a_port_in_use_on_one_family_is_an_error() -> None:
    with socket.socket(socket.AF_INET6) as other_server, SegmentMock() as mock:
        other_server.bind(("::1", free_port()))
        other_server.listen()
        with pytest.raises(OSError, match="in use"):
            mock.serve("localhost", other_server.getsockname()[1])
        socket.create_server(("127.0.0.1", other_server.getsockname()[1])).close()
