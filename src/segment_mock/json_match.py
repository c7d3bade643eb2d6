"""Compare JSON with expected JSON, and list the differences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


MAX_DEPTH: Final = 100
"""How many levels data may be nested, so that printing or exporting it fits on Python's stack."""
MAX_DIGITS: Final = 1000
"""How many digits a whole number may have; Python reads and writes longer ones slowly, or not at all."""
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]+|\*)\]")
_AS_JSON: ContextVar[bool] = ContextVar("as_json", default=False)
ABSENT: Final = _Absent()
"""The value of a member that is missing, on the expected or on the actual side."""


@dataclass(frozen=True)
class Mismatch:
    """A place where *actual* differs from *expected*. *others* are unexpected names in the same object."""

    path: str
    expected: Any
    actual: Any
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.path or "the whole"
        return f"{place}: expected {_short(self.expected)}, got {_short(self.actual)}"


def mismatches(expected: Any, actual: Any, *, exact: bool = False, path: str = "") -> Iterator[Mismatch]:
    """Yield each place where *actual* differs from *expected*, with a path such as ``payload.segments[0].name``.

    Objects may have more members than expected unless *exact*; lists must have the same length and match item by
    item. All other values are compared by ``==``, so objects with an ``__eq__`` of their own work as matchers.
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _members(expected, actual, exact, path)
    elif isinstance(expected, (list, tuple)) and isinstance(actual, list):
        for index in range(max(len(expected), len(actual))):
            place = f"{path}[{index}]"
            if index < min(len(expected), len(actual)):
                yield from mismatches(expected[index], actual[index], exact=exact, path=place)
            else:
                yield Mismatch(place, _item(expected, index), _item(actual, index))
    elif isinstance(expected, bool) is not isinstance(actual, bool) and isinstance(expected, (bool, int, float)):
        yield Mismatch(path, expected, actual)  # True equals 1 in Python, but not in JSON
    elif not expected == actual:  # noqa: SIM201 - what stands for a value promises == and nothing else
        yield Mismatch(path, expected, actual)


def steps_of(path: str) -> list[str | int | None]:
    """Return the steps of *path*: a member's name, an index, or None for every item; ``[]`` if it is not a path."""
    text = path.removeprefix("$")
    steps = [*_STEP.finditer(text)]
    if "".join(step[0] for step in steps) != text:
        return []
    return [step[1] if step[1] else None if step[2] == "*" else int(step[2]) for step in steps]


def values_at(value: Any, steps: list[str | int | None]) -> list[Any]:
    """Return every value at the path *steps*."""
    if not steps:
        return [value]
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        return values_at(value[step], rest) if isinstance(value, dict) and step in value else []
    if not isinstance(value, list):
        return []
    items = value if step is None else value[step : step + 1]
    return [value_below for item in items for value_below in values_at(item, rest)]


def parsed(body: bytes) -> Any:
    """Return *body* parsed as JSON, or None if it is not JSON; NaN and infinities are not JSON."""
    try:
        return json.loads(body, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None


def json_or_text(body: bytes) -> Any:
    """Return *body* parsed as JSON, or as text if it is not JSON, or None if it is empty."""
    value = parsed(body)
    return body.decode("utf-8", "replace") if value is None and body else value


def is_deep(value: Any) -> bool:
    """Return whether dicts, lists and tuples of *value* are nested in more than `MAX_DEPTH` levels, or in a cycle."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        # Look at each container once a level; otherwise a cycle would double the work with each level.
        containers = {id(each): each for each in level if isinstance(each, (Mapping, list, tuple))}
        if not containers:
            return False
        level = [
            child for each in containers.values() for child in (each.values() if isinstance(each, Mapping) else each)
        ]
    return True


def is_long(number: int) -> bool:
    """Return whether *number* has more than about `MAX_DIGITS` digits."""
    return number.bit_length() > MAX_DIGITS * 3.33


def writable(value: Any, levels: int = MAX_DEPTH) -> Any:
    """Return *value* as data for JSON; objects that JSON can't carry, such as matchers, become their repr."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and not is_long(value):
        return int(value)
    if isinstance(value, float) and isfinite(value):
        return float(value)
    if levels > 0 and isinstance(value, Mapping):
        return {
            name if isinstance(name, str) else brief(name): writable(member, levels - 1)
            for name, member in value.items()
        }
    if levels > 0 and isinstance(value, (list, tuple)):
        return [writable(member, levels - 1) for member in value]
    return brief(value)


@contextmanager
def json_words(in_force: bool = True) -> Iterator[None]:
    """Within the block, let `brief` write null, true and objects as JSON does: the values came from JSON or YAML."""
    token = _AS_JSON.set(in_force)
    try:
        yield
    finally:
        _AS_JSON.reset(token)


def is_json_in_force() -> bool:
    """Return whether values are written as JSON does, because they came from a file or over HTTP."""
    return _AS_JSON.get()


def brief(value: Any, limit: int = 200) -> str:
    """Return the repr of *value*, cut to *limit* characters; never raises, whatever *value* is.

    Within `json_words`, return the JSON of anything but text, which is quoted as elsewhere.
    """
    if isinstance(value, str):
        value = value if len(value) <= limit else value[:limit] + "..."
    elif isinstance(value, int) and is_long(value):
        return f"a number of more than {MAX_DIGITS} digits"
    try:
        text = json.dumps(value, ensure_ascii=False) if _AS_JSON.get() and _is_json(value) else repr(value)
    except Exception:  # a RecursionError, or anything that a user's __repr__ raises
        return f"<{type(value).__name__}>"
    return text if len(text) <= limit + 10 else f"{text[: limit - 3]}..."


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, (bool, float)) or (isinstance(value, (dict, list)) and not is_deep(value))


def printable(text: str) -> str:
    """Return *text* on one line, with escapes for characters that a terminal can't show or would execute."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def shortened(text: str, limit: int = 2000) -> str:
    """Return *text*, without its middle if it is longer than *limit*.

    An error begins with its place and ends with its advice.
    """
    return text if len(text) <= limit else f"{text[: limit * 3 // 4]} ... {text[-limit // 4 :]}"


def _members(expected: Mapping[Any, Any], actual: Mapping[Any, Any], exact: bool, path: str) -> Iterator[Mismatch]:
    others = tuple(str(name) for name in actual if name not in expected)
    for name, member in expected.items():
        place = f"{path}.{name}" if path else str(name)
        if name in actual:
            yield from mismatches(member, actual[name], exact=exact, path=place)
        elif member is not ABSENT:
            yield Mismatch(place, member, ABSENT, others)
    for name in others if exact else ():
        yield Mismatch(f"{path}.{name}" if path else name, ABSENT, actual[name])


def _item(items: Any, index: int) -> Any:
    return items[index] if index < len(items) else ABSENT


def _short(value: Any, limit: int = 120) -> str:
    text = brief(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _finite(text: str) -> float:
    number = float(text)
    if isfinite(number):
        return number
    raise ValueError(f"{text[:20]} is not valid JSON")
