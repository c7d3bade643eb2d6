"""Match conditions of a rule: by vendor, host, header, query, path into the body, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..core import Call, Refusal
from ..hosts import host_of, host_pattern, matches, query_of
from ..json_match import brief, is_deep, steps_of, values_at
from ..settings import SettingError, unknown_name

Match: TypeAlias = "Mapping[str, Any] | Callable[[Call], bool] | None"
Test: TypeAlias = Callable[[Call], bool]
_MAX_PATH = 1000
"""How long a path may be; a body has at most a hundred levels."""


def predicate(match: Match) -> Test:
    """Return *match* as a function that returns whether a call matches.

    A dictionary may have these keys, and a call has to match all of them:

    * ``vendor``: the name of a vendor
    * ``host``: a host, or a pattern such as ``*.salsalabs.org``
    * ``headers``: names (in any case) and values
    * ``query``: names and values
    * ``json``: paths and values; a path is written ``payload.segments[0].name`` or ``payload.segments[*].name``

    Raises `SettingError` for any other key, and for a value of the wrong type.
    """
    if match is None:
        return lambda call: True
    if callable(match):
        return match
    if is_deep(match):
        raise SettingError("match: the dictionary is nested too deeply to match any call")
    try:
        tests = [_predicate_of(name, expected) for name, expected in _pairs("match", match)]
    except SettingError:
        raise
    except ValueError:  # such as a number with too many digits for text
        raise SettingError(f"match: {brief(match)} can't be compared with a call") from None
    return lambda call: all(test(call) for test in tests)


def _predicate_of(name: str, expected: Any) -> Test:
    if name == "vendor":
        return lambda call: bool(call.vendor.name == expected)
    if name == "host":
        pattern = _host_pattern(expected)
        return lambda call: matches(host_of(call.request.headers.get("host", "")), pattern)
    if name == "headers":
        pairs = [(key.lower(), _text("match.headers", key, value)) for key, value in _pairs("match.headers", expected)]
        return lambda call: all(value == call.request.headers.get(key) for key, value in pairs)
    if name == "query":
        query_pairs = [(key, _text("match.query", key, value)) for key, value in _pairs("match.query", expected)]
        return lambda call: _has_query(call, query_pairs)
    if name == "json":
        paths = [(_steps(path), value) for path, value in _pairs("match.json", expected)]
        return lambda call: all(value in values_at(_body(call), steps) for steps, value in paths)
    raise SettingError(f"match: {unknown_name('key', name, ('vendor', 'host', 'headers', 'query', 'json'))}")


def connection_test(operation: str, match: Match) -> Callable[[str, str], bool]:
    """Return a function that returns whether a vendor's name and a host match *operation* and *match*.

    *operation* is ``*``, or the name of a vendor and ``.*``. Raises `SettingError` for conditions on a call.
    """
    vendor, _, rest = operation.partition(".")
    if operation != "*" and rest != "*":
        raise SettingError(
            f"operation: {operation!r} can't select connections; expected '*' or a vendor such as 'salsa.*'"
        )
    if callable(match):
        raise SettingError("match: a function can't select connections; expected a dictionary with vendor or host")
    conditions = dict(_pairs("match", match)) if match is not None else {}
    for name in conditions:
        if name not in ("vendor", "host"):
            raise SettingError(f"match: {name} can't select connections; expected vendor or host")
    vendors = {*([vendor] if vendor != "*" else []), *([conditions["vendor"]] if "vendor" in conditions else [])}
    pattern = _host_pattern(conditions.get("host", "*"))
    return lambda vendor, host: vendors <= {vendor} and matches(host, pattern)


def _host_pattern(value: Any) -> str:
    try:
        return "*" if isinstance(value, str) and value == "*" else host_pattern(value)
    except (AttributeError, TypeError, ValueError):
        raise SettingError(
            f"match.host: {brief(value)} is neither a host nor a pattern such as '*.salsalabs.org'"
        ) from None


def _has_query(call: Call, pairs: list[tuple[str, Any]]) -> bool:
    query = query_of(call.request.target)
    return all(value in query.get(key, ()) for key, value in pairs)


def _text(place: str, name: str, value: Any) -> Any:
    """Return *value* as it is sent, or *value* itself if it is a matcher, which compares by ``==``."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    if value is None or isinstance(value, (bool, bytes, list, tuple, dict, set, frozenset)):
        raise SettingError(f"{place}.{brief(name)[1:-1]}: {brief(value)} is not text")
    return value


def _pairs(place: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise SettingError(f"{place}: {brief(value)} is not a dictionary of names and values")
    return [(str(name), item) for name, item in value.items()]


def _steps(path: str) -> list[str | int | None]:
    """Return the steps of a path: a member's name, an index, or None for every item."""
    if len(path) > _MAX_PATH:
        raise SettingError(f"match.json: {brief(path, 50)} has more than {_MAX_PATH} characters, which no path needs")
    steps = steps_of(path)
    if not steps:
        raise SettingError(f"match.json: {brief(path)} is not a path such as payload.segments[0].name")
    return steps


def _body(call: Call) -> Any:
    try:
        return call.json
    except Refusal:
        return None
