"""Helpers for the tests of vendors in other packages: replay their examples, and check their sources and imports."""

from __future__ import annotations

import ast
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

import segment_mock

from .conform import Example, outcome
from .conform import examples as _all_examples
from .core import Vendor, fields_of
from .mock import SegmentMock

__all__ = ["TRANSPORTS", "Example", "Transport", "examples", "forbidden_imports", "replay", "unsourced"]

Transport: TypeAlias = Literal["inprocess", "session", "server", "wsgi"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)
"""Every way in: an intercepted client, the session of a mock, a live server, and the WSGI application."""
_PUBLIC = ("segment_mock", "segment_mock.vendor_api", "segment_mock.vendor_testing")
_MARKS = ("documented", "recorded", "assumed")


def examples(vendor: Vendor) -> list[Example]:
    """Return the examples of *vendor* (from its folder of examples), sorted by name. The vendor has to be installed."""
    return [example for example in _all_examples() if example.name.partition("/")[0] == vendor.name]


def replay(example: Example, transport: Transport) -> list[str]:
    """Send the request of *example* to a new mock by *transport*, and return the differences from the example.

    Both the response and the records after it are compared. The result is a list of strings, empty if both
    are as the example says.

        @pytest.mark.parametrize("example", examples(VENDOR), ids=lambda example: example.name)
        def test_example(example):
            assert replay(example, "inprocess") == []
    """
    with SegmentMock(**example.settings) as mock:
        status, body = _SENDERS[transport](mock, example)
        return outcome(example, status, body, mock.state())


def unsourced(vendor: Vendor) -> list[str]:
    """Return the operations, fields, refusals, item errors, assumptions and examples of *vendor* without a source.

    Each is a string, such as ``operation get_metrics``. The list is empty if everything has a source.
    """
    return [*_unsourced_rows(vendor), *_unsourced_examples(vendor)]


def forbidden_imports(package: Path) -> list[str]:
    """Return the imports of internal modules of segment_mock below the folder *package*.

    Each is a string with file, line and module. The list is empty if the package uses only the public API.
    """
    return [
        f"{file.relative_to(package)}:{line} imports {name}"
        for file in sorted(package.rglob("*.py"))
        for name, line in _imports(ast.parse(file.read_text(encoding="utf-8")))
        if name.partition(".")[0] == "segment_mock" and name not in _PUBLIC
    ]


def _imports(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            if node.module == "segment_mock":
                others = [alias.name for alias in node.names if alias.name not in segment_mock.__all__]
                yield from ((f"segment_mock.{name}", node.lineno) for name in others)
            yield node.module, node.lineno


def _unsourced_rows(vendor: Vendor) -> Iterator[str]:
    for operation in vendor.operations:
        if not operation.source:
            yield f"operation {operation.name}"
        for side, schema in (("request", operation.request), ("response", operation.response)):
            for steps, row in fields_of(schema) if schema else ():
                if not row.metadata.get("source"):
                    yield f"field {operation.name} {side} {'.'.join(step or '[]' for step in steps)}"
    for kind, template in vendor.refusals.items():
        if not template.source:
            yield f"refusal {kind}"
    for name, error in vendor.item_errors.items():
        if not error.source:
            yield f"item error {name}"
    for name, assumption in vendor.assumptions.items():
        if not assumption.reason:
            yield f"assumption {name}"


def _unsourced_examples(vendor: Vendor) -> Iterator[str]:
    for example in examples(vendor):
        if not example.document.get("source") or example.document.get("mark") not in _MARKS:
            yield f"example {example.name}"


def _by_interception(mock: SegmentMock, example: Example) -> tuple[int, Any]:
    host = example.vendor.hosts[0].replace("*", "mock", 1)
    with mock.intercept():
        return _send(http.client.HTTPSConnection(host, timeout=5), example)


def _by_server(mock: SegmentMock, example: Example) -> tuple[int, Any]:
    return _send(http.client.HTTPConnection(urlsplit(mock.serve().url).netloc, timeout=5), example)


def _send(connection: http.client.HTTPConnection, example: Example) -> tuple[int, Any]:
    request = example.request
    try:
        connection.request(request["method"], request["path"], request["body"], request["headers"])
        response = connection.getresponse()
        return response.status, _parsed(response.read())
    finally:
        connection.close()


def _by_session(mock: SegmentMock, example: Example) -> tuple[int, Any]:
    request = example.request
    with mock.session() as session:
        response = session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
        return response.status_code, _parsed(response.content)


def _by_wsgi(mock: SegmentMock, example: Example) -> tuple[int, Any]:
    from .web import create_app

    request = example.request
    client = create_app(mock._emulator).test_client()
    response = client.open(request["path"], method=request["method"], headers=request["headers"], data=request["body"])
    return response.status_code, _parsed(response.data)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


_SENDERS = {"inprocess": _by_interception, "session": _by_session, "server": _by_server, "wsgi": _by_wsgi}
