"""A model of a table, made of plain lists, and a check that a table has the same content as its model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from segment_mock.store import Index, Table, TableSchema

Row = dict[str, Any]
KEYS = ("", 0, None, ("a", 1), "b", "c", "d", "e")
VALUES = ("", "x", "y")
SCHEMA = TableSchema(
    "t",
    lambda row: row.get("id"),
    (
        Index("mail", lambda row: [row["mail"]] if "mail" in row else [], unique=True),
        Index("tag", lambda row: row.get("tags", [])),
        Index("all", lambda row: [""]),
    ),
)


def new_record(key: Any, body: Row) -> Row:
    """Return a record with the key *key* and the members of *body*; without an ``id`` if *key* is None."""
    return body if key is None else {"id": key, **body}


def without_duplicates(rows: Iterable[Row]) -> list[Row]:
    """Return *rows* without the records that `InitialRecords` would refuse: those with a duplicate key or mail."""
    model = Model([])
    for record in rows:
        if model.position(SCHEMA.key(record)) is None and not model.has_duplicate(record):
            model.rows.append(record)
    return model.rows


@dataclass
class Model:
    """The expected content of a table: its records in insertion order, and the keys of deleted records."""

    rows: list[Row]
    was_deleted: set[Any] = field(default_factory=set)

    def copy(self) -> Model:
        """Return a copy of the model."""
        return Model([*self.rows], {*self.was_deleted})

    def position(self, key: Any) -> int | None:
        """Return the index of the record with *key* in the list, or None."""
        return next((position for position, record in enumerate(self.rows) if SCHEMA.key(record) == key), None)

    def has_duplicate(self, new: Row) -> bool:
        """Return whether a record with another key has the same mail as *new*."""
        return any(
            "mail" in new and record.get("mail") == new["mail"]
            for record in self.rows
            if not have_same_key(record, new)
        )

    def put(self, new: Row) -> None:
        """Replace the record with the same key, or append *new*."""
        position = self.position(SCHEMA.key(new))
        if position is None:
            self.rows.append(new)
        else:
            self.rows[position] = new
        self.was_deleted.discard(SCHEMA.key(new))

    def delete(self, key: Any) -> bool:
        """Delete the record with *key*, and return whether there was one."""
        position = self.position(key)
        if position is not None:
            del self.rows[position]
            self.was_deleted.add(key)
        return position is not None


def have_same_key(one: Row, other: Row) -> bool:
    """Return whether both records have the same key."""
    return bool(SCHEMA.key(one) == SCHEMA.key(other))


def assert_same_content(table: Table, model: Model) -> None:
    """Check that all ways to read *table* give the content of *model*: records, pages, keys and indexes."""
    rows = model.rows
    assert (rows, len(rows)) == ([*table], len(table))
    assert rows == table.page(0, 10**30)
    assert [rows[offset : offset + 2] for offset in range(9)] == [table.page(offset, 2) for offset in range(9)]
    for key in KEYS:
        position = model.position(key)
        assert (None if position is None else rows[position]) == table.get(key)
        assert (position is not None, key in model.was_deleted) == (key in table, table.was_deleted(key))
    for index in SCHEMA.indexes:
        for value in VALUES:
            matching = [record for record in rows if value in index.values(record)]
            assert (matching, len(matching)) == (table.find(index.name, value), table.count(index.name, value))
            assert matching[1:3] == table.find(index.name, value, 1, 2)
            assert (matching[0] if matching else None) == table.first(index.name, value)


BODIES = st.fixed_dictionaries(
    {}, optional={"mail": st.sampled_from(VALUES), "tags": st.lists(st.sampled_from(VALUES)), "n": st.booleans()}
)
ROWS = st.builds(new_record, st.sampled_from(KEYS), BODIES)
RECORD_LISTS = st.lists(ROWS, min_size=2, max_size=7).map(without_duplicates)
