"""A shipped example as data: what is sent, what must come back, and what must hold for it to be true."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..contract import Operation, Vendor
from ..emulator import proofs
from ..vendors import found
from ._compare import differences


@dataclass(frozen=True)
class Example:
    """One fixture file: *name* is ``vendor/file``, *told* what stands in it."""

    name: str
    told: Mapping[str, Any]

    @cached_property
    def vendor(self) -> Vendor:
        """The vendor whose exchange it is."""
        return next(vendor for vendor in found() if vendor.name == self.name.partition("/")[0])

    @cached_property
    def operation(self) -> Operation:
        """The operation that it calls."""
        name = self.told["operation"].partition(".")[2]
        return next(operation for operation in self.vendor.operations if operation.name == name)

    @property
    def settings(self) -> dict[str, Any]:
        """What a `SegmentMock` in which it is true is made with."""
        return {"data": self.told["state"], **self.options}

    @property
    def options(self) -> Mapping[str, Any]:
        """The settings that it needs."""
        options: Mapping[str, Any] = self.told.get("options", {})
        return options

    @property
    def request(self) -> dict[str, Any]:
        """Method, path, headers and the body as bytes."""
        request = self.told["request"]
        body = json.dumps(request["body"]).encode() if "body" in request else b""
        return {"method": request["method"], "path": request["path"], "headers": request["headers"], "body": body}

    @property
    def elsewhere(self) -> Mapping[str, Any]:
        """What is different in a target that was used before: ``alone`` and ``form``, see CONTRIBUTING.md."""
        told: Mapping[str, Any] = self.told.get("conform", {})
        return told

    @property
    def credential(self) -> str:
        """The credential that it sends, or nothing."""
        return str(self.told["request"]["headers"].get(self.vendor.key_header, ""))

    @property
    def admitted(self) -> bool:
        """Whether its credential is one that the vendor knows; the others are sent as they are, to be refused."""
        listed = self.options.get(self.vendor.key_flag.replace("-", "_"), [self.credential])
        return bool(self.credential) and self.credential in listed

    def with_request(self, **changes: Any) -> Example:
        """Return it with other members of its request."""
        return Example(self.name, {**self.told, "request": {**self.told["request"], **changes}})


def examples() -> list[Example]:
    """Return every shipped example, in order of name."""
    return [Example(proof.name, proof.told) for proof in proofs()]


def outcome(example: Example, status: int, body: Any, state: Any = None, form: tuple[str, ...] = ()) -> list[str]:
    """Return where a reply, and the *state* after it unless that is unknown, differ from what *example* prints.

    *form* are further paths of the body that need only be of the right form.
    """
    response, fresh = example.told["response"], example.told.get("any", ())
    found = [] if status == response["status"] else [f"status: expected {response['status']}, got {status}"]
    found += differences(response["body"], body, {*response.get("any", ()), *form})
    if state is not None:
        told = differences(example.told.get("after", {}), state, {re.sub(r"^after\.", "", path) for path in fresh})
        found += [f"after.{line}" for line in told]
    return found
