"""The usual slips: what a value that does not fit, or a name that is missing, most likely is."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from ..json_match import ABSENT, Mismatch


def slip(miss: Mismatch) -> str:
    """Return the slip that *miss* looks like, or ``""``."""
    if miss.got is ABSENT:
        return _misnamed(miss)
    return _value(miss.expected, miss.got)


def _misnamed(miss: Mismatch) -> str:
    name = miss.path.rpartition(".")[2]
    same = [other for other in miss.others if _plain(other) == _plain(name)]
    near = same or get_close_matches(name, miss.others, n=1, cutoff=0.7)
    return f"sent as {near[0]!r}" if near else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _value(expected: Any, got: Any) -> str:
    if isinstance(expected, str) and isinstance(got, str):
        return _text(expected, got)
    if type(expected) is not type(got) and str(expected).lower() == str(got).lower():
        kinds = {str: "a text", int: "a number", float: "a number", bool: "true or false"}
        return f"{kinds.get(type(got), 'another type')} where {kinds.get(type(expected), 'another type')} is expected"
    if got is None:
        return "null, which clears a member"
    return ""


def _text(expected: str, got: str) -> str:
    if expected.strip() == got.strip():
        return "the same but for space around it"
    if expected.casefold() == got.casefold():
        return "the same but for upper and lower case"
    if _plain(expected) == _plain(got):
        return "the same but for case and dashes"
    return ""
