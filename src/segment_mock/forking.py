"""Repair objects in a forked child: replace locks, and notify objects that belong to the parent."""

from __future__ import annotations

import os
from threading import Lock, RLock
from typing import Any, Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """An object of the parent process that has to change in a forked child."""

    def after_fork(self) -> None:
        """Adapt to the child; called in the child before any other code runs."""


class Succession:
    """What takes the place of a mock's transports in a forked child.

    *successor* is None in the mock's own process. In a child it is another transport, or the reason why there is none.
    """

    successor: Any = None


_LOCKS: WeakSet[Any] = WeakSet()
_OBJECTS: WeakSet[Inherited] = WeakSet()


def new_lock() -> Any:
    """Return a lock that is free in a forked child, even if a thread of the parent held it."""
    return _with_forks(Lock())


def new_rlock() -> Any:
    """Return a reentrant lock that is free in a forked child, even if a thread of the parent held it."""
    return _with_forks(RLock())


def call_after_fork(inherited: Inherited) -> None:
    """Call ``inherited.after_fork()`` in each child that is forked while *inherited* is alive."""
    _OBJECTS.add(inherited)


def _with_forks(lock: Any) -> Any:
    _LOCKS.add(lock)
    return lock


def _after_fork() -> None:
    for lock in [*_LOCKS]:
        lock._at_fork_reinit()  # as the standard library does with its own locks
    for inherited in [*_OBJECTS]:
        inherited.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
