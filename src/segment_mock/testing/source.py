"""What assertions ask of a mock: one in this process (`Emulator`), or one behind the control plane of a server."""

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
        """How many older entries fell out."""

    def get(self, number: int) -> Entry | None:
        """Return the entry with this id, or None."""

    def clear(self) -> None:
        """Forget every entry."""

    def describe_contents(self) -> str:
        """Return what is here, and what has been forgotten and why, as half a sentence."""

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough*, at most *timeout* real seconds; tell if it is."""


class Source(Protocol):
    """A mock, as far as assertions look at it."""

    @property
    def vendors(self) -> Mapping[str, Vendor]:
        """Its vendors by name."""

    @property
    def journal(self) -> Entries:
        """Its journal."""

    def now(self) -> float:
        """Return the time of its clock in epoch seconds."""

    def entry_filter(self, **filters: Any) -> EntryFilter:
        """Return which entries are meant; raises `SettingError` for an unknown filter, operation or vendor."""

    def entries(self, **filters: Any) -> list[Entry]:
        """Return the entries that are meant, oldest first."""

    def snapshot(self) -> Any:
        """Remember this moment; its ``mark`` is its place in the change log."""

    def changes_since(self, snapshot: Any) -> dict[str, list[Difference]]:
        """Return what has become of the records since *snapshot*, by full table name; raises LookupError."""
