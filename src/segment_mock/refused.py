"""Refused calls to other hosts, and calls that would hang, for reports: the code under test may swallow the error."""

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


hanging_calls: list[str] = []
"""The messages of the calls of this process that would have hung without end, oldest first, at most 10,000."""


def note_hanging(message: str) -> None:
    """Record a call that would have hung without end."""
    with _lock:
        if len(hanging_calls) < _MOST:
            hanging_calls.append(message)


def note(host: str, caller: str, why: str) -> None:
    """Record a refused call."""
    with _lock:
        if len(calls) < _MOST:
            calls.append(RefusedCall(host, caller, why))
