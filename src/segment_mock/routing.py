"""Routing: find the vendor of a request, and the operation that answers it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

from .core import Call, ErrorTemplate, Json, Operation, Refusal, Vendor
from .hosts import host_of, is_listed, matches, normalized
from .messages import Request, reason

LOCAL = ("localhost", "127.0.0.1", "::1")
_LONG = 1000  # longer hosts and targets are rare, so they are not cached
_MOST = 256
_SLASHES = re.compile("/{2,}")
_ESCAPED = re.compile("%[0-9a-fA-F]{2}")
_SLASH = "trailing_slash"  # a vendor with an assumption of this name also accepts its paths with a slash at the end
_ARGUMENT = re.compile(r"\{(\w+)\}")


Resource: TypeAlias = tuple[Vendor, str, Mapping[str, Operation], Mapping[str, str], str]
"""The vendor of a path, the path without repeated slashes, its operations by method, its arguments, and the name of
the assumption by which the path matched (``""`` if none)."""


def folded(target: str) -> str:
    """Return the path of *target* without its query, with repeated slashes replaced by one.

    Letters, digits and ``-._~`` that are percent-encoded are decoded, because RFC 3986 makes no difference there.
    """
    path = target.partition("?")[0]
    if "%" in path:
        path = _ESCAPED.sub(_unreserved, path)
    return _SLASHES.sub("/", path) if "//" in path else path


def _unreserved(escaped: re.Match[str]) -> str:
    letter = chr(int(escaped[0][1:], 16))
    return letter if letter.isascii() and (letter.isalnum() or letter in "-._~") else escaped[0]


class Routes:
    """The operations of all vendors, found by host or root, then path, then method.

    *hosts* are further hosts, for which the path selects the vendor; ``!`` before a host excludes the host.
    """

    def __init__(
        self, vendors: Iterable[Vendor], options: Mapping[str, Mapping[str, Any]], hosts: Iterable[str] = ()
    ) -> None:
        self._hosts = tuple(hosts)
        self._vendors = [(vendor, str(options[vendor.name].get("path", vendor.root))) for vendor in vendors]
        self._vendors.sort(key=lambda row: len(row[1]), reverse=True)
        self._plain: dict[tuple[str, str], dict[str, Operation]] = {}
        self._patterns: dict[tuple[str, str], tuple[re.Pattern[str], dict[str, Operation]]] = {}
        for vendor, root in self._vendors:
            for operation in vendor.operations:
                for path in operation.paths:
                    self._row(vendor.name, root + path or "/")[operation.method] = operation
        # A cache, because clients request few resources again and again. It saves 22,000 instructions in a live call.
        self._cache: dict[tuple[str, str], Resource] = {}

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (method, path, operation) of every row."""
        return [
            (operation.method, root + path, f"{vendor.name}.{operation.name}")
            for vendor, root in self._vendors
            for operation in vendor.operations
            for path in operation.paths
        ]

    def operations(self) -> dict[str, Operation | None]:
        """Return every operation by name. The value is None for calls without an operation, such as ``unmatched``."""
        own = {f"{vendor.name}.{row.name}": row for vendor, _ in self._vendors for row in vendor.operations}
        refusing = [f"{v.name}.{name}" for v, _ in self._vendors for name in ("no_such_operation", "no_such_method")]
        stubs = [f"{vendor.name}.stub" for vendor, _ in self._vendors]
        return {**own, **dict.fromkeys([*refusing, UNMATCHED.name, *stubs, f"{UNMATCHED.name}.stub"])}

    def names(self) -> list[str]:
        """Return the name of every operation, and the names for calls without one, such as ``unmatched``."""
        return [*self.operations()]

    def admits(self, host: str) -> bool:
        """Return whether *host* is a vendor's host or this machine; a proxy serves no others."""
        return host in LOCAL or self.owns(host)

    def owns(self, host: str, hosts: Iterable[str] = ()) -> bool:
        """Return whether *host* is a vendor's host, or included by the setting ``hosts`` or the patterns *hosts*."""
        is_hit = is_listed(normalized(host), (*self._hosts, *hosts))
        if is_hit is not None:
            return is_hit
        return any(matches(normalized(host), pattern) for vendor, _ in self._vendors for pattern in vendor.hosts)

    def vendor_of(self, host: str) -> str:
        """Return the name of the vendor that *host* belongs to, ``""`` if only the path of a call decides."""
        name = normalized(host)
        for vendor, _ in self._vendors:
            if any(matches(name, pattern) for pattern in vendor.hosts):
                return vendor.name
        return ""

    def find(self, request: Request) -> tuple[Vendor, Operation, Mapping[str, str], str]:
        """Return the vendor and the operation for *request*, or an operation that refuses it in the vendor's format.

        The third value has the values of the path's ``{placeholders}``. The fourth value is the assumption by which the
        path matched, if any.
        """
        host, target = request.headers.get("host", ""), request.target
        vendor, path, methods, arguments, assumed = self._cache.get((host, target)) or self._resource(host, target)
        operation = methods.get(request.method)
        if operation is None:
            operation = self._refusing(vendor, request.method, path, methods)
        return vendor, operation, arguments, assumed if operation.paths else ""

    def _resource(self, host: str, target: str) -> Resource:
        resource = self._find(host, target)
        if len(host) + len(target) < _LONG:
            if len(self._cache) >= _MOST:
                self._cache.clear()
            self._cache[host, target] = resource
        return resource

    def _find(self, host: str, target: str) -> Resource:
        path = folded(target)
        vendor = self._vendor_for(host, path)
        methods, arguments = self._methods_at(vendor.name, path)
        if methods or not path.endswith("/") or _SLASH not in vendor.assumptions:
            return vendor, path, methods, arguments, ""
        return vendor, path, *self._methods_at(vendor.name, path[:-1]), _SLASH

    def _row(self, vendor: str, path: str) -> dict[str, Operation]:
        if not _ARGUMENT.search(path):
            return self._plain.setdefault((vendor, path), {})
        parts = [f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(_ARGUMENT.split(path))]
        return self._patterns.setdefault((vendor, path), (re.compile("".join(parts)), {}))[1]

    def _methods_at(self, vendor: str, path: str) -> tuple[dict[str, Operation], Mapping[str, str]]:
        methods_there = self._plain.get((vendor, path))
        if methods_there is not None:
            return methods_there, {}
        for (name, _), (pattern, methods) in self._patterns.items():
            match = pattern.fullmatch(path) if name == vendor else None
            if match:
                return methods, {key: unquote(value) for key, value in match.groupdict().items()}
        return {}, {}

    def _vendor_for(self, host: str, path: str) -> Vendor:
        name = host_of(host)
        for vendor, _ in self._vendors:
            if any(matches(name, pattern) for pattern in vendor.hosts):
                return vendor
        for vendor, root in self._vendors:
            if self._has(vendor, root, path):
                return vendor
        return UNMATCHED

    def _has(self, vendor: Vendor, root: str, path: str) -> bool:
        """Return whether *path* is below the *root* of *vendor*; without a root, whether it is that of an operation."""
        if root:
            return path == root or path.startswith(root.rstrip("/") + "/")
        return any(self._methods_at(vendor.name, each)[0] for each in (path, path.removesuffix("/")))

    def _nearest(self, vendor: Vendor, method: str, path: str) -> str:
        from difflib import get_close_matches  # slow to import

        names = [f"{verb} {path_of_row}" for verb, path_of_row, _ in self.rows()]
        near = get_close_matches(f"{method} {path}", names, n=3, cutoff=0.3)
        moves = any(option.name == "path" for option in vendor.options)
        hint = f"unknown path; the nearest operations are {', '.join(near)}" if near else "unknown path"
        return f"{hint}; --{vendor.name}-path sets the path that they begin with" if moves else hint

    def _refusing(self, vendor: Vendor, method: str, path: str, methods: Mapping[str, Operation]) -> Operation:
        kind = "no_such_method" if methods else "no_such_operation"
        allow = ", ".join(sorted(methods))
        hint = f"{path} allows only {allow}" if methods else self._nearest(vendor, method, path)
        refusal = Refusal(kind, hint=hint, allow=allow, method=method, path=path)  # type: ignore[arg-type]
        name = "" if vendor is UNMATCHED else kind
        return Operation(name, method, (), partial(_refuse, refusal), "")


