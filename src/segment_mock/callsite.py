"""Which line of the user's own code is making the call that is under way."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from types import FrameType

_OURS = str(Path(__file__).parent) + os.sep
_LIBRARY = str(Path(os.__file__).parent) + os.sep
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_RUNNING = "PYTEST_CURRENT_TEST"


def caller() -> str:
    """Return ``file:line`` of the innermost frame of this thread that no library has, or ``""``.

    Of a file below the working directory the path from there is told.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{_told(frame.f_code.co_filename)}:{frame.f_lineno}" if frame else ""


def running_test() -> str:
    """Return the id of the test that pytest is running in this process, or ``""``."""
    return os.environ.get(_RUNNING, "").rpartition(" (")[0]


@lru_cache(maxsize=4096)
def _foreign(file: str) -> bool:
    return file.startswith((_OURS, _LIBRARY, "<frozen ")) or any(part in file for part in _INSTALLED)


@lru_cache(maxsize=4096)
def _told(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (OSError, ValueError):
        return file
