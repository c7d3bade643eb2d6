"""The log on Redis: one owner under a lease, and a server that is gone, slow, full, or has forgotten something."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from segment_mock.persistence import StoreError, StoreInUse, StoreUnavailable, open_log
from segment_mock.persistence import redis as engine
from segment_mock.persistence.redis import RedisLog
from tests.persistence.engines import RedisServer, needs_redis
from tests.transports.forks import in_child
from tests.waiting import count_calls

pytestmark = needs_redis
LOG, META, LEASE, BLOBS = (f"{{segment-mock}}:{name}" for name in ("log", "meta", "lease", "blobs"))

WRITER = """
import sys
from segment_mock.clock import Clock
from segment_mock.persistence import StoreInUse, StoreUnavailable, open_log, redis
redis.LEASE, redis.RENEWAL = 0.5, 0.1
log = open_log(sys.argv[1])
while True:
    try:
        log.acquire()
        break
    except (StoreInUse, StoreUnavailable):
        Clock().wait(0.02)  # the lease of the other ends by the clock of Redis
print("owner", flush=True)
for line in sys.stdin:
    try:
        log.append(line.strip().encode())
        print("written", flush=True)
    except StoreUnavailable as error:
        print(error, flush=True)
log.close()
"""


class Writer:
    """Another process that wants to write."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def write(self, text: str) -> str:
        """Make it append *text*, and return its output."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()
        return self.line()

    def send(self, number: int) -> None:
        """Send the signal *number*."""
        self._process.send_signal(number)

    def end(self) -> None:
        """End it in good order, or wait for the end of one that was killed."""
        self._process.communicate(timeout=30)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LEASE", 2.0)
    monkeypatch.setattr(engine, "RENEWAL", 0.1)
    monkeypatch.setattr(engine, "TIMEOUT", 0.5)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(shared: RedisServer) -> Iterator[RedisServer]:
    """A server without keys, with its settings as they were."""
    shared.empty()
    yield shared
    with shared.client() as client:
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may stop."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def log(server: RedisServer) -> Iterator[RedisLog]:
    log = opened(server.url)
    yield log
    log.close()


def opened(url: str) -> RedisLog:
    """Return a log whose writer this process is."""
    log = open_log(url)
    assert isinstance(log, RedisLog)
    log.acquire()
    return log


def take_over(log: RedisLog, server: RedisServer) -> None:
    """Make *log* the owner although another one renews its lease."""
    with server.client() as client:
        for _ in range(100):
            client.delete(LEASE)
            with suppress(StoreInUse):
                log.acquire()
                return
    raise AssertionError("the other one was always quicker")


def wait_for_renewal(client: redis.Redis[bytes]) -> None:
    """Wait until the server says that the time of the lease was set again."""
    client.config_set("notify-keyspace-events", "Kgx$")
    with client.pubsub() as events:
        events.subscribe(f"__keyspace@0__:{LEASE}")
        for event in events.listen():
            if event["type"] == "message":
                break


def resumed(log: RedisLog) -> list[bytes]:
    """Return the entries of *log* once it can be used again, which its thread finds out round by round."""
    with pytest.MonkeyPatch.context() as patch:
        rounds = count_calls(patch, log._over, "wait")
        for _ in range(100):
            with suppress(StoreUnavailable):
                log.resume()
                return [*log.entries()]
            rounds.wait_for_more(2)
    raise AssertionError("it did not resume")


# One owner.


@pytest.mark.slow  # a lease ends by the clock of Redis
def test_a_standby_takes_over_what_was_written_when_the_owner_is_killed(server: RedisServer) -> None:
    first = Writer(server.url)
    assert "owner" == first.line()
    assert ["written"] * 20 == [first.write(f"entry {number}") for number in range(20)]
    second = Writer(server.url)
    first.send(signal.SIGKILL)
    assert "owner" == second.line()
    assert "written" == second.write("entry 20")
    for writer in (first, second):
        writer.end()
    log = opened(server.url)

    assert [b"entry %d" % number for number in range(21)] == [*log.entries()]
    log.close()


def test_a_standby_takes_over_at_once_when_the_owner_closes(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LEASE", 1000.0)
    log = opened(server.url)
    log.close()

    opened(server.url).close()


@pytest.mark.slow  # a lease ends by the clock of Redis
def test_an_owner_that_slept_through_its_lease_writes_nothing_any_more(server: RedisServer) -> None:
    first = Writer(server.url)
    assert "owner" == first.line()
    assert "written" == first.write("one")
    first.send(signal.SIGSTOP)
    second = Writer(server.url)
    assert "owner" == second.line()
    first.send(signal.SIGCONT)
    answer = first.write("two")
    assert "written" == second.write("three")
    for writer in (first, second):
        writer.end()
    log = opened(server.url)

    assert f"was taken over by process {second.pid} on " in answer
    assert [b"one", b"three"] == [*log.entries()]
    log.close()


def test_owner_with_an_expired_lease_goes_on_without_a_successor(log: RedisLog, server: RedisServer) -> None:
    with server.client() as client:
        client.delete(LEASE)
    log.append(b"one")

    assert [b"one"] == [*log.entries()]
    with pytest.raises(StoreInUse):
        open_log(server.url).acquire()


def test_the_lease_is_renewed_while_nothing_is_written(log: RedisLog, server: RedisServer) -> None:
    with server.client() as client:
        client.pexpire(LEASE, 10_000)
        wait_for_renewal(client)
        assert client.pttl(LEASE) <= 2500
        with pytest.raises(StoreInUse):
            open_log(server.url).acquire()


def test_previous_owner_gets_the_log_back_when_the_other_closes(log: RedisLog, server: RedisServer) -> None:
    log.append(b"one")
    other = RedisLog(server.url)
    take_over(other, server)
    other.append(b"two")
    with pytest.raises(StoreUnavailable, match="taken over"):
        log.append(b"three")
    with pytest.raises(StoreUnavailable, match="writes to it"):
        log.resume()
    other.close()

    assert [b"one", b"two"] == resumed(log)
    log.append(b"four")
    assert b"four" == [*log.entries()][-1]


def test_many_entries_are_read_in_pages(log: RedisLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PAGE", 7)
    for number in range(21):
        log.append(b"%d" % number)

    assert [b"%d" % number for number in range(21)] == [*log.entries()]


def test_a_large_entry_and_a_large_blob(log: RedisLog) -> None:
    large = bytes(5 * 2**20)
    log.put("part", large)
    log.compact(large, ["part"])

    assert ([large], large) == ([*log.entries()], log.blob("part"))


def refusals(log: RedisLog) -> list[str]:
    """Return the errors of an append and of a resumption."""
    texts = []
    for attempt in (lambda: log.append(b"two"), log.resume):
        try:
            attempt()
        except StoreUnavailable as error:
            texts.append(str(error))
    return texts


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_writes_nothing(log: RedisLog) -> None:
    log.append(b"one")
    texts = in_child(lambda: refusals(log))
    log.append(b"three")

    assert 2 == len(texts)
    assert [b"one", b"three"] == [*log.entries()]


# A server that fails.


def test_a_server_that_is_killed_and_started_again_has_every_entry(own: RedisServer) -> None:
    log = opened(own.url)
    log.put("part", b"blob")
    log.append(b"one")
    own.stop()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="can't be reached"):
            log.append(b"two")
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        log.resume()
    own.start()

    assert [b"one"] == resumed(log)
    assert b"blob" == log.blob("part")
    log.append(b"three")
    assert [b"one", b"three"] == [*log.entries()]
    log.close()


def test_a_server_that_kept_nothing_is_empty_and_can_be_used(tmp_path: Path) -> None:
    own = RedisServer(tmp_path, appendonly="no")
    log = opened(own.url)
    log.append(b"one")
    own.stop()
    own.start()
    with pytest.raises(StoreUnavailable):
        log.append(b"two")

    assert [] == resumed(log)
    log.append(b"three")
    assert [b"three"] == [*log.entries()]
    log.close()
    own.stop()


def test_nothing_is_written_behind_what_the_server_has_forgotten(log: RedisLog, server: RedisServer) -> None:
    for entry in (b"one", b"two"):
        log.append(entry)
    with server.client() as client:  # as after a power failure: the last write is gone
        client.rpop(LOG)
        client.hincrby(META, "position", -1)
        client.hincrby(META, "length", -1)
    with pytest.raises(StoreUnavailable, match="is not as this process left it"):
        log.append(b"three")

    assert [b"one"] == resumed(log)
    log.append(b"four")
    assert [b"one", b"four"] == [*log.entries()]


def test_silent_server_times_out_and_is_tried_again(own: RedisServer) -> None:
    log = opened(own.url)
    log.append(b"one")
    own.send(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match=r"no answer within 0.5 s"):
        log.append(b"two")
    own.send(signal.SIGCONT)

    assert [b"one"] == resumed(log)  # the server has written the other one meanwhile, which is taken back
    log.append(b"three")
    assert [b"one", b"three"] == [*log.entries()]
    log.close()


def test_a_server_without_memory_refuses_and_loses_nothing(log: RedisLog, server: RedisServer) -> None:
    log.append(b"one")
    log.put("part", b"blob")
    with server.client() as client:
        client.config_set("maxmemory", "1")
        for write in (lambda: log.append(b"two"), lambda: log.compact(b"whole", []), lambda: log.put("more", b"x")):
            with pytest.raises(StoreUnavailable, match=r"can't be written: .*memory"):
                write()
        wait_for_renewal(client)  # the lease is renewed all the same
        client.config_set("maxmemory", "0")

    assert [b"one"] == resumed(log)
    log.append(b"three")
    assert ([b"one", b"three"], b"blob") == ([*log.entries()], log.blob("part"))


def test_missing_server_is_an_error_on_opening(own: RedisServer) -> None:
    own.stop()
    log = open_log(own.url)
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        log.acquire()
    own.start()
    log.acquire()
    log.append(b"one")
    log.close()


# What can't be used.


def test_what_is_damaged_is_refused_and_left_as_it_is(server: RedisServer) -> None:
    for harm, words in (
        (lambda client: client.lpop(LOG), "entries are missing"),
        (lambda client: client.delete(LOG), "entries are missing"),
        (lambda client: client.delete(META), "what describes it is missing"),
        (lambda client: client.lset(LOG, 0, b"xxxxyyyy"), "a checksum does not match"),
        (lambda client: client.lset(LOG, 0, b"x"), "a checksum does not match"),
        (lambda client: client.delete(BLOBS), "blob part is missing"),
    ):
        server.empty()
        log = opened(server.url)
        log.put("part", b"blob")
        for entry in (b"one", b"two"):
            log.append(entry)
        log.close()
        with server.client() as client:
            harm(client)
            before = client.lrange(LOG, 0, -1), client.hgetall(BLOBS)
            log = RedisLog(server.url)
            with pytest.raises(StoreError, match=f"is damaged .{words}.*left as it is"):
                read(log)
            log.close()

            assert before == (client.lrange(LOG, 0, -1), client.hgetall(BLOBS))


def read(log: RedisLog) -> None:
    """Open *log* and read all of it."""
    log.acquire()
    assert [*log.entries()]
    assert log.blob("part")


def test_another_format_is_refused(log: RedisLog, server: RedisServer) -> None:
    log.close()
    with server.client() as client:
        client.hset(META, "format", "99")
    with pytest.raises(StoreError, match="it has format 99"):
        RedisLog(server.url).acquire()


def test_a_server_that_evicts_is_refused(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        opened(server.url).close()  # without a limit it evicts nothing
        client.config_set("maxmemory", "1gb")
        with pytest.raises(StoreError, match="maxmemory-policy is allkeys-lru"):
            RedisLog(server.url).acquire()


def test_password_opens_the_store_and_is_never_shown(tmp_path: Path) -> None:
    own = RedisServer(tmp_path, requirepass="hunter/2@")
    right = own.url.replace("://", "://:hunter%2F2%40@")
    log = opened(right)
    log.append(b"one")
    texts = [log.url]
    with pytest.raises(StoreInUse) as in_use:
        open_log(right).acquire()
    own.stop()
    with pytest.raises(StoreUnavailable) as unavailable:
        log.append(b"two")
    own.start()
    resumed(log)
    log.close()
    for wrong in (own.url, own.url.replace("://", "://:hunter3@")):
        with pytest.raises(StoreError) as refused:
            open_log(wrong).acquire()
        texts.append(str(refused.value))
    own.stop()
    texts += [str(in_use.value), str(unavailable.value), repr(log), str(log.__dict__.get("url"))]

    assert [] == [text for text in texts if "hunter" in text]


def test_missing_redis_py_is_an_error_that_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StoreError, match=r"pip install 'segment-mock\[redis\]'"):
        open_log("redis://127.0.0.1:1/0")


# All at once.


@pytest.mark.slow
def test_what_was_acknowledged_is_there_once_however_often_the_owner_changes(own: RedisServer) -> None:
    """Three processes want to write while they are killed and stopped, and the server too."""
    acknowledged: list[str] = []
    writers = [Writer(own.url) for _ in range(3)]
    turn = 0
    for round_ in range(8):
        owner = next_owner(writers)
        for _ in range(25):
            turn += 1
            if owner.write(f"entry {turn}") == "written":
                acknowledged.append(f"entry {turn}")
        if round_ == 3:
            own.stop()
            own.start()
        owner.send(signal.SIGKILL)
        owner.end()
        writers.remove(owner)
        writers.append(Writer(own.url))
    for writer in writers:
        writer.send(signal.SIGKILL)
        writer.end()
    log = opened(own.url)
    entries = [entry.decode() for entry in log.entries()]
    log.close()

    assert acknowledged == entries
    assert 100 < len(entries)


def next_owner(writers: list[Writer]) -> Writer:
    """Return the writer that owns the log next."""
    import selectors

    with selectors.DefaultSelector() as selector:
        for writer in writers:
            selector.register(writer._process.stdout, selectors.EVENT_READ, writer)  # type: ignore[arg-type]
        (key, _), *_ = selector.select(60)
        assert "owner" == key.data.line()
        return key.data  # type: ignore[no-any-return]
