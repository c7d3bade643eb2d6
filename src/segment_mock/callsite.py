"""Find the line of the user's own code that makes the current call."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

_OURS = str(Path(__file__).parent) + os.sep
_LIBRARY = str(Path(os.__file__).parent) + os.sep
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_RUNNING = "PYTEST_CURRENT_TEST"


def caller(own: int = 1) -> str:
    """Return ``file:line`` of the innermost frame of this thread that belongs to the user's code, or ``""``.

    Frames of libraries, and the *own* innermost frames, which belong to this project, are skipped. The path of a file
    below the working directory is relative. If a library runs the call in its own task, return the lines at which the
    other tasks of the event loop wait, at most three, joined by ``or``.
    """
    frame: FrameType | None = sys._getframe(own)
    while frame is not None and _foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return _line(frame.f_code.co_filename, frame.f_lineno) if frame else _awaiting_lines()


def running_test() -> str:
    """Return the id of the test that pytest is running in this process, or ``""``."""
    # Without pytest, skip the environment: a failed lookup takes as long as everything else recorded about a call.
    return os.environ.get(_RUNNING, "").rpartition(" (")[0] if "pytest" in sys.modules else ""


def _awaiting_lines() -> str:
    """Return the user's lines at which tasks of this thread's event loop wait for a library's task."""
    asyncio = sys.modules.get("asyncio")
    try:
        tasks = asyncio.all_tasks() if asyncio else ()
    except RuntimeError:  # no loop runs here
        return ""
    return " or ".join(sorted({line for task in tasks if (line := _line_of(task.get_coro()))})[:3])


def _line_of(coroutine: Any) -> str:
    """Return the innermost of the user's lines at which *coroutine* awaits something, or ``""``."""
    line = ""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and not _foreign(frame.f_code.co_filename):
            line = _line(frame.f_code.co_filename, frame.f_lineno)
        coroutine = getattr(coroutine, "cr_await", None)
    return line


# Cached, because each call looks at its caller. For every frame, `_foreign` saves 6,000 instructions, and for the line
# of the test, `_line` and `_relative` save 96,000.


@lru_cache(maxsize=4096)
def _line(file: str, number: int) -> str:
    return f"{_relative(file)}:{number}"


@lru_cache(maxsize=4096)
def _foreign(file: str) -> bool:
    return file.startswith((_OURS, _LIBRARY, "<frozen ")) or any(part in file for part in _INSTALLED)


@lru_cache(maxsize=4096)
def _relative(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (OSError, ValueError):
        return file
