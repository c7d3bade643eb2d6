"""The shipped examples, and which operation, fields and refusals each of them shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .core import ErrorTemplate, Json, Vendor
from .settings import SettingError, fixtures, unknown_name
from .vendors import find_vendors
from .wording import json_reason

_NO_OPERATION = ("no_such_operation", "no_such_method")
_MEMBERS = {
    "": ("title", "source", "mark", "operation", "state", "request", "response"),
    "request": ("method", "path", "headers"),
    "response": ("status", "body"),
}
"""The members that an example needs, by the object that has them."""


@dataclass(frozen=True)
class ShippedExample:
    """One example: its name, its operation, and the paths of the members that it sends and expects."""

    name: str
    document: Json
    request: frozenset[str]
    response: frozenset[str]

    @classmethod
    def read(cls, file: Path, vendor: Vendor) -> ShippedExample:
        """Return the example of *vendor* in *file*; raises `SettingError` if a member that it needs is missing."""
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SettingError(f"{file}: it is not valid JSON: {json_reason(error)}") from None
        if problem := _problem(document, [f"{vendor.name}.{row.name}" for row in vendor.operations]):
            raise SettingError(f"{file}: {problem}")
        request_body, response_body = document["request"].get("body"), document["response"]["body"]
        return cls(
            f"{vendor.name}/{file.stem}", document, frozenset(paths(request_body)), frozenset(paths(response_body))
        )

    @property
    def operation(self) -> str:
        """The full name of the operation that the example calls."""
        return str(self.document["operation"])

    @property
    def status(self) -> int:
        """The expected status."""
        return int(self.document["response"]["status"])

    def refuses(self, vendor: str, kind: str, row: ErrorTemplate) -> bool:
        """Return whether the example shows this refusal of *vendor*."""
        fits = self.status == row.status != 200 and kind not in _NO_OPERATION
        return fits and self.operation.startswith(f"{vendor}.")


def examples_folder(vendor: Vendor) -> Path:
    """Return the folder of *vendor*'s examples, in the vendor's own package or in this one."""
    return vendor.examples or fixtures() / vendor.name


def shipped_examples() -> list[ShippedExample]:
    """Return every example of every vendor, in order of vendor and name."""
    return [
        ShippedExample.read(file, vendor)
        for vendor in find_vendors()
        for file in sorted(examples_folder(vendor).glob("*.json"))
    ]


def _problem(document: Any, operations: list[str]) -> str:
    """Return the reason why *document* is not an example of one of the *operations*, or ``""`` if it is one."""
    for place, names in _MEMBERS.items():
        part = document.get(place) if place else document
        if not isinstance(part, dict):
            return f"{place or 'the example'}: expected an object"
        if missing := [name for name in names if name not in part]:
            return f"{place + ': ' if place else ''}expected a member {missing[0]!r}; CONTRIBUTING.md lists them"
    operation = document["operation"]
    if operation not in operations:
        return f"operation: {unknown_name('operation', operation, operations)}"
    return ""


def paths(value: Any, place: str = "") -> Iterator[str]:
    """Yield the path of every member in *value*, such as ``payload.segments[].name``."""
    if isinstance(value, dict):
        for name, member in value.items():
            path = f"{place}.{name}" if place else name
            yield path
            yield from paths(member, path)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f"{place}[]")


def path_of(steps: tuple[str, ...]) -> str:
    """Return *steps* of a schema as a path in the form of `paths`."""
    path = ".".join(steps).replace("..", "[].")
    return f"{path[:-1]}[]" if path.endswith(".") else path
