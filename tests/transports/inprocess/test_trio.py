"""httpx under trio or asyncio, and httpcore alone: interception patches httpcore, whatever runs the coroutines."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import anyio
import httpcore
import httpx
import pytest
import trio
import trio.testing
from anyio.lowlevel import checkpoint

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


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_delay_takes_no_real_time_with_an_older_trio(
    mock: SegmentMock, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before version 0.29, trio has no function that says whether it runs."""
    for name in ("in_trio_run", "in_trio_task"):
        monkeypatch.delattr(trio.lowlevel, name, raising=False)
    options = {"clock": trio.testing.MockClock(autojump_threshold=0)} if backend == "trio" else {}

    async def call() -> int:
        async with httpx.AsyncClient(headers=HEADERS, timeout=600) as client:
            return (await client.get(METRICS)).status_code

    mock.clock.freeze()
    start = mock.clock.now()
    mock.faults.add(F.Latency(seconds=300))
    with mock.intercept():
        assert anyio.run(call, backend=backend, backend_options=options) == 200
    assert mock.clock.now() - start == 300


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_that_is_cancelled_at_any_turn_of_the_loop_leaves_no_warning(
    mock: SegmentMock, backend: str, turns: int
) -> None:
    """No coroutine is left that nothing awaits, and the client can call again."""
    seen: list[int] = []

    async def send_request(client: httpx.AsyncClient) -> None:
        seen.append((await client.get(METRICS)).status_code)

    async def calls() -> None:
        async with httpx.AsyncClient(headers=HEADERS) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(send_request, client)
                for _ in range(turns):
                    await checkpoint()
                group.cancel_scope.cancel()
            seen.clear()
            await send_request(client)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # what earlier tests have left
    with warnings.catch_warnings(record=True) as caught, mock.intercept():
        warnings.simplefilter("always", RuntimeWarning)
        anyio.run(calls, backend=backend)
        gc.collect()

    assert ([200], []) == (seen, [str(warning.message) for warning in caught])


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