def _refuse(refusal: Refusal, *_: object) -> Json:
    raise refusal


def _problem(call: Call, row: ErrorTemplate, sentence: str, _: Refusal) -> tuple[int, Json]:
    hint = call.refusal.hint if call.refusal else ""
    problem = {"type": "about:blank", "title": reason(row.status), "status": row.status}
    return row.status, {**problem, "detail": sentence, "hint": hint}


_PROBLEM = {"Content-Type": "application/problem+json"}
_STATUSES = {
    "unauthorized": 401, "throttled": 429, "too_many_items": 429, "not_manageable": 405, "malformed": 400,
    "too_large": 413, "not_found": 404, "no_such_method": 405, "broken": 500,
}  # fmt: skip


def _problem_template(status: int, message: str) -> ErrorTemplate:
    return ErrorTemplate(status, message, "assumed", headers=_PROBLEM)


UNMATCHED = Vendor(
    name="unmatched",
    title="No vendor",
    hosts=(),
    root="",
    key_header="",
    operations=(),
    refusals={
        **{kind: _problem_template(status, reason(status)) for kind, status in _STATUSES.items()},
        "no_such_operation": _problem_template(404, "No vendor has this path: {method} {path}"),
    },
    tables=(),
    wrap=lambda call, result: result,
    unwrap=lambda body: body,
    render_error=_problem,
    load=lambda document, world: {},
    export=lambda store: {},
    state_class=lambda world, vendor, credential: None,
)
"""Answers requests that match no vendor by host or path. Its operation is called ``unmatched``."""
