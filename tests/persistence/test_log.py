"""The log of a store: what was appended is read back, and one process writes."""

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

ENDED = """
import os, signal, sys
from segment_mock.persistence import open_log, redis
redis.LEASE = 0.3
log = open_log(sys.argv[1])
log.acquire()
log.put("part", b"blob")
for number in range(int(sys.argv[2])):
    log.append(b"entry %d" % number)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: RedisServer = request.getfixturevalue("server")
    server.empty()
    return server.url


def opened(url: str) -> LastingLog:
    log = open_log(url)
    log.acquire()
    return log


def test_entries_are_read_back_in_order(url: str) -> None:
    log = opened(url)
    for entry in (b"one", b"", bytes(range(256))):
        log.append(entry)
    log.close()
    again = opened(url)
    assert [*again.entries()] == [b"one", b"", bytes(range(256))]
    again.append(b"four")
    assert [*again.entries()][-1] == b"four"
    again.close()


def test_compaction_replaces_entries_and_forgets_other_blobs(url: str) -> None:
    log = opened(url)
    log.put("kept", b"1")
    log.put("lost", b"2")
    log.append(b"old")
    log.compact(b"whole", ["kept"])
    log.append(b"new")
    log.close()
    again = opened(url)
    assert [*again.entries()] == [b"whole", b"new"]
    assert again.blob("kept") == b"1"
    with pytest.raises(Exception, match="lost"):
        again.blob("lost")
    again.close()


def test_second_writer_is_refused_until_the_first_has_closed(url: str) -> None:
    first, second = opened(url), open_log(url)
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        second.acquire()
    first.close()
    second.acquire()
    second.close()


def test_what_was_appended_before_sigkill_is_there(url: str) -> None:
    done = subprocess.run([sys.executable, "-c", ENDED, url, "30"], check=False)
    assert done.returncode == -signal.SIGKILL
    log = opened(url)
    assert [*log.entries()] == [b"entry %d" % number for number in range(30)]
    assert log.blob("part") == b"blob"
    log.close()


def test_closed_log_is_unavailable(url: str) -> None:
    log = opened(url)
    log.close()
    with pytest.raises(StoreUnavailable):
        log.append(b"late")
    with pytest.raises(StoreUnavailable):
        log.resume()


def test_resume_returns_while_nothing_is_wrong(url: str) -> None:
    log = opened(url)
    log.append(b"one")
    log.resume()
    log.append(b"two")
    assert [*log.entries()] == [b"one", b"two"]
    log.close()
