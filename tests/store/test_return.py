"""Coming back to one moment again and again, as a suite does that restores a snapshot after each test."""

from __future__ import annotations

from segment_mock import SegmentMock


def names(mock: SegmentMock) -> list[str]:
    return [row["name"] for row in mock.segmenter.segments]


def test_a_return_undoes_what_is_new_and_no_earlier_return() -> None:
    """Restores log two writes for each change in between; undoing the undoings would double each time."""
    mock = SegmentMock(data="demo")
    log, before, state = mock._emulator.world.log, mock.snapshot(), mock.state()
    for turn in range(200):
        mock.segmenter.add_segment("x", id=f"x{turn % 3}")
        mock.restore(before)
        mock.restore(before)

    assert 400 == len(log)
    assert state == mock.state()


def test_every_moment_stays_reachable_in_any_order() -> None:
    """Back, forth to a moment that was undone meanwhile, and back again: each is as it was."""
    mock = SegmentMock()
    moments = [(mock.snapshot(), names(mock))]
    for name in "abcd":
        mock.segmenter.add_segment(name)
        moments.append((mock.snapshot(), names(mock)))
    for place in (1, 3, 0, 4, 2, 2, 4, 0, 1, 3) * 3:
        moment, then = moments[place]
        mock.restore(moment)
        moments.append((mock.snapshot(), then))

        assert then == names(mock)
    for moment, then in reversed(moments):
        mock.restore(moment)

        assert then == names(mock)
    assert len(mock._emulator.world.log) < 1000


def test_a_call_that_fails_leaves_no_trace_of_how_often() -> None:
    """What is kept of returns goes with the writes that it is about."""
    mock = SegmentMock(journal_size=2)
    log = mock._emulator.world.log
    for _ in range(20):
        before = mock.snapshot()
        mock.segmenter.add_segment("x", id="x")
        mock.restore(before)
        del before
        mock.session().put("/segments/none", json={}, headers={"x-api-key": "k"})

    assert (len(log) < 10, len(log._returns) < 10) == (True, True)
