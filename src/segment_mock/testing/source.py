"""The interface that assertions need from a mock: an `Emulator` in this process, or a remote one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from ..core import Vendor
from ..journal import Entry, EntryFilter
from ..store import Difference


class Entries(Protocol):
    """The entries of a journal, oldest first."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Entry]: ...
    @property
    def forgotten(self) -> int:
        """How many older entries were dropped."""

    def get(self, number: int) -> Entry | None:
        """Return the entry with this id, or None."""

    def clear(self) -> None:
        """Drop every entry."""

    def describe_contents(self) -> str:
        """Return a clause for messages: which entries there are, and which were dropped and why."""

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough* returns True, at most *timeout* real seconds, and return whether it did."""


class Source(Protocol):
    """A mock, as assertions see it."""

    @property
    def vendors(self) -> Mapping[str, Vendor]:
        """Its vendors by name."""

    @property
    def journal(self) -> Entries:
        """Its journal."""

    def now(self) -> float:
        """Return the time of its clock in epoch seconds."""

    def entry_filter(self, **filters: Any) -> EntryFilter:
        """Return a filter of entries; raises `SettingError` for an unknown filter, operation or vendor."""

    def entries(self, **filters: Any) -> list[Entry]:
        """Return the matching entries, oldest first."""

    def snapshot(self) -> Any:
        """Take a snapshot; its ``mark`` is its position in the change log."""

    def changes_since(self, snapshot: Any) -> dict[str, list[Difference]]:
        """Return how the records differ from *snapshot*, by full table name; raises LookupError."""
