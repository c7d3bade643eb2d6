"""The log on Redis: one owner with a lease; a server that is down, slow, out of memory, or has lost data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
import redis

from segment_mock.persistence import StoreError, StoreInUse, StoreUnavailable, open_log
from segment_mock.persistence import redis as engine
from segment_mock.persistence.redis import RedisLog
from tests.persistence.engines import RedisServer, needs_redis
from tests.transports.forks import run_in_child
from tests.waiting import PATIENCE, count_calls

pytestmark = needs_redis
LOG, META, LEASE, BLOBS = (f"{{segment-mock}}:{name}" for name in ("log", "meta", "lease", "blobs"))

WRITER = """
import sys
from segment_mock.persistence import StoreInUse, StoreUnavailable, open_log, redis
redis.RENEWAL, redis.TIMEOUT = 0.1, 60
log = open_log(sys.argv[1])
while True:
    try:
        log.acquire()
        break
    except (StoreInUse, StoreUnavailable):
        pass  # `acquire` has waited for a response of Redis
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
    """A process that waits for the lease of the store *url* and then appends the lines that it gets.

    It prints ``owner`` when it has the lease, and ``written`` or an error for each line. A test that kills it
    has to let its lease expire, which is long enough for a busy machine.
    """

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def line(self) -> str:
        """Return the next line that the process prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def write(self, text: str) -> str:
        """Let the process append *text*, and return the line that it prints."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()
        return self.line()

    def send_signal(self, signal_number: int) -> None:
        """Send the signal *signal_number* to the process."""
        self._process.send_signal(signal_number)

    def kill(self) -> None:
        """Kill the process, and wait until it has ended."""
        self.send_signal(signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """Close the standard input of the process, which ends it, and wait until it has ended."""
        self._process.communicate(timeout=30)


@pytest.fixture(autouse=True)
def _frequent_renewals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew leases every 0.1 s. They are so long that none ends while a busy machine suspends this process."""
    monkeypatch.setattr(engine, "LEASE", 60.0)
    monkeypatch.setattr(engine, "RENEWAL", 0.1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server for all tests of this file."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(shared: RedisServer) -> Iterator[RedisServer]:
    """The shared server without keys; the memory settings that a test changes are restored."""
    shared.clear()
    yield shared
    with shared.client() as client:
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server that a test may stop."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def log(server: RedisServer) -> Iterator[RedisLog]:
    """An empty log on the shared server, with this process as its owner."""
    log = open_as_owner(server.url)
    yield log
    log.close()


def open_as_owner(url: str) -> RedisLog:
    """Return the log of the store *url*, with this process as its owner."""
    log = open_log(url)
    assert isinstance(log, RedisLog)
    log.acquire()
    return log


def take_over(log: RedisLog, server: RedisServer) -> None:
    """Delete the lease of another owner until *log* becomes the owner."""
    with server.client() as client:
        for _ in range(100):
            client.delete(LEASE)
            with suppress(StoreInUse):
                log.acquire()
                return
    raise AssertionError("the other owner renewed its lease before each of 100 attempts")


def wait_for_renewal(client: redis.Redis[bytes]) -> None:
    """Wait until the server reports a change of the lease's key, which means that the owner has renewed the lease."""
    client.config_set("notify-keyspace-events", "Kgx$")
    with client.pubsub() as events:
        events.subscribe(f"__keyspace@0__:{LEASE}")
        for event in events.listen():
            if event["type"] == "message":
                break


def resume(log: RedisLog) -> list[bytes]:
    """Wait until *log* can be used again, and return its entries.

    The thread that renews the lease checks the server periodically, so this can take several rounds.
    """
    with pytest.MonkeyPatch.context() as patch:
        rounds = count_calls(patch, log._over, "wait")
        for _ in range(100):
            with suppress(StoreUnavailable):
                log.resume()
                return [*log.entries()]
            rounds.wait_for_more(2)
    raise AssertionError("the log did not resume within 100 attempts")


# One owner at a time.


@pytest.mark.slow  # starts processes
def test_a_standby_takes_over_every_entry_of_a_killed_owner(server: RedisServer) -> None:
    first = Writer(server.url)
    assert "owner" == first.line()
    assert ["written"] * 20 == [first.write(f"entry {number}") for number in range(20)]
    second = Writer(server.url)
    first.kill()
    server.expire_lease(0.05)
    assert "owner" == second.line()
    assert "written" == second.write("entry 20")
    second.end()
    log = open_as_owner(server.url)

    assert [b"entry %d" % number for number in range(21)] == [*log.entries()]
    log.close()


def test_a_standby_takes_over_immediately_when_the_owner_closes(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LEASE", 1000.0)
    log = open_as_owner(server.url)
    log.close()

    open_as_owner(server.url).close()


@pytest.mark.slow  # starts processes
def test_an_owner_whose_lease_was_taken_over_cannot_append(server: RedisServer) -> None:
    first = Writer(server.url)
    assert "owner" == first.line()
    assert "written" == first.write("one")
    first.send_signal(signal.SIGSTOP)
    server.expire_lease(0.05)
    second = Writer(server.url)
    assert "owner" == second.line()
    first.send_signal(signal.SIGCONT)
    output = first.write("two")
    assert "written" == second.write("three")
    for writer in (first, second):
        writer.end()
    log = open_as_owner(server.url)

    assert f"was taken over by process {second.pid} on " in output
    assert [b"one", b"three"] == [*log.entries()]
    log.close()


def test_owner_with_an_expired_lease_can_append_if_no_other_process_took_over(
    log: RedisLog, server: RedisServer
) -> None:
    with server.client() as client:
        client.delete(LEASE)
    log.append(b"one")

    assert [b"one"] == [*log.entries()]
    with pytest.raises(StoreInUse):
        open_log(server.url).acquire()


def test_the_lease_is_renewed_without_writes(log: RedisLog, server: RedisServer) -> None:
    with server.client() as client:
        client.pexpire(LEASE, 600_000)
        wait_for_renewal(client)
        assert client.pttl(LEASE) <= 60_000
        with pytest.raises(StoreInUse):
            open_log(server.url).acquire()


def test_the_thread_of_the_lease_can_close_the_log(
    log: RedisLog, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector closes the log of an unclosed mock, in the thread in which it happens to run."""
    errors: list[Exception] = []
    wait, is_closed = log._over.wait, Event()

    def close_and_wait(timeout: float) -> bool:
        try:
            log.close()
        except Exception as error:
            errors.append(error)
        is_closed.set()
        return wait(timeout)

    monkeypatch.setattr(log._over, "wait", close_and_wait)
    assert is_closed.wait(PATIENCE)
    open_as_owner(server.url).close()

    assert [] == errors


def test_previous_owner_can_resume_when_its_successor_closes(log: RedisLog, server: RedisServer) -> None:
    log.append(b"one")
    other = RedisLog(server.url)
    take_over(other, server)
    other.append(b"two")
    with pytest.raises(StoreUnavailable, match="taken over"):
        log.append(b"three")
    with pytest.raises(StoreUnavailable, match="writes to it"):
        log.resume()
    other.close()

    assert [b"one", b"two"] == resume(log)
    log.append(b"four")
    assert b"four" == [*log.entries()][-1]


def test_many_entries_are_read_in_pages(log: RedisLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PAGE", 7)
    for number in range(21):
        log.append(b"%d" % number)

    assert [b"%d" % number for number in range(21)] == [*log.entries()]


def test_entries_and_blobs_of_5_mib_are_read_back(log: RedisLog) -> None:
    large = bytes(5 * 2**20)
    log.put("part", large)
    log.compact(large, ["part"])

    assert ([large], large) == ([*log.entries()], log.blob("part"))


def refusals(log: RedisLog) -> list[str]:
    """Try to append an entry and to resume *log*, and return the errors."""
    errors = []
    for attempt in (lambda: log.append(b"two"), log.resume):
        try:
            attempt()
        except StoreUnavailable as error:
            errors.append(str(error))
    return errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_cannot_append_or_resume(log: RedisLog) -> None:
    log.append(b"one")
    errors = run_in_child(lambda: refusals(log))
    log.append(b"three")

    assert 2 == len(errors)
    assert [b"one", b"three"] == [*log.entries()]


# Failures of the server.


def test_log_resumes_with_every_entry_after_a_restart_of_the_server(own_server: RedisServer) -> None:
    log = open_as_owner(own_server.url)
    log.put("part", b"blob")
    log.append(b"one")
    own_server.stop()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="can't be reached"):
            log.append(b"two")
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        log.resume()
    own_server.start()

    assert [b"one"] == resume(log)
    assert b"blob" == log.blob("part")
    log.append(b"three")
    assert [b"one", b"three"] == [*log.entries()]
    log.close()


def test_log_resumes_empty_after_a_restart_of_a_server_without_persistence(tmp_path: Path) -> None:
    own_server = RedisServer(tmp_path, appendonly="no")
    log = open_as_owner(own_server.url)
    log.append(b"one")
    own_server.stop()
    own_server.start()
    with pytest.raises(StoreUnavailable):
        log.append(b"two")

    assert [] == resume(log)
    log.append(b"three")
    assert [b"three"] == [*log.entries()]
    log.close()
    own_server.stop()


def test_compaction_without_a_response_leaves_a_whole_log(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis may have done it or not: the log has the old entries, or the one that stands for them."""
    monkeypatch.setattr(engine, "TIMEOUT", 1.0)
    log = open_as_owner(server.url)
    log.put("part", b"blob")
    for entry in (b"one", b"two"):
        log.append(entry)
    server.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="no response within"):
            log.compact(b"one and two", ["part"])
    finally:
        server.send_signal(signal.SIGCONT)

    entries = resume(log)
    assert entries in ([b"one", b"two"], [b"one and two"])
    log.append(b"three")
    assert [*entries, b"three"] == [*log.entries()]
    assert b"blob" == log.blob("part")
    log.close()


def test_append_is_refused_after_the_server_lost_an_entry(log: RedisLog, server: RedisServer) -> None:
    for entry in (b"one", b"two"):
        log.append(entry)
    with server.client() as client:  # delete the last entry, as a power failure can
        client.rpop(LOG)
        client.hincrby(META, "position", -1)
        client.hincrby(META, "length", -1)
    with pytest.raises(StoreUnavailable, match="has changed since this process last wrote to it"):
        log.append(b"three")

    assert [b"one"] == resume(log)
    log.append(b"four")
    assert [b"one", b"four"] == [*log.entries()]


def test_log_resumes_after_a_timeout_without_the_entry_that_timed_out(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "TIMEOUT", 1.0)
    log = open_as_owner(own_server.url)
    log.append(b"one")
    own_server.send_signal(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match=r"no response within 1 s"):
        log.append(b"two")
    own_server.send_signal(signal.SIGCONT)

    assert [b"one"] == resume(log)  # the server wrote "two" after the timeout, and resuming removed it
    log.append(b"three")
    assert [b"one", b"three"] == [*log.entries()]
    log.close()


def test_writes_fail_without_loss_while_the_server_is_out_of_memory(log: RedisLog, server: RedisServer) -> None:
    log.append(b"one")
    log.put("part", b"blob")
    with server.client() as client:
        client.config_set("maxmemory", "1")
        for write in (lambda: log.append(b"two"), lambda: log.compact(b"whole", []), lambda: log.put("more", b"x")):
            with pytest.raises(StoreUnavailable, match=r"can't be written: .*memory"):
                write()
        wait_for_renewal(client)  # the lease is renewed nevertheless
        client.config_set("maxmemory", "0")

    assert [b"one"] == resume(log)
    log.append(b"three")
    assert ([b"one", b"three"], b"blob") == ([*log.entries()], log.blob("part"))


def test_acquire_fails_while_the_server_is_down(own_server: RedisServer) -> None:
    own_server.stop()
    log = open_log(own_server.url)
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        log.acquire()
    own_server.start()
    log.acquire()
    log.append(b"one")
    log.close()


# Stores that are refused.


def test_damaged_store_is_refused_and_unchanged(server: RedisServer) -> None:
    for damage, words in (
        (lambda client: client.lpop(LOG), "entries are missing"),
        (lambda client: client.delete(LOG), "entries are missing"),
        (lambda client: client.delete(META), "its metadata is missing"),
        (lambda client: client.lset(LOG, 0, b"xxxxyyyy"), "a checksum does not match"),
        (lambda client: client.lset(LOG, 0, b"x"), "a checksum does not match"),
        (lambda client: client.delete(BLOBS), "blob part is missing"),
    ):
        server.clear()
        log = open_as_owner(server.url)
        log.put("part", b"blob")
        for entry in (b"one", b"two"):
            log.append(entry)
        log.close()
        with server.client() as client:
            damage(client)
            before = client.lrange(LOG, 0, -1), client.hgetall(BLOBS)
            log = RedisLog(server.url)
            with pytest.raises(StoreError, match=f"is damaged .{words}.*it was not changed"):
                read(log)
            log.close()

            assert before == (client.lrange(LOG, 0, -1), client.hgetall(BLOBS))


def read(log: RedisLog) -> None:
    """Make this process the owner of *log*, and read its entries and its blob."""
    log.acquire()
    assert [*log.entries()]
    assert log.blob("part")


def test_other_format_version_is_refused(log: RedisLog, server: RedisServer) -> None:
    log.close()
    with server.client() as client:
        client.hset(META, "format", "99")
    with pytest.raises(StoreError, match="it has format 99"):
        RedisLog(server.url).acquire()


def test_a_server_that_may_evict_keys_is_refused(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        open_as_owner(server.url).close()  # without a memory limit, Redis evicts no keys
        client.config_set("maxmemory", "1gb")
        with pytest.raises(StoreError, match="maxmemory-policy is allkeys-lru"):
            RedisLog(server.url).acquire()


def test_password_of_the_server_is_in_no_error_or_repr(tmp_path: Path) -> None:
    own_server = RedisServer(tmp_path, requirepass="hunter/2@")
    right = own_server.url.replace("://", "://:hunter%2F2%40@")
    log = open_as_owner(right)
    log.append(b"one")
    messages = [log.url]
    with pytest.raises(StoreInUse) as in_use:
        open_log(right).acquire()
    own_server.stop()
    with pytest.raises(StoreUnavailable) as unavailable:
        log.append(b"two")
    own_server.start()
    resume(log)
    log.close()
    for wrong in (own_server.url, own_server.url.replace("://", "://:hunter3@")):
        with pytest.raises(StoreError) as refused:
            open_log(wrong).acquire()
        messages.append(str(refused.value))
    own_server.stop()
    messages += [str(in_use.value), str(unavailable.value), repr(log), str(log.__dict__.get("url"))]

    assert [] == [text for text in messages if "hunter" in text]


def test_error_without_redis_py_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StoreError, match=r"pip install 'segment-mock\[redis\]'"):
        open_log("redis://127.0.0.1:1/0")


# Several processes.


@pytest.mark.slow
def test_acknowledged_entries_exist_once_after_many_changes_of_owner(own_server: RedisServer) -> None:
    """Three processes compete for the lease; each owner is killed in turn, and the server once."""
    acknowledged: list[str] = []
    writers = [Writer(own_server.url) for _ in range(3)]
    entry_number = 0
    for round_number in range(8):
        owner = next_owner(writers)
        for _ in range(25):
            entry_number += 1
            if owner.write(f"entry {entry_number}") == "written":
                acknowledged.append(f"entry {entry_number}")
        if round_number == 3:
            own_server.stop()
            own_server.start()
        owner.kill()
        own_server.expire_lease(0.05)
        writers.remove(owner)
        writers.append(Writer(own_server.url))
    for writer in writers:
        writer.kill()
    own_server.expire_lease(0.05)
    log = open_as_owner(own_server.url)
    entries = [entry.decode() for entry in log.entries()]
    log.close()

    assert acknowledged == entries
    assert 100 < len(entries)


def next_owner(writers: list[Writer]) -> Writer:
    """Wait until one of *writers* gets the lease, and return it."""
    import selectors

    with selectors.DefaultSelector() as selector:
        for writer in writers:
            selector.register(writer._process.stdout, selectors.EVENT_READ, writer)  # type: ignore[arg-type]
        (key, _), *_ = selector.select(60)
        assert "owner" == key.data.line()
        return key.data  # type: ignore[no-any-return]
