"""The clock of a mock: real time until a test changes it."""

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


class Wall:
    """A clock on the wall that a test moves by hand."""

    def __init__(self) -> None:
        self.stands = 1_000_000_000.0

    def time(self) -> float:
        return self.stands


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """Put a wall clock that stands at 1,000,000,000 in the place of the real one."""
    hands = Wall()
    monkeypatch.setattr(clock, "time", hands)
    return hands


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads take turns as often as Python can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_time_is_real_when_untouched() -> None:
    """A new clock tells the wall's time and runs."""
    new, before = Clock(), time.time()
    now, after = new.now(), time.time()

    assert before <= now <= after
    assert not new.frozen


def test_freeze_now(wall: Wall) -> None:
    """Frozen without a time, the clock stands where it was."""
    frozen = Clock()
    frozen.freeze()
    wall.stands += 60

    assert (1_000_000_000.0, True) == (frozen.now(), frozen.frozen)
    assert frozen.iso() == "2001-09-09T01:46:40.000Z"


@pytest.mark.parametrize("at", [NOON, NOON_SECONDS, int(NOON_SECONDS), "2018-03-21 09:00-03:00"])
def test_freeze_at(wall: Wall, at: str | float) -> None:
    """It stands at an ISO text or at epoch seconds; freezing again moves it."""
    frozen = Clock()
    frozen.freeze(0)
    frozen.freeze(at)
    wall.stands += 60

    assert (NOON_SECONDS, True) == (frozen.now(), frozen.frozen)


def test_set_keeps_running(wall: Wall) -> None:
    """A running clock that is set runs on from there."""
    running = Clock()
    running.set(NOON)
    wall.stands += 5

    assert (LATER, False) == (running.now(), running.frozen)


def test_set_keeps_frozen(wall: Wall) -> None:
    frozen = Clock()
    frozen.freeze()
    frozen.set(NOON)
    wall.stands += 5

    assert (NOON_SECONDS, True) == (frozen.now(), frozen.frozen)


@pytest.mark.parametrize("was", [True, False])
@pytest.mark.parametrize(("frozen", "expected"), [(True, NOON_SECONDS), (False, LATER)])
def test_set_may_say_whether_frozen(wall: Wall, was: bool, frozen: bool, expected: float) -> None:
    turned = Clock()
    if was:
        turned.freeze()
    turned.set(NOON, frozen=frozen)
    wall.stands += 5

    assert (expected, frozen) == (turned.now(), turned.frozen)


@pytest.mark.parametrize("frozen", [True, False])
def test_advance(wall: Wall, frozen: bool) -> None:
    """The clock moves forward by the number of seconds, which may be 0, and stays frozen or running."""
    moved = Clock()
    moved.set(NOON, frozen=frozen)
    moved.advance(4.5)
    moved.advance(0)
    moved.advance(0.5)

    assert (LATER, frozen) == (moved.now(), moved.frozen)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("by", [-1, -0.001, math.nan, math.inf, -math.inf, 1e300, HUGE, 2.53e11])
def test_advance_refuses(wall: Wall, frozen: bool, by: float) -> None:
    moved = Clock()
    moved.set(NOON, frozen=frozen)
    with pytest.raises(ValueError, match=r"^advance: ") as refused:
        moved.advance(by)

    assert repr(by)[:100] in str(refused.value)
    assert (NOON_SECONDS, frozen) == (moved.now(), moved.frozen)


def test_advance_to_the_last_moment() -> None:
    """The year 9999 can be lived to its end."""
    moved = Clock()
    moved.freeze(0)
    moved.advance(253402300799.999)

    assert moved.iso() == "9999-12-31T23:59:59.999Z"


@pytest.mark.usefixtures("restless")
def test_advance_in_threads() -> None:
    """No step is lost when several threads advance the clock at once."""
    moved = Clock()
    moved.freeze(0)
    threads = [threading.Thread(target=lambda: [moved.advance(1) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert moved.now() == 2000


def test_resume(wall: Wall) -> None:
    """Time runs on from where it stood, not from the wall's time."""
    resumed = Clock()
    resumed.freeze(NOON)
    wall.stands += 1000
    resumed.resume()
    wall.stands += 5

    assert (LATER, False) == (resumed.now(), resumed.frozen)


def test_resume_of_a_running_clock(wall: Wall) -> None:
    """It changes nothing."""
    resumed = Clock()
    resumed.set(NOON)
    resumed.resume()
    wall.stands += 5

    assert (LATER, False) == (resumed.now(), resumed.frozen)


@pytest.mark.parametrize("frozen", [True, False])
def test_reset(wall: Wall, frozen: bool) -> None:
    """The wall's time is back, running."""
    turned = Clock()
    turned.set(NOON, frozen=frozen)
    turned.reset()

    assert (wall.stands, False) == (turned.now(), turned.frozen)


@pytest.mark.parametrize("bad", ["noon", math.nan, HUGE, False])
def test_a_bad_time_changes_nothing(wall: Wall, bad: str | float) -> None:
    """Neither freeze nor set is half done."""
    turned = Clock()
    for action in (turned.freeze, turned.set):
        with pytest.raises(ValueError, match="is not a time"):
            action(bad)

    assert (wall.stands, False) == (turned.now(), turned.frozen)
