"""A standby waits for the store, and for the end of the process that has it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from segment_mock import SegmentMock, SettingError
from segment_mock.persistence import StoreUnavailable
from segment_mock.persistence.sqlite import SqliteLog
from tests.persistence.engines import RedisServer, needs_redis, sqlite_url


def test_takes_over_when_the_other_one_closes(tmp_path: Path) -> None:
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
def test_waits_for_a_server_that_is_not_there(tmp_path: Path) -> None:
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


def test_a_store_that_fails_while_it_is_read_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only by a standby; without it the start fails and says why."""
    url = sqlite_url(tmp_path)
    with SegmentMock(store=url) as mock:
        mock.salsa.add_segment("Written")
    failures = 2
    entries = SqliteLog.entries

    def failing(self: SqliteLog) -> object:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreUnavailable("the store went away")
        return entries(self)

    monkeypatch.setattr(SqliteLog, "entries", failing)
    with pytest.raises(SettingError, match="the store went away"):
        SegmentMock(store=url)
    with SegmentMock(store=url, standby=True) as mock:
        assert ["Written"] == [row["name"] for row in mock.salsa.segments]
