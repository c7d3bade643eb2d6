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
SendCall = Callable[[], int]


async def return_dict(call: Any, proceed: Any) -> Any:
    return {"status": 200}


async def return_none(call: Any, proceed: Any) -> Any:
    await proceed()


async def exit_process(call: Any, proceed: Any) -> Any:
    raise SystemExit(3)


async def exit_after_the_call(call: Any, proceed: Any) -> Any:
    await proceed()
    raise SystemExit


async def header_with_line_break(call: Any, proceed: Any) -> Any:
    return Response(200, {"X-A": "1\r\nX-B: 2"})


async def header_without_name(call: Any, proceed: Any) -> Any:
    return Response(200, {"": "x"})


async def header_with_space_in_name(call: Any, proceed: Any) -> Any:
    return Response(200, {"X Y": "x"})


async def header_with_number(call: Any, proceed: Any) -> Any:
    return Response(200, {"X-A": 1})  # type: ignore[dict-item]


async def body_of_text(call: Any, proceed: Any) -> Any:
    return Response(200, {}, "text")  # type: ignore[arg-type]


async def status_of_text(call: Any, proceed: Any) -> Any:
    return Response("200")  # type: ignore[arg-type]


async def delivery_of_none(call: Any, proceed: Any) -> Any:
    return Response(200, {}, b"", None)  # type: ignore[arg-type]


FAULT_FUNCTIONS = (
    return_dict,
    return_none,
    exit_process,
    exit_after_the_call,
    header_with_line_break,
    header_without_name,
    header_with_space_in_name,
    header_with_number,
    body_of_text,
    status_of_text,
    delivery_of_none,
)


@contextmanager
def live(mock: SegmentMock) -> Iterator[SendCall]:
    url = mock.serve().url + METRICS
    with requests.Session() as session:
        yield lambda: session.get(url, headers=HEADERS, timeout=60).status_code


@contextmanager
def tls(mock: SegmentMock) -> Iterator[SendCall]:
    server = mock.serve(tls=True)
    with requests.Session() as session:
        session.trust_env, session.verify = False, server.ca_file
        yield lambda: session.get(server.url + METRICS, headers=HEADERS, timeout=60).status_code


@contextmanager
def in_process(mock: SegmentMock) -> Iterator[SendCall]:
    with mock.intercept(), requests.Session() as session:
        yield lambda: session.get(f"https://api.salsalabs.org{METRICS}", headers=HEADERS, timeout=60).status_code


@contextmanager
def in_process_httpx(mock: SegmentMock) -> Iterator[SendCall]:
    with mock.intercept(), httpx.Client() as client:
        yield lambda: client.get(f"https://api.salsalabs.org{METRICS}", headers=HEADERS).status_code


@contextmanager
def in_process_aiohttp(mock: SegmentMock) -> Iterator[SendCall]:
    async def get_status() -> int:
        url = f"https://api.salsalabs.org{METRICS}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=HEADERS) as response:
            await response.read()
            return response.status

    with mock.intercept():
        yield lambda: asyncio.run(get_status())


@contextmanager
def wsgi(mock: SegmentMock) -> Iterator[SendCall]:
    client = create_app(mock._emulator).test_client()
    yield lambda: client.get(METRICS, headers=HEADERS).status_code


SERVERS = (live, tls)
TRANSPORTS = (*SERVERS, in_process, in_process_httpx, in_process_aiohttp, wsgi)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault_function", FAULT_FUNCTIONS)
def test_an_invalid_response_of_a_fault_function_fails_one_call(
    transport: Any, fault_function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A server answers 500; in process, the caller gets the exception. The next call succeeds."""
    with SegmentMock() as mock, transport(mock) as send_call:
        mock.faults.add(fault_function, times=1)
        if transport in SERVERS:
            assert 500 == send_call()
            assert "failed to answer" in caplog.text
        else:
            with suppress(RuntimeError, TypeError, ValueError):
                assert 500 == send_call()
        assert 200 == send_call()
        first, second = mock.journal

    assert ("abandoned", 200) == (first.outcome, second.status)
    assert first.hint.startswith("a fault, or the match of a rule, raised ")


def test_the_journal_has_the_error_of_a_match_function() -> None:
    with SegmentMock() as mock, live(mock) as send_call:
        mock.faults.add("error", match=lambda call: call.no_such_member)
        assert 500 == send_call()
        (entry,) = mock.journal

    assert "raised AttributeError(" in entry.hint


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("fault", [None, faults.Latency(seconds=0.01), faults.Drip(bytes_per_second=1e6)])
def test_the_clock_stops_at_the_end_of_the_year_9999(transport: Any, frozen: bool, fault: Any) -> None:
    """Calls are still answered, with that time."""
    with SegmentMock() as mock, transport(mock) as send_call:
        if fault:
            mock.faults.add(fault)
        mock.clock.set(END, frozen=frozen)

        assert [200, 200] == [send_call(), send_call()]
        assert [200, 200] == [entry.status for entry in mock.journal]
        assert END == mock.clock.iso()


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nb"}, {"": "x"}, {"X y": "x"}, {"X": "\0"}, {"X\n": "x"}, {"X": "\u20ac"}]
)
def test_invalid_headers_of_a_fault_are_an_error_when_it_is_armed(headers: dict[str, str]) -> None:
    """The fault can be armed neither in Python nor over the control plane."""
    mock = SegmentMock()
    with pytest.raises(ValueError, match="headers: "):
        mock.faults.add(faults.Error(headers=headers))
    response = mock.session().post("/_mock/faults", json={"kind": "error", "headers": headers})

    assert 400 == response.status_code
    assert "headers: " in response.json()["detail"]
    assert [] == [*mock.faults]


@pytest.mark.parametrize("value", [" x", "x ", "\tx\t", "  x y  "])
def test_spaces_around_a_header_value_are_removed_on_every_transport(value: str) -> None:
    values = set()
    with SegmentMock() as mock:
        mock.faults.add(faults.Error(status=503, headers={"X-A": value}))
        for url in (mock.serve().url, "https://api.salsalabs.org"):
            with mock.intercept(), requests.Session() as session:
                values.add(session.get(url + METRICS, headers=HEADERS, timeout=60).headers["X-A"])
        with mock.intercept(), httpx.Client() as client:
            values.add(client.get(f"https://api.salsalabs.org{METRICS}", headers=HEADERS).headers["X-A"])
        values.add(create_app(mock._emulator).test_client().get(METRICS, headers=HEADERS).headers["X-A"])

    assert {value.strip()} == values


def test_a_delivery_with_invalid_values_fails_its_call(caplog: pytest.LogCaptureFixture) -> None:
    """The call fails before any bytes are written."""

    async def return_invalid_delivery(call: Any, proceed: Any) -> Any:
        return Response(200, {}, b"0123456789", Delivery(chunk="x", pause=None))  # type: ignore[arg-type]

    with SegmentMock() as mock, live(mock) as send_call:
        mock.faults.add(return_invalid_delivery, times=1)

        assert [500, 200] == [send_call(), send_call()]
    assert "failed to answer" in caplog.text
