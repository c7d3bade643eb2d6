"""The result of one call by each client library to a live server, and by a session in process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import httpx
import requests
import urllib3

from tests.waiting import PATIENCE

HEADERS = {"authToken": "t", "x-api-key": "k", "Content-Type": "application/json"}


class FaultRequest(NamedTuple):
    """One call: its method, path and JSON body, and the client's read timeout in seconds."""

    method: str
    path: str
    body: Any
    timeout: float = PATIENCE

    @property
    def data(self) -> bytes:
        """The body as bytes."""
        return json.dumps(self.body).encode()


def chain(error: BaseException) -> str:
    """Return the class of *error*, followed in brackets by the class of the innermost exception in its arguments."""
    inner = error
    while carried := [arg for arg in inner.args if isinstance(arg, BaseException)]:
        inner = carried[-1]
    return _name_of(error) if inner is error else f"{_name_of(error)}({_name_of(inner)})"


def _name_of(error: BaseException) -> str:
    name = type(error).__name__
    return (
        f"{type(error).__module__}.{name}" if name.islower() else name
    )  # "error" alone is unclear, "zlib.error" is not


def outcome(fetch: Callable[[], tuple[int, Callable[[], Any]]]) -> str:
    """Return the client's result: the exception that it raises, or the status and the result of parsing the body."""
    try:
        status, parse = fetch()
    except Exception as error:
        return chain(error)
    try:
        return f"{status}" if parse() is not None else f"{status}, `json()` is None"
    except Exception as error:
        return f"{status}, `json()` raises {chain(error)}"


def in_session(session: requests.Session, base: str, request: FaultRequest) -> str:
    """Send the call by *session*, and return the client's result."""

    def fetch() -> tuple[int, Callable[[], Any]]:
        timeout = (PATIENCE, request.timeout)
        response = session.request(
            request.method, base + request.path, data=request.data, headers=HEADERS, timeout=timeout
        )
        return response.status_code, response.json

    with session:
        return outcome(fetch)


def in_requests(base: str, request: FaultRequest) -> str:
    """Send the call by requests."""
    session = requests.Session()
    session.trust_env = False
    return in_session(session, base, request)


def in_urllib3(base: str, request: FaultRequest) -> str:
    """Send the call by urllib3, without its retries."""

    def fetch() -> tuple[int, Callable[[], Any]]:
        timeout = urllib3.Timeout(connect=PATIENCE, read=request.timeout)
        response = pool.request(
            request.method, base + request.path, body=request.data, headers=HEADERS, timeout=timeout, retries=False
        )
        return response.status, response.json

    with urllib3.PoolManager() as pool:
        return outcome(fetch)


def in_httpx(base: str, request: FaultRequest) -> str:
    """Send the call by httpx."""

    def fetch() -> tuple[int, Callable[[], Any]]:
        response = client.request(request.method, base + request.path, content=request.data, headers=HEADERS)
        return response.status_code, response.json

    with httpx.Client(timeout=httpx.Timeout(PATIENCE, read=request.timeout), trust_env=False, verify=False) as client:
        return outcome(fetch)


def in_aiohttp(base: str, request: FaultRequest) -> str:
    """Send the call by aiohttp."""

    async def call() -> str:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=request.timeout)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.request(
                    request.method, base + request.path, data=request.data, headers=HEADERS
                ) as response:
                    await response.read()
                    try:
                        body = await response.json()
                    except Exception as error:
                        return f"{response.status}, `json()` raises {chain(error)}"
                    return f"{response.status}" if body is not None else f"{response.status}, `json()` is None"
            except Exception as error:
                return chain(error)

    return asyncio.run(call())


LIVE: Mapping[str, Callable[[str, FaultRequest], str]] = {
    "requests": in_requests,
    "urllib3": in_urllib3,
    "httpx": in_httpx,
    "aiohttp": in_aiohttp,
}
IN_PROCESS = "requests in process"
