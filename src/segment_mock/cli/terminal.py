"""Terminal output: colours, and progress of long tasks. Pipes and files get plain text."""

from __future__ import annotations

import os
import sys
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, TextIO

import click

from ..clock import Clock

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

DELAY = 1.0
"""Seconds after which progress is shown."""
_INTERVAL = 0.5
_CLEAR = "\r\x1b[K"
_OUTCOMES = {
    **dict.fromkeys(("2", "pass", "same"), "green"),
    "3": "cyan",
    **dict.fromkeys(("4", "skip", "skipped"), "yellow"),
    **dict.fromkeys(("5", "fail", "differs", "drift"), "red"),
}


def has_colours(stream: TextIO) -> bool:
    """Return whether to print colours on *stream*: never with NO_COLOR, always with FORCE_COLOR, else in a terminal.

    See https://no-color.org and https://force-color.org: an empty variable counts as absent.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # ValueError: it is closed
        return False


def colour_of(outcome: str) -> str:
    """Return the colour of a status such as ``404``, of a verdict such as ``passed``, or of a broken response."""
    return _OUTCOMES.get(outcome) or _OUTCOMES.get(outcome[:1], "magenta")


def echo(text: str, *, err: bool = False) -> None:
    """Print *text* in place of the progress line, without colours if the stream does not support them."""
    stream = sys.stderr if err else sys.stdout
    # A lone surrogate, which JSON may have, is written as JSON writes it.
    text = text.encode("utf-8", "backslashreplace").decode()
    with _LINE:
        _LINE.clear()
        click.echo(text, err=err, color=has_colours(stream))


def echo_outcome(outcome: str, rest: str, *, err: bool = False) -> None:
    """Print *outcome* in its colour, followed by *rest*."""
    echo(click.style(outcome, fg=colour_of(outcome.strip())) + rest, err=err)


class _Line:
    """The progress line of this process; it is cleared before anything is printed."""

    def __init__(self) -> None:
        self._lock, self._stream = Lock(), None

    _stream: TextIO | None

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def write(self, stream: TextIO, text: str) -> None:
        """Replace the line with *text*."""
        self._stream = stream
        _write(stream, f"{_CLEAR}{text}")

    def clear(self) -> None:
        """Clear the line."""
        if self._stream is not None:
            _write(self._stream, _CLEAR)
            self._stream = None


_LINE = _Line()


class Progress:
    """Shows the progress of a ``with`` block on stderr, in a terminal only, if it takes longer than a second.

    *label* names the task; `step` counts. With *quiet*, as for logs in JSON, nothing is shown.
    """

    def __init__(self, label: str, total: int | None = None, *, quiet: bool = False) -> None:
        self._label, self._total, self._count, self._start = label, total, 0, Clock.monotonic()
        self._stream = sys.stderr
        self._is_over = Event()
        self._thread = None if quiet or not is_terminal(self._stream) else Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        if self._thread:
            self._thread.join()
            with _LINE:
                _LINE.clear()

    def step(self) -> None:
        """Count one step of the total."""
        self._count += 1

    def _run(self) -> None:
        wait = DELAY
        while not self._is_over.wait(wait):
            wait = _INTERVAL
            count = "" if self._total is None else f" {self._count} of {self._total},"
            with _LINE:
                _LINE.write(self._stream, f"{self._label} ...{count} {Clock.monotonic() - self._start:.0f} s")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        pass  # the terminal is closed
