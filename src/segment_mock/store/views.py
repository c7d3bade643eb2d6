"""What replies make of records, kept as long as the record stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from .schema import Record

_MOST = 1000  # so many records are remembered
View: TypeAlias = Record
"""A record as a reply carries it: shared by replies, so never to be changed."""


class Views:
    """Remembers the view of a record, which is never changed, only replaced: its identity tells whether it is good."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Record, object, View]] = {}

    def of(self, records: Iterable[Record], version: object, make: Callable[[Record], View]) -> list[View]:
        """Return what *make* makes of each of *records*, the same object as long as the record is the same.

        *version* tells whether what else *make* looks at is: any other value than before, and it is asked again.
        """
        views, made = [], self._made
        for record in records:
            kept = made.get(id(record))
            if kept is None or kept[0] is not record or kept[1] != version:
                if len(made) >= _MOST:
                    made.clear()
                # The record is kept too, so that no other can get its identity.
                made[id(record)] = kept = record, version, make(record)
            views.append(kept[2])
        return views
