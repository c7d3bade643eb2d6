"""Five client libraries behind one interface, for tests that run with each of them; clients keep connections open."""

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
DEFAULT_TIMEOUT = 10.0


class ProxyRoute(NamedTuple):
    """The URL of a proxy, the CA file to trust, and an SSL context that trusts it; by default, no proxy."""

    proxy: str | None = None
    ca_file: str | None = None
    context: ssl.SSLContext = ssl.create_default_context()


DIRECT = ProxyRoute()


class RequestsClient:
    """A client that uses requests."""

    retries = Retry(0, read=False)

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._session = requests.Session()
        self._session.mount("https://", HTTPAdapter(max_retries=self.retries))
        self._session.proxies = {"all": route.proxy} if route.proxy else {}
        self._verify = route.ca_file  # an environment variable would override the session's setting

    def send(self, method: str, url: str, body: Any = None, read_timeout: float = DEFAULT_TIMEOUT) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the response."""
        timeout = (DEFAULT_TIMEOUT, read_timeout)
        response = self._session.request(
            method, url, data=as_json(body), headers=HEADERS, timeout=timeout, verify=self._verify
        )
        return response.status_code, response.content

    def close(self) -> None:
        """Close every connection."""
        self._session.close()


class Urllib3Client:
    """A client that uses urllib3."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        options: Any = {"ssl_context": route.context} if route.ca_file else {}
        self._pool = urllib3.ProxyManager(route.proxy, **options) if route.proxy else urllib3.PoolManager(**options)

    def send(self, method: str, url: str, body: Any = None, read_timeout: float = DEFAULT_TIMEOUT) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the response."""
        timeout = urllib3.Timeout(connect=DEFAULT_TIMEOUT, read=read_timeout)
        response = self._pool.request(method, url, body=as_json(body), headers=HEADERS, timeout=timeout, retries=False)
        return response.status, response.data

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()


def proxy_option(route: ProxyRoute) -> dict[str, Any]:
    """Return httpx's argument for the proxy, whose name changed in version 0.26."""
    if not route.proxy:
        return {}
    return {"proxy": route.proxy} if httpx.__version__ >= "0.26" else {"proxies": route.proxy}


class HttpxClient:
    """A client that uses httpx."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._client = httpx.Client(verify=route.context, **proxy_option(route))

    def send(self, method: str, url: str, body: Any = None, read_timeout: float = DEFAULT_TIMEOUT) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the response."""
        timeout = httpx.Timeout(DEFAULT_TIMEOUT, read=read_timeout)
        response = self._client.request(method, url, content=as_json(body), headers=HEADERS, timeout=timeout)
        return response.status_code, response.content

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


class AsyncHttpxClient:
    """A client that uses httpx.AsyncClient in an event loop of its own."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(verify=route.context, **proxy_option(route))

    def send(self, method: str, url: str, body: Any = None, read_timeout: float = DEFAULT_TIMEOUT) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the response."""
        timeout = httpx.Timeout(DEFAULT_TIMEOUT, read=read_timeout)
        request = self._client.request(method, url, content=as_json(body), headers=HEADERS, timeout=timeout)
        response = self._loop.run_until_complete(request)
        return response.status_code, response.content

    def close(self) -> None:
        """Close every connection."""
        self._loop.run_until_complete(self._client.aclose())
        close_loop(self._loop)


class AiohttpClient:
    """A client that uses aiohttp in an event loop of its own."""

    def __init__(self, route: ProxyRoute = DIRECT) -> None:
        self._loop, self._route = asyncio.new_event_loop(), route
        self._session = self._loop.run_until_complete(self._new_session())

    async def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._route.context))

    async def _request(self, method: str, url: str, body: Any, read_timeout: float) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=DEFAULT_TIMEOUT, sock_read=read_timeout)
        options: Any = {"data": as_json(body), "headers": HEADERS, "timeout": timeout, "proxy": self._route.proxy}
        async with self._session.request(method, url, **options) as response:
            return response.status, await response.read()

    def send(self, method: str, url: str, body: Any = None, read_timeout: float = DEFAULT_TIMEOUT) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the response."""
        return self._loop.run_until_complete(self._request(method, url, body, read_timeout))

    def close(self) -> None:
        """Close every connection."""
        self._loop.run_until_complete(self._session.close())
        close_loop(self._loop)


CLIENTS: Mapping[str, Callable[..., Any]] = {
    "requests": RequestsClient,
    "urllib3": Urllib3Client,
    "httpx": HttpxClient,
    "httpx-async": AsyncHttpxClient,
    "aiohttp": AiohttpClient,
}


def close_loop(loop: Any) -> None:
    """Close *loop* after its connections; both libraries finish closing TLS connections in the background."""
    loop.run_until_complete(loop.shutdown_asyncgens())
    deadline = loop.time() + DEFAULT_TIMEOUT
    while len(loop._selector.get_map()) > 1 and loop.time() < deadline:  # one is the loop's own
        loop.run_until_complete(asyncio.sleep(0))
    for _ in range(3):  # transports close in a later iteration of the loop
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def as_json(body: Any) -> bytes | None:
    """Return *body* encoded as JSON, or None for no body."""
    return None if body is None else json.dumps(body).encode()


def outcome(client: Any, method: str, url: str, body: Any, read_timeout: float = DEFAULT_TIMEOUT) -> str:
    """Send a request and return the class name of the exception, or the status and whether the body is JSON."""
    try:
        status, text = client.send(method, url, body, read_timeout)
    except Exception as error:
        return type(error).__name__
    try:
        json.loads(text)
    except ValueError:
        return f"{status} no JSON"
    return f"{status}"
