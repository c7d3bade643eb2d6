"""Words for messages: numbers with the right form of their noun."""

from __future__ import annotations


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return *count* and *noun*, in the form *nouns* (default: *noun* and ``s``) unless *count* is 1."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def times(count: int) -> str:
    """Return ``once`` for 1, and otherwise *count* and ``times``."""
    return "once" if count == 1 else f"{count:,} times"
