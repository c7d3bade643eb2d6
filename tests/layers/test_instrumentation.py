"""Instrumentation works with the mock as with a vendor: calls have spans, and the journal has the tracing headers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests
import urllib3

from segment_mock import SegmentMock, faults

pytest.importorskip("opentelemetry.sdk")
sentry_sdk = pytest.importorskip("sentry_sdk")

from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor  # noqa: E402
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor  # noqa: E402
from opentelemetry.instrumentation.requests import RequestsInstrumentor  # noqa: E402
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
HEADERS = {"authToken": "any"}
TRANSPORTS = ["inprocess", "live", "tls"]


def call_with_requests() -> int:
    """Call a vendor with requests and return the status."""
    return requests.get(METRICS, headers=HEADERS, timeout=60).status_code


def call_with_urllib3() -> int:
    """Call a vendor with urllib3 and return the status."""
    with urllib3.PoolManager() as pool:
        return pool.request("GET", METRICS, headers=HEADERS).status


def call_with_httpx() -> int:
    """Call a vendor with httpx and return the status."""
    return httpx.get(METRICS, headers=HEADERS).status_code


def call_with_async_httpx() -> int:
    """Call a vendor with httpx.AsyncClient and return the status."""

    async def status() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.get(METRICS, headers=HEADERS)).status_code

    return asyncio.run(status())


def call_with_aiohttp() -> int:
    """Call a vendor with aiohttp and return the status."""

    async def status() -> int:
        async with aiohttp.ClientSession() as client, client.get(METRICS, headers=HEADERS) as response:
            return response.status

    return asyncio.run(status())


class Client(NamedTuple):
    """A function that calls a vendor with a library, and the OpenTelemetry instrumentor of that library."""

    call: Callable[[], int]
    instrumentor: Any


CLIENTS = {
    "requests": Client(call_with_requests, RequestsInstrumentor),
    "urllib3": Client(call_with_urllib3, URLLib3Instrumentor),
    "httpx": Client(call_with_httpx, HTTPXClientInstrumentor),
    "httpx-async": Client(call_with_async_httpx, HTTPXClientInstrumentor),
    "aiohttp": Client(call_with_aiohttp, AioHttpClientInstrumentor),
}


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock() as mock:
        yield mock


@contextmanager
def instrument(client: Client, exporter: InMemorySpanExporter) -> Iterator[None]:
    """Instrument the library of *client* with OpenTelemetry for the length of the block."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = client.instrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


@pytest.mark.parametrize("first", ["opentelemetry", "mock"])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", CLIENTS)
def test_opentelemetry_has_a_span_for_each_call(mock: SegmentMock, name: str, transport: Any, first: str) -> None:
    """The span has the status, and the journal has its ``traceparent``; either the mock or the library starts first."""
    client, exporter = CLIENTS[name], InMemorySpanExporter()
    mock.faults.add(faults.Error(status=503), times=1)
    starts = [lambda: instrument(client, exporter), lambda: mock.intercept(transport=transport)]
    with ExitStack() as stack:
        for start in starts if first == "opentelemetry" else starts[::-1]:
            stack.enter_context(start())
        statuses = [client.call(), client.call()]
        spans = exporter.get_finished_spans()

    assert [503, 200] == statuses
    assert [f"{span.context.trace_id:032x}" for span in spans] == [
        entry.request_headers["traceparent"].split("-")[1] for entry in mock.journal
    ]
    attributes = [dict(span.attributes) for span in spans]
    assert [503, 200] == [a.get("http.status_code", a.get("http.response.status_code")) for a in attributes]
    assert all("api.salsalabs.org" in str(a.get("http.url", a.get("url.full"))) for a in attributes)


@pytest.mark.parametrize("first", ["sentry", "mock"])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "urllib3"])
def test_sentry_has_a_span_for_each_call(mock: SegmentMock, name: str, transport: Any, first: str) -> None:
    """Each call is a span of the transaction, and the journal has its ``sentry-trace`` header.

    Sentry patches the libraries permanently, so it starts second only in the first of these tests.
    """
    events: list[Any] = []

    def init() -> Any:
        append_event: Any = lambda event, _: events.append(event)  # noqa: E731
        sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", traces_sample_rate=1.0, before_send_transaction=append_event)

    with ExitStack() as stack:
        if first == "sentry":
            init()
        stack.enter_context(mock.intercept(transport=transport))
        if first == "mock":
            init()
        with sentry_sdk.start_transaction(name="test"):
            assert CLIENTS[name].call() == 200
    (event,) = events
    spans = [span for span in event["spans"] if span["op"] == "http.client"]
    (entry,) = mock.journal

    assert spans
    assert entry.request_headers["sentry-trace"].split("-")[0] == event["contexts"]["trace"]["trace_id"]
    assert any("api.salsalabs.org" in span["description"] for span in spans)
    sentry_sdk.get_client().close()
