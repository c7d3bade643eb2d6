"""An HTTP client for one base URL, which returns responses as data and raises errors with one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, AnyStr
from urllib.parse import quote, quote_plus, urlsplit

from ..json_match import parsed, printable
from ..messages import header_value
from ..redaction import REDACTED
from ..wording import system_reason

if TYPE_CHECKING:
    import requests

_LIMIT = 16 * 2**20
_SHOWN = 80
_CONNECTION = re.compile(r"^(<[^>]*>|HTTPS?Connection(Pool)?\([^)]*\)): ")
_LONG = 8
"""Minimum length of a secret that is redacted in responses; a shorter one could be any word."""


class Unreachable(Exception):
    """The target did not answer, or its response can't be read. The message gives the reason."""


@dataclass(frozen=True)
class TargetResponse:
    """A response to a request; *seconds* is the time until its head arrived.

    *body* is its body parsed as JSON, or None if it is not JSON; *text* then describes the body.
    """

    status: int
    body: Any
    text: str
    seconds: float


class Client:
    """Sends requests to *url*, with a read timeout of *timeout* seconds.

    Certificates are verified, with *ca_file* if given. Redirects are not followed. *secrets* are redacted in every
    response.
    """

    def __init__(self, url: str, timeout: float = 10, ca_file: str | None = None, secrets: Iterable[str] = ()) -> None:
        import requests  # slow, and most commands make no calls

        self._secrets = tuple(secret for secret in secrets if len(secret) >= _LONG)
        self._base, self._timeout, self._ca_file = url.rstrip("/"), timeout, ca_file
        self._session = requests.Session()
        self._session.auth = _no_auth  # else requests would look into ~/.netrc

    @property
    def display_url(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self._base)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> TargetResponse:
        """Send a request, and return the response; raises `Unreachable`."""
        import requests

        kind = {"Content-Type": "application/json"} if body else {}
        headers = {name: header_value(value) for name, value in {**kind, **headers}.items()}
        try:
            with self._session.request(
                method, self._base + path, headers=headers, data=body or None, timeout=self._timeout,
                verify=self._ca_file, allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                return self._read(response)
        except requests.Timeout:
            raise Unreachable(f"no response within {self._timeout:g} s (--timeout)") from None
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" not in str(error):
                raise Unreachable(f"the TLS handshake failed: {_innermost(error)}; is it an http:// address?") from None
            why = "set its CA certificate with --ca-file or REQUESTS_CA_BUNDLE"
            raise Unreachable(f"its certificate is not trusted: {_innermost(error)}; {why}") from None
        except requests.RequestException as error:
            raise Unreachable(_innermost(error)) from None

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def _read(self, response: requests.Response) -> TargetResponse:
        body = b""
        for chunk in response.iter_content(65536):
            body += chunk
            if len(body) > _LIMIT:
                raise Unreachable(f"its response is larger than {_LIMIT // 2**20} MiB")
        for secret in self._secrets:
            body = _without_secret(body, secret)
        document = parsed(body)
        text = "" if document is not None else _describe(response, body)
        return TargetResponse(response.status_code, document, text, response.elapsed.total_seconds())


class ControlPlane:
    """The control plane of the segment-mock that *client* reaches."""

    def __init__(self, client: Client, token: str | None) -> None:
        self._client, self._headers = client, {"Authorization": f"Bearer {token}"} if token else {}

    def is_segment_mock(self) -> bool:
        """Return whether the target is a segment-mock; raises `Unreachable` if it does not answer."""
        response = self._client.ask("GET", "/_mock/health", {})
        return response.status == 200 and response.body == {"status": "ok"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request, and return the JSON of the response; raises `Unreachable` with the detail of a refusal."""
        data = b"" if body is None else json.dumps(body).encode()
        response = self._client.ask(method, f"/_mock{path}", self._headers, data)
        if response.status >= 300 or response.body is None:
            detail = response.body.get("detail", "") if isinstance(response.body, dict) else response.text
            hint = " (--admin-token)" if response.status == 401 else ""
            raise Unreachable(f"its control plane answers {response.status} to {method} /_mock{path}: {detail}{hint}")
        return response.body


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return *text* without *secrets*, and with unprintable characters escaped."""
    for secret in secrets:
        text = _without_secret(text, secret)
    return printable(text)


def _without_secret(text: AnyStr, secret: str) -> AnyStr:
    """Return *text* without *secret*, either plain or as escaped in JSON, Python or URLs."""
    for form in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), quote_plus(secret)}:
        if isinstance(text, bytes):
            text = text.replace(form.encode("utf-8", "replace"), REDACTED.encode())
        else:
            text = text.replace(form, REDACTED)
    return text


def _describe(response: requests.Response, body: bytes) -> str:
    """Describe a response that is not JSON."""
    if "Location" in response.headers:
        return f"a redirect to {response.headers['Location']!r}, which is not followed"
    start = body[:_SHOWN].decode("utf-8", "replace")
    return f"{response.headers.get('Content-Type', 'no content type')}: {start!r}" if body else "an empty body"


def _innermost(error: BaseException) -> str:
    """Return the message of the innermost error: requests and urllib3 wrap it up to three times."""
    inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    if not isinstance(inner, BaseException):
        return " ".join(_CONNECTION.sub("", system_reason(error)).split()) or type(error).__name__
    inner_text, first = _innermost(inner), error.args[0] if error.args else ""
    if not isinstance(first, str) or not first or inner_text in system_reason(Exception(first)):
        return inner_text
    return f"{first} {inner_text}"


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
