"""Tables over shared initial records, and one change log for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .change_log import Change, ChangeLog, Difference, differences
from .table import (
    DuplicateKey,
    Index,
    InitialRecords,
    Key,
    Record,
    Row,
    Table,
    TableSchema,
    TableState,
    is_logged,
    repeat_write,
    restored_state,
    set_state,
    state_of,
)

__all__ = [
    "Change",
    "ChangeLog",
    "Difference",
    "DuplicateKey",
    "Index",
    "InitialRecords",
    "Key",
    "Record",
    "Row",
    "Store",
    "Table",
    "TableSchema",
    "TableState",
    "differences",
    "is_logged",
    "repeat_write",
    "restored_state",
    "set_state",
    "state_of",
]  # fmt: skip


class Store(dict[str, Table]):
    """All tables of one *organization*, by full name such as ``salsa.segments``.

    Their initial records may be shared with other organizations, so a new store costs a few empty dictionaries,
    independent of the number of records.
    """

    def __init__(self, organization: str, initial: Mapping[str, InitialRecords], log: ChangeLog) -> None:
        super().__init__({name: Table(organization, records, log.append) for name, records in initial.items()})
        self.organization = organization

    def __missing__(self, name: str) -> Table:
        raise KeyError(f"unknown table {name!r}; expected one of {', '.join(self)}")

    def replace(self, initial: Iterable[tuple[str, InitialRecords]]) -> None:
        """Replace all records of each named table. The change log records it, so that it can be undone."""
        for name, records in initial:
            self[name].replace(records)
