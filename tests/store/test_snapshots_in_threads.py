"""Finalizers delete snapshots in any thread at any time; the log keeps the entries that other snapshots need."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

from segment_mock import SegmentMock
from segment_mock.store import ChangeLog


def test_a_snapshot_can_be_restored_while_threads_delete_others() -> None:
    """Three threads take and delete snapshots, while two others write and restore."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with SegmentMock(journal_size=1) as mock, mock.session() as client:
            snapshot = mock.snapshot()

            def take_and_delete(_: int) -> None:
                for _ in range(150):
                    mock.snapshot()

            def write(number: int) -> None:
                for run in range(15):
                    client.post("/segments", json={"name": f"{number}-{run}"}, headers={"x-api-key": "k"})
                    mock.restore(mock.snapshot())

            with ThreadPoolExecutor(6) as threads:
                list(
                    threads.map(
                        lambda job: job[0](job[1]),
                        [(take_and_delete, 0), (write, 1), (take_and_delete, 2), (write, 3), (take_and_delete, 4)],
                    )
                )
            mock.restore(snapshot)

            assert [] == mock.segmenter.segments
    finally:
        sys.setswitchinterval(interval)


def test_releases_during_a_trim_are_safe() -> None:
    """A finalizer can release marks while the log looks for the oldest held mark."""
    log = ChangeLog()
    marks = range(5)
    for mark in marks:
        log.hold(mark)

    class ReleasingMark(int):
        """A mark that releases all marks when it is compared, as garbage collection during the comparison would."""

        def __gt__(self, other: object) -> bool:
            for mark in marks:
                log.release(mark)
            return False

    log.trim(ReleasingMark(9))
    log.trim(9)

    assert not log._holds


def test_a_snapshot_after_a_reset_survives_the_deletion_of_an_older_one() -> None:
    with SegmentMock() as mock:
        old = mock.snapshot()
        mock.reset()
        new = mock.snapshot()
        mock.segmenter.add_segment("later")
        del old
        gc.collect()
        mock.snapshot()
        mock.restore(new)

        assert [] == mock.segmenter.segments


def test_deleted_snapshots_do_not_accumulate_in_the_log() -> None:
    with SegmentMock() as mock:
        for _ in range(1000):
            mock.snapshot()
        gc.collect()
        mock.snapshot()

        assert len(mock._emulator.world.log._released) <= 1
        assert len(mock._emulator.world.log._holds) <= 1
