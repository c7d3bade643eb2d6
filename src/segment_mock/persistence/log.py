"""The interface of a lasting log, which each engine implements, and its errors."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator
from zlib import crc32

from ..settings import SettingError

FORMAT = 1
"""The version of what the log contains; a store of another version is refused."""
_PASSWORD = re.compile(r"\A(?:(?!sqlite:)[^:/]*:/{0,2}.*|sqlite://[^/]*)@", re.DOTALL | re.IGNORECASE)
_QUERY = re.compile(r"[?#].*", re.DOTALL)


class StoreError(SettingError):
    """A store can't be opened: it is damaged, has another format, or is not a store."""


class StoreInUse(StoreError):
    """Another process writes to the store."""


class StoreUnavailable(Exception):
    """An entry could not be saved. The store may answer again later; see `LastingLog.resume`."""


class LastingLog(ABC):
    """An append-only log of one state, with immutable blobs beside it, and one writer at a time.

    Each method raises `StoreUnavailable` while the engine does not answer, and `StoreError` for a damaged or foreign
    store. *url* has no password.
    """

    def __init__(self, url: str) -> None:
        self.url = public_url(url)

    @abstractmethod
    def acquire(self) -> None:
        """Become the only writer; raises `StoreInUse` with the current writer's process."""

    @abstractmethod
    def entries(self) -> Generator[bytes, None, None]:
        """Yield every entry since the last compaction, oldest first.

        The first entry is the result of the compaction.
        """

    @abstractmethod
    def blob(self, name: str) -> bytes:
        """Return the blob that was put under *name*."""

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Add a blob before any entry refers to it. Each name is used only once."""

    @abstractmethod
    def append(self, entry: bytes) -> None:
        """Add *entry*, all of it or nothing; it is saved once this returns."""

    @abstractmethod
    def compact(self, entry: bytes, keep: Collection[str]) -> None:
        """Replace all entries with *entry*, and remove all blobs except the ones named in *keep*, in one step."""

    @abstractmethod
    def resume(self) -> None:
        """Become the writer again after `StoreUnavailable`, without waiting.

        Returns when entries can be read and appended again. Read all of them, because the last ones may not have been
        written. Raises `StoreUnavailable` otherwise.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the store, so that another process may write."""


def public_url(url: str) -> str:
    """Return *url* without user, password and query, even if the password contains characters that end it in a URL."""
    return _QUERY.sub("", _PASSWORD.sub(f"{url.partition(':')[0]}://***@", url))


def sealed(content: bytes) -> bytes:
    """Return *content* with its checksum before it."""
    return crc32(content).to_bytes(4, "big") + content


def unsealed(content: bytes) -> bytes:
    """Return the content of `sealed`; raises ValueError if it has changed since."""
    if len(content) < 4 or crc32(content[4:]).to_bytes(4, "big") != content[:4]:
        raise ValueError("a checksum does not match")
    return content[4:]
