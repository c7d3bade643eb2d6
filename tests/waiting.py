"""Waiting for what another thread or process does, without a sleep: for a call of a method, or for a line of output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import IO, Any

import pytest

PATIENCE = 60.0
"""Seconds after which a test gives up; a test that passes does not wait for them."""


class Calls:
    """The calls of a method, counted once each has returned."""

    def __init__(self) -> None:
        self._count, self._changed = 0, threading.Condition()

    def add(self) -> None:
        """Count a call."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, count: int = 1) -> None:
        """Wait until there have been *count* calls since the beginning."""
        self.wait_until(lambda: self._count >= count)

    def wait_for_more(self, count: int) -> None:
        """Wait until there have been *count* calls from now on."""
        self.wait(self._count + count)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until *condition* holds; it is looked at after each call."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"not after {self._count} calls"


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Calls:
    """Return the `Calls` of the method *name* of *owner*, from now on."""
    calls, method = Calls(), getattr(owner, name)

    def counted(*args: Any, **options: Any) -> Any:
        try:
            return method(*args, **options)
        finally:
            calls.add()

    monkeypatch.setattr(owner, name, counted)
    return calls


class Output:
    """What a process writes to a pipe, read by a thread as it comes."""

    _changed = threading.Condition()  # of all outputs, so that a test can wait for any of them

    def __init__(self, stream: IO[str]) -> None:
        self.text = ""
        self._stream, self._is_over = stream, False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self.text += line
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, words: str) -> str:
        """Return the output so far, once it has *words*; fails if it ends without them."""
        with self._changed:
            self._changed.wait_for(lambda: words in self.text or self._is_over, PATIENCE)
            assert words in self.text, self.text
            return self.text

    @classmethod
    def wait_for_any(cls, outputs: Iterable[Output], words: str) -> Output:
        """Return the first of *outputs* that has *words*, once one does."""
        waiting = [*outputs]
        with cls._changed:
            cls._changed.wait_for(lambda: any(words in one.text for one in waiting), PATIENCE)
            matching = [one for one in waiting if words in one.text]
        assert matching, [one.text for one in waiting]
        return matching[0]

    def close(self) -> None:
        """Wait for the end of the output."""
        self._thread.join(PATIENCE)
        self._stream.close()
