"""A requests.Session whose every call lands in the core, whatever its host; nothing gets out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool

from ._sending import own_send
from ._shortly import origin_of, shortly
from .inprocess import Socket
from .shortcut import InProcess
from .urllib3 import pool

BASE = "http://segment-mock"


class Adapter(HTTPAdapter):
    """requests' own adapter over connections that *door* opens; *options* are HTTPAdapter's (``max_retries`` ...)."""

    def __init__(self, door: InProcess, **options: Any) -> None:
        super().__init__(**options)
        self._door, self._send = door, own_send()
        self._pools: dict[str, HTTPConnectionPool] = {}

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send *request* as requests itself does, whatever a library of stubs would have it do."""
        named = dict(zip(("stream", "timeout", "verify", "cert", "proxies"), args, strict=False))
        return shortly(self._door, self, request, {**named, **options}, self._send)

    def get_connection_with_tls_context(self, request: PreparedRequest, *_: Any, **__: Any) -> HTTPConnectionPool:
        """Return the pool of the request's host."""
        target = urlsplit(request.url or BASE)
        found = self._pools.get(origin := origin_of(target))
        if found is None:
            host = target.hostname or "segment-mock"
            found = self._pools.setdefault(origin, pool(self._opened, host, target.port))
        return found

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Skip looking for certificates: there is no TLS."""

    def close(self) -> None:
        """Close every pool; as with requests, the next call opens another."""
        while self._pools:
            self._pools.popitem()[1].close()
        self._door.forget(self)
        super().close()

    def _opened(self) -> Socket:
        return self._door.socket("", None)


class MockSession(Session):
    """A session bound to one mock by its *door*; a URL may be a path alone. *options* are those of `Adapter`."""

    def __init__(self, door: InProcess, **options: Any) -> None:
        super().__init__()
        # Looking through the environment for proxies is two fifths of a call, and none is wanted.
        self.trust_env = False
        adapter = Adapter(door, **options)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> Response:
        """Send a request as `requests.Session.request` does; *url* may begin with ``/``."""
        text = url.decode() if isinstance(url, bytes) else url
        return super().request(method, BASE + text if text.startswith("/") else text, *args, **options)
