"""Stubs: fixed responses to calls that match no operation, such as to another API on a vendor's host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote, urlsplit

from .callsite import caller
from .core import Call, Json, Operation
from .core.call import ASSUMED
from .forking import new_lock
from .hosts import host_of
from .json_match import brief, is_deep
from .messages import Request, Response, check_response_header, with_headers
from .routing import Routes, folded
from .settings import SettingError, suggestion

STUB = "stub"
"""The operation by which the journal records a call that a stub answered, after the vendor's name."""
_MEMBERS = ("method", "path", "json", "body", "status", "headers", "times")
METHODS = ("*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MOST_TIMES = 999_999_999
_JSON = {"Content-Type": "application/json"}
_UNQUOTED = "/%:@!$&'()*+,;=[]"
"""What clients do not quote in a path, and the letters of a glob."""


@dataclass
class Stub:
    """A fixed response to calls of *method* (``*``: any) and *path* (a glob), which ``mock.stub`` adds.

    * *host*: the host of the call, ``""`` for any host
    * *status*, *headers*, *body*: the response
    * *times*: how many calls it answers at most (None: no limit)
    * *where*: the line of code that added it (``file:line``)
    * *calls*: how many calls it has answered
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
        """Return the stub and its number of calls as a JSON-compatible dictionary."""
        return {**self.source, "calls": self.calls}

    def response(self) -> Response:
        """Return the response of the stub, with a header that marks it as assumed."""
        where = f", added at {self.where}" if self.where else ""
        assumed = f"stub {self}{where}".encode("ascii", "replace").decode()
        return with_headers(Response(self.status, {}, self.body), {**self.headers, ASSUMED: assumed})


class Stubs:
    """The stubs of a mock, in the order in which they were added. Reach them as ``mock.stubs``.

    The first stub that matches a call, and that has not answered ``times`` calls yet, answers. Iterate over it for the
    stubs; ``mock.stub`` adds one.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes, self._lock = routes, new_lock()
        self._stubs: tuple[Stub, ...] = ()
        self._initial: tuple[Stub, ...] = ()

    def __iter__(self) -> Iterator[Stub]:
        return iter(self._stubs)

    def __len__(self) -> int:
        return len(self._stubs)

    def load(self, source: Any) -> list[Stub]:
        """Add the stubs of *source*, a dictionary or a list of dictionaries, and return them.

        A dictionary has the arguments of ``mock.stub`` as members. Raises `SettingError`, and adds none of them, if one
        is invalid.

            mock.stubs.load([{"method": "GET", "path": "/api/health", "json": {"ok": True}}])
        """
        rows = source if isinstance(source, (list, tuple)) else [source]
        place = "stubs[{}]: " if isinstance(source, (list, tuple)) else "stub: "
        stubs = [self._read(row, place.format(index)) for index, row in enumerate(rows)]
        with self._lock:
            self._stubs = (*self._stubs, *stubs)
        return stubs

    def keep(self) -> None:
        """Make the current stubs the initial stubs, to which `reset` returns."""
        self._initial = self._stubs

    def is_initial(self, stub: Stub) -> bool:
        """Return whether *stub* is an initial stub: one of the settings or a data file, not of a later `load`."""
        return any(stub is initial_stub for initial_stub in self._initial)

    def reset(self) -> None:
        """Return to the initial stubs of the settings and data files, and set their numbers of calls to 0."""
        if self._stubs or self._initial:  # a test suite resets its mock for each test, and few have a stub
            with self._lock:
                self._stubs = self._initial
                for stub in self._stubs:
                    stub.calls = 0

    def forget(self) -> None:
        """Remove all stubs, including the initial stubs."""
        with self._lock:
            self._stubs = self._initial = ()

    def clear(self) -> None:
        """Remove all stubs. `reset` still returns to the initial stubs."""
        with self._lock:
            self._stubs = ()

    def rows(self) -> list[Json]:
        """Return the stubs as JSON-compatible dictionaries for `restore`, with ``initial`` for the initial stubs."""
        return [self._row(stub) for stub in self._stubs]

    def initial_rows(self) -> list[Json]:
        """Return the initial stubs as JSON-compatible dictionaries for `restore_initial`."""
        return [self._row(stub) for stub in self._initial]

    def _row(self, stub: Stub) -> Json:
        own = {"calls": stub.calls, "where": stub.where, "initial": self.is_initial(stub)}
        return {"source": {**stub.source}, **own}

    def restore_initial(self, rows: list[Json]) -> None:
        """Replace all stubs, and the initial stubs, with *rows* of `initial_rows`."""
        self.forget()
        self.restore(rows)
        self.keep()

    def restore(self, rows: list[Json]) -> None:
        """Replace the stubs with *rows* of `rows`; the initial stubs stay the same."""
        unmatched_stubs = [*self._initial]
        stubs = []
        for row in rows:
            same = [stub for stub in unmatched_stubs if row["initial"] and stub.source == row["source"]]
            stub = same[0] if same else self._read(row["source"], "stub: ")
            unmatched_stubs = [candidate for candidate in unmatched_stubs if candidate is not stub]
            stub.calls, stub.where = row["calls"], row["where"]
            stubs.append(stub)
        with self._lock:
            self._stubs = tuple(stubs)

    def operation_for(self, request: Request) -> Operation | None:
        """Return the operation of the first stub that matches *request*, and count the call; None if none matches."""
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
            raise SettingError(f"{place}expected a dictionary with method and path, got {brief(row)}")
        if is_deep(row):
            raise SettingError(f"{place}the stub is nested too deeply")
        for name in row:
            if name not in _MEMBERS:
                raise SettingError(
                    f"{place}unknown member {brief(name)}{suggestion(str(name), _MEMBERS)}; expected one of "
                    f"{', '.join(_MEMBERS)}"
                )
        for name in ("method", "path"):
            if name not in row:
                raise SettingError(f"{place}its {name} is missing; expected a dictionary with method and path")
        method, url = row["method"], row["path"]
        if not isinstance(method, str) or method.upper() not in METHODS:
            near = suggestion(method, METHODS)
            raise SettingError(f"{place}method: {brief(method)} is not one of {', '.join(METHODS)}{near}")
        parts = urlsplit(url) if isinstance(url, str) else None
        if parts is None or not parts.path.startswith("/"):
            raise SettingError(f"{place}path: {brief(url)} is neither a path such as /api/x nor a URL")
        if parts.query or parts.fragment or "?" in str(url):
            raise SettingError(f"{place}path: {brief(url)} has a query or a fragment, which no stub compares")
        if parts.path == "/_mock" or parts.path.startswith("/_mock/"):
            raise SettingError(
                f"{place}path: {brief(url)} belongs to the control plane, so no call would reach the stub"
            )
        status, times = row.get("status", 200), row.get("times")
        if type(status) is not int or not 200 <= status <= 599:
            raise SettingError(f"{place}status: {brief(status)} is not a whole number from 200 to 599")
        if times is not None and (type(times) is not int or not 0 <= times <= MOST_TIMES):
            raise SettingError(f"{place}times: {brief(times)} is not a whole number from 0 to {MOST_TIMES}")
        body, headers = _body(row, place), _headers(row.get("headers"), place)
        if body and status in (204, 304):
            raise SettingError(f"{place}status: a response with the status {status} has no body")
        if row.get("json") is not None and "content-type" not in map(str.lower, headers):
            headers = {**_JSON, **headers}
        stub = Stub(
            method.upper(),
            folded(quote(parts.path, safe=_UNQUOTED)),
            host_of(parts.netloc),
            status,
            headers,
            body,
            times,
            caller(),
            dict(row),
        )
        self._refuse_operation(stub, place)
        return stub

    def _refuse_operation(self, stub: Stub, place: str) -> None:
        """Raise `SettingError` for a stub that would never be called, because an operation answers its path."""
        if any(letter in stub.path for letter in "*?["):
            return
        headers = {"host": stub.host} if stub.host else {}
        vendor, operation, _, _ = self._routes.find(Request(stub.method, stub.path, headers))
        if operation.paths:
            name = f"{vendor.name}.{operation.name}"
            raise SettingError(
                f"{place}{stub} would never be called: that path belongs to the operation {name}; change the records "
                "that it returns, or arm a fault"
            )


def _unperformed(call: Call, data: Json) -> Json:
    raise NotImplementedError  # `Operation.answer` takes its place


def _body(row: Mapping[str, Any], place: str) -> bytes:
    document, body = row.get("json"), row.get("body")
    if document is not None and body is not None:
        raise SettingError(f"{place}json and body are both given; expected only one of them")
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
        raise SettingError(f"{place}headers: {brief(headers)} is not a dictionary of names and values")
    if any(isinstance(value, bool) or not isinstance(value, (str, int)) for value in headers.values()):
        raise SettingError(f"{place}headers: {brief(headers)} has a value that is neither text nor a whole number")
    try:
        pairs = {name: str(value) for name, value in headers.items()}
        for name, value in pairs.items():
            check_response_header(name, value)
    except ValueError as error:
        raise SettingError(f"{place}headers: {error}") from None
    return {name: value.strip(" \t") for name, value in pairs.items()}
