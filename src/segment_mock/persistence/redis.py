"""The log on a Redis (or Valkey) server: it outlives the machine of the mock, and a standby can take over.

All keys have one prefix. ``log`` is a list of entries and ``blobs`` a hash. ``meta`` is a hash with the format, the
owner, the length of the list, and how often the log was opened or written (``position``). ``lease`` has the owner's
token and expires `LEASE` seconds after it was renewed.

Every write is one script, which writes all or nothing. It checks that its sender is still the owner, and that the log
is still at the position that the sender knows. So an owner whose lease ran out while it slept can't write once another
process has taken over, and no process appends to a log that Redis has partly lost. A thread renews the lease, and
so does every write. No call waits for it.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Collection, Generator
from contextlib import suppress
from functools import partial
from threading import Event, Thread, current_thread
from typing import Any
from urllib.parse import unquote, urlsplit

from ..clock import Clock
from ..forking import call_after_fork
from .log import FORMAT, LastingLog, StoreError, StoreInUse, StoreUnavailable, sealed, unsealed

LEASE = 5.0
"""Seconds after which another process may take over from an owner that has died."""
RENEWAL = 1.0
"""Seconds from one renewal of the lease to the next."""
TIMEOUT = 2.0
"""Timeout of the server's response, in seconds."""
LONG_TIMEOUT = 60.0
"""Timeout for commands of more than `_LARGE` bytes, in seconds."""
_LARGE = 2**20
_LOOK = 0.1  # poll interval of another process's lease, in seconds
_PAGE = 500  # how many entries are read at once
_PREFIX = "{segment-mock}:"
_WHERE = re.compile(r"\.? script: [0-9a-f]{40}.*|\bError -?[0-9]+ connecting to .*\d\. ")
_KEYS = [f"{_PREFIX}{name}" for name in ("meta", "lease", "log", "blobs", "new")]

