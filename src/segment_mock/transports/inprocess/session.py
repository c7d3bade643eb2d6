"""A requests.Session whose calls all reach the core, whatever their host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from ...hosts import SESSION_HOST
from ...json_match import brief
from ...settings import SettingError
from .connection import InProcessTransport
from .http_client import open_connection
from .registry import refusal

if TYPE_CHECKING:
    from .live import LiveTransport

BASE = f"http://{SESSION_HOST}"


class Adapter(HTTPAdapter):
    """The adapter of requests over connections that *transport* opens; *options* are those of ``HTTPAdapter``."""

    def __init__(self, transport: InProcessTransport | LiveTransport, **options: Any) -> None:
        self._pools = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, transport),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, transport),
        }
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Create the pool manager, with pools for the transport."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing, because there is no TLS."""


class MockSession(Session):
    """A `requests.Session` for one mock, by its *transport*.

    A URL may be only a path. *options* are options of `Adapter`. Raises `SettingError` for *max_retries* of the wrong
    type.
    """

    base = BASE
    """The base URL for a URL that is only a path."""

    def __init__(self, transport: InProcessTransport | LiveTransport, **options: Any) -> None:
        retries = options.get("max_retries", 0)
        if not isinstance(retries, (int, Retry)) or isinstance(retries, bool):
            raise SettingError(f"max_retries: {brief(retries)} is not a whole number or a urllib3.util.Retry")
        super().__init__()
        # Looking for proxies in the environment takes two fifths of a call, and none is used.
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
        open_connection(self, current, self.host)

    own = type(connection.__name__, (connection,), {"connect": connect, "segment_mock_pinned": True})
    return type(pool.__name__, (pool,), {"ConnectionCls": own})
