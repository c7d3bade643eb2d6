"""State that outlives a process: one append-only log with compaction, on SQLite or on Redis.

`open_log` returns the `LastingLog` of a URL. Acquire it, read blobs and entries, and then append entries. Entries are
bytes, whose contents are up to the caller.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from ..json_match import brief
from .log import LastingLog, StoreError, StoreInUse, StoreUnavailable, public_url

__all__ = [
    "MEMORY",
    "LastingLog",
    "StoreError",
    "StoreInUse",
    "StoreUnavailable",
    "check_url",
    "open_log",
    "public_url",
]

MEMORY = "memory"
FORMS = "memory, sqlite:///FILE or redis://HOST:PORT/DB"


def open_log(url: str) -> LastingLog:
    """Return the log of the setting ``store``; raises `StoreError` if *url* is not the URL of a store."""
    check_url(url)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        from .sqlite import SqliteLog

        return SqliteLog(url, unquote(parts.path.removeprefix("/")))
    from .redis import RedisLog

    return RedisLog(url)


def check_url(url: str) -> str:
    """Return *url* if it is ``memory`` or the URL of a store; raises `StoreError` otherwise."""
    if url == MEMORY:
        return url
    visible = brief(public_url(url))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # The error may have a part of the password.
        reason = "write / ? # [ ] in a password as %2F %3F %23 %5B %5D" if "@" in url else str(error)
        raise StoreError(f"store: {visible} is not a URL: {reason} (--store or SEGMENT_MOCK_STORE)") from None
    if parts.scheme == "sqlite":
        is_file = bool(parts.path.strip("/")) and not parts.path.endswith(("/", ":memory:"))
        is_url = is_file and not parts.netloc and "\0" not in url
    else:
        is_server = parts.scheme == "redis" and bool(parts.hostname) and port != 0
        is_url = is_server and re.fullmatch(r"(/[0-9]{0,4})?", parts.path) is not None
    if not is_url or parts.query or parts.fragment:
        raise StoreError(f"store: {visible} is not {FORMS} (--store or SEGMENT_MOCK_STORE)")
    return url
