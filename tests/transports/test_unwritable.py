"""A response that can't be written is an error of its own call only, on every transport; the journal has the error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import aiohttp
import httpx
import pytest
import requests

from segment_mock import SegmentMock, create_app, faults
from segment_mock.messages import Delivery, Response

METRICS = "/api/integration/ext/v1/metrics"
HEADERS = {"authToken": "t"}
END = "9999-12-31T23:59:59.999Z"
Ask = Callable[[], int]


async def no_response(call: Any, proceed: Any) -> Any:
    return {"status": 200}


async def nothing(call: Any, proceed: Any) -> Any:
    await proceed()


async def exits(call: Any, proceed: Any) -> Any:
    raise SystemExit(3)


async def exits_after(call: Any, proceed: Any) -> Any:
    await proceed()
    raise SystemExit


async def splits(call: Any, proceed: Any) -> Any:
    return Response(200, {"X-A": "1\r\nX-B: 2"})


async def nameless(call: Any, proceed: Any) -> Any:
    return Response(200, {"": "x"})


async def spaced(call: Any, proceed: Any) -> Any:
    return Response(200, {"X Y": "x"})


async def number(call: Any, proceed: Any) -> Any:
    return Response(200, {"X-A": 1})  # type: ignore[dict-item]


async def text(call: Any, proceed: Any) -> Any:
    return Response(200, {}, "text")  # type: ignore[arg-type]


async def odd_status(call: Any, proceed: Any) -> Any:
    return Response("200")  # type: ignore[arg-type]


async def odd_delivery(call: Any, proceed: Any) -> Any:
    return Response(200, {}, b"", None)  # type: ignore[arg-type]


STAGES = (
    no_response, nothing, exits, exits_after, splits, nameless, spaced, number, text, odd_status, odd_delivery,
)  # fmt: skip


@contextmanager
def live(mock: SegmentMock) -> Iterator[Ask]:
    url = mock.serve().url + METRICS
    with requests.Session() as session:
        yield lambda: session.get(url, headers=HEADERS, timeout=5).status_code


@contextmanager
def tls(mock: SegmentMock) -> Iterator[Ask]:
    server = mock.serve(tls=True)
    with requests.Session() as session:
        session.trust_env, session.verify = False, server.ca_file
        yield lambda: session.get(server.url + METRICS, headers=HEADERS, timeout=5).status_code


@contextmanager
def in_process(mock: SegmentMock) -> Iterator[Ask]:
    with mock.intercept(), requests.Session() as session:
        yield lambda: session.get(f"https://api.salsalabs.org{METRICS}", headers=HEADERS, timeout=5).status_code


@contextmanager
def in_process_httpx(mock: SegmentMock) -> Iterator[Ask]:
    with mock.intercept(), httpx.Client() as client:
        yield lambda: client.get(f"https://api.salsalabs.org{METRICS}", headers=HEADERS).status_code


@contextmanager
def in_process_aiohttp(mock: SegmentMock) -> Iterator[Ask]:
    async def ask() -> int:
        url = f"https://api.salsalabs.org{METRICS}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=HEADERS) as reply:
            await reply.read()
            return reply.status

    with mock.intercept():
        yield lambda: asyncio.run(ask())


@contextmanager
def wsgi(mock: SegmentMock) -> Iterator[Ask]:
    client = create_app(mock._emulator).test_client()
    yield lambda: client.get(METRICS, headers=HEADERS).status_code


SERVERS = (live, tls)
TRANSPORTS = (*SERVERS, in_process, in_process_httpx, in_process_aiohttp, wsgi)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("stage", STAGES)
def test_error_of_one_call(transport: Any, stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A server answers 500; in process the caller gets the exception. The next call is answered as ever."""
    with SegmentMock() as mock, transport(mock) as ask:
        mock.faults.add(stage, times=1)
        if transport in SERVERS:
            assert 500 == ask()
            assert "failed to answer" in caplog.text
        else:
            with suppress(RuntimeError, TypeError, ValueError):
                assert 500 == ask()
        assert 200 == ask()
        first, second = mock.journal

    assert ("abandoned", 200) == (first.outcome, second.status)
    assert first.hint.startswith("a fault, or the match of a rule, raised ")


def test_the_journal_has_the_error_of_a_match() -> None:
    with SegmentMock() as mock, live(mock) as ask:
        mock.faults.add("error", match=lambda call: call.no_such_member)
        assert 500 == ask()
        (entry,) = mock.journal

    assert "raised AttributeError(" in entry.hint


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("fault", [None, faults.Latency(seconds=0.01), faults.Drip(bytes_per_second=1e6)])
def test_clock_at_the_end_of_the_calendar(transport: Any, frozen: bool, fault: Any) -> None:
    """There time stands still, and calls are answered and dated."""
    with SegmentMock() as mock, transport(mock) as ask:
        if fault:
            mock.faults.add(fault)
        mock.clock.set(END, frozen=frozen)

        assert [200, 200] == [ask(), ask()]
        assert [200, 200] == [entry.status for entry in mock.journal]
        assert END == mock.clock.iso()


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nb"}, {"": "x"}, {"X y": "x"}, {"X": "\0"}, {"X\n": "x"}, {"X": "\u20ac"}]
)
def test_headers_that_http_does_not_have_are_refused_when_armed(headers: dict[str, str]) -> None:
    """In Python, and over the control plane; nothing is armed."""
    mock = SegmentMock()
    with pytest.raises(ValueError, match="headers: "):
        mock.faults.add(faults.Error(headers=headers))
    reply = mock.session().post("/_mock/faults", json={"kind": "error", "headers": headers})

    assert 400 == reply.status_code
    assert "headers: " in reply.json()["detail"]
    assert [] == [*mock.faults]


@pytest.mark.parametrize("value", [" x", "x ", "\tx\t", "  x y  "])
def test_spaces_around_a_header_are_the_same_through_every_transport(value: str) -> None:
    """They are no part of the value."""
    seen = set()
    with SegmentMock() as mock:
        mock.faults.add(faults.Error(status=503, headers={"X-A": value}))
        for url in (mock.serve().url, "https://api.salsalabs.org"):
            with mock.intercept(), requests.Session() as session:
                seen.add(session.get(url + METRICS, headers=HEADERS, timeout=5).headers["X-A"])
        with mock.intercept(), httpx.Client() as client:
            seen.add(client.get(f"https://api.salsalabs.org{METRICS}", headers=HEADERS).headers["X-A"])
        seen.add(create_app(mock._emulator).test_client().get(METRICS, headers=HEADERS).headers["X-A"])

    assert {value.strip()} == seen


def test_delivery_with_odd_values_is_an_error_of_its_call(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing has been written before it is found."""

    async def odd(call: Any, proceed: Any) -> Any:
        return Response(200, {}, b"0123456789", Delivery(chunk="x", pause=None))  # type: ignore[arg-type]

    with SegmentMock() as mock, live(mock) as ask:
        mock.faults.add(odd, times=1)

        assert [500, 200] == [ask(), ask()]
    assert "failed to answer" in caplog.text
