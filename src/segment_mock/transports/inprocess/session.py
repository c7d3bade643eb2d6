"""A requests.Session whose every call lands in the core, whatever its host; nothing gets out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ...hosts import SESSION_HOST
from .connection import InProcessTransport
from .http_client import open_connection
from .registry import refusal

if TYPE_CHECKING:
    from .live import LiveTransport

BASE = f"http://{SESSION_HOST}"


class Adapter(HTTPAdapter):
    """requests' own adapter over connections that *transport* opens; *options* are ``HTTPAdapter``'s."""

    def __init__(self, transport: InProcessTransport | LiveTransport, **options: Any) -> None:
        self._pools = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, transport),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, transport),
        }
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool manager, with our pools."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Skip looking for certificates: there is no TLS."""


class MockSession(Session):
    """A session bound to one mock by its *transport*; a URL may be a path alone. *options* are those of `Adapter`."""

    base = BASE
    """What a path alone is put behind."""

    def __init__(self, transport: InProcessTransport | LiveTransport, **options: Any) -> None:
        super().__init__()
        # Looking through the environment for proxies is two fifths of a call, and none is wanted.
        self.trust_env = False
        adapter = Adapter(transport, **options)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> Response:
        """Send a request as `requests.Session.request` does; *url* may begin with ``/``."""
        text = url.decode() if isinstance(url, bytes) else url
        return super().request(method, self.base + text if text.startswith("/") else text, *args, **options)


def _pool(pool: Any, connection: Any, transport: InProcessTransport | LiveTransport) -> Any:
    """Return a class of pools like *pool* whose connections, like *connection*, are opened by *transport*."""

    def connect(self: Any) -> None:
        current = transport.current
        if isinstance(current, str):
            raise refusal(self.host, current)
        connection = open_connection(self, current, self.host)
        with suppress(AttributeError):  # a plain socket takes none: an interception may be asked in its place
            connection.pinned = True

    own = type(connection.__name__, (connection,), {"connect": connect})
    return type(pool.__name__, (pool,), {"ConnectionCls": own})
