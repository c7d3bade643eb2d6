"""Waiting without a sleep for another thread or process: for a call of a method, an idle worker, a line of output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import pytest

from segment_mock.virtual_time import VIRTUAL

PATIENCE = 60.0
"""Timeout in seconds after which a waiting test fails."""


def growing_timeouts(seconds: float) -> Iterator[float]:
    """Yield timeouts from *seconds*, each four times as long, for a test that tries again until one is long enough.

    They are for a timeout that has to pass, while a busy machine may need it for what has to happen before.
    """
    while seconds < PATIENCE:
        yield seconds
        seconds *= 4


class Calls:
    """Counts the calls of a method that have returned."""

    def __init__(self) -> None:
        self._count, self._changed = 0, threading.Condition()

    def add(self) -> None:
        """Count a call."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, count: int = 1) -> None:
        """Wait until there have been *count* calls in total."""
        self.wait_until(lambda: self._count >= count)

    def wait_for_more(self, count: int) -> None:
        """Wait until there have been *count* further calls."""
        self.wait(self._count + count)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until *condition* returns a true value; it is called after each call of the method."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"not after {self._count} calls"


def start_idle_worker(pool: ThreadPoolExecutor) -> None:
    """Start a worker of *pool*, and wait until it waits for a job."""
    worker = pool.submit(threading.current_thread).result(PATIENCE)
    while worker in VIRTUAL.busy_threads():
        time.sleep(0)


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Calls:
    """Patch the method *name* of *owner* and return an object that counts its calls."""
    calls, method = Calls(), getattr(owner, name)

    def counting_method(*args: Any, **options: Any) -> Any:
        try:
            return method(*args, **options)
        finally:
            calls.add()

    monkeypatch.setattr(owner, name, counting_method)
    return calls


class Output:
    """The output that a process writes to a pipe; a thread reads it."""

    _changed = threading.Condition()  # shared by all outputs, so that a test can wait for any of them

    def __init__(self, stream: IO[str]) -> None:
        self.text = ""
        self._stream, self._has_ended = stream, False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self.text += line
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def wait_for(self, words: str) -> str:
        """Wait until the output contains *words* and return it; fail if it ends without them."""
        with self._changed:
            self._changed.wait_for(lambda: words in self.text or self._has_ended, PATIENCE)
            assert words in self.text, self.text
            return self.text

    @classmethod
    def wait_for_any(cls, outputs: Iterable[Output], words: str) -> Output:
        """Wait until one of *outputs* contains *words*, and return that output."""
        waiting = [*outputs]
        with cls._changed:
            cls._changed.wait_for(lambda: any(words in one.text for one in waiting), PATIENCE)
            matching = [one for one in waiting if words in one.text]
        assert matching, [one.text for one in waiting]
        return matching[0]

    def close(self) -> None:
        """Wait until the output ends."""
        self._thread.join(PATIENCE)
        self._stream.close()
