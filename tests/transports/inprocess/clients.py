"""Five client libraries with one face, for tests that hold the same of each; a client keeps its connections."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import httpx
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

SALSA = "https://api.salsalabs.org"
SEARCH = "/api/integration/ext/v1/segments/search"
UPSERT = "/api/integration/ext/v1/segments"
HEADERS = {"authToken": "t", "Content-Type": "application/json"}
ALL = {"payload": {"offset": 0, "count": 20}}
PATIENCE = 10.0


class ProxyRoute(NamedTuple):
    """A proxy, the file of the CA to be trusted, and what verifies by it; a client without settings has none."""

    proxy: str | None = None
    ca_file: str | None = None
    context: ssl.SSLContext = ssl.create_default_context()


DIRECT = ProxyRoute()


class InRequests:
    """requests."""

    retries = Retry(0, read=False)

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._session = requests.Session()
        self._session.mount("https://", HTTPAdapter(max_retries=self.retries))
        self._session.proxies = {"all": route.proxy} if route.proxy else {}
        self._verify = route.ca_file  # not the session's: a variable of the environment would win

    def send(self, method: str, url: str, body: Any = None, patience: float = PATIENCE) -> tuple[int, bytes]:
        """Return status and body."""
        timeout = (PATIENCE, patience)
        reply = self._session.request(
            method, url, data=encoded(body), headers=HEADERS, timeout=timeout, verify=self._verify
        )
        return reply.status_code, reply.content

    def close(self) -> None:
        """Close every connection."""
        self._session.close()


class InUrllib3:
    """urllib3."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        options: Any = {"ssl_context": route.context} if route.ca_file else {}
        self._pool = urllib3.ProxyManager(route.proxy, **options) if route.proxy else urllib3.PoolManager(**options)

    def send(self, method: str, url: str, body: Any = None, patience: float = PATIENCE) -> tuple[int, bytes]:
        """Return status and body."""
        timeout = urllib3.Timeout(connect=PATIENCE, read=patience)
        reply = self._pool.request(method, url, body=encoded(body), headers=HEADERS, timeout=timeout, retries=False)
        return reply.status, reply.data

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()


def proxied(route: ProxyRoute) -> dict[str, Any]:
    """Return httpx's option for the proxy, which before 0.26 has another name."""
    if not route.proxy:
        return {}
    return {"proxy": route.proxy} if httpx.__version__ >= "0.26" else {"proxies": route.proxy}


class InHttpx:
    """httpx."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._client = httpx.Client(verify=route.context, **proxied(route))

    def send(self, method: str, url: str, body: Any = None, patience: float = PATIENCE) -> tuple[int, bytes]:
        """Return status and body."""
        timeout = httpx.Timeout(PATIENCE, read=patience)
        reply = self._client.request(method, url, content=encoded(body), headers=HEADERS, timeout=timeout)
        return reply.status_code, reply.content

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


class InAsyncHttpx:
    """httpx for coroutines."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(verify=route.context, **proxied(route))

    def send(self, method: str, url: str, body: Any = None, patience: float = PATIENCE) -> tuple[int, bytes]:
        """Return status and body."""
        timeout = httpx.Timeout(PATIENCE, read=patience)
        asking = self._client.request(method, url, content=encoded(body), headers=HEADERS, timeout=timeout)
        reply = self._loop.run_until_complete(asking)
        return reply.status_code, reply.content

    def close(self) -> None:
        """Close every connection."""
        self._loop.run_until_complete(self._client.aclose())
        ended(self._loop)


class InAiohttp:
    """aiohttp."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._loop, self._route = asyncio.new_event_loop(), route
        self._session = self._loop.run_until_complete(self._opened())

    async def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._route.context))

    async def _request(self, method: str, url: str, body: Any, patience: float) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=patience)
        options: Any = {"data": encoded(body), "headers": HEADERS, "timeout": timeout, "proxy": self._route.proxy}
        async with self._session.request(method, url, **options) as reply:
            return reply.status, await reply.read()

    def send(self, method: str, url: str, body: Any = None, patience: float = PATIENCE) -> tuple[int, bytes]:
        """Return status and body."""
        return self._loop.run_until_complete(self._request(method, url, body, patience))

    def close(self) -> None:
        """Close every connection."""
        self._loop.run_until_complete(self._session.close())
        ended(self._loop)


CLIENTS: Mapping[str, Callable[..., Any]] = {
    "requests": InRequests,
    "urllib3": InUrllib3,
    "httpx": InHttpx,
    "httpx-async": InAsyncHttpx,
    "aiohttp": InAiohttp,
}


def ended(loop: Any) -> None:
    """Close *loop* once every connection of it is gone: both libraries let TLS say good-bye behind their backs."""
    loop.run_until_complete(loop.shutdown_asyncgens())
    until = loop.time() + PATIENCE
    while len(loop._selector.get_map()) > 1 and loop.time() < until:  # the one is the loop's own
        loop.run_until_complete(asyncio.sleep(0))
    for _ in range(3):  # what is no longer watched is closed a turn later
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def encoded(body: Any) -> bytes | None:
    """Return *body* as JSON, None as no body."""
    return None if body is None else json.dumps(body).encode()


def outcome(client: Any, method: str, url: str, body: Any, patience: float = PATIENCE) -> str:
    """Return the client's result of a call: the class that it raises, or the status and whether the body is JSON."""
    try:
        status, text = client.send(method, url, body, patience)
    except Exception as error:
        return type(error).__name__
    try:
        json.loads(text)
    except ValueError:
        return f"{status} no JSON"
    return f"{status}"
