"""A client of the control plane of a running server, for `connect` and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from .forking import call_after_fork, new_lock
from .json_match import brief, is_long
from .messages import header_value
from .settings import OPTIONS, SettingError
from .wording import system_reason

if TYPE_CHECKING:
    import urllib3

TIMEOUT = 30.0
"""Seconds to wait for a response; loading many records takes a while."""
_SHOWN = 200
_TOKEN = next(option for option in OPTIONS if option.name == "admin_token")
_SILENCE = 60.0
"""Read timeout of a stream of events in seconds; the server sends a comment every 15 seconds."""


def _no_response(url: str, error: Exception) -> ConnectionError:
    """Return the error for a server that does not answer; *error* has the reason."""
    reason = system_reason(error).rpartition("Failed to establish a new connection: ")[2] or "it stopped"
    return ConnectionError(
        f"{url}: no segment-mock answers: {reason}; start one with `segment-mock serve`, or correct the address"
    )


class ControlClient:
    """A client of the control plane of the server at *url*; *admin_token* is sent with every request.

    *ca_file* is the CA certificate of a server with ``--tls``; False disables the verification of certificates.
    *timeout* is in seconds. Proxies of the environment are not used. Errors name the server and repeat its message:

    * ConnectionError: no segment-mock answers
    * PermissionError: the server refuses the token
    * `SettingError`: a value is invalid
    * LookupError: the server does not have the object
    """

    def __init__(
        self,
        url: str,
        admin_token: str | None = None,
        *,
        ca_file: str | bool | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        if not isinstance(url, str):
            raise SettingError(f"url: {brief(url)} is not the base URL of a server, such as http://127.0.0.1:7357")
        try:
            parts = urlsplit(url)
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            is_usable = is_usable and not (parts.query or parts.fragment) and url.isprintable()
        except ValueError:
            is_usable = False
        if not is_usable:
            raise SettingError(f"url: {url!r} is not the base URL of a server, such as http://127.0.0.1:7357")
        token = _TOKEN.read(admin_token)
        self.url = url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {header_value(token)}"}
        self._ca_file, self._timeout, self._lock = ca_file, timeout, new_lock()
        self._pool: urllib3.PoolManager | None = None
        self._is_checked = False
        call_after_fork(self)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of the response to GET *path* (below ``/_mock``); a *query* value of None is left out."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Return the JSON of the response to POST *path*."""
        return self.call("POST", path, body, query)

    def put(self, path: str, body: Any, **query: Any) -> Any:
        """Return the JSON of the response to PUT *path*."""
        return self.call("PUT", path, body, query)

    def delete(self, path: str) -> Any:
        """Return the JSON of the response to DELETE *path*."""
        return self.call("DELETE", path)

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of the response to *method* and *path*; *body* is sent as JSON unless it is None."""
        response = self.send(method, path, body, query)
        return self._read(response.status, response.data)

    def _read(self, status: int, data: bytes) -> Any:
        """Return the JSON of a response; raises the exception that corresponds to an error status."""
        try:
            document = json.loads(data)
            is_ours = isinstance(document, dict)
        except ValueError:
            document, is_ours = None, False
        if not is_ours or (status >= 400 and not document.keys() >= {"title", "detail"}):
            raise self._not_ours(status, data)
        if status >= 400:
            raise self._error(status, document)
        return document

    def _not_ours(self, status: int, data: bytes) -> ConnectionError:
        text = " ".join(data[:_SHOWN].decode("utf-8", "replace").split())
        return ConnectionError(f"{self.url}: the server there is not segment-mock; it answered {status} {text}")

    def check(self) -> Any:
        """Return the response of a running segment-mock to ``/health``; raises ConnectionError for any other server."""
        response = self.send("GET", "/health")
        document = {} if response.status == 404 else self._read(response.status, response.data)
        if response.status != 200 or document.get("status") != "ok":
            raise self._not_ours(response.status, response.data)
        self._is_checked = True
        return document

    def send(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Return the response to *method* and *path*, whatever its status; raises ConnectionError if there is none."""
        from urllib3.exceptions import HTTPError, SSLError

        if not self._is_checked and path != "/health":
            self.check()
        parameters = {name: _text(name, value) for name, value in (query or {}).items() if value is not None}
        url = f"{self.url}/_mock{path}" + (f"?{urlencode(parameters, errors='backslashreplace')}" if parameters else "")
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = _dumped(body)
            headers["Content-Type"] = "application/json"
        try:
            return self._opened().request(
                method, url, body=data, headers=headers, timeout=self._timeout, retries=False, redirect=False
            )
        except SSLError as error:
            reason = system_reason(error)
            if "CERTIFICATE_VERIFY_FAILED" not in str(error):
                raise ConnectionError(
                    f"{self.url}: the TLS handshake failed; use http:// for a server without --tls: {reason}"
                ) from None
            advice = "pass the CA file that `serve` prints as ca_file (--ca-file, SEGMENT_MOCK_CA_FILE)"
            raise ConnectionError(f"{self.url}: its certificate can't be verified; {advice}: {reason}") from None
        except (HTTPError, OSError) as error:
            raise _no_response(self.url, error) from None

    def events(self) -> Iterator[tuple[str, Any]]:
        """Yield kind and data of each new event of ``/_mock/events``, after a first ``("begin", None)``.

        Reconnects when the server ends the stream; raises ConnectionError once it doesn't answer.
        """
        last_id, is_first = "", True
        if not self._is_checked:
            self.check()
        while True:
            connection = self._stream()
            try:
                headers = {**self._headers, **({"Last-Event-ID": last_id} if last_id else {})}
                connection.request("GET", f"{urlsplit(self.url).path}/_mock/events", headers=headers)
                response = connection.getresponse()
                if response.status != 200:
                    self._read(response.status, response.read())
                if is_first:
                    yield "begin", None
                    is_first = False
                kind = ""
                while line := response.readline():
                    name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
                    if name == "id":
                        last_id = value
                    elif name == "event":
                        kind = value
                    elif name == "data":
                        yield kind, json.loads(value)
            except (HTTPException, OSError) as error:
                raise _no_response(self.url, error) from None
            finally:
                connection.close()

    def _stream(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return HTTPConnection(host, port, timeout=_SILENCE)
        import ssl

        context = ssl.create_default_context(cafile=self._ca_file if isinstance(self._ca_file, str) else None)
        if self._ca_file is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return HTTPSConnection(host, port, timeout=_SILENCE, context=context)

    def after_fork(self) -> None:
        """Drop the connections, which the parent still uses; two processes can't share a connection."""
        self._pool = None

    def close(self) -> None:
        """Close the connections; the next call opens a new one."""
        with self._lock:
            if self._pool is not None:
                self._pool.clear()

    def _opened(self) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None:
                import urllib3  # takes 40 ms, and only a program that calls a server needs it

                options: dict[str, Any] = {}
                if self._ca_file is False:
                    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
                    options = {"cert_reqs": "CERT_NONE"}
                elif isinstance(self._ca_file, str):
                    options = {"ca_certs": self._ca_file}
                self._pool = urllib3.PoolManager(maxsize=4, **options)
            return self._pool

    def _error(self, status: int, document: Mapping[str, Any]) -> Exception:
        detail = str(document["detail"])
        if status == 401:
            reason = "the admin token is wrong" if self._headers else "the server requires an admin token"
            return PermissionError(f"{self.url}: {reason}")
        if status == 403:
            return PermissionError(f"{self.url}: {detail}")
        detail = detail.removesuffix(".")
        if status in (404, 409):
            return LookupError(f"{detail} (reported by {self.url})")
        if status < 500:
            return SettingError(f"{detail} (reported by {self.url})")
        return RuntimeError(f"{self.url}: server error {status}: {detail}")


def escaped(part: str) -> str:
    """Return *part* of a path percent-encoded; raises SettingError if it can't be part of a path."""
    if not isinstance(part, str) or not part or "/" in part or part in (".", ".."):
        raise SettingError(f"name: {brief(part)} can't be part of a URL; expected a name without slashes")
    return quote(part, safe="", errors="backslashreplace")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, (str, int, float)) or (isinstance(value, int) and is_long(value)):
        raise SettingError(f"{name}: {brief(value)} can't be part of a URL; expected text or a number")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dumped(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingError(f"only JSON can be sent to a server: {error}") from None
