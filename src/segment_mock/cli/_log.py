"""What ``serve`` tells on stderr: a line a call, and what went wrong, as text or as JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable

from ..clock import iso
from ..journal import Entry


def writer(format_: str) -> Callable[[Entry], None]:
    """Return what writes a line about a call that is over; *format_* is ``text`` or ``json``.

    It writes past `logging`, which takes five times as long for a line as all the rest of it; and on a server's loop
    once the answer has left, for whom nobody needs to wait.
    """
    shown, stream = _as_json if format_ == "json" else _as_text, sys.stderr

    def told(entry: Entry) -> None:
        try:
            asyncio.get_running_loop().call_soon(write, entry)
        except RuntimeError:  # no server's loop: a caller of its own
            write(entry)

    def write(entry: Entry) -> None:
        try:  # noqa: SIM105 - to suppress takes longer than to write
            stream.write(shown(entry))
        except (OSError, ValueError):
            pass  # nobody reads the log any more: no reason to fail a call

    return told


def log_errors(format_: str) -> None:
    """Let what this project logs go to stderr, in the same form as the calls."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(format_ == "json"))
    logger = logging.getLogger("segment_mock")
    logger.handlers = [handler]
    logger.propagate = False


class _Line(logging.Formatter):
    """A record as its text, or with *as_json* as a JSON object."""

    def __init__(self, as_json: bool) -> None:
        super().__init__("%(message)s")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return json.dumps({"level": record.levelname, "message": text}) if self._as_json else text


def _as_text(entry: Entry) -> str:
    answered, took = entry.status or entry.outcome, entry.duration * 1000
    return f"{iso(entry.time)} {answered} {entry.method} {entry.target} {entry.operation} {took:.1f} ms\n"


def _as_json(entry: Entry) -> str:
    told = {
        "time": iso(entry.time), "operation": entry.operation, "method": entry.method, "path": entry.target,
        "status": entry.status, "outcome": entry.outcome, "milliseconds": round(entry.duration * 1000, 1),
    }  # fmt: skip
    return f"{json.dumps(told)}\n"
