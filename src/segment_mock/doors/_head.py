"""The headers of a request as the core wants them, and how much of a client's head is too much."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

HEAD_LIMIT = 64 * 2**10
_LONG = 100  # a name of so many bytes is nobody's habit, and not worth remembering

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names and values as they were sent, in order."""


def headers(fields: Fields) -> dict[str, str]:
    """Return *fields* by lower-case name, values of a repeated one joined by ``", "``."""
    found: dict[str, str] = {}
    for name, value in fields:
        key, text = (_key if len(name) < _LONG else _key.__wrapped__)(name), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def weight(fields: Fields) -> int:
    """Return how many bytes *fields* took on the wire, but for odd spaces."""
    return sum([len(name) + len(value) + 4 for name, value in fields])


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    return name.decode("latin-1").lower()
