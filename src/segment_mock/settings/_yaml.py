"""YAML as plain data: dates stay text, nothing is made that has a class, and a small text makes no huge value."""

from __future__ import annotations

from typing import Any

MOST = 10_000_000
"""So many values may a text stand for once every alias of it is written out."""
_DEEPEST = 1000


def load(text: str) -> Any:
    """Return what *text* says.

    Raises ValueError for what is no YAML, names a Python type, or is nested or multiplied beyond all need.
    """
    import yaml  # slow to import, and most worlds need no file

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # A date is text on the wire, so it stays text without quotes too.
    resolvers = {
        first: [row for row in rows if row[0] != "tag:yaml.org,2002:timestamp"]
        for first, rows in base.yaml_implicit_resolvers.items()
    }
    loader = type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    try:
        if _may_be_deep(text):
            _measure(yaml.parse(text, loader))
        value = yaml.load(text, loader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if "&" in text and _weight(value, {}) > MOST:
        raise ValueError(f"written out, its aliases make more than {MOST:,} values")
    return value


def _may_be_deep(text: str) -> bool:
    """Tell whether *text* has brackets, or columns to indent by, for more levels than are allowed."""
    brackets = text.count("[") + text.count("{")
    return brackets > _DEEPEST or max(map(len, text.splitlines()), default=0) > _DEEPEST


def _measure(events: Any) -> None:
    # The loader follows nesting on C's stack, which Python does not guard: too deep, and the process is gone.
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name in ("MappingStartEvent", "SequenceStartEvent")
        depth -= name in ("MappingEndEvent", "SequenceEndEvent")
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST:,} levels deep")


def _weight(value: Any, known: dict[int, int]) -> int:
    """Return how many values *value* consists of when each alias counts again; one that holds itself has too many."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST + 1
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_weight(one, known) for one in inner)
    return known[id(value)]
