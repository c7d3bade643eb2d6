"""A requests.Session whose every call lands in the core, whatever its host; nothing gets out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool

from ._sending import own_send
from ._shortly import shortly
from .inprocess import Socket
from .shortcut import InProcess
from .urllib3 import pool

BASE = "http://segment-mock"


class Adapter(HTTPAdapter):
    """requests' own adapter over connections that *opened* makes; *options* are HTTPAdapter's (``max_retries`` ...).

    With a *door* a plain call takes its shortcut.
    """

    def __init__(self, opened: Callable[[], Socket], door: InProcess | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._opened, self._door, self._send = opened, door, own_send()
        self._pools: dict[str, HTTPConnectionPool] = {}

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send *request* as requests itself does, whatever a library of stubs would have it do."""
        if self._door is not None and not args:
            soon = shortly(self._door, self, request)
            if isinstance(soon, Socket):
                return Adapter(lambda: soon, max_retries=self.max_retries).send(request, **options)
            if soon is not None:
                return soon
        answer: Response = self._send(self, request, *args, **options)
        return answer

    def get_connection_with_tls_context(self, request: PreparedRequest, *_: Any, **__: Any) -> HTTPConnectionPool:
        """Return the pool of the request's host."""
        target = urlsplit(request.url or BASE)
        found = self._pools.get(target.netloc)
        if found is None:
            host = target.hostname or "segment-mock"
            found = self._pools.setdefault(target.netloc, pool(self._opened, host, target.port))
        return found

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Skip looking for certificates: there is no TLS."""

    def close(self) -> None:
        """Close every pool."""
        for made in self._pools.values():
            made.close()
        super().close()


class MockSession(Session):
    """A session bound to one mock by its *door*; a URL may be a path alone. *options* are those of `Adapter`."""

    def __init__(self, door: InProcess, **options: Any) -> None:
        super().__init__()
        # Looking through the environment for proxies is two fifths of a call, and none is wanted.
        self.trust_env = False
        adapter = Adapter(door.opened, door, **options)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> Response:
        """Send a request as `requests.Session.request` does; *url* may begin with ``/``."""
        text = url.decode() if isinstance(url, bytes) else url
        return super().request(method, BASE + text if text.startswith("/") else text, *args, **options)
