"""Refused calls to other hosts, kept for reports because the code under test may swallow the error."""

from __future__ import annotations

from dataclasses import dataclass

from .forking import new_lock

_MOST = 10_000
_lock = new_lock()


@dataclass(frozen=True)
class RefusedCall:
    """A refused call to *host* by *caller* (``file:line``); *why* is the reason."""

    host: str
    caller: str
    why: str


calls: list[RefusedCall] = []
"""The refused calls of this process, oldest first, at most 10,000."""


def note(host: str, caller: str, why: str) -> None:
    """Record a refused call."""
    with _lock:
        if len(calls) < _MOST:
            calls.append(RefusedCall(host, caller, why))
