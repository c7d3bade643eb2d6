"""Restoring snapshots many times, as a suite does that restores a snapshot after each test."""

from __future__ import annotations

from segment_mock import SegmentMock


def names(mock: SegmentMock) -> list[str]:
    """Return the names of all Segmenter segments."""
    return [row["name"] for row in mock.segmenter.segments]


def test_repeated_restores_of_a_snapshot_log_two_entries_per_change() -> None:
    """A restore undoes new changes only. If it undid earlier restores too, the log would double each time."""
    mock = SegmentMock(data="demo")
    log, before, state = mock._emulator.world.log, mock.snapshot(), mock.state()
    for run in range(200):
        mock.segmenter.add_segment("x", id=f"x{run % 3}")
        mock.restore(before)
        mock.restore(before)

    assert 400 == len(log)
    assert state == mock.state()


def test_snapshots_can_be_restored_repeatedly_in_any_order() -> None:
    """Restores go backwards and forwards, also to snapshots that an earlier restore has undone."""
    mock = SegmentMock()
    snapshots = [(mock.snapshot(), names(mock))]
    for name in "abcd":
        mock.segmenter.add_segment(name)
        snapshots.append((mock.snapshot(), names(mock)))
    for index in (1, 3, 0, 4, 2, 2, 4, 0, 1, 3) * 3:
        snapshot, expected = snapshots[index]
        mock.restore(snapshot)
        snapshots.append((mock.snapshot(), expected))

        assert expected == names(mock)
    for snapshot, expected in reversed(snapshots):
        mock.restore(snapshot)

        assert expected == names(mock)
    assert len(mock._emulator.world.log) < 1000


def test_log_stays_short_when_snapshots_are_restored_and_deleted() -> None:
    """The log's notes on restores are removed together with the trimmed entries."""
    mock = SegmentMock(journal_size=2)
    log = mock._emulator.world.log
    for _ in range(20):
        before = mock.snapshot()
        mock.segmenter.add_segment("x", id="x")
        mock.restore(before)
        del before
        mock.session().put("/segments/none", json={}, headers={"x-api-key": "k"})

    assert (len(log) < 10, len(log._returns) < 10) == (True, True)
