"""A call by each client library to a host of a vendor, with nothing but the installed wheel and the library."""

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


def by_requests():
    return requests.get(METRICS, headers=HEADERS).json()


def by_session_of_the_mock(mock):
    return mock.session().get(METRICS, headers=HEADERS).json()


def by_urllib3():
    return json.loads(urllib3.PoolManager().request("GET", METRICS, headers=HEADERS).data)


def by_urllib():
    with urlopen(Request(METRICS, headers=HEADERS)) as reply:
        return json.load(reply)


def by_httpx():
    return httpx.get(METRICS, headers=HEADERS).json()


def by_httpx_in_a_coroutine():
    async def call():
        async with httpx.AsyncClient() as client:
            return (await client.get(METRICS, headers=HEADERS)).json()

    return asyncio.run(call())


def by_aiohttp():
    async def call():
        async with aiohttp.ClientSession() as client, client.get(METRICS, headers=HEADERS) as reply:
            return await reply.json()

    return asyncio.run(call())


CALLS = [by_requests, by_urllib3, by_urllib, by_httpx, by_httpx_in_a_coroutine, by_aiohttp]


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_lands_in_the_mock(call, transport):
    from segment_mock import SegmentMock

    with SegmentMock() as mock, mock.intercept(transport=transport):
        assert call()["payload"]["rateLimit"] == 300
        mock.journal.assert_called("salsa.get_metrics")


def test_a_call_of_the_session_lands_in_the_mock(segment_mock):
    assert by_session_of_the_mock(segment_mock)["payload"]["rateLimit"] == 300
    segment_mock.journal.assert_called("salsa.get_metrics")
