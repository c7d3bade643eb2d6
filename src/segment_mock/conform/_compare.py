"""What an example prints, compared with what came: member by member, fresh values by their form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..json_match import mismatches

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_FORMS = ((_UUID, "a UUID"), (_TIME, "a time"))
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}


@dataclass(frozen=True, eq=False)
class Form:
    """Equals whatever has the form of the value *like*: a UUID, a time, or else the same JSON type."""

    like: Any

    def __eq__(self, other: object) -> bool:
        form = _form(self.like)
        return form in (_form(other), _kind(other))

    def __repr__(self) -> str:
        return _form(self.like)


def differences(expected: Any, actual: Any, loose: Collection[str] = ()) -> Iterator[str]:
    """Yield where *actual* lacks a member of *expected* or has another value, by paths such as ``a.b[0].c``.

    Paths in *loose*, and all that is below them, need only have the form of what is expected.
    """
    return (str(found) for found in mismatches(_formed(expected, loose), actual))


def by_form(value: Any) -> Any:
    """Return *value* with a `Form` in the place of each value that is neither object nor list."""
    if isinstance(value, Mapping):
        return {name: by_form(member) for name, member in value.items()}
    return [by_form(item) for item in value] if isinstance(value, list) else _leaf(value)


def _leaf(value: Any) -> Form:
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
        return next((name for pattern, name in _FORMS if pattern.fullmatch(value)), "a text")
    return _kind(value)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null" if value is None else type(value).__name__)
