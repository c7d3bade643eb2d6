"""What ``serve`` writes to stderr: a line for each call, and what went wrong, as text or as JSON."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import TYPE_CHECKING, TextIO

from ..clock import iso
from ..journal import Entry

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

INTERVAL = 0.05  # seconds between a call and its line, at most
_FULL = 1000  # calls after which lines are written without waiting for the interval to end


class CallLog:
    """A listener of the journal that writes a line for each call to *stream*, many at a time.

    It writes past `logging`, which costs as much as a call, and from a timer of the server's loop, so that no
    client waits for it. On leaving the ``with`` block everything is written. *format_* is ``text`` or ``json``.
    """

    def __init__(self, stream: TextIO, format_: str) -> None:
        self._stream, self._line = stream, _as_json if format_ == "json" else _as_text
        self._entries: deque[Entry] = deque()
        self._is_scheduled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()

    def __call__(self, entry: Entry) -> None:
        """Write a line for *entry* soon; at once where no event loop runs."""
        self._entries.append(entry)
        if len(self._entries) >= _FULL:
            self.flush()
        elif not self._is_scheduled:
            try:
                asyncio.get_running_loop().call_later(INTERVAL, self.flush)
                self._is_scheduled = True
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Write the lines that are due."""
        self._is_scheduled = False
        lines = []
        while self._entries:
            lines.append(self._line(self._entries.popleft()))
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except (OSError, ValueError):
            pass  # the reader of the log is gone, which is no reason to fail


def log_errors(stream: TextIO, format_: str) -> None:
    """Write what this project logs to *stream*, in the same form as the calls."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonFormatter() if format_ == "json" else logging.Formatter("%(message)s"))
    logger = logging.getLogger("segment_mock")
    logger.handlers = [handler]
    logger.propagate = False


class _JsonFormatter(logging.Formatter):
    """A record as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"level": record.levelname, "message": super().format(record)})


def _as_text(entry: Entry) -> str:
    answer, milliseconds = entry.status or entry.outcome, entry.duration * 1000
    faults = f" fault {', '.join(entry.faults)}" if entry.faults else ""
    return f"{iso(entry.time)} {answer} {entry.method} {entry.target} {entry.operation} {milliseconds:.1f} ms{faults}\n"


def _as_json(entry: Entry) -> str:
    fields = {
        "time": iso(entry.time), "operation": entry.operation, "method": entry.method, "path": entry.target,
        "status": entry.status, "outcome": entry.outcome, "milliseconds": round(entry.duration * 1000, 1),
        "faults": [*entry.faults],
    }  # fmt: skip
    return f"{json.dumps(fields)}\n"
