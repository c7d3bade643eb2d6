"""Shipped examples as data: comparison with a response, and replacement of the names in them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..core import Operation, Vendor
from ..examples import shipped_examples
from ..json_match import mismatches
from ..vendors import find_vendors


@dataclass(frozen=True)
class Example:
    """An example from a file: *name* is ``vendor/file``, and *document* the content of the file."""

    name: str
    document: Mapping[str, Any]

    @cached_property
    def vendor(self) -> Vendor:
        """The vendor whose operation the example calls."""
        return next(vendor for vendor in find_vendors() if vendor.name == self.name.partition("/")[0])

    @cached_property
    def operation(self) -> Operation:
        """The operation that the example calls."""
        name = self.document["operation"].partition(".")[2]
        return next(operation for operation in self.vendor.operations if operation.name == name)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which a `SegmentMock` returns the response of the example."""
        return {"data": self.document["state"], **self.options}

    @property
    def options(self) -> Mapping[str, Any]:
        """The settings that the example needs, from its file."""
        options: Mapping[str, Any] = self.document.get("options", {})
        return options

    @property
    def request(self) -> dict[str, Any]:
        """The method, path, headers and body (as bytes) of the request."""
        request = self.document["request"]
        body = json.dumps(request["body"]).encode() if "body" in request else b""
        return {"method": request["method"], "path": request["path"], "headers": request["headers"], "body": body}

    @property
    def conform_options(self) -> Mapping[str, Any]:
        """What may differ on a target with other records: ``alone`` and ``form``; CONTRIBUTING.md describes them."""
        options: Mapping[str, Any] = self.document.get("conform", {})
        return options

    @property
    def credential(self) -> str:
        """The credential in the request, or ``""``."""
        return str(self.document["request"]["headers"].get(self.vendor.key_header, ""))

    @property
    def admitted(self) -> bool:
        """Whether the vendor accepts the credential. A wrong credential is sent unchanged, to be refused."""
        credentials = self.options.get(self.vendor.key_flag.replace("-", "_"), [self.credential])
        return bool(self.credential) and self.credential in credentials

    def with_request(self, **changes: Any) -> Example:
        """Return a copy with other members of the request."""
        return Example(self.name, {**self.document, "request": {**self.document["request"], **changes}})


def examples() -> list[Example]:
    """Return every shipped example, sorted by name."""
    return [Example(example.name, example.document) for example in shipped_examples()]


def outcome(example: Example, status: int, body: Any, state: Any = None, form: tuple[str, ...] = ()) -> list[str]:
    """Return the differences of a response and of the *state* after it (None: unknown) from *example*, one string each.

    At the paths *form* of the body, only the form of a value has to match, not the value.
    """
    response, fresh = example.document["response"], example.document.get("any", ())
    lines = [] if status == response["status"] else [f"status: expected {response['status']}, got {status}"]
    lines += differences(response["body"], body, {*response.get("any", ()), *form})
    if state is not None:
        after = differences(example.document.get("after", {}), state, {re.sub(r"^after\.", "", path) for path in fresh})
        lines += [f"after.{line}" for line in after]
    return lines


UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_FORMS = ((UUID, "a UUID"), (TIME, "a time"))
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}


@dataclass(frozen=True, eq=False)
class Form:
    """Equals every value of the same form as the value *like*: a UUID, a time, or a value of the same JSON type."""

    like: Any

    def __eq__(self, other: object) -> bool:
        form = _form(self.like)
        return form in (_form(other), _kind(other))

    def __repr__(self) -> str:
        return _form(self.like)


def differences(expected: Any, actual: Any, loose: Collection[str] = ()) -> Iterator[str]:
    """Yield each place where *actual* lacks a member of *expected* or has another value, such as ``a.b[0].c: ...``.

    At or below the paths in *loose*, only the form of a value has to match.
    """
    return (str(miss) for miss in mismatches(_formed(expected, loose), actual))


def by_form(value: Any) -> Any:
    """Return *value* with each value that is neither object nor list replaced by its `Form`."""
    if isinstance(value, Mapping):
        return {name: by_form(member) for name, member in value.items()}
    if isinstance(value, list):
        return [by_form(item) for item in value]
    return value if isinstance(value, Form) else Form(value)


def _formed(value: Any, loose: Collection[str], place: str = "") -> Any:
    if place in loose:
        return by_form(value)
    if isinstance(value, Mapping):
        return {name: _formed(member, loose, f"{place}.{name}" if place else name) for name, member in value.items()}
    if isinstance(value, list):
        return [_formed(item, loose, f"{place}[{index}]") for index, item in enumerate(value)]
    return value


def _form(value: Any) -> str:
    if isinstance(value, str):
        return next((name for pattern, name in _FORMS if pattern.fullmatch(value)), "text")
    return _kind(value)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null" if value is None else type(value).__name__)


def unique_names(example: Example, unique: Collection[str], suffix: str) -> dict[str, str]:
    """Return a unique replacement, ending in *suffix*, for each name in *example*.

    In an e-mail address, *suffix* is added before the ``@``.
    """
    document = [example.document["state"], example.document["request"].get("body", {})]
    names: dict[str, str] = {}
    for member, text in _texts(document):
        before, at, host = text.partition("@")
        if at:
            names[text] = f"{before}+{suffix}@{host}"
        elif member in unique:
            names[text] = _with_suffix(text, suffix)
    return names


def rename(value: Any, names: Mapping[str, str]) -> Any:
    """Return *value* with each string in *names* replaced, in upper case where the original is."""
    if isinstance(value, Mapping):
        return {name: rename(member, names) for name, member in value.items()}
    if isinstance(value, list):
        return [rename(item, names) for item in value]
    if isinstance(value, str) and value not in names and value.lower() in names:
        return names[value.lower()].upper()
    return names.get(value, value) if isinstance(value, str) else value


def rewrite(example: Example, names: Mapping[str, str]) -> Example:
    """Return *example* with *names* replaced everywhere except in its headers."""
    document = dict(example.document)
    parts = {name: rename(document[name], names) for name in ("state", "response")}
    body = {"body": rename(document["request"]["body"], names)} if "body" in document["request"] else {}
    return Example(example.name, {**document, **parts, "request": {**document["request"], **body}})


def loosen(value: Any, fresh: Collection[str]) -> Any:
    """Return *value* with the members named in *fresh* replaced by their `Form`."""
    if isinstance(value, Mapping):
        return {k: by_form(v) if k in fresh else loosen(v, fresh) for k, v in value.items()}
    return [loosen(item, fresh) for item in value] if isinstance(value, list) else value


def references(row: Any) -> Iterator[str]:
    """Yield each string in *row* by which another row may refer to it."""
    return (text for _, text in _texts(row))


def _with_suffix(text: str, suffix: str) -> str:
    """Return *text* ending in *suffix*; a long text keeps its length, which may be exactly at a limit."""
    long = len(text) > 2 * len(suffix)
    return f"{text[: -len(suffix) - 1] if long else text}-{suffix}"


def _texts(value: Any, member: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, member)
    elif isinstance(value, str):
        yield member, value
