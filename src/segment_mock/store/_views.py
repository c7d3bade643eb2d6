"""What replies make of records, kept as long as the record stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from ._seed import Record

_MOST = 1000  # so many records are remembered
Beside = TypeVar("Beside")
View: TypeAlias = Record
"""A record as a reply carries it: shared by replies, so never to be changed."""


class Views:
    """Remembers the view of a record, which is never changed, only replaced: its identity tells whether it is good."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Record, object, View]] = {}

    def of(self, record: Record, beside: Beside, make: Callable[[Record, Beside], View]) -> View:
        """Return what *make* makes of *record* and *beside*, the same object as long as both are the same."""
        kept = self._made.get(id(record))
        if kept is None or kept[0] is not record or kept[1] != beside:
            if len(self._made) >= _MOST:
                self._made.clear()
            # The record is kept too, so that no other can get its identity.
            self._made[id(record)] = kept = record, beside, make(record, beside)
        return kept[2]
