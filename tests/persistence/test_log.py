"""The log of a store, on each engine: entries survive a restart, and only one process may write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_mock.persistence import LastingLog, StoreInUse, StoreUnavailable, open_log
from tests.persistence.engines import RedisServer, needs_redis, sqlite_url

WRITER_THAT_KILLS_ITSELF = """
import os, signal, sys
from segment_mock.persistence import open_log, redis
redis.LEASE, redis.TIMEOUT = 0.3, 60
log = open_log(sys.argv[1])
log.acquire()
log.put("part", b"blob")
for number in range(int(sys.argv[2])):
    log.append(b"entry %d" % number)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server for all tests of this file."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store; each test runs with SQLite and with Redis."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: RedisServer = request.getfixturevalue("server")
    server.clear()
    return server.url


def open_for_writing(url: str) -> LastingLog:
    """Return the log of the store *url*, with this process as its writer."""
    log = open_log(url)
    log.acquire()
    return log


def test_entries_are_read_back_in_order(url: str) -> None:
    log = open_for_writing(url)
    for entry in (b"one", b"", bytes(range(256))):
        log.append(entry)
    log.close()
    reopened = open_for_writing(url)
    assert [*reopened.entries()] == [b"one", b"", bytes(range(256))]
    reopened.append(b"four")
    assert [*reopened.entries()][-1] == b"four"
    reopened.close()


def test_compaction_replaces_entries_and_deletes_unused_blobs(url: str) -> None:
    log = open_for_writing(url)
    log.put("kept", b"1")
    log.put("lost", b"2")
    log.append(b"old")
    log.compact(b"whole", ["kept"])
    log.append(b"new")
    log.close()
    reopened = open_for_writing(url)
    assert [*reopened.entries()] == [b"whole", b"new"]
    assert reopened.blob("kept") == b"1"
    with pytest.raises(Exception, match="lost"):
        reopened.blob("lost")
    reopened.close()


def test_second_writer_is_refused_until_the_first_has_closed(url: str) -> None:
    first, second = open_for_writing(url), open_log(url)
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        second.acquire()
    first.close()
    second.acquire()
    second.close()


def test_entries_appended_before_sigkill_are_kept(url: str) -> None:
    result = subprocess.run([sys.executable, "-c", WRITER_THAT_KILLS_ITSELF, url, "30"], check=False)
    assert result.returncode == -signal.SIGKILL
    log = open_for_writing(url)
    assert [*log.entries()] == [b"entry %d" % number for number in range(30)]
    assert log.blob("part") == b"blob"
    log.close()


def test_closed_log_raises_store_unavailable(url: str) -> None:
    log = open_for_writing(url)
    log.close()
    with pytest.raises(StoreUnavailable):
        log.append(b"late")
    with pytest.raises(StoreUnavailable):
        log.resume()


def test_resume_of_a_working_log_changes_nothing(url: str) -> None:
    log = open_for_writing(url)
    log.append(b"one")
    log.resume()
    log.append(b"two")
    assert [*log.entries()] == [b"one", b"two"]
    log.close()
