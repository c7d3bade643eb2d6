"""The world's time: real until a test freezes, sets or advances it. The only caller of ``time``."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from types import coroutine

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Clock:
    """Seconds since 1970 (UTC), running at the wall's pace unless frozen.

    Source: assumed; the vendors publish no clock.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen is not None

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._offset if self._frozen is None else self._frozen

    def iso(self) -> str:
        """Return now as ISO 8601 in UTC with exactly three decimals and ``Z``."""
        return iso(self.now())

    def freeze(self, at: str | float | None = None) -> None:
        """Stop time, now or *at* an ISO 8601 text or epoch seconds."""
        self._frozen = self.now() if at is None else seconds(at)

    def resume(self) -> None:
        """Let time run on from where it stands."""
        self.set(self.now(), frozen=False)

    def set(self, to: str | float, *, frozen: bool | None = None) -> None:
        """Move to an ISO 8601 text or epoch seconds; *frozen* None keeps it frozen or running."""
        stands = self.frozen if frozen is None else frozen
        self._offset = seconds(to) - time.time()
        self._frozen = seconds(to) if stands else None

    def advance(self, by: float) -> None:
        """Move *by* seconds forward, frozen or running; raises ValueError if negative."""
        if not 0 <= by < float("inf"):
            raise ValueError(f"advance: {by!r} is not a number of seconds >= 0")
        self.set(self.now() + by)

    def turn(self, deed: str, value: object) -> None:
        """Do what the control plane was asked: ``freeze`` (true, false or a time), ``set`` or ``advance``.

        Raises ValueError for another deed or a value it does not take.
        """
        if deed == "freeze" and value is False:
            self.resume()
        elif deed == "freeze" and (value is True or isinstance(value, (str, int, float))):
            self.freeze(None if value is True else value)
        elif deed == "set" and isinstance(value, (str, int, float)):
            self.set(value)
        elif deed == "advance" and isinstance(value, (int, float)) and not isinstance(value, bool):
            self.advance(value)
        else:
            raise ValueError(f"{deed!r} with {value!r} is nothing a clock can do")

    def wait(self, delay: float) -> None:
        """Really wait *delay* seconds, for ever if infinite: for a door that has a thread to spare."""
        time.sleep(min(delay, threading.TIMEOUT_MAX))

    def reset(self) -> None:
        """Return to the wall's time."""
        self._offset, self._frozen = 0.0, None


def seconds(moment: str | float) -> float:
    """Return epoch seconds of an ISO 8601 text (no zone: UTC) or of a number of seconds.

    Raises ValueError naming the value when it is neither, or lies outside the years 1 to 9999.
    """
    if isinstance(moment, str):
        text = moment[:-1] + "+00:00" if moment[-1:] in ("Z", "z") else moment
        try:
            parsed = datetime.fromisoformat(_three_digits(text))
        except ValueError:
            raise ValueError(f"{moment!r} is not a time such as 2018-03-21T15:12:09.310Z") from None
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
        return (aware - _EPOCH) / timedelta(seconds=1)
    try:
        _second(int(moment))
    except (OverflowError, ValueError):
        raise ValueError(f"{moment!r} is not a time in seconds since 1970") from None
    return float(moment)


def iso(moment: float) -> str:
    """Return epoch seconds as ``2018-03-21T15:12:09.310Z``."""
    whole, thousandths = divmod(int(moment * 1000 + 0.5), 1000)
    return f"{_second(whole)}.{thousandths:03d}Z"


@coroutine
def sleep(delay: float) -> Generator[float, None, None]:
    """Ask whoever drives the core to wait *delay* seconds: the one thing the core awaits."""
    yield delay


@lru_cache(maxsize=64)
def _second(whole: int) -> str:
    return (_EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def _three_digits(text: str) -> str:
    # Python 3.10 reads a fraction only of three or six digits.
    head, dot, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}" if dot else text
