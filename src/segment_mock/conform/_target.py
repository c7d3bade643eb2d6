"""A base URL that is asked: what it answers, or in plain words why it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, AnyStr
from urllib.parse import quote, quote_plus, urlsplit

from ..json_match import parsed
from ..redaction import REDACTED

if TYPE_CHECKING:
    import requests

_LIMIT = 16 * 2**20
_SHOWN = 80
_CONNECTION = re.compile(r"^(<[^>]*>|HTTPS?Connection(Pool)?\([^)]*\)): ")
_LONG = 8
"""From how many characters on a secret is taken out of what comes in: a shorter one might be any word of it."""


class Unreachable(Exception):
    """No answer came, or none that can be read; the text says why."""


@dataclass(frozen=True)
class Answer:
    """A reply: *body* as JSON, or None where *text* tells what came instead; *seconds* until its head was there."""

    status: int
    body: Any
    text: str
    seconds: float


class Target:
    """Whoever answers at *url*, waited for *timeout* seconds at most between two bytes.

    Certificates are verified, against *ca_file* if one is given. Redirects are not followed. No answer
    tells *secrets*, whoever echoes them.
    """

    def __init__(self, url: str, timeout: float = 10, ca_file: str | None = None, secrets: Iterable[str] = ()) -> None:
        import requests  # slow, and most commands need none

        self._secrets = tuple(secret for secret in secrets if len(secret) >= _LONG)
        self._base, self._timeout, self._ca_file = url.rstrip("/"), timeout, ca_file
        self._session = requests.Session()
        self._session.auth = _as_it_is  # else requests would look into ~/.netrc

    @property
    def shown(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self._base)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Return the answer to a request; raises `Unreachable`."""
        import requests

        kind = {"Content-Type": "application/json"} if body else {}
        try:
            with self._session.request(
                method, self._base + path, headers={**kind, **headers}, data=body or None, timeout=self._timeout,
                verify=self._ca_file, allow_redirects=False, stream=True,
            ) as reply:  # fmt: skip
                return self._read(reply)
        except requests.Timeout:
            raise Unreachable(f"no answer within {self._timeout:g} s (--timeout)") from None
        except requests.exceptions.SSLError as error:
            why = "name its authority by --ca-file or REQUESTS_CA_BUNDLE"
            raise Unreachable(f"its certificate is not trusted: {_innermost(error)}; {why}") from None
        except requests.RequestException as error:
            raise Unreachable(_innermost(error)) from None

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def _read(self, reply: requests.Response) -> Answer:
        body = b""
        for chunk in reply.iter_content(65536):
            body += chunk
            if len(body) > _LIMIT:
                raise Unreachable(f"its answer is larger than {_LIMIT // 2**20} MiB")
        for secret in self._secrets:
            body = veiled(body, secret)
        found = parsed(body)
        text = "" if found is not None else _told(reply, body)
        return Answer(reply.status_code, found, text, reply.elapsed.total_seconds())


class Control:
    """The control plane of the segment-mock at *target*."""

    def __init__(self, target: Target, token: str | None) -> None:
        self._target, self._headers = target, {"Authorization": f"Bearer {token}"} if token else {}

    def there(self) -> bool:
        """Tell whether the target is a segment-mock; raises `Unreachable` if nobody answers."""
        answer = self._target.ask("GET", "/_mock/health", {})
        return answer.status == 200 and answer.body == {"status": "ok"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the control plane answers; raises `Unreachable` with its own words when it refuses."""
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self._target.ask(method, f"/_mock{path}", self._headers, sent)
        if answer.status >= 300 or answer.body is None:
            told = answer.body.get("detail", "") if isinstance(answer.body, dict) else answer.text
            hint = " (--admin-token)" if answer.status == 401 else ""
            raise Unreachable(f"its control plane answers {answer.status} to {method} /_mock{path}: {told}{hint}")
        return answer.body


def veiled(text: AnyStr, secret: str) -> AnyStr:
    """Return *text* without *secret*, as it is or as JSON, Python or a URL write it."""
    for form in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), quote_plus(secret)}:
        if isinstance(text, bytes):
            text = text.replace(form.encode("utf-8", "replace"), REDACTED.encode())
        else:
            text = text.replace(form, REDACTED)
    return text


def _told(reply: requests.Response, body: bytes) -> str:
    """Say what came where JSON was expected."""
    if "Location" in reply.headers:
        return f"a redirect to {reply.headers['Location']!r}, which is not followed"
    start = body[:_SHOWN].decode("utf-8", "replace")
    return f"{reply.headers.get('Content-Type', 'no content type')}: {start!r}" if body else "an empty body"


def _innermost(error: BaseException) -> str:
    """Return what an error says at its core: requests and urllib3 wrap what happened up to three times."""
    inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    if not isinstance(inner, BaseException):
        return " ".join(_CONNECTION.sub("", str(error)).split()) or type(error).__name__
    told, first = _innermost(inner), error.args[0] if error.args else ""
    return f"{first} {told}" if isinstance(first, str) and first and told not in first else told


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
