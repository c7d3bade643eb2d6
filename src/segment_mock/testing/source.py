"""The interface that assertions need from a mock: an `Emulator` in this process, or a remote one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from ..core import Vendor
from ..journal import Entry, EntryFilter
from ..store import Difference


class Entries(Protocol):
    """The entries of a journal, oldest first, as `Source.journal` gives them."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Entry]: ...
    @property
    def forgotten(self) -> int:
        """The number of older entries that were dropped."""

    def get(self, number: int) -> Entry | None:
        """Return the entry with the id *number*, or None."""

    def clear(self) -> None:
        """Drop all entries."""

    def describe_contents(self) -> str:
        """Return a phrase for error messages: the ids in the journal, and how many entries were dropped and why."""

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough* returns True, at most *timeout* real seconds; return whether it did."""


class Source(Protocol):
    """The parts of a mock that assertions use."""

    @property
    def vendors(self) -> Mapping[str, Vendor]:
        """The vendors of the mock, by name."""

    @property
    def journal(self) -> Entries:
        """The journal of the mock."""

    def now(self) -> float:
        """Return the time of the mock's clock in epoch seconds."""

    def entry_filter(self, **filters: Any) -> EntryFilter:
        """Return a filter of entries; raises `SettingError` for an unknown filter, operation or vendor."""

    def entries(self, **filters: Any) -> tuple[list[Entry], list[Entry]]:
        """Return the matching entries, and those that may match, both oldest first."""

    def snapshot(self) -> Any:
        """Take a snapshot; its ``mark`` is its position in the change log."""

    def changes_since(self, snapshot: Any) -> dict[str, list[Difference]]:
        """Return the differences of the records from *snapshot*, by full table name.

        Raises LookupError after a reset.
        """
