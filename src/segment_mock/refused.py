"""Calls that were not let out of this process: for reports, because the code under test may swallow the error."""

from __future__ import annotations

from dataclasses import dataclass

from .forking import new_lock

_MOST = 10_000
_lock = new_lock()


@dataclass(frozen=True)
class RefusedCall:
    """A call to *host* at *caller* (``file:line``), refused for the reason *why*."""

    host: str
    caller: str
    why: str


calls: list[RefusedCall] = []
"""The refused calls of this process, oldest first; after 10,000 no more are noted."""


def note(host: str, caller: str, why: str) -> None:
    """Note a refused call."""
    with _lock:
        if len(calls) < _MOST:
            calls.append(RefusedCall(host, caller, why))
