"""What was asked, what was answered, what changed: the last exchanges, as the client saw them."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from math import isfinite
from typing import Any

from .clock import iso
from .messages import Request, Response
from .store import Change, Difference, differences

BODY_LIMIT = 64 * 1024
REDACTED = "[redacted]"
_SECRET = re.compile(r"authorization|cookie|(auth|access)-?token|api-?key|secret|password", re.IGNORECASE)


@dataclass(eq=False)
class Entry:
    """One exchange. Opened when the call arrives; *status* stays None while no answer has left.

    *changes* are (table, key, before, after) in wire names; *unread* are members that were sent
    and that nobody reads; *outcome* is ``open``, ``answered``, ``cut``, ``closed``, ``reset`` or
    ``abandoned``. *duration* is in seconds. Bodies are cut at 64 KiB, credentials are redacted.
    """

    id: int
    time: float
    vendor: str
    operation: str
    method: str
    target: str
    door: str
    request_headers: Mapping[str, str]
    request_body: bytes
    mark: int
    organization: str = ""
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: bytes = b""
    outcome: str = "open"
    duration: float = 0.0
    refusal: str = ""
    hint: str = ""
    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    written: Sequence[Change] = ()

    @property
    def changes(self) -> tuple[Difference, ...]:
        """What the call did to the records, once it is answered: a row a record that is not as before."""
        return differences(self.written)

    @property
    def request_json(self) -> Any:
        """The request's body as JSON, or None when it is none (or was cut)."""
        return _json(self.request_body)

    @property
    def response_json(self) -> Any:
        """The reply's body as JSON, or None when it is none (or was cut)."""
        return _json(self.response_body)

    def answer(self, response: Response, now: float) -> None:
        """Close the entry with what leaves."""
        delivery = response.delivery
        self.status = response.status if delivery.raw is None else None
        sent = response.body[: delivery.keep] if delivery.raw is None else delivery.raw
        self.response_headers, self.response_body = _redacted("", response.headers), sent[:BODY_LIMIT]
        cut = "cut" if delivery.keep is not None else "answered"
        ended = "closed" if delivery.end == "close" else delivery.end
        self.outcome = cut if delivery.raw is None or delivery.end == "open" else ended
        self.duration = now - self.time

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as plain JSON data."""
        request = {"headers": dict(self.request_headers), "body": _shown(self.request_body)}
        response = {"headers": dict(self.response_headers), "body": _shown(self.response_body)}
        return {
            "id": self.id, "time": iso(self.time), "vendor": self.vendor, "operation": self.operation,
            "method": self.method, "path": self.target, "door": self.door, "organization": self.organization,
            "status": self.status, "outcome": self.outcome, "duration": round(self.duration, 6),
            "refusal": self.refusal, "hint": self.hint, "faults": list(self.faults),
            "unread": list(self.unread), "changes": [change._asdict() for change in self.changes],
            "request": request, "response": response,
        }  # fmt: skip


class Journal:
    """The last *size* entries, oldest first; *forgotten* counts those that fell out of the ring."""

    def __init__(self, size: int = 1000) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._numbers = count(1)
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter([*self._entries])

    @property
    def mark(self) -> int | None:
        """The mark of the oldest entry that is still here."""
        return self._entries[0].mark if self._entries else None

    def open(self, request: Request, vendor: str, operation: str, secret: str, now: float, mark: int) -> Entry:
        """Begin the entry of a call; *secret* is the name of the header that carries its credential."""
        headers = _redacted(secret, request.headers)
        self.forgotten += len(self._entries) == self._entries.maxlen
        entry = Entry(
            next(self._numbers), now, vendor, operation, request.method, _without(secret, request.target),
            request.door, headers, request.body[:BODY_LIMIT], mark,
        )  # fmt: skip
        self._entries.append(entry)
        return entry

    def get(self, number: int) -> Entry | None:
        """Return the entry with this id, or None if there is none or it is forgotten."""
        return next((entry for entry in self if entry.id == number), None)

    def entries(
        self,
        vendor: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        since: int | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """Return the entries that fit, oldest first.

        *operation* is a name with or without its vendor, *since* an entry id after which to
        begin, *limit* keeps only the newest so many.
        """
        found = [
            entry
            for entry in self
            if vendor in (None, entry.vendor)
            and operation in (None, entry.operation, entry.operation.partition(".")[2])
            and status in (None, entry.status)
            and (since is None or entry.id > since)
        ]
        return found if limit is None else found[max(0, len(found) - limit) :]

    def clear(self) -> None:
        """Forget every entry; ids go on."""
        self._entries.clear()
        self.forgotten = 0


def _redacted(secret: str, headers: Mapping[str, str]) -> dict[str, str]:
    return {name: REDACTED if _is_secret(secret, name) else text for name, text in headers.items()}


def _without(secret: str, target: str) -> str:
    # A credential that was put into the query by mistake is still a credential.
    path, mark, query = target.partition("?")
    if not mark:
        return target
    pairs = (pair.partition("=") for pair in query.split("&"))
    return path + mark + "&".join(k + e + (REDACTED if _is_secret(secret, k) else v) for k, e, v in pairs)


@lru_cache(maxsize=1024)
def _is_secret(secret: str, name: str) -> bool:
    # A call that reaches no vendor, or the wrong one, still brings a key.
    return name.lower() == secret != "" or _SECRET.search(name) is not None


def _finite(text: str) -> float:
    number = float(text)
    if isfinite(number):
        return number
    raise ValueError(f"{text[:20]} is not JSON")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None


def _shown(body: bytes) -> Any:
    parsed = _json(body)
    return body.decode("utf-8", "replace") if parsed is None and body else parsed
