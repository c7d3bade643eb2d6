"""Rate limits: calls of a credential in a sliding window."""

from __future__ import annotations

import pytest

from segment_mock.core.world import RateWindow


@pytest.fixture
def window() -> RateWindow:
    """Return a window of three calls in sixty seconds."""
    return RateWindow(3, 60)


def test_a_full_window(window: RateWindow) -> None:
    """The limit's number of calls is admitted; the next call is refused, even at the same moment."""
    assert [True, True, True, False] == [window.admit("a", 100) for _ in range(4)]


@pytest.mark.parametrize(("now", "expected"), [(159.999, False), (160, True), (161, True)])
def test_the_edge(window: RateWindow, now: float, expected: bool) -> None:
    """A call leaves the window exactly when the window's seconds have passed."""
    for moment in (100, 100, 150):
        window.admit("a", moment)

    assert expected == (window.remaining("a", now) > 0)
    assert expected == window.admit("a", now)


def test_the_window_slides(window: RateWindow) -> None:
    """Each call leaves the window separately."""
    for moment in (100, 130, 140):
        window.admit("a", moment)

    assert [True, False] == [window.admit("a", 160), window.admit("a", 160)]


def test_refused_calls_count(window: RateWindow) -> None:
    """Calls during the refusal extend it."""
    for moment in (100, 100, 100):
        window.admit("a", moment)

    assert [False, False, False] == [window.admit("a", moment) for moment in (120, 130, 140)]
    assert [False, True] == [window.admit("a", moment) for moment in (179, 190)]


def test_names_do_not_share(window: RateWindow) -> None:
    """Each name has a window of its own."""
    for _ in range(4):
        window.admit("a", 100)

    assert window.admit("b", 100)
    assert (0, 2) == (window.remaining("a", 100), window.remaining("b", 100))


def test_left(window: RateWindow) -> None:
    """The number of calls left is never negative, and reading it does not count as a call."""
    remaining = [window.remaining("a", 100)]
    for _ in range(5):
        window.admit("a", 100)
        remaining.append(window.remaining("a", 100))

    assert [3, 2, 1, 0, 0, 0] == remaining
    assert window.remaining("a", 160) == 3


def test_the_clock_set_back(window: RateWindow) -> None:
    """Calls that lie in the future, because the clock was set back, do not count."""
    for _ in range(4):
        window.admit("a", 1000)

    assert window.remaining("a", 0) == 3
    assert [True, True, True, False] == [window.admit("a", 0) for _ in range(4)]


def test_the_clock_set_forth_and_back(window: RateWindow) -> None:
    for moment in (0, 1000, 1000):
        window.admit("a", moment)

    assert window.remaining("a", 1) == 2
    assert [True, True, False] == [window.admit("a", 1) for _ in range(3)]


def test_clear(window: RateWindow) -> None:
    """Every name may call again."""
    for _ in range(4):
        window.admit("a", 100)
    window.clear()

    assert window.remaining("a", 100) == 3
    assert window.admit("a", 100)
