"""The shipped examples as calls to run: the data, the command with curl, and the emulator's whole response."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from .core import Json
from .emulator import Emulator
from .examples import ShippedExample, shipped_examples
from .messages import Request, run_sync

MOMENT = "2026-01-01T00:00:00Z"
"""The time of the mock's clock in the responses."""
URL = "http://127.0.0.1:7357"
_MARKS = ("documented", "recorded", "assumed")
_SLASHES = re.compile("//+")
_response_bodies: dict[str, Json] = {}


@dataclass(frozen=True)
class ExampleCall:
    """A call that a reader can repeat: with *data* in a file, *command* prints *response* with the given *status*."""

    name: str
    title: str
    source: str
    mark: str
    data: str
    serve: str
    command: str
    status: int
    response: str


def response_body_of(example: ShippedExample) -> Json:
    """Return the body of the emulator's response to *example*, which itself states only some of its members."""
    if example.name not in _response_bodies:
        core = Emulator({"data": example.document["state"], **example.document.get("options", {})})
        core.world.clock.freeze(MOMENT)
        request = example.document["request"]
        headers = {name.lower(): value for name, value in request["headers"].items()}
        body = json.dumps(request["body"]).encode() if "body" in request else b""
        response = run_sync(
            core.answer(Request(request["method"], request["path"], headers, body)), core.world.clock.advance
        )
        _response_bodies[example.name] = json.loads(response.body)
    return _response_bodies[example.name]


def example_call(operation: str) -> ExampleCall | None:
    """Return a call to *operation* (its full name) that succeeds, or None if no shipped example shows one.

    One with a member ``reference`` is preferred, then a documented one, then a recorded one.
    """
    candidates = [
        example
        for example in shipped_examples()
        if example.operation == operation and example.status == 200 and not example.document.get("options")
    ]
    if not candidates:
        return None
    example = min(candidates, key=_rank)
    document = example.document
    has_records = any(rows for tables in document["state"].values() for rows in tables.values())
    return ExampleCall(
        example.name,
        document["title"],
        document["source"],
        document["mark"],
        _pretty(document["state"]) if has_records else "",
        "segment-mock serve --data data.json" if has_records else "segment-mock serve",
        _curl(document["request"]),
        example.status,
        _pretty(response_body_of(example)),
    )


def _rank(example: ShippedExample) -> tuple[bool, int]:
    return not example.document.get("reference"), _MARKS.index(example.document["mark"])


def _curl(request: Json) -> str:
    headers = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request["headers"].items()]
    parts = [f"curl -s -X {request['method']} {shlex.quote(URL + _SLASHES.sub('/', request['path']))}", *headers]
    if "body" in request:
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(_pretty(request['body']))}"]
    return " \\\n  ".join(parts)


def _pretty(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
