"""The mock's clock: real time until a test freezes, sets or advances it. The only module that calls ``time``."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
from types import BuiltinFunctionType, coroutine

from .forking import new_rlock
from .json_match import brief

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = 253402300799.999
"""The last moment of the year 9999, in epoch seconds."""
_LONGEST = 1e9
"""Seconds to sleep for an infinite wait: longer than any process lives, and short enough for every system's sleep."""
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?(?:([Zz])|([+-][0-9]{2}):?([0-9]{2})?)?)?"
)


def _real_monotonic() -> Callable[[], float]:
    # time-machine replaces time.monotonic itself and freezegun replaces the name, so prefer perf_counter. If this
    # module is imported while perf_counter is replaced too, read the system's clock.
    if isinstance(time.perf_counter, BuiltinFunctionType):
        return time.perf_counter
    return partial(time.clock_gettime, time.CLOCK_MONOTONIC)


class Clock:
    """The clock of a mock: real time (UTC) until you freeze, set or advance it.

    Reach it as ``mock.clock``. All timestamps and rate limits of the mock use it. While it runs, it follows
    ``time.time()``, so freezegun and time-machine also move it. The vendors' documents describe no such control; it
    belongs to the mock alone.

        mock.clock.freeze("2026-01-31T12:00:00Z")
        sync_groups()
        mock.clock.advance(60)  # the rate limit's next window
    """

    _real_sleep = staticmethod(time.sleep)  # a class attribute: freezegun replaces module globals
    monotonic = staticmethod(_real_monotonic())
    """Real seconds for timers. Test libraries replace names of modules, so they do not reach this class attribute."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None
        self._turning = new_rlock()

    def __repr__(self) -> str:
        return f"<Clock at {self.iso()}{' (frozen)' if self.frozen else ''}>"

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return self._frozen is not None

    @property
    def setting(self) -> tuple[float, float | None]:
        """The offset from real time in seconds, and the frozen time in epoch seconds (None while the clock runs).

        The value changes when a test sets the clock, not as time passes. `restore` takes both parts.
        """
        return self._offset, self._frozen

    def now(self) -> float:
        """Return the current time of the mock in epoch seconds (UTC), at most the end of the year 9999."""
        if self._frozen is not None:
            return self._frozen
        now = time.time() + self._offset
        return now if now < _LAST else _LAST

    def iso(self) -> str:
        """Return the current time of the mock as ISO 8601 in UTC, such as ``2026-01-31T12:00:00.000Z``.

        The text always has three decimals and ends in ``Z``, the format of the vendors' responses.
        """
        return iso(self.now())

    def freeze(self, at: str | float | datetime | None = None) -> None:
        """Stop the clock at *at*, an ISO 8601 string, a `datetime` or epoch seconds (default: the current time).

        A string or a `datetime` without a time zone is UTC. Raises ValueError if *at* is not a time in the years 1 to
        9999.
        """
        with self._turning:
            self._frozen = self.now() if at is None else seconds(at)

    def resume(self) -> None:
        """Unfreeze the clock, which continues from its current time. A running clock is not changed."""
        with self._turning:
            self.set(self.now(), frozen=False)

    def set(self, to: str | float | datetime, *, frozen: bool | None = None) -> None:
        """Set the clock to *to*, an ISO 8601 string, a `datetime` or epoch seconds; the clock may move backwards.

        A string or a `datetime` without a time zone is UTC. *frozen* says whether the clock is frozen afterwards
        (default: as before). Raises ValueError if *to* is not a time in the years 1 to 9999.
        """
        moment = seconds(to)
        with self._turning:
            is_frozen = self.frozen if frozen is None else frozen
            self._offset = moment - time.time()
            self._frozen = moment if is_frozen else None

    def advance(self, by: float) -> None:
        """Move the clock forward by *by* seconds, whether it is frozen or running.

        Raises ValueError if *by* is negative, is not a number, or would move the clock past the year 9999.
        """
        with self._turning:
            now = self.now()
            # A Decimal or a timedelta would work in some places, but not in others.
            if not isinstance(by, (int, float)) or isinstance(by, bool) or not 0 <= by <= _LAST - now:
                raise ValueError(
                    f"advance: expected a number of seconds, at least 0 and not past the year 9999, got {brief(by)}"
                )
            self.set(now + by)

    def turn(self, action: str, value: object) -> None:
        """Perform one *action* of the control plane with its *value*.

        * ``freeze``: true freezes the clock now, false resumes it, and a time freezes it at that time
        * ``set``: the new time, an ISO 8601 string or epoch seconds
        * ``advance``: seconds to move forward

        Raises ValueError for any other action, and for a value of the wrong type.
        """
        if action == "freeze" and value is False:
            self.resume()
        elif action == "freeze" and (value is True or isinstance(value, (str, int, float, datetime))):
            self.freeze(None if value is True else value)
        elif action == "set" and isinstance(value, (str, int, float, datetime)):
            self.set(value)
        elif action == "advance" and isinstance(value, (int, float)) and not isinstance(value, bool):
            self.advance(value)
        else:
            raise ValueError(
                f"{action}: {brief(value)} can't be used; expected freeze with true, false or a time, set with a "
                "time, or advance with a number of seconds"
            )

    def move_to(self, moment: float) -> None:
        """Move the clock forward to *moment* (epoch seconds), at most to the end of the year 9999.

        A *moment* in the past is ignored.
        """
        with self._turning:
            if moment > self.now():
                self.set(min(moment, _LAST))

    def skip(self, by: float) -> None:
        """Move the clock forward by *by* seconds in place of a real wait.

        The virtual time of `patch_sleep` moves by the same amount. The clock stops at the end of the year 9999. Raises
        ValueError if *by* is negative.
        """
        from .virtual_time import VIRTUAL

        VIRTUAL.passed(self, min(by, _LAST - self.now()))

    def patch_sleep(self) -> AbstractContextManager[None]:
        """Return a context manager within which sleeping moves this clock instead of waiting.

        ``time.sleep``, ``asyncio.sleep``, ``time.time``, ``time.monotonic``, ``time.perf_counter``, their ``_ns``
        variants and the time of asyncio's event loops share one offset. Back-offs and deadlines of a client end in the
        same order as in real time, but immediately. Threads and queues of the standard library, pytest and its plugins
        still see real time. Raises `EndlessSleep` in code that sleeps more than 10,000 times, because it reads a clock
        that can't be patched. The page "Virtual time" has the details.

            with mock.clock.patch_sleep():
                sync_with_retries()  # waits an hour of the mock's time
        """
        from .virtual_time import VIRTUAL

        return VIRTUAL.patched(self)

    def wait(self, delay: float) -> None:
        """Wait *delay* real seconds, even within `patch_sleep`; ``math.inf`` waits until the process ends.

        The threads of a server use it.
        """
        self._real_sleep(min(delay, _LONGEST))

    def restore(self, offset: float, frozen: float | None) -> None:
        """Set the offset (in seconds) and the frozen time (in epoch seconds, or None) from an earlier `setting`."""
        with self._turning:
            self._offset, self._frozen = offset, frozen

    def reset(self) -> None:
        """Return to real time: unfreeze the clock and remove its offset."""
        with self._turning:
            self._offset, self._frozen = 0.0, None


def seconds(moment: str | float | datetime) -> float:
    """Return *moment* as epoch seconds. It is an ISO 8601 string, a `datetime` or a number.

    A string or a `datetime` without a time zone is UTC.

    Raises ValueError with the value if it is neither, or outside the years 1 to 9999.
    """
    try:
        if isinstance(moment, str):
            parsed = _parsed(moment)
        elif isinstance(moment, datetime):
            parsed = _since_epoch(moment)
        else:
            parsed = _number(moment)
        iso(parsed)
    except (OverflowError, TypeError, ValueError):
        is_number = isinstance(moment, (int, float))
        like = "in seconds since 1970" if is_number else "such as 2018-03-21T15:12:09.310Z"
        raise ValueError(f"{brief(moment)} is not a time {like}") from None
    return parsed


def iso(moment: float) -> str:
    """Return epoch seconds as ``2018-03-21T15:12:09.310Z``."""
    whole_seconds, thousandths = divmod(math.floor(moment * 1000 + 0.5), 1000)
    return f"{_second(whole_seconds)}.{str(thousandths).zfill(3)}Z"


class Pause(float):
    """Seconds to wait; ``math.inf`` waits without end, and *why* then explains the reason to the user."""

    why = ""


@coroutine
def sleep(delay: float, why: str = "") -> Generator[float, None, None]:
    """Ask the transport that drives the core to wait *delay* seconds. The core awaits nothing else."""
    pause = Pause(delay)
    pause.why = why
    yield pause


@lru_cache(maxsize=64)  # saves 24,000 instructions in each call of the same second
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def _parsed(text: str) -> float:
    # What fromisoformat accepts differs between versions of Python; some read "2018-03-21+05:00" as five o'clock.
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    day, minute, second, fraction, _, hours, minutes = parts.groups(default="")
    zone = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    time_ = f"{minute or '00:00'}:{second or '00'}.{fraction[:6].ljust(6, '0')}"
    return _since_epoch(datetime.fromisoformat(f"{day}T{time_}{zone}"))


def _since_epoch(moment: datetime) -> float:
    aware = moment.replace(tzinfo=timezone.utc) if moment.utcoffset() is None else moment
    return (aware - _EPOCH) / timedelta(seconds=1)


def _number(moment: float) -> float:
    if isinstance(moment, bool):
        raise ValueError(moment)
    return float(moment)
