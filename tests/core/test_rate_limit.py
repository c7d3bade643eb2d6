"""Rate limits: calls of a credential in a sliding window."""

from __future__ import annotations

import pytest

from segment_mock.core.world import RateWindow


@pytest.fixture
def window() -> RateWindow:
    """Return a window of three calls in sixty seconds."""
    return RateWindow(3, 60)


def test_a_full_window_refuses_the_next_call(window: RateWindow) -> None:
    """As many calls as the limit are admitted, all at the same moment."""
    assert [True, True, True, False] == [window.admit("a", 100) for _ in range(4)]


@pytest.mark.parametrize(("now", "expected"), [(159.999, False), (160, True), (161, True)])
def test_a_call_leaves_the_window_after_its_seconds(window: RateWindow, now: float, expected: bool) -> None:
    """It leaves exactly when the seconds of the window have passed."""
    for moment in (100, 100, 150):
        window.admit("a", moment)

    assert expected == (window.remaining("a", now) > 0)
    assert expected == window.admit("a", now)


def test_each_call_leaves_the_window_separately(window: RateWindow) -> None:
    for moment in (100, 130, 140):
        window.admit("a", moment)

    assert [True, False] == [window.admit("a", 160), window.admit("a", 160)]


def test_refused_calls_count(window: RateWindow) -> None:
    """A refused call counts in the window as well."""
    for moment in (100, 100, 100):
        window.admit("a", moment)

    assert [False, False, False] == [window.admit("a", moment) for moment in (120, 130, 140)]
    assert [False, True] == [window.admit("a", moment) for moment in (179, 190)]


def test_each_name_has_its_own_window(window: RateWindow) -> None:
    for _ in range(4):
        window.admit("a", 100)

    assert window.admit("b", 100)
    assert (0, 2) == (window.remaining("a", 100), window.remaining("b", 100))


def test_remaining_calls(window: RateWindow) -> None:
    """The number of calls left is never negative, and reading it does not count as a call."""
    remaining = [window.remaining("a", 100)]
    for _ in range(5):
        window.admit("a", 100)
        remaining.append(window.remaining("a", 100))

    assert [3, 2, 1, 0, 0, 0] == remaining
    assert window.remaining("a", 160) == 3


def test_calls_in_the_future_do_not_count(window: RateWindow) -> None:
    """They lie in the future because the clock was set back."""
    for _ in range(4):
        window.admit("a", 1000)

    assert window.remaining("a", 0) == 3
    assert [True, True, True, False] == [window.admit("a", 0) for _ in range(4)]


def test_calls_count_after_the_clock_was_set_forward_and_back(window: RateWindow) -> None:
    for moment in (0, 1000, 1000):
        window.admit("a", moment)

    assert window.remaining("a", 1) == 2
    assert [True, True, False] == [window.admit("a", 1) for _ in range(3)]


def test_after_clear_every_name_may_call_again(window: RateWindow) -> None:
    for _ in range(4):
        window.admit("a", 100)
    window.clear()

    assert window.remaining("a", 100) == 3
    assert window.admit("a", 100)
