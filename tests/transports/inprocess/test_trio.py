"""httpx under trio, and httpcore without httpx: interception patches httpcore, whatever runs the coroutines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpcore
import httpx
import pytest
import trio

from segment_mock import SegmentMock, faults

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
HEADERS = {"authToken": "any"}
F: Any = faults


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock() as mock:
        yield mock


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_httpx_is_intercepted_under_trio(mock: SegmentMock, transport: Any) -> None:
    """Connections are kept alive, calls run in parallel, and a lost connection is an error."""
    seen: list[Any] = []

    async def calls() -> None:
        async with httpx.AsyncClient(headers=HEADERS) as client:
            for _ in range(2):
                seen.append((await client.get(METRICS)).status_code)
            mock.faults.add(F.Disconnect(), times=1)
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(METRICS)
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(send_request, client)

    async def send_request(client: httpx.AsyncClient) -> None:
        seen.append((await client.get(METRICS)).status_code)

    with mock.intercept(transport=transport):
        trio.run(calls)

    assert [200] * 5 == seen


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_httpcore_is_intercepted_without_httpx(mock: SegmentMock, transport: Any) -> None:
    events: list[str] = []
    with httpcore.ConnectionPool() as pool, mock.intercept(transport=transport):
        plain = pool.request("GET", METRICS, headers=HEADERS)
        traced = pool.request(
            "GET", METRICS, headers=HEADERS, extensions={"trace": lambda name, info: events.append(name)}
        )

    assert (200, 200) == (plain.status, traced.status)
    assert plain.content != b""
    assert "http11.receive_response_headers.complete" in events


def test_an_exception_of_a_fault_function_reaches_the_client(mock: SegmentMock) -> None:
    """The connection is not used again."""

    async def raise_error(call: Any, proceed: Any) -> Any:
        raise ZeroDivisionError("raised by a user's function")

    rule = mock.faults.add(raise_error, times=1)
    with mock.intercept(), httpx.Client(headers=HEADERS) as client:
        with pytest.raises(ZeroDivisionError):
            client.get(METRICS)
        assert client.get(METRICS).status_code == 200
    assert rule.fired == 1
