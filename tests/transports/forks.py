"""Run a function in a forked child process."""

from __future__ import annotations

import os
import pickle
import select
import signal
import warnings
from collections.abc import Callable
from typing import Any

from tests.waiting import PATIENCE


class Child:
    """A forked child process that runs *function*."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forking with threads
            self.pid = os.fork()
        if self.pid:
            os.close(writer)
            return
        try:
            outcome: Any = function()
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        try:
            os.write(writer, pickle.dumps(outcome))
        finally:
            os._exit(0)

    def result(self, timeout: float = PATIENCE) -> Any:
        """Return the function's result or, as a string, its exception.

        A child that takes longer than *timeout* seconds is killed, and the result is "hangs".
        """
        with os.fdopen(self._reader, "rb") as pipe:
            has_written = bool(select.select([pipe], [], [], timeout)[0])
            if not has_written:
                os.kill(self.pid, signal.SIGKILL)
            outcome = pickle.loads(pipe.read()) if has_written else "hangs"
        os.waitpid(self.pid, 0)
        return outcome


def run_in_child(function: Callable[[], Any]) -> Any:
    """Return the result of *function* in a forked child, or its exception as a string."""
    return Child(function).result()