_OPEN = """
local meta, lease, log, blobs, new = unpack(KEYS)
local token, own_format, who, milliseconds, doubtful = unpack(ARGV)
local holder = redis.call('GET', lease)
if holder and holder ~= token then return {'in use', redis.call('HGET', meta, 'who') or ''} end
local format = redis.call('HGET', meta, 'format')
if format and format ~= own_format then return {'format', format} end
if not format and (redis.call('EXISTS', log) == 1 or redis.call('EXISTS', blobs) == 1) then return {'lost', 'meta'} end
local length = redis.call('HGET', meta, 'length') or '0'
if tonumber(length) ~= redis.call('LLEN', log) then return {'lost', 'entries'} end
redis.call('SET', lease, token, 'PX', milliseconds)
local owner, position = redis.call('HGET', meta, 'owner'), redis.call('HGET', meta, 'position')
if owner == token and position == doubtful then
  redis.call('RPOP', log)
  redis.call('HINCRBY', meta, 'length', -1)
end
redis.call('HSET', meta, 'format', own_format, 'owner', token, 'who', who)
redis.call('DEL', new)
-- A write that timed out and arrives late finds another position, and does nothing.
redis.call('HINCRBY', meta, 'position', 1)
return {'ok', redis.call('HGET', meta, 'position')}
"""
# What comes first in every script that writes: is the sender still the owner, and does it know all of the log?
_GUARD = """
local meta, lease, log, blobs, new = unpack(KEYS)
local token, position, milliseconds = unpack(ARGV)
local owner = redis.call('HGET', meta, 'owner')
if owner and owner ~= token then return {'fenced', redis.call('HGET', meta, 'who') or ''} end
if not owner or redis.call('HGET', meta, 'position') ~= position then return {'moved', ''} end
"""
_DONE = """
if redis.call('PEXPIRE', lease, milliseconds) == 0 then redis.call('SET', lease, token, 'PX', milliseconds) end
return {'ok', redis.call('HGET', meta, 'position') or '0'}
"""
# Each script begins with a write that Redis refuses if it is out of memory, so a refused script has changed nothing.
_APPEND = f"""{_GUARD}
redis.call('RPUSH', log, ARGV[4])
redis.call('HINCRBY', meta, 'length', 1)
redis.call('HINCRBY', meta, 'position', 1)
{_DONE}"""
_PUT = f"""{_GUARD}
redis.call('HSET', blobs, ARGV[4], ARGV[5])
{_DONE}"""
_COMPACT = f"""{_GUARD}
redis.call('RPUSH', new, ARGV[4])
redis.call('RENAME', new, log)
redis.call('HSET', meta, 'length', 1)
redis.call('HINCRBY', meta, 'position', 1)
local keep = {{}}
for index = 5, #ARGV do keep[ARGV[index]] = true end
for _, name in ipairs(redis.call('HKEYS', blobs)) do
  if not keep[name] then redis.call('HDEL', blobs, name) end
end
{_DONE}"""
_RENEW = f"""{_GUARD}
{_DONE}"""
_CLOSE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('HDEL', KEYS[1], 'owner') end
return {'ok', ''}
"""


class _NoResponse(StoreUnavailable):
    """The server was not reached, or its response was lost."""


class RedisLog(LastingLog):
    """A log in the database of a single server that *url* names."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._redis = _imported()
        parts = urlsplit(url)
        options = {
            "host": parts.hostname,
            "port": parts.port or 6379,
            "db": int(parts.path.strip("/") or 0),
            "username": unquote(parts.username or "") or None,
            "password": unquote(parts.password or "") or None,
            "socket_connect_timeout": TIMEOUT,
            # A write that may have been done is not sent again: the log is read back instead.
            "retry": self._redis.retry.Retry(self._redis.backoff.NoBackoff(), 0),
        }
        self._client = self._redis.Redis(**options, socket_timeout=TIMEOUT)
        self._patient = self._redis.Redis(**options, socket_timeout=LONG_TIMEOUT)
        scripts = (_OPEN, _APPEND, _PUT, _COMPACT, _RENEW, _CLOSE)
        self._scripts = {script: self._client.register_script(script) for script in scripts}
        self._token, self._who = os.urandom(16).hex(), f"{os.getpid()} on {socket.gethostname()}"
        self._position: bytes | None = None
        self._failure = self._doubtful = ""
        self._over = Event()
        self._thread: Thread | None = None
        call_after_fork(self)

    def acquire(self) -> None:
        """Take the lease. If its owner still renews it, raises `StoreInUse`; if not, waits until it expires."""
        self._guarded(self._client.ping)  # says plainly if a password is missing
        self._check_eviction()
        remaining = float("inf")
        while True:
            try:
                self._open()
                break
            except StoreInUse:
                before, remaining = remaining, self._guarded(lambda: self._client.pttl(_KEYS[1])) / 1000
                if remaining > before:  # its owner is alive
                    raise
                Clock().wait(min(_LOOK, max(remaining, 0)))
        self._failure, self._over = "", Event()
        self._thread = Thread(target=self._renew, args=(self._over,), name="segment-mock-lease", daemon=True)
        self._thread.start()

    def entries(self) -> Generator[bytes, None, None]:
        """Yield every entry, a page at a time."""
        start = 0
        while True:
            page = self._guarded(partial(self._client.lrange, _KEYS[2], start, start + _PAGE - 1))
            for content in page:
                yield self._unsealed(content)
            start += len(page)
            if len(page) < _PAGE:
                return

    def blob(self, name: str) -> bytes:
        """Return the blob called *name*."""
        content = self._guarded(partial(self._client.hget, _KEYS[3], name))
        if content is None:
            raise self._damaged(f"blob {name} is missing")
        return self._unsealed(content)

    def put(self, name: str, content: bytes) -> None:
        """Add a blob."""
        self._write(_PUT, name, sealed(content))

    def append(self, entry: bytes) -> None:
        """Add an entry."""
        position = self._position
        try:
            self._write(_APPEND, sealed(entry))
        except _NoResponse:
            if position is not None:  # it is not known whether it was written
                self._doubtful = str(int(position) + 1)
            raise

    def compact(self, entry: bytes, keep: Collection[str]) -> None:
        """Replace all entries with *entry*.

        If the response is lost, the compaction may or may not have been done. Both leave a whole log, which is read
        back: *entry* is the state that the earlier entries gave, and *keep* names all of its blobs. A compaction that
        arrives later finds another position and does nothing. So, unlike a doubtful `append`, it is not undone. Changes
        of calls that were not saved yet, such as a reset, then remain although those calls were answered with an error.
        """
        self._write(_COMPACT, sealed(entry), *keep)

    def resume(self) -> None:
        """Take the lease again, if the server answers and no other process holds the lease."""
        if self._over.is_set():
            raise StoreUnavailable(f"the store {self.url} is closed")
        if self._failure:  # the thread keeps trying, so that no call has to wait for a server that is gone
            raise StoreUnavailable(self._failure)
        try:
            self._open()
        except StoreError as error:
            raise StoreUnavailable(str(error)) from None

    def close(self) -> None:
        """Release the lease."""
        self._over.set()
        if self._thread not in (None, current_thread()):  # the garbage collector may close a log in any thread
            self._thread.join(TIMEOUT)
        self._thread = None
        if self._position is not None and not self._failure:
            with suppress(StoreUnavailable):
                self._run(self._client, _CLOSE, self._token)
        self._position = None
        for client in (self._client, self._patient):
            client.close()
            client.connection_pool.disconnect()

    def after_fork(self) -> None:
        """Stop writing in a forked child, because lease and log belong to the parent."""
        self._position, self._thread = None, None
        self._over = Event()
        self._over.set()

    def _open(self) -> None:
        """Become the owner at the log's current position."""
        milliseconds = str(int(LEASE * 1000))
        verdict, value = self._run(
            self._client, _OPEN, self._token, str(FORMAT), self._who, milliseconds, self._doubtful
        )
        text = value.decode("utf-8", "replace")
        if verdict == b"in use":
            who = f"process {text}" if text else "another process"
            raise StoreInUse(
                f"store: {self.url} can't be used: {who} writes to it; standby (--standby) waits until that process "
                "ends"
            )
        if verdict == b"format":
            raise StoreError(
                f"store: {self.url} can't be used: it has format {text}, and this version of segment-mock knows format "
                f"{FORMAT}; use the version that wrote it, or another database"
            )
        if verdict == b"lost":
            raise self._damaged(f"{text} are missing" if text == "entries" else "its metadata is missing")
        self._position, self._doubtful = value, ""

    def _write(self, script: str, *arguments: str | bytes) -> None:
        if self._position is None:
            raise StoreUnavailable(f"the store {self.url} is closed")
        client = self._patient if sum(map(len, arguments)) > _LARGE else self._client
        verdict, value = self._run(client, script, self._token, self._position, str(int(LEASE * 1000)), *arguments)
        if verdict == b"fenced":
            who = value.decode("utf-8", "replace")
            raise StoreUnavailable(f"the store {self.url} was taken over by process {who}")
        if verdict == b"moved":
            raise StoreUnavailable(f"the store {self.url} has changed since this process last wrote to it")
        self._position = value

    def _run(self, client: Any, script: str, *arguments: str | bytes) -> tuple[bytes, bytes]:
        run = partial(self._scripts[script], keys=_KEYS, args=arguments, client=client)
        verdict, value = self._guarded(run)
        return verdict, value

    def _guarded(self, work: Callable[[], Any]) -> Any:
        errors = self._redis.exceptions
        try:
            return work()
        except (errors.AuthenticationError, errors.NoPermissionError) as error:
            if self._position is None:
                raise StoreError(f"store: {self.url} can't be used: {error}") from None
            raise self._unavailable(error) from None
        except (errors.RedisError, OSError) as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        is_silent = isinstance(error, (self._redis.exceptions.TimeoutError, TimeoutError))
        why = (
            f"no response within {TIMEOUT:g} s"
            if is_silent
            else _WHERE.sub("", " ".join(str(error).split())).rstrip(".")
        )
        if not is_silent and not isinstance(error, (self._redis.exceptions.ConnectionError, OSError)):
            return StoreUnavailable(f"the store {self.url} can't be written: {why}")
        self._failure = f"the store {self.url} can't be reached: {why}"
        return _NoResponse(self._failure)

    def _renew(self, over: Event) -> None:
        """Renew the lease until *over* is set; while the server does not answer, check whether it is back."""
        while not over.wait(RENEWAL / 4 if self._failure else RENEWAL):
            position = self._position
            try:
                if self._failure:
                    self._client.ping()
                    self._failure = ""
                elif position is not None:
                    self._run(self._client, _RENEW, self._token, position, str(int(LEASE * 1000)))
            except (StoreError, StoreUnavailable, self._redis.exceptions.RedisError, OSError):
                pass

    def _check_eviction(self) -> None:
        """Refuse a server that evicts keys when its memory is full."""
        with suppress(self._redis.exceptions.RedisError, OSError):  # some servers do not reveal their policy
            policy = self._client.config_get("maxmemory-policy").get("maxmemory-policy", "")
            if policy.startswith("allkeys") and self._client.config_get("maxmemory").get("maxmemory") != "0":
                raise StoreError(
                    f"store: {self.url} can't be used: its maxmemory-policy is {policy}, which evicts records; "
                    "set it to noeviction"
                )

    def _unsealed(self, content: bytes) -> bytes:
        try:
            return unsealed(content)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, reason: str) -> StoreError:
        return StoreError(
            f"store: {self.url} is damaged ({reason}); it was not changed. Use another database, or remove the keys "
            f"{_PREFIX}*"
        )


def _imported() -> Any:
    try:
        import redis
        import redis.backoff
        import redis.retry
    except ImportError:
        raise StoreError("store: Redis needs redis-py: pip install 'segment-mock[redis]'") from None
    return redis
