"""The SQLite file of a store: refusal of damaged and foreign files, a full disk, locks, and URLs."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError
from segment_mock.persistence import StoreError, StoreInUse, StoreUnavailable, check_url, open_log, public_url
from tests.persistence.engines import sqlite_url
from tests.persistence.test_log import WRITER_THAT_KILLS_ITSELF, open_for_writing

WRITER_THAT_WAITS = """
import sys
from segment_mock.persistence import open_log
log = open_log(sys.argv[1])
log.acquire()
print("ready", flush=True)
sys.stdin.read()
"""


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in *folder* by name, without lock files."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith(".lock")}


def read_all(url: str) -> None:
    """Open the store *url* for writing, read all its entries, and close it."""
    log = open_log(url)
    log.acquire()
    try:
        list(log.entries())
    finally:
        log.close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not a database\n" * 100, "not a store of segment-mock, but a file of another kind; it was not changed"),
        (b"x", "not a store of segment-mock, but a file of another kind; it was not changed"),
        (b"SQLite format 3\0", r"damaged \(it does not have the header of a SQLite file\)"),
        (b"sqlite format 3\0" + bytes(52) + b"SGMK" + bytes(4024), "damaged"),
        (b"SQLite format 3\0" + bytes(4080), "not a store of segment-mock, but a SQLite database of another program"),
    ],
)
def test_file_that_is_not_a_store_is_refused_and_unchanged(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StoreError, match=sentence):
        read_all(sqlite_url(tmp_path))
    assert contents(tmp_path) == {"state.db": content}


@pytest.mark.parametrize("last_writer", ["closed", "killed"])
@pytest.mark.parametrize("damage_at", [0.3, 0.5, 0.9])
def test_damaged_file_is_refused_and_unchanged(tmp_path: Path, damage_at: float, last_writer: str) -> None:
    url = sqlite_url(tmp_path)
    log = open_for_writing(url)
    for number in range(200):
        log.append(b"%d " % number * 100)
    log.close()
    if last_writer == "killed":
        result = subprocess.run([sys.executable, "-c", WRITER_THAT_KILLS_ITSELF, url, "3"], check=False)
        assert result.returncode == -signal.SIGKILL
    file = tmp_path / "state.db"
    content = bytearray(file.read_bytes())
    begin = int(len(content) * damage_at)
    content[begin : begin + 5000] = bytes(byte ^ 0x55 for byte in content[begin : begin + 5000])
    file.write_bytes(content)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="damaged") as error:
        read_all(url)
    assert "\n" not in str(error.value)
    assert contents(tmp_path) == before


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    log = open_for_writing(url)
    for _ in range(100):
        log.append(bytes(1000))
    log.close()
    file = tmp_path / "state.db"
    file.write_bytes(file.read_bytes()[:-20_000])
    with pytest.raises(StoreError, match="damaged"):
        read_all(url)


def test_missing_entry_is_reported_with_its_number(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    log = open_for_writing(url)
    for _ in range(3):
        log.append(b"entry")
    log.close()
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM entries WHERE number = 2")
    with pytest.raises(StoreError, match="entry 2 is missing"):
        read_all(url)


def test_other_format_version_is_refused_with_both_versions(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    open_for_writing(url).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="format 7, and this version of segment-mock knows format 1"):
        read_all(url)


def test_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    command = [sys.executable, "-c", WRITER_THAT_WAITS, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(StoreInUse, match=f"process {writer.pid} writes to it"):
            open_for_writing(url)
        writer.kill()
    open_for_writing(url).close()  # the lock of a killed process is released


@pytest.mark.parametrize("damage_at", [0, 5, 20, 33, 50, 5000, 0.1, 0.5, 0.8])
def test_damaged_write_ahead_log_is_refused_and_unchanged(tmp_path: Path, damage_at: float) -> None:
    """SQLite itself would silently drop every commit after the damaged byte."""
    url = sqlite_url(tmp_path)
    subprocess.run([sys.executable, "-c", WRITER_THAT_KILLS_ITSELF, url, "40"], check=False)
    log = tmp_path / "state.db-wal"
    content = bytearray(log.read_bytes())
    content[int(len(content) * damage_at) if isinstance(damage_at, float) else damage_at] ^= 0x55
    log.write_bytes(content)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="damaged"):
        read_all(url)

    assert before == contents(tmp_path)


@pytest.mark.parametrize("kept_part", [0, 20, 32, 0.4, 0.97, 1.0])
def test_truncated_write_ahead_log_keeps_the_entries_before_its_end(tmp_path: Path, kept_part: float) -> None:
    """A power failure leaves such a file."""
    url = sqlite_url(tmp_path)
    subprocess.run([sys.executable, "-c", WRITER_THAT_KILLS_ITSELF, url, "40"], check=False)
    log = tmp_path / "state.db-wal"
    content = log.read_bytes()
    log.write_bytes(content[: int(len(content) * kept_part) if isinstance(kept_part, float) else kept_part])
    reopened = open_for_writing(url)
    entries = [*reopened.entries()]
    reopened.append(b"more")
    reopened.close()

    assert entries == [b"entry %d" % number for number in range(len(entries))]


def test_writer_keeps_its_lock_after_its_lock_file_was_removed(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    first = open_for_writing(url)
    first.append(b"one")
    (tmp_path / "state.db.lock").unlink()
    with pytest.raises(StoreInUse, match="another process"):
        read_all(url)
    first.append(b"two")
    first.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_cannot_append_to_the_log(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    log = open_for_writing(url)
    log.append(b"one")
    child = os.fork()
    if not child:
        try:
            log.append(b"of the child")
        except StoreUnavailable:
            os._exit(7)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    log.append(b"two")
    log.close()
    reopened = open_for_writing(url)
    assert [*reopened.entries()] == [b"one", b"two"]
    reopened.close()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_files_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    log = open_for_writing(sqlite_url(tmp_path))
    log.append(b"one")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    assert len([*tmp_path.iterdir()]) >= 3
    log.close()


def test_append_fails_while_the_file_cannot_grow_and_succeeds_afterwards(tmp_path: Path) -> None:
    log = open_for_writing(sqlite_url(tmp_path))
    log.append(b"one")
    writer = log._writer  # type: ignore[attr-defined]
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailable, match="full"):
        log.append(bytes(100_000))
    with pytest.raises(StoreUnavailable, match="full"):
        log.resume()
    assert [*log.entries()] == [b"one"]
    writer.execute("PRAGMA max_page_count = 100000")
    log.resume()
    log.append(b"two")
    assert [*log.entries()] == [b"one", b"two"]
    log.close()


@pytest.mark.parametrize("path", ["missing/state.db", "."])
def test_path_that_cannot_be_a_file_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(StoreError, match="can't be used"):
        open_log(f"sqlite:///{tmp_path}/{path}").acquire()


@pytest.mark.parametrize(
    "url",
    [
        "", "sqlite", "sqlite://", "sqlite:///", "sqlite://host/file", "sqlite:///dir/", "postgres://h/d", "file.db",
        "redis://", "redis:///1", "redis://host/x", "redis://host:99999/0", "redis://host:x/0", "redis://h/0?a=b",
        "redis://[::1/0", "sqlite:///a?b", "Memory",
    ],
)  # fmt: skip
def test_invalid_store_url_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="store: "):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@/0", "redis://u:hunter2@h:99999/0", "rediss://x:hunter2@h/0?hunter2",
        *(f"redis://u:hunter2{mark}x@h/0" for mark in "/?#"), *(f"redis://u:x{mark}hunter2@h/0" for mark in "/?#["),
        "redis:/u:hunter2@h", "redis:u:hunter2@h", "sqlite://u:hunter2@h/x",
    ],
)  # fmt: skip
def test_error_of_an_invalid_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(StoreError) as error:
        check_url(url)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("value", [["redis://u:hunter2@h"], {"redis://u:hunter2@h": 1}, b"redis://u:hunter2@h"])
def test_error_of_a_store_setting_of_another_type_does_not_show_its_password(value: Any) -> None:
    with pytest.raises(SettingError, match="store: expected text, not ") as error:
        SegmentMock(store=value)
    assert "hunter2" not in str(error.value)


def test_error_of_an_unescaped_slash_in_a_password_names_the_escape() -> None:
    with pytest.raises(StoreError, match="in a password as %2F"):
        check_url("redis://u:a/b@h/0")


def test_public_url_of_a_file_with_an_at_sign_is_complete() -> None:
    assert public_url("sqlite:////tmp/a:b@c.db") == "sqlite:////tmp/a:b@c.db"
