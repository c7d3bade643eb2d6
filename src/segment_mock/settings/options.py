"""A setting as a value: its name, its type, and the error for a bad value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from operator import index
from pathlib import Path
from typing import Any, TypeAlias
from unicodedata import category

from ..hosts import host_pattern
from ..json_match import brief, is_deep, is_long, shortened
from ..wording import comma_list

Value: TypeAlias = Any
PREFIX = "SEGMENT_MOCK_"
_MOST_NAMES = 15
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of characters, and separators of lines."""


class SettingError(ValueError):
    """A setting, an argument or a file is invalid. It is a ValueError.

    The message gives the place (the option, or the file with the row), the value, what was expected, and the nearest
    valid name for a misspelt one.
    """

    __module__ = "segment_mock"  # where users import it from; a traceback shows it

    def __init__(self, *args: object) -> None:
        # A message quotes the input, which may be a megabyte.
        super().__init__(*(shortened(one) if isinstance(one, str) else one for one in args))


class RowError(SettingError):
    """An error at *place* of a data file.

    *problem* follows the place, and *other* is the place of another row that the problem ends with, if any.
    """

    def __init__(self, place: str, problem: str, other: str = "") -> None:
        super().__init__(f"{place}{problem and f': {problem}'}{other and f' {other}'}")
        self.place, self.problem, self.other = place, problem, other


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` with the nearest of *names* to *name*, or ``""`` if none is near."""
    from difflib import get_close_matches  # slow to import

    text = (name[:200] if isinstance(name, str) else brief(name)).lower()
    by_lower_case = {str(candidate).lower(): str(candidate) for candidate in reversed([*names])}
    # Letters in another order are far apart for difflib: "slasa" is as near to "salsa" as "pizza" is.
    close = [candidate for candidate in by_lower_case if sorted(candidate) == sorted(text)] or get_close_matches(
        text, by_lower_case, n=1, cutoff=0.5
    )
    return f" (did you mean {by_lower_case[close[0]]!r}?)" if close else ""


def is_name(text: str) -> bool:
    """Return whether *text* has the form of a setting's name, which vendors, operations and tables share."""
    return _NAME.fullmatch(text) is not None


def alternatives(name: Any, names: Iterable[str], also: str = "") -> str:
    """Return the end of a sentence about *name*, which is not one of *names*: the nearest, and what is expected.

    *also* goes before them, such as ``"a pattern or "``. More than `_MOST_NAMES` names are left out if there is
    a nearest one.
    """
    near = suggestion(name if isinstance(name, str) else brief(name), names := [*names])
    if near and len(names) > _MOST_NAMES:
        return near
    return f"{near}; expected {also}{'one of ' if len(names) > 1 else ''}{comma_list(names)}"


def unknown_name(noun: str, name: Any, names: Iterable[str]) -> str:
    """Return a sentence about *name*, which is not one of *names*, with its `alternatives`."""
    return f"unknown {noun} {brief(name)}{alternatives(name, names)}"


def several(value: Value) -> Value:
    """Return the items of *value* as a list; return a string, bytes, a dictionary or a non-iterable unchanged."""
    return [*value] if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)) else value


def _text(value: Value) -> str:
    if isinstance(value, (str, int, float, Path)) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _int(value: Value) -> int:
    if isinstance(value, bool):
        raise ValueError
    number = int(value) if isinstance(value, str) else index(value)  # `int` would round a Decimal, and read bytes
    if is_long(number):
        raise ValueError
    return number


def _float(value: Value) -> float:
    if isinstance(value, (bool, bytes, bytearray)) or not isfinite(number := float(value)):
        raise ValueError
    return number


def _bool(value: Value) -> bool:
    if not isinstance(value, (str, int)):
        raise ValueError
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]


def _host(value: Value) -> str:
    if not isinstance(value, str):
        raise ValueError
    return host_pattern(value)


def _store(value: Value) -> str:
    try:
        return _text(value)
    except ValueError:  # without the value, which may have a password
        raise SettingError(f"expected text, not {type(value).__name__}") from None


def _credential(value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"expected text, not {type(value).__name__}")
    text = str(value)
    if not text:
        raise ValueError("it is empty; leave it out, or give it at least one character")
    if any(category(char) in _NO_TEXT for char in text):
        raise ValueError("it has a line break or another control character, which no header can carry")
    if text != text.strip():
        raise ValueError("it begins or ends with a blank, which no header keeps")
    return text


def _source(value: Value) -> Value:
    if is_deep(value):
        raise ValueError
    if not isinstance(value, Mapping):
        return _file(value)
    return value if hasattr(value, "origin") else dict(value)


def _file(value: Value) -> str:
    if isinstance(value, Path) or (isinstance(value, str) and value.strip()):
        return str(value)
    raise ValueError


def _rules(value: Value) -> Value:
    return value if (isinstance(value, Mapping) or callable(value)) and not is_deep(value) else _file(value)


def _number(value: Any) -> str:
    """Return *value* with all of its digits, as a reader writes it: ``1`` for 1.0."""
    return brief(int(value) if isinstance(value, float) and value.is_integer() else value)


@dataclass(frozen=True)
class OptionType:
    """The type of a setting: a *title* for messages, and *read*, which converts a value or raises ValueError."""

    title: str
    read: Callable[[Value], Value]


TEXT = OptionType("text", _text)
STORE = OptionType("text", _store)
INT = OptionType("a whole number", _int)
FLOAT = OptionType("a number", _float)
BOOL = OptionType("true or false", _bool)
HOST = OptionType("a host, such as gateway.example, *.gateway.example or !gateway.example", _host)
RULES = OptionType("a file of rules, a rule or a fault", _rules)
CREDENTIAL = OptionType("text that a header can carry", _credential)
SOURCE = OptionType("a file, 'demo' or a dictionary", _source)
SCENARIOS = OptionType("a file of scenarios or a dictionary", _source)
STUBS = OptionType("a file of stubs or a dictionary", _source)


@dataclass(frozen=True)
class Option:
    """One setting: the keyword ``name``, the flag ``--name``, and the variable ``SEGMENT_MOCK_NAME``.

    * *name*, *help*: its name, to which the name of the vendor is added for a vendor's option, and its description
    * *default*: the default (if None: the first of *choices*)
    * *kind*: its type, such as `TEXT`, `INT`, `FLOAT` or `BOOL` (default: `TEXT`)
    * *choices*: the valid values, if only some are valid
    * *many*: whether the value is a tuple; the environment variable has a comma-separated list
    * *min*, *max*: the smallest and the largest valid number
    * *short*: the one-letter flag, if any
    """

    name: str
    help: str
    default: Value = None
    kind: OptionType = TEXT
    choices: tuple[str, ...] = ()
    many: bool = False
    min: float | None = None
    max: float | None = None
    short: str = ""

    @property
    def flag(self) -> str:
        """The command-line flag, such as ``--journal-size``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as ``SEGMENT_MOCK_JOURNAL_SIZE``."""
        return PREFIX + self.name.upper()

    @property
    def initial(self) -> Value:
        """The default value."""
        if self.many:
            return ()
        return self.choices[0] if self.choices and self.default is None else self.default

    def read(self, value: Value) -> Value:
        """Return *value* converted to the type of this option (None: the default).

        Raises `SettingError` with the option and the value if the value is invalid.
        """
        if value is None:
            return self.initial
        if self.many:
            return tuple(map(self._read_value, value if isinstance(value, (list, tuple)) else [value]))
        return self._read_value(value)

    def split(self, text: str) -> Value:
        """Return the value of an environment variable with *text*.

        With *many*, the value is a list of the comma-separated parts.
        """
        return self.read([part.strip() for part in text.split(",") if part.strip()] if self.many else text)

    def _read_value(self, value: Value) -> Value:
        if value is False and "off" in self.choices:
            value = "off"  # YAML reads an unquoted off as False
        if self.kind is CREDENTIAL:
            return self._credential(value)
        try:
            value = self.kind.read(value)
        except SettingError as error:  # says what is wrong in the value
            raise SettingError(f"{self.name}: {error}") from None
        except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
            raise self._wrong(value, self.kind.title) from None
        if self.choices and value not in self.choices:
            raise self._wrong(value, f"one of {', '.join(self.choices)}{suggestion(str(value), self.choices)}")
        if self.min is not None and not value >= self.min:
            raise SettingError(f"{self.name}: expected at least {_number(self.min)}, got {_number(value)}")
        if self.max is not None and not value <= self.max:
            raise SettingError(f"{self.name}: expected at most {_number(self.max)}, got {_number(value)}")
        return value

    def _credential(self, value: Value) -> str:
        try:
            return _credential(value)
        except ValueError as error:  # says what is wrong, without the value: it may be a real one
            raise SettingError(f"{self.name}: {error}") from None

    def _wrong(self, value: Value, expected: str) -> SettingError:
        return SettingError(f"{self.name}: {brief(value)} is not {expected}")
