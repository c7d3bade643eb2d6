"""What is remembered, indexed and undone: tables over seed data, and one change log for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .change_log import Change, ChangeLog, Difference, differences
from .schema import DuplicateKey, Index, InitialRecords, Key, Record, Row, TableSchema
from .table import Table

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
    "differences",
]  # fmt: skip


class Store(dict[str, Table]):
    """All tables of one *organization*, over seeds that other organizations may share.

    Two stores over the same seeds are forks of the same initial data: making one costs a few
    empty dictionaries, whatever the seeds weigh.
    """

    def __init__(self, organization: str, initial: Mapping[str, InitialRecords], log: ChangeLog) -> None:
        super().__init__({name: Table(organization, seed, log.append) for name, seed in initial.items()})
        self.organization = organization

    def replace(self, initial: Iterable[tuple[str, InitialRecords]]) -> None:
        """Give each named table the records of its seed and no others; logged, so it can be undone."""
        for name, seed in initial:
            self[name].replace(seed)
