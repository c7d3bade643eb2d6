"""A call with each client library, with nothing installed but the wheel and that library."""

import asyncio
import json
from urllib.request import Request, urlopen

import aiohttp
import httpx
import pytest
import requests
import urllib3

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
HEADERS = {"authToken": "any"}


def call_with_requests():
    return requests.get(METRICS, headers=HEADERS).json()


def call_with_session_of_the_mock(mock):
    return mock.session().get(METRICS, headers=HEADERS).json()


def call_with_urllib3():
    return json.loads(urllib3.PoolManager().request("GET", METRICS, headers=HEADERS).data)


def call_with_urllib():
    with urlopen(Request(METRICS, headers=HEADERS)) as response:
        return json.load(response)


def call_with_httpx():
    return httpx.get(METRICS, headers=HEADERS).json()


def call_with_async_httpx():
    async def call():
        async with httpx.AsyncClient() as client:
            return (await client.get(METRICS, headers=HEADERS)).json()

    return asyncio.run(call())


def call_with_aiohttp():
    async def call():
        async with aiohttp.ClientSession() as client, client.get(METRICS, headers=HEADERS) as response:
            return await response.json()

    return asyncio.run(call())


CALLS = [
    call_with_requests,
    call_with_urllib3,
    call_with_urllib,
    call_with_httpx,
    call_with_async_httpx,
    call_with_aiohttp,
]


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
@pytest.mark.parametrize("call", CALLS)
def test_an_intercepted_call_reaches_the_mock(call, transport):
    from segment_mock import SegmentMock

    with SegmentMock() as mock, mock.intercept(transport=transport):
        assert call()["payload"]["rateLimit"] == 300
        mock.journal.assert_called("salsa.get_metrics")


def test_a_call_of_the_session_reaches_the_mock(segment_mock):
    assert call_with_session_of_the_mock(segment_mock)["payload"]["rateLimit"] == 300
    segment_mock.journal.assert_called("salsa.get_metrics")
