"""The log of ``serve`` on stderr: a line for each call, and errors, as text or as JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from click import ClickException, style
from click.exceptions import Exit

from ..clock import iso
from ..journal import Entry
from .terminal import colour_of, has_colours

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_LOG = logging.getLogger("segment_mock")
INTERVAL = 0.05  # maximum seconds between a call and its line
_FULL = 1000  # after this many calls, lines are written before the interval ends


class CallLog:
    """A listener of the journal that writes a line for each call to *stream*, several lines at a time.

    It does not use `logging`, which takes as long as a call. It writes from a timer of the server's loop, so that no
    client waits for the log. Leaving the ``with`` block writes all lines. *format_* is ``text`` or ``json``.
    """

    def __init__(self, stream: TextIO, format_: str) -> None:
        self._stream = stream
        self._line: Callable[[Entry], str] = _as_text
        if format_ == "json":
            self._line = _as_json
        elif has_colours(stream):
            self._line = _in_colour
        self._entries: deque[Entry] = deque()
        self._is_scheduled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()

    def __call__(self, entry: Entry) -> None:
        """Write a line for *entry* soon, or immediately if no event loop runs."""
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
            pass  # do not fail because the reader of the log is gone


class ErrorLog:
    """Within a ``with`` block, writes log records to *stream*, in the format of the calls.

    With *format_* ``json``, Python's warnings and unhandled exceptions become lines of the log too.
    """

    def __init__(self, stream: TextIO, format_: str) -> None:
        self._as_json = format_ == "json"
        self._handler = logging.StreamHandler(stream)
        self._handler.setFormatter(_JsonFormatter() if self._as_json else logging.Formatter("%(message)s"))
        self._logger = logging.getLogger() if self._as_json else _LOG

    def __enter__(self) -> Self:
        self._before = self._logger.handlers, _LOG.propagate, sys.excepthook, threading.excepthook
        self._logger.handlers = [self._handler]
        _LOG.propagate = self._as_json
        if self._as_json:
            logging.captureWarnings(True)
            sys.excepthook = _log_exception
            threading.excepthook = lambda args: _log_exception(args.exc_type, args.exc_value, args.exc_traceback)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._as_json and isinstance(error, Exception) and not isinstance(error, (ClickException, Exit)):
            return  # the exception ends the process, and still has to be logged
        self._logger.handlers, _LOG.propagate, sys.excepthook, threading.excepthook = self._before
        if self._as_json:
            logging.captureWarnings(False)


def _log_exception(kind: type[BaseException], error: BaseException | None, at: TracebackType | None) -> None:
    _LOG.critical("unexpected error", exc_info=(kind, error or kind(), at))


class _JsonFormatter(logging.Formatter):
    """A record as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"level": record.levelname, "message": super().format(record)})


def _as_text(entry: Entry, paint: Callable[[str, str], str] = lambda text, colour: text) -> str:
    response, milliseconds = str(entry.status or entry.outcome), entry.duration * 1000
    status = paint(response, colour_of(response))
    faults = " " + paint(f"fault {', '.join(entry.faults)}", "magenta") if entry.faults else ""
    return f"{iso(entry.time)} {status} {entry.method} {entry.target} {entry.operation} {milliseconds:.1f} ms{faults}\n"


def _in_colour(entry: Entry) -> str:
    return _as_text(entry, lambda text, colour: style(text, fg=colour))


def _as_json(entry: Entry) -> str:
    fields = {
        "time": iso(entry.time), "operation": entry.operation, "method": entry.method, "path": entry.target,
        "status": entry.status, "outcome": entry.outcome, "milliseconds": round(entry.duration * 1000, 1),
        "faults": [*entry.faults],
    }  # fmt: skip
    return f"{json.dumps(fields)}\n"
