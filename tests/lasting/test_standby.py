"""A mock with ``standby=True`` waits until the store is available and no other process writes to it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from segment_mock import SegmentMock, SettingError
from segment_mock.persistence import StoreUnavailable
from segment_mock.persistence.sqlite import SqliteLog
from tests.persistence.engines import RedisServer, needs_redis, sqlite_url


def test_standby_takes_over_when_the_first_mock_closes(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    mocks: list[SegmentMock] = []
    with SegmentMock(store=url) as first:
        thread = threading.Thread(target=lambda: mocks.append(SegmentMock(store=url, standby=True)))
        thread.start()
        first.salsa.add_segment("Written")
    thread.join()

    assert ["Written"] == [row["name"] for row in mocks[0].salsa.segments]
    mocks[0].close()


@needs_redis
def test_standby_waits_for_a_redis_server_that_does_not_run(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.stop()
    mocks: list[SegmentMock] = []
    thread = threading.Thread(target=lambda: mocks.append(SegmentMock(store=server.url, standby=True)))
    thread.start()
    with pytest.raises(SettingError, match="can't be reached"):
        SegmentMock(store=server.url)
    server.start()
    thread.join()
    mocks[0].close()
    server.stop()


def test_only_a_standby_retries_a_store_that_fails_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``standby``, the start fails with the error of the store."""
    url = sqlite_url(tmp_path)
    with SegmentMock(store=url) as mock:
        mock.salsa.add_segment("Written")
    failures = 2
    entries = SqliteLog.entries

    def fail_twice(self: SqliteLog) -> object:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreUnavailable("the store went away")
        return entries(self)

    monkeypatch.setattr(SqliteLog, "entries", fail_twice)
    with pytest.raises(SettingError, match="the store went away"):
        SegmentMock(store=url)
    with SegmentMock(store=url, standby=True) as mock:
        assert ["Written"] == [row["name"] for row in mock.salsa.segments]
