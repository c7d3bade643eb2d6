"""One run of a swept test: which call is struck, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from segment_mock import SegmentMock
    from segment_mock.faults import Fault

DEFAULT = (
    {"kind": "error", "status": 503},
    {"kind": "refuse", "refusal": "throttled", "after": False},
    "disconnect",
    "hang",
    "truncate",
)
"""What a sweep tries if it is not told: an outage, a full window, and three ways to lose an answer."""
WATCHED = "the sweep"
"""Where a rule comes from that nobody armed himself."""
CASE = pytest.StashKey["Case"]()


class Case:
    """One run, which strikes the call number *turn* (from 1) with *fault*; without one it only learns the calls.

    *calls* are the operations that were called, in order; *label* is what its id has in brackets.
    """

    def __init__(self, turn: int = 0, operation: str = "", fault: Fault | None = None) -> None:
        self.turn, self.operation, self.fault = turn, operation, fault
        self.calls: list[str] = []
        self._rules: list[Any] = []
        self._lock = Lock()

    @property
    def told(self) -> str:
        """The fault and its moment in a few words, such as ``disconnect after``."""
        return told(self.fault) if self.fault else ""

    @property
    def label(self) -> str:
        """What tells this run from the others of its test, ``""`` for the clean one."""
        return f"call {self.turn} {self.operation}, {self.told}" if self.fault else ""

    @property
    def idle(self) -> bool:
        """Whether the call came, but the fault found nothing there to spoil."""
        return len(self.calls) >= self.turn > 0 and not any(rule.fired for rule in self._rules)

    def arm(self, mock: SegmentMock) -> None:
        """Watch the calls of *mock*, and strike the one that is meant."""
        rule = mock.faults.add(self.fault or _passes, match=self._is_turn)
        rule.where = WATCHED
        self._rules.append(rule)

    def _is_turn(self, call: Any) -> bool:
        with self._lock:
            self.calls.append(f"{call.vendor.name}.{call.operation.name}")
            return len(self.calls) == self.turn


async def _passes(call: Any, proceed: Any) -> Any:
    return await proceed()


def cases(calls: Iterable[str], faults: Iterable[Any] = DEFAULT, operations: str | Iterable[str] = "*") -> list[Case]:
    """Return a case for each of *calls* that *operations* (globs) mean, each of *faults* and each moment of it.

    Raises `SettingError` for a fault that can't be.
    """
    globs = [operations] if isinstance(operations, str) else [*operations]
    moments = [moment for fault in faults for moment in _moments(fault)]
    return [
        Case(turn, name, fault)
        for turn, name in enumerate(calls, 1)
        if any(fnmatchcase(name, glob) for glob in globs)
        for fault in moments
    ]


def _moments(told: Any) -> Iterator[Fault]:
    """Yield the fault that *told* (a kind, its JSON, a fault) says: before and after, unless it has its moment."""
    from segment_mock.faults import Fault, made

    fault = told if isinstance(told, Fault) else made({"kind": told} if isinstance(told, str) else told)
    settled = (isinstance(told, Mapping) and "after" in told) or getattr(fault, "after", True)
    yield fault
    if not settled:
        yield replace(fault, after=True)  # type: ignore[call-arg]


def told(fault: Fault) -> str:
    """Return *fault* in a few words: kind, settings that are not the usual ones, and its moment if it has one."""
    words = {name: value for name, value in fault.as_dict().items() if name not in ("kind", "after")}
    moment = ["after" if fault.after else "before"] if "after" in [row.name for row in fields(fault)] else []  # type: ignore[attr-defined]
    return " ".join([fault.kind, *(f"{name}={value}" for name, value in words.items()), *moment])
