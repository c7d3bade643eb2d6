"""One setting as a row: its name, what it takes, and how a bad value is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

Value: TypeAlias = Any
PREFIX = "SEGMENT_MOCK_"


class SettingError(ValueError):
    """A setting or a data file that can't be used; the text names the field, the value and the fix."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest of *names*, or ``""``."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _text(value: Value) -> str:
    if isinstance(value, (str, int, float, Path)) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _whole(value: Value) -> int:
    if isinstance(value, (bool, float)):
        raise ValueError
    return int(value)


def _real(value: Value) -> float:
    if isinstance(value, bool) or not isfinite(number := float(value)):
        raise ValueError
    return number


def _truth(value: Value) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]


def _source(value: Value) -> Value:
    return dict(value) if isinstance(value, Mapping) else _text(value)


def _rules(value: Value) -> Value:
    if isinstance(value, (str, Path)):
        return str(value)
    if isinstance(value, Mapping) or callable(value):
        return value
    raise ValueError


@dataclass(frozen=True)
class Kind:
    """A type of setting: what to call it, and how to read a value of it."""

    title: str
    read: Callable[[Value], Value]


TEXT = Kind("text", _text)
WHOLE = Kind("a whole number", _whole)
REAL = Kind("a number", _real)
TRUTH = Kind("true or false", _truth)
RULES = Kind("a file of rules, a rule or a fault", _rules)
SOURCE = Kind("a file, 'demo' or a dictionary", _source)


@dataclass(frozen=True)
class Option:
    """One setting: keyword ``name``, flag ``--name``, variable ``SEGMENT_MOCK_NAME``.

    The first of *choices* is the default where *default* is None; with *many* the value is a
    tuple (in the environment: comma-separated). *short* is the one-letter flag, *least* and
    *most* are inclusive. A vendor's row gets the vendor's name put in front.
    """

    name: str
    help: str
    default: Value = None
    kind: Kind = TEXT
    choices: tuple[str, ...] = ()
    many: bool = False
    least: float | None = None
    most: float | None = None
    short: str = ""

    @property
    def flag(self) -> str:
        """The long command-line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def initial(self) -> Value:
        """The value when nobody sets one."""
        if self.many:
            return ()
        return self.choices[0] if self.choices and self.default is None else self.default

    def read(self, value: Value) -> Value:
        """Return *value* as this option takes it; raises `SettingError` naming option and value."""
        if value is None:
            return self.initial
        if self.many:
            return tuple(map(self._one, value if isinstance(value, (list, tuple)) else [value]))
        return self._one(value)

    def split(self, text: str) -> Value:
        """Return the value that the text of an environment variable stands for."""
        return self.read([part.strip() for part in text.split(",") if part.strip()] if self.many else text)

    def _one(self, value: Value) -> Value:
        if value is False and "off" in self.choices:
            value = "off"  # what YAML makes of a bare off
        try:
            value = self.kind.read(value)
        except (KeyError, OverflowError, TypeError, ValueError):
            raise self._wrong(value, self.kind.title) from None
        if self.choices and value not in self.choices:
            raise self._wrong(value, f"one of {', '.join(self.choices)}{nearest(str(value), self.choices)}")
        if self.least is not None and not value >= self.least:
            raise self._wrong(value, f"at least {self.least:g}")
        if self.most is not None and not value <= self.most:
            raise self._wrong(value, f"at most {self.most:g}")
        return value

    def _wrong(self, value: Value, expected: str) -> SettingError:
        return SettingError(f"{self.name}: {value!r} is not {expected} ({self.flag} or {self.variable})")
