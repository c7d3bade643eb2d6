"""The clock of a mock: it follows real time until a test freezes, sets or advances it."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from segment_mock import clock
from segment_mock.clock import Clock

NOON = "2018-03-21T12:00:00.000Z"
NOON_SECONDS = 1521633600.0
LATER = 1521633605.0
HUGE = pytest.param(10**400, id="huge")


class FakeTime:
    """A replacement for the ``time`` module whose time changes only when a test sets ``epoch_seconds``."""

    def __init__(self) -> None:
        self.epoch_seconds = 1_000_000_000.0

    def time(self) -> float:
        return self.epoch_seconds


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Replace the real time that `Clock` reads with a fake time, which begins at 1,000,000,000 epoch seconds."""
    fake_time = FakeTime()
    monkeypatch.setattr(clock, "time", fake_time)
    return fake_time


@pytest.fixture
def shortest_switch_interval() -> Iterator[None]:
    """Let Python switch between threads as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_new_clock_follows_real_time() -> None:
    new, before = Clock(), time.time()
    now, after = new.now(), time.time()

    assert before <= now <= after
    assert not new.frozen


def test_freeze_without_a_time_keeps_the_current_time(fake_time: FakeTime) -> None:
    frozen = Clock()
    frozen.freeze()
    fake_time.epoch_seconds += 60

    assert (1_000_000_000.0, True) == (frozen.now(), frozen.frozen)
    assert frozen.iso() == "2001-09-09T01:46:40.000Z"


@pytest.mark.parametrize("at", [NOON, NOON_SECONDS, int(NOON_SECONDS), "2018-03-21 09:00-03:00"])
def test_freeze_with_a_time_stops_the_clock_at_it(fake_time: FakeTime, at: str | float) -> None:
    """The time is an ISO 8601 string or epoch seconds. A frozen clock can be frozen again at another time."""
    frozen = Clock()
    frozen.freeze(0)
    frozen.freeze(at)
    fake_time.epoch_seconds += 60

    assert (NOON_SECONDS, True) == (frozen.now(), frozen.frozen)


def test_running_clock_that_is_set_continues_from_the_new_time(fake_time: FakeTime) -> None:
    running = Clock()
    running.set(NOON)
    fake_time.epoch_seconds += 5

    assert (LATER, False) == (running.now(), running.frozen)


def test_frozen_clock_that_is_set_stays_frozen(fake_time: FakeTime) -> None:
    frozen = Clock()
    frozen.freeze()
    frozen.set(NOON)
    fake_time.epoch_seconds += 5

    assert (NOON_SECONDS, True) == (frozen.now(), frozen.frozen)


@pytest.mark.parametrize("was_frozen", [True, False])
@pytest.mark.parametrize(("frozen", "expected"), [(True, NOON_SECONDS), (False, LATER)])
def test_set_can_freeze_and_unfreeze_the_clock(
    fake_time: FakeTime, was_frozen: bool, frozen: bool, expected: float
) -> None:
    subject = Clock()
    if was_frozen:
        subject.freeze()
    subject.set(NOON, frozen=frozen)
    fake_time.epoch_seconds += 5

    assert (expected, frozen) == (subject.now(), subject.frozen)


@pytest.mark.parametrize("frozen", [True, False])
def test_advance_moves_the_clock_forward(fake_time: FakeTime, frozen: bool) -> None:
    """The number of seconds may be 0. A frozen clock stays frozen, and a running clock continues to run."""
    subject = Clock()
    subject.set(NOON, frozen=frozen)
    subject.advance(4.5)
    subject.advance(0)
    subject.advance(0.5)

    assert (LATER, frozen) == (subject.now(), subject.frozen)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("by", [-1, -0.001, math.nan, math.inf, -math.inf, 1e300, HUGE, 2.53e11])
def test_advance_by_an_invalid_number_changes_nothing(fake_time: FakeTime, frozen: bool, by: float) -> None:
    subject = Clock()
    subject.set(NOON, frozen=frozen)
    with pytest.raises(ValueError, match=r"^advance: ") as error:
        subject.advance(by)

    assert repr(by)[:100] in str(error.value)
    assert (NOON_SECONDS, frozen) == (subject.now(), subject.frozen)


def test_advance_reaches_the_last_millisecond_of_the_year_9999() -> None:
    subject = Clock()
    subject.freeze(0)
    subject.advance(253402300799.999)

    assert subject.iso() == "9999-12-31T23:59:59.999Z"


@pytest.mark.usefixtures("shortest_switch_interval")
def test_concurrent_advances_are_all_counted() -> None:
    subject = Clock()
    subject.freeze(0)
    threads = [threading.Thread(target=lambda: [subject.advance(1) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert subject.now() == 2000


def test_resumed_clock_continues_from_its_frozen_time(fake_time: FakeTime) -> None:
    subject = Clock()
    subject.freeze(NOON)
    fake_time.epoch_seconds += 1000
    subject.resume()
    fake_time.epoch_seconds += 5

    assert (LATER, False) == (subject.now(), subject.frozen)


def test_resume_does_not_change_a_running_clock(fake_time: FakeTime) -> None:
    subject = Clock()
    subject.set(NOON)
    subject.resume()
    fake_time.epoch_seconds += 5

    assert (LATER, False) == (subject.now(), subject.frozen)


@pytest.mark.parametrize("frozen", [True, False])
def test_reset_returns_to_real_time(fake_time: FakeTime, frozen: bool) -> None:
    subject = Clock()
    subject.set(NOON, frozen=frozen)
    subject.reset()

    assert (fake_time.epoch_seconds, False) == (subject.now(), subject.frozen)


@pytest.mark.parametrize("bad", ["noon", math.nan, HUGE, False])
def test_invalid_time_does_not_change_the_clock(fake_time: FakeTime, bad: str | float) -> None:
    subject = Clock()
    for action in (subject.freeze, subject.set):
        with pytest.raises(ValueError, match="is not a time"):
            action(bad)

    assert (fake_time.epoch_seconds, False) == (subject.now(), subject.frozen)
