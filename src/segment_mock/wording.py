"""Words for messages: numbers with their nouns, lists of names, reasons in errors of other libraries, a warning."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

_NUMBERS = re.compile(r"\[Errno -?\d+\] |\[SSL: \w+\] | \(_ssl\.c:\d+\)|\bError -?\d+ [^.]*\d\. ")


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return *count* and *noun*, in the form *nouns* (default: *noun* and ``s``) unless *count* is 1."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def times(count: int) -> str:
    """Return ``once`` for 1, and otherwise *count* and ``times``."""
    return "once" if count == 1 else f"{count:,} times"


def system_reason(error: BaseException) -> str:
    """Return the reason in *error* of the system or of a library, without its number and the parts of its source."""
    return _NUMBERS.sub("", getattr(error, "strerror", None) or str(error)).strip()


def file_reason(error: OSError) -> str:
    """Return the file of *error* and the reason of the system, or ``""`` if it is about no file."""
    return f"{error.filename}: {system_reason(error)}" if isinstance(error.filename, str) else ""


def json_reason(error: Exception) -> str:
    """Return the message of *error*, of `json`, with its place in the document."""
    position = getattr(error, "lineno", None), getattr(error, "colno", None)
    reason = str(getattr(error, "msg", error))
    return f"{reason[:1].lower()}{reason[1:]} (line {position[0]}, column {position[1]})" if position[0] else reason


def comma_list(names: Iterable[object]) -> str:
    """Return *names* separated by commas, as a reader writes them: without brackets and quotes."""
    return ", ".join(map(str, names))


def warn_unused(name: str, consequence: str) -> None:
    """Warn, from the ``__del__`` of a context manager called *name*, that it was never entered, and what follows."""
    warnings.warn(f"{name} was not used in a with statement, so {consequence}", RuntimeWarning, stacklevel=3)
