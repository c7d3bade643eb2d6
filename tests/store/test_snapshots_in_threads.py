"""Snapshots are dropped by any thread, by a finalizer, at any moment: what is still held stays held."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

from segment_mock import SegmentMock
from segment_mock.store import ChangeLog


def test_holds_snapshots_survive_dropped_ones() -> None:
    """Threads take and drop snapshots by the thousand while others write and restore; no held one is lost."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with SegmentMock(journal_size=1) as mock, mock.session() as client:
            snapshot = mock.snapshot()

            def drop(_: int) -> None:
                for _ in range(150):
                    mock.snapshot()

            def write(number: int) -> None:
                for turn in range(15):
                    client.post("/segments", json={"name": f"{number}-{turn}"}, headers={"x-api-key": "k"})
                    mock.restore(mock.snapshot())

            with ThreadPoolExecutor(6) as threads:
                list(threads.map(lambda job: job[0](job[1]), [(drop, 0), (write, 1), (drop, 2), (write, 3), (drop, 4)]))
            mock.restore(snapshot)

            assert [] == mock.segmenter.segments
    finally:
        sys.setswitchinterval(interval)


def test_letting_go_within_a_walk() -> None:
    """A finalizer that runs while the log counts what is held changes nothing under its feet."""
    log = ChangeLog()
    marks = range(5)
    for mark in marks:
        log.hold(mark)

    class Dropping(int):
        """A mark; to compare it lets the others go, as a collection of garbage in the midst of it would."""

        def __gt__(self, other: object) -> bool:
            for mark in marks:
                log.release(mark)
            return False

    log.trim(Dropping(9))
    log.trim(9)

    assert not log._holds


def test_release_before_and_after_a_reset() -> None:
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


def test_what_is_dropped_does_not_pile_up() -> None:
    with SegmentMock() as mock:
        for _ in range(1000):
            mock.snapshot()
        gc.collect()
        mock.snapshot()

        assert len(mock._emulator.world.log._released) <= 1
        assert len(mock._emulator.world.log._holds) <= 1
