"""Stubs: canned answers for calls that no operation fits, such as a neighbour on a vendor's host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from .callsite import caller
from .core import Call, Json, Operation
from .core.call import ASSUMED
from .forking import new_lock
from .hosts import host_of
from .json_match import brief, is_deep
from .messages import Request, Response, check_header
from .routing import Routes, folded
from .settings import SettingError, suggestion

STUB = "stub"
"""The operation under which the journal has a call that a stub answered, after its vendor's name."""
_MEMBERS = ("method", "path", "json", "body", "status", "headers", "times")
METHODS = ("*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MOST_TIMES = 999_999_999
_JSON = {"Content-Type": "application/json"}


@dataclass
class Stub:
    """A canned answer to *method* and *path*, a glob; ``calls`` counts how often it was asked.

    *host* is that of a path given as a URL, else ``""`` for any. *times* is how often it answers at most. *where* is
    the line that made it.
    """

    method: str
    path: str
    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    times: int | None
    where: str
    source: Mapping[str, Any]
    calls: int = field(default=0)

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.path}"

    def as_dict(self) -> Json:
        """Return the stub as JSON, with its counter."""
        return {**self.source, "calls": self.calls}

    def response(self) -> Response:
        """Return the answer."""
        where = f", made at {self.where}" if self.where else ""
        assumed = f"stub {self}{where}".encode("ascii", "replace").decode()
        return Response(self.status, {**self.headers, ASSUMED: assumed}, self.body)


class Stubs:
    """The stubs in force, in order; the first one that fits and is not used up answers."""

    def __init__(self, routes: Routes) -> None:
        self._routes, self._lock = routes, new_lock()
        self._stubs: tuple[Stub, ...] = ()
        self._initial: tuple[Stub, ...] = ()

    def __iter__(self) -> Iterator[Stub]:
        return iter(self._stubs)

    def __len__(self) -> int:
        return len(self._stubs)

    def load(self, source: Any) -> list[Stub]:
        """Add the stubs that *source*, a dict or a list of them, describes, all or none; raises `SettingError`."""
        rows = source if isinstance(source, (list, tuple)) else [source]
        place = "stubs[{}]: " if isinstance(source, (list, tuple)) else "stub: "
        stubs = [self._read(row, place.format(index)) for index, row in enumerate(rows)]
        with self._lock:
            self._stubs = (*self._stubs, *stubs)
        return stubs

    def keep(self) -> None:
        """Take the stubs in force as those that `reset` returns to."""
        self._initial = self._stubs

    def is_initial(self, stub: Stub) -> bool:
        """Return whether *stub* came from the settings or a data file, and not from `load` later on."""
        return any(stub is one for one in self._initial)

    def reset(self) -> None:
        """Return to the initial stubs, with their counters at 0."""
        with self._lock:
            self._stubs = self._initial
            for stub in self._stubs:
                stub.calls = 0

    def forget(self) -> None:
        """Remove every stub, those too that `reset` returns to."""
        with self._lock:
            self._stubs = self._initial = ()

    def clear(self) -> None:
        """Remove every stub."""
        with self._lock:
            self._stubs = ()

    def operation_for(self, request: Request) -> Operation | None:
        """Return the operation of the stub that answers *request*, and count the call; None if none fits."""
        path, host = folded(request.target), host_of(request.headers.get("host", ""))
        with self._lock:
            for stub in self._stubs:
                fits = stub.method in ("*", request.method) and fnmatchcase(path, stub.path)
                if fits and stub.host in ("", host) and (stub.times is None or stub.calls < stub.times):
                    stub.calls += 1
                    return Operation(STUB, request.method, (), _unperformed, "", answer=stub.response)
        return None

    def _read(self, row: Any, place: str) -> Stub:
        if not isinstance(row, Mapping):
            raise SettingError(f"{place}expected a dict with method and path, got {brief(row)}")
        if is_deep(row):
            raise SettingError(f"{place}it is nested too deeply")
        for name in row:
            if name not in _MEMBERS:
                raise SettingError(f"{place}{name}: no such member{suggestion(str(name), _MEMBERS)}")
        method, url = row.get("method"), row.get("path")
        if not isinstance(method, str) or method.upper() not in METHODS:
            raise SettingError(f"{place}method: {brief(method)} is not one of {', '.join(METHODS)}")
        parts = urlsplit(url) if isinstance(url, str) else None
        if parts is None or not parts.path.startswith("/"):
            raise SettingError(f"{place}path: {brief(url)} is neither a path such as /api/x nor a URL")
        status, times = row.get("status", 200), row.get("times")
        if type(status) is not int or not 200 <= status <= 599:
            raise SettingError(f"{place}status: {brief(status)} is not a whole number from 200 to 599")
        if times is not None and (type(times) is not int or not 0 <= times <= MOST_TIMES):
            raise SettingError(f"{place}times: {brief(times)} is not a whole number from 0 to {MOST_TIMES}")
        body, headers = _body(row, place), _headers(row.get("headers"), place)
        if row.get("json") is not None and "content-type" not in map(str.lower, headers):
            headers = {**_JSON, **headers}
        stub = Stub(
            method.upper(), parts.path, host_of(parts.netloc), status, headers, body, times, caller(), dict(row)
        )
        self._refuse_operation(stub, place)
        return stub

    def _refuse_operation(self, stub: Stub, place: str) -> None:
        """Raise `SettingError` for a stub that would never be asked, because an operation answers its path."""
        if any(letter in stub.path for letter in "*?["):
            return
        headers = {"host": stub.host} if stub.host else {}
        vendor, operation, _, _ = self._routes.find(Request(stub.method, stub.path, headers))
        if operation.paths:
            name = f"{vendor.name}.{operation.name}"
            raise SettingError(
                f"{place}{stub} is the operation {name}, and a stub is asked only where no operation fits; "
                "change the records, or arm a fault"
            )


def _unperformed(call: Call, data: Json) -> Json:
    raise NotImplementedError  # `Operation.answer` takes its place


def _body(row: Mapping[str, Any], place: str) -> bytes:
    document, body = row.get("json"), row.get("body")
    if document is not None and body is not None:
        raise SettingError(f"{place}json and body: give one of them")
    if document is not None:
        try:
            return json.dumps(document, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise SettingError(f"{place}json: {error}") from None
    if body is None or isinstance(body, str):
        return (body or "").encode("utf-8", "surrogatepass")
    if isinstance(body, bytes):
        return body
    raise SettingError(f"{place}body: {brief(body)} is not text")


def _headers(headers: Any, place: str) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise SettingError(f"{place}headers: {brief(headers)} is not names and values")
    if any(isinstance(value, bool) or not isinstance(value, (str, int)) for value in headers.values()):
        raise SettingError(f"{place}headers: {brief(headers)} has a value that is neither text nor a whole number")
    pairs = {str(name): str(value) for name, value in headers.items()}
    for name, value in pairs.items():
        try:
            check_header(name, value)
        except ValueError as error:
            raise SettingError(f"{place}headers: {error}") from None
    return {name: value.strip(" \t") for name, value in pairs.items()}
