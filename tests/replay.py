"""The documented examples as data: how one is performed through a door, and compared member by member."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True)
class Example:
    """One fixture file."""

    name: str
    told: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """What `SegmentMock` is made with."""
        return {"data": self.told["state"], **self.told.get("options", {})}

    @property
    def request(self) -> dict[str, Any]:
        """Method, path, headers and the body as bytes."""
        request = self.told["request"]
        body = json.dumps(request["body"]).encode() if "body" in request else b""
        return {"method": request["method"], "path": request["path"], "headers": request["headers"], "body": body}


def examples() -> list[Example]:
    """Return every fixture file, in order of name."""
    files = sorted(ROOT.glob("*/*.json"))
    return [Example(f"{file.parent.name}/{file.stem}", json.loads(file.read_text())) for file in files]


def differences(expected: Any, actual: Any, loose: frozenset[str] = frozenset(), place: str = "") -> Iterator[str]:
    """Yield where *actual* lacks a member of *expected* or has another value; paths in *loose* need only a type."""
    if place in loose:
        if type(expected) is not type(actual):
            yield f"{place}: expected a {type(expected).__name__}, got {actual!r}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            path = f"{place}.{name}" if place else name
            if name not in actual:
                yield f"{path}: missing"
            else:
                yield from differences(value, actual[name], loose, path)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{place}: expected {len(expected)} entries, got {len(actual)}: {actual!r}"
        for index, (wanted, got) in enumerate(zip(expected, actual)):  # noqa: B905 - lengths are told above
            yield from differences(wanted, got, loose, f"{place}[{index}]")
    elif expected != actual or type(expected) is not type(actual):
        yield f"{place}: expected {expected!r}, got {actual!r}"


def outcome(example: Example, status: int, body: Any, state: Any) -> list[str]:
    """Return where a reply and the state after it differ from what *example* prints."""
    response = example.told["response"]
    found = [] if status == response["status"] else [f"status: expected {response['status']}, got {status}"]
    found += differences(response["body"], body, frozenset(response.get("any", ())))
    loose = frozenset(re.sub(r"^after\.", "", path) for path in example.told.get("any", ()))
    return [*found, *differences(example.told.get("after", {}), state, loose)]
