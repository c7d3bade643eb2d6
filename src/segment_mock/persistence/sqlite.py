"""The log in a file of SQLite.

It is in WAL mode with ``synchronous=NORMAL``. Committed data survives any end of the process, including SIGKILL,
without waiting for the disk at each call. After a power failure the file is valid, but may lack the last moments. A
mock needs no more, and a call would otherwise take ten times as long.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..forking import call_after_fork
from .log import FORMAT, LastingLog, StoreError, StoreInUse, StoreUnavailable, sealed, unsealed
from .wal import has_lost_commits

_MAGIC = b"SQLite format 3\0"
_APPLICATION = 0x53474D4B  # "SGMK" in the header identifies a file of segment-mock
_SCHEMA = f"""
BEGIN;
CREATE TABLE entries (number INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE blobs (name TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE probe (content BLOB);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_PROBE = 65536  # bytes: there has to be room for more than one call before a disk no longer counts as full


class SqliteLog(LastingLog):
    """A log in the file *path*. The operating system locks ``path.lock``, which has the pid of the writer."""

    def __init__(self, url: str, path: str) -> None:
        super().__init__(url)
        self._path = Path(path)
        self._lock: int | None = None
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        call_after_fork(self)

    def acquire(self) -> None:
        """Lock the file, and create it if it does not exist."""
        if not self._path.parent.is_dir():
            raise self._refused(f"the folder {str(self._path.parent)!r} does not exist")
        if self._path.exists() and not self._path.is_file():
            raise self._refused("it is not a regular file")
        self._lock = self._locked()
        try:
            if not self._path.exists() or not self._path.stat().st_size:
                self._create()
            self._check_header()
            place = f"file:{quote(str(self._path.absolute()))}?mode=ro"
            self._own_files = [path for path in self._side_files() if not path.exists()]
            # Read only, so that a damaged file does not change: SQLite would repair what looks like a broken write.
            self._reader = _connection(place)
            for (verdict,) in [*self._read("PRAGMA quick_check(1)")]:
                if verdict != "ok":
                    raise self._damaged(" ".join(verdict.split()))
            if has_lost_commits(self._path):
                raise self._damaged("its -wal file has commits after a damaged place")
        except BaseException as error:
            self.close()
            if isinstance(error, (OSError, sqlite3.Error)):
                raise self._refused(str(error)) from None
            raise

    def entries(self) -> Generator[bytes, None, None]:
        """Yield every entry; a missing or changed entry counts as damage."""
        expected = 0
        with closing(self._read("SELECT number, content FROM entries ORDER BY number")) as rows:
            for number, content in rows:
                if expected and number != expected:
                    raise self._damaged(f"entry {expected} is missing")
                expected = number + 1
                yield self._unsealed(content)

    def blob(self, name: str) -> bytes:
        """Return the blob called *name*."""
        for (content,) in [*self._read("SELECT content FROM blobs WHERE name = ?", name)]:
            return self._unsealed(content)
        raise self._damaged(f"blob {name} is missing")

    def put(self, name: str, content: bytes) -> None:
        """Add a blob."""
        self._write(lambda writer: writer.execute("INSERT INTO blobs VALUES (?, ?)", (name, sealed(content))))

    def append(self, entry: bytes) -> None:
        """Add an entry."""
        self._write(lambda writer: writer.execute("INSERT INTO entries (content) VALUES (?)", (sealed(entry),)))

    def compact(self, entry: bytes, keep: Collection[str]) -> None:
        """Replace all entries with *entry*."""

        def work(writer: sqlite3.Connection) -> None:
            writer.execute("DELETE FROM entries")
            writer.execute("INSERT INTO entries (content) VALUES (?)", (sealed(entry),))
            names = [name for (name,) in writer.execute("SELECT name FROM blobs")]
            writer.executemany("DELETE FROM blobs WHERE name = ?", [(name,) for name in names if name not in keep])

        self._write(work)

    def resume(self) -> None:
        """Become the writer again if a test write succeeds; an incomplete earlier write is rolled back."""
        self._write(lambda writer: writer.execute("INSERT INTO probe VALUES (zeroblob(?))", (_PROBE,)))
        self._write(lambda writer: writer.execute("DELETE FROM probe"))

    def close(self) -> None:
        """Close the file and unlock it."""
        self._close_reader()
        if self._writer is not None:
            with suppress(sqlite3.Error):
                self._writer.close()
            self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def after_fork(self) -> None:
        """Leave the parent's file open in a forked child, because closing it would write."""
        import ctypes

        for connection in (self._reader, self._writer):
            if connection is not None:
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._reader = self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _locked(self) -> int:
        try:
            number = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._refused(str(error)) from None
        try:
            _lock(number)
        except OSError:
            pid = os.read(number, 20).decode("ascii", "replace").strip()
            os.close(number)
            raise self._in_use(pid) from None
        os.ftruncate(number, 0)
        with suppress(OSError):  # a full disk has no room for the number, and the lock holds without it
            os.write(number, str(os.getpid()).encode())
        return number

    def _create(self) -> None:
        # Written under another name first, so that a file of this name is always complete.
        new = Path(f"{self._path}.new")
        for suffix in ("", "-journal"):
            Path(f"{new}{suffix}").unlink(missing_ok=True)
        try:
            new.touch(0o600)  # bodies are not redacted
            connection = sqlite3.connect(new, isolation_level=None)
            try:
                connection.executescript(_SCHEMA)
            finally:
                connection.close()
            new.replace(self._path)
        finally:
            new.unlink(missing_ok=True)

    def _check_header(self) -> None:
        with self._path.open("rb") as file:
            header = file.read(100)
        application, version = int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big")
        if header[:16] != _MAGIC and application != _APPLICATION:
            raise self._refused(
                "it is not a store of segment-mock, but a file of another kind; it was not changed. Use another file"
            )
        if header[:16] != _MAGIC or len(header) < 100:
            raise self._damaged("it does not have the header of a SQLite file")
        if application != _APPLICATION:
            raise self._refused(
                "it is not a store of segment-mock, but a SQLite database of another program; it was not changed. "
                "Use another file"
            )
        if version != FORMAT:
            raise self._refused(
                f"it has format {version}, and this version of segment-mock knows format {FORMAT}; "
                "use the version that wrote it, or another file"
            )

    def _read(self, query: str, *values: object) -> Generator[tuple[Any, ...], None, None]:
        connection = self._writer or self._reader
        if connection is None:
            raise StoreUnavailable(f"the store {self.url} is closed")
        try:
            yield from connection.execute(query, values)
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise self._in_use("") from None
            if self._writer is not None and not _is_damage(error):
                raise StoreUnavailable(f"the store {self.url} can't be read: {error}") from None
            raise self._damaged(str(error)) from None

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            writer = self._writer or self._opened()
            try:
                writer.execute("BEGIN IMMEDIATE")
                work(writer)
                writer.execute("COMMIT")
            except sqlite3.Error:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store {self.url} can't be written: {error}") from None

    def _opened(self) -> sqlite3.Connection:
        if self._lock is None:
            raise StoreUnavailable(f"the store {self.url} is closed")
        self._close_reader()
        writer = _connection(f"file:{quote(str(self._path.absolute()))}?mode=rw")
        try:
            for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                writer.execute(f"PRAGMA {setting}")
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        return writer

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
            for path in self._own_files:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _side_files(self) -> list[Path]:
        return [Path(f"{self._path}{suffix}") for suffix in ("-wal", "-shm")]

    def _unsealed(self, content: object) -> bytes:
        try:
            if not isinstance(content, bytes):
                raise ValueError("an entry does not consist of bytes")
            return unsealed(content)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    def _refused(self, reason: str) -> StoreError:
        return StoreError(f"store: {str(self._path)!r} can't be used: {reason}")

    def _damaged(self, reason: str) -> StoreError:
        return self._refused(f"it is damaged ({reason}); it was not changed. Move it away to start with an empty store")

    def _in_use(self, pid: str) -> StoreInUse:
        who = f"process {pid}" if pid else "another process"
        return StoreInUse(
            f"store: {str(self._path)!r} can't be used: {who} writes to it; standby (--standby) waits until that "
            "process ends"
        )


def _connection(place: str) -> sqlite3.Connection:
    return sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False, timeout=0)


def _is_damage(error: sqlite3.Error) -> bool:
    return not isinstance(error, sqlite3.OperationalError)


try:
    import fcntl
except ImportError:  # Windows

    def _lock(number: int) -> None:
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

else:

    def _lock(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
