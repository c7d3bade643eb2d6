"""Concurrent calls in process have the same order, deadlines and timeouts as over a network."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio
import httpx
import pytest
import trio
import trio.testing
import uvloop
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segment_mock import SegmentMock, WouldHangForever, faults
from tests.virtual_time.stopped_time import stopped_time

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
SEGMENTS = "https://api.salsalabs.org/api/integration/ext/v1/segments"
KEY = {"authToken": "any"}
REAL_MONOTONIC = time.monotonic
Call = Callable[[], Awaitable[int]]


@pytest.fixture
def mock() -> SegmentMock:
    mock = SegmentMock()
    mock.clock.freeze(0)
    return mock


async def httpx_get(url: str = METRICS) -> int:
    async with httpx.AsyncClient(timeout=None) as client:
        return (await client.get(url, headers=KEY)).status_code


async def aiohttp_get(url: str = METRICS) -> int:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as client, client.get(url, headers=KEY) as response:
        return response.status


CLIENTS = pytest.mark.parametrize("call", [httpx_get, aiohttp_get], ids=["httpx", "aiohttp"])


def run(mock: SegmentMock, main: Callable[[], Awaitable[Any]]) -> Any:
    """Run *main* in an event loop under an interception and return its result; fail if it waits in real time."""

    async def wrapped() -> Any:
        return await main()

    with mock.intercept(), stopped_time():
        return asyncio.run(wrapped())


async def with_wait_for(call: Call) -> None:
    await asyncio.wait_for(call(), 50)


async def with_anyio(call: Call) -> None:
    with anyio.fail_after(50):
        await call()


async def with_asyncio_timeout(call: Call) -> None:
    async with asyncio.timeout(50):  # type: ignore[attr-defined,unused-ignore]
        await call()


DEADLINES = [with_wait_for, with_anyio] + ([with_asyncio_timeout] if sys.version_info >= (3, 11) else [])


@CLIENTS
@pytest.mark.parametrize("deadline", DEADLINES)
@pytest.mark.parametrize("fault", [faults.Latency(seconds=300), faults.Hang()], ids=["latency", "hang"])
def test_a_deadline_ends_a_call(mock: SegmentMock, call: Call, deadline: Any, fault: faults.Fault) -> None:
    mock.faults.add(fault)

    async def main() -> None:
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await deadline(call)

    run(mock, main)

    assert mock.clock.now() == pytest.approx(50, abs=3)


@CLIENTS
def test_move_on_after_cancels_a_call(mock: SegmentMock, call: Call) -> None:
    mock.faults.add(faults.Latency(seconds=300))

    async def main() -> bool:
        with anyio.move_on_after(50) as scope:
            await call()
        return scope.cancelled_caught

    assert run(mock, main)


@CLIENTS
def test_an_endless_hang_is_an_error(mock: SegmentMock, call: Call) -> None:
    mock.faults.add(faults.Hang())

    async def main() -> None:
        with pytest.raises(WouldHangForever, match=r"'hang' on salsa\.get_metrics"):
            await call()

    run(mock, main)


def test_the_total_timeout_of_aiohttp_ends_a_call(mock: SegmentMock) -> None:
    mock.faults.add(faults.Latency(seconds=3))

    async def main() -> None:
        timeout = aiohttp.ClientTimeout(total=0.5)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            with pytest.raises(asyncio.TimeoutError):
                await client.get(METRICS, headers=KEY)

    run(mock, main)

    assert mock.clock.now() == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize(("read", "error"), [(0.5, httpx.ReadTimeout), (4.0, None)])
def test_the_read_timeout_of_httpx_ends_only_a_longer_wait(
    mock: SegmentMock, read: float, error: type[Exception] | None
) -> None:
    mock.faults.add(faults.Latency(seconds=3))

    async def main() -> None:
        async with httpx.AsyncClient(timeout=httpx.Timeout(None, read=read)) as client:
            if error:
                with pytest.raises(error):
                    await client.get(METRICS, headers=KEY)
            else:
                await client.get(METRICS, headers=KEY)

    run(mock, main)

    assert mock.clock.now() == (0.5 if error else 3)


@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
def test_a_rate_limit_counts_parallel_delayed_calls(mock: SegmentMock, client: str) -> None:
    mock.faults.add(faults.Latency(seconds=0.5))

    async def by_httpx() -> Counter[int]:
        async with httpx.AsyncClient(timeout=None) as session:
            responses = await asyncio.gather(*(session.get(METRICS, headers=KEY) for _ in range(400)))
        return Counter(response.status_code for response in responses)

    async def by_aiohttp() -> Counter[int]:
        async with aiohttp.ClientSession() as session:
            responses = await asyncio.gather(*(session.get(METRICS, headers=KEY) for _ in range(400)))
        return Counter(response.status for response in responses)

    assert run(mock, by_httpx if client == "httpx" else by_aiohttp) == {200: 300, 429: 100}


@CLIENTS
def test_parallel_calls_take_as_long_as_the_longest(mock: SegmentMock, call: Call) -> None:
    mock.faults.add(faults.Latency(seconds=5))

    async def main() -> None:
        await asyncio.gather(*(call() for _ in range(4)))

    run(mock, main)

    assert mock.clock.now() == 5


@CLIENTS
def test_a_fast_call_ends_before_a_slow_call(mock: SegmentMock, call: Callable[[str], Awaitable[int]]) -> None:
    mock.faults.add(faults.Latency(seconds=9), "salsa.search_segments")
    mock.faults.add(faults.Latency(seconds=2), "salsa.get_metrics")

    async def main() -> list[tuple[str, float]]:
        ended: list[tuple[str, float]] = []

        async def get(url: str, name: str) -> None:
            await call(url)
            ended.append((name, mock.clock.now()))

        slow = asyncio.ensure_future(search(ended))
        await get(METRICS, "fast")
        await slow
        return ended

    async def search(ended: list[tuple[str, float]]) -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            await client.post(f"{SEGMENTS}/search", json={"payload": {}}, headers=KEY)
        ended.append(("slow", mock.clock.now()))

    assert run(mock, main) == [("fast", 2), ("slow", 9)]


@pytest.mark.parametrize(("after", "names"), [(False, []), (True, ["Volunteers"])], ids=["before", "after"])
@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
def test_a_call_cancelled_during_a_delay_is_performed_only_before_it(
    mock: SegmentMock, client: str, after: bool, names: list[str]
) -> None:
    mock.faults.add(faults.Latency(seconds=30, after=after))
    body = {"payload": {"segments": [{"name": "Volunteers"}]}}

    async def put() -> None:
        if client == "httpx":
            async with httpx.AsyncClient(timeout=None) as session:
                await session.put(SEGMENTS, json=body, headers=KEY)
        else:
            async with aiohttp.ClientSession() as other, other.put(SEGMENTS, json=body, headers=KEY):
                pass

    async def main() -> None:
        with anyio.move_on_after(10):
            await put()
        await asyncio.sleep(0)

    run(mock, main)

    assert [group["name"] for group in mock.salsa.segments] == names


@CLIENTS
def test_responses_are_reproducible(call: Call) -> None:
    def responses() -> list[bytes]:
        mock = SegmentMock(seed=3)
        mock.clock.freeze(0)
        mock.faults.add(faults.Latency(seconds=1, jitter=0.9))

        async def main() -> None:
            await asyncio.gather(*(call() for _ in range(5)))
            await call()

        run(mock, main)
        return [entry.response_body for entry in mock.journal]

    assert responses() == responses()


def test_the_timeout_of_a_synchronous_client_is_compared_with_the_delay(mock: SegmentMock) -> None:
    mock.faults.add(faults.Latency(seconds=3))
    with mock.intercept():
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(METRICS, headers=KEY, timeout=2)
        httpx.get(METRICS, headers=KEY, timeout=4)

    assert mock.clock.now() == 5


def test_trio_with_mock_clock_waits_in_virtual_time(mock: SegmentMock) -> None:
    mock.faults.add(faults.Latency(seconds=300))

    async def main() -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            with trio.move_on_after(50) as scope:
                await client.get(METRICS, headers=KEY)
            assert scope.cancelled_caught
            await client.get(METRICS, headers=KEY)

    started_at = REAL_MONOTONIC()
    with mock.intercept():
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    assert REAL_MONOTONIC() - started_at < 200
    assert mock.clock.now() == pytest.approx(350, abs=3)


def test_trio_with_its_own_clock_waits_in_real_time(mock: SegmentMock) -> None:
    mock.faults.add(faults.Latency(seconds=0.1))

    async def main() -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            await client.get(METRICS, headers=KEY)

    started_at = REAL_MONOTONIC()
    with mock.intercept():
        trio.run(main)

    assert REAL_MONOTONIC() - started_at >= 0.1


def test_an_endless_hang_under_trio_is_an_error(mock: SegmentMock) -> None:
    mock.faults.add(faults.Hang())

    async def main() -> None:
        async with httpx.AsyncClient(timeout=None) as client:
            with pytest.raises(WouldHangForever):
                await client.get(METRICS, headers=KEY)

    with mock.intercept():
        trio.run(main)


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not support Windows")
def test_uvloop_waits_in_real_time(mock: SegmentMock) -> None:
    mock.faults.add(faults.Latency(seconds=0.1))
    loop = uvloop.new_event_loop()
    started_at = REAL_MONOTONIC()
    with mock.intercept():
        assert loop.run_until_complete(httpx_get()) == 200
    loop.close()

    assert REAL_MONOTONIC() - started_at >= 0.1
    assert mock.clock.now() == 0.1


def test_each_of_several_loops_waits_in_virtual_time(mock: SegmentMock) -> None:
    mock.faults.add(faults.Latency(seconds=100))
    for _ in range(3):
        run(mock, httpx_get)

    assert mock.clock.now() == 300


OPERATIONS = {  # the latency of each in seconds
    "prompt": ("POST", f"{SEGMENTS}/search", 0),
    "late": ("GET", METRICS, 2),
    "later": ("POST", f"{SEGMENTS}/members/search", 6),
}


@dataclass(frozen=True)
class Step:
    """A call of a schedule: the second at which it starts, and the seconds until its deadline and its cancellation."""

    operation: str
    start: int
    deadline: int | None
    cancelled: int | None


STEPS = st.builds(
    Step,
    st.sampled_from([*OPERATIONS]),
    st.sampled_from([0, 2, 4]),
    st.sampled_from([None, 4, 8]),
    st.sampled_from([None, 4]),
)


@pytest.mark.slow
@given(st.lists(STEPS, min_size=1, max_size=5), st.booleans(), st.booleans())
@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])
def test_calls_of_a_schedule_end_the_same_way_in_process_and_live(
    steps: list[Step], thread: bool, sockets: bool
) -> None:
    """The calls have random deadlines and cancellations, and run beside real threads and sockets."""
    expected = outcomes(steps, thread, sockets, "inprocess")
    for scale in (0.25, 1, 4):  # longer seconds, should the machine pause for part of one
        live = outcomes(steps, thread, sockets, "live", scale)
        if live == expected:
            break

    assert expected == live


def outcomes(steps: list[Step], thread: bool, sockets: bool, transport: Any, scale: float = 1) -> list[str]:
    """Run the schedule over *transport* and return the status, "timed out" or "cancelled" of each step.

    A second of the schedule takes *scale* real seconds with a live server.
    """
    mock = SegmentMock(time_scale=scale)
    for name, (_, _, seconds) in OPERATIONS.items():
        operation = {"prompt": "search_segments", "late": "get_metrics", "later": "search_members"}[name]
        mock.faults.add(faults.Latency(seconds=seconds), f"salsa.{operation}", match={"headers": {"authtoken": "any"}})

    async def call(client: httpx.AsyncClient, step: Step) -> str:
        await asyncio.sleep(step.start * scale)
        method, url, _ = OPERATIONS[step.operation]
        response = client.request(method, url, json={"payload": {}} if method == "POST" else None, headers=KEY)
        task = asyncio.ensure_future(asyncio.wait_for(response, step.deadline and step.deadline * scale))
        if step.cancelled:
            asyncio.get_running_loop().call_later(step.cancelled * scale, task.cancel)
        try:
            return str((await task).status_code)
        except asyncio.TimeoutError:
            return "timed out"
        except asyncio.CancelledError:
            return "cancelled"

    async def main() -> list[str]:
        async with httpx.AsyncClient(timeout=None) as client:
            await client.get(
                METRICS, headers={"authToken": ""}
            )  # refused immediately; connects and imports before the schedule begins
            beside = [asyncio.to_thread(threading.Event().wait, 0.02)] if thread else []
            beside += [echo()] if sockets else []
            calls = [call(client, step) for step in steps]
            return list((await asyncio.gather(*beside, *calls))[len(beside) :])

    with mock.intercept(transport=transport):
        return asyncio.run(main())


async def echo() -> None:
    """Send some bytes over a real socket to a server in the same loop and read them back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"echo")
        assert await asyncio.wait_for(reader.read(), 10) == b"echo"
        writer.close()
