"""What a store should hold, as plain lists, and everything that can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from segment_mock.store import Index, Table, TableSchema

Row = dict[str, Any]
KEYS = ("", 0, None, ("a", 1), "b", "c", "d", "e")
VALUES = ("", "x", "y")
LAYOUT = TableSchema(
    "t",
    lambda row: row.get("id"),
    (
        Index("mail", lambda row: [row["mail"]] if "mail" in row else [], unique=True),
        Index("tag", lambda row: row.get("tags", [])),
        Index("all", lambda row: [""]),
    ),
)


def row(key: Any, body: Row) -> Row:
    """Return a row of *key*; that of None names no key and may be empty."""
    return body if key is None else {"id": key, **body}


def distinct(rows: Iterable[Row]) -> list[Row]:
    """Return *rows* without those that a seed would refuse."""
    model = Model([])
    for each in rows:
        if model.place(LAYOUT.key(each)) is None and not model.has_duplicate(each):
            model.rows.append(each)
    return model.rows


@dataclass
class Model:
    """What a table should hold: its rows in order, and the keys that once had one."""

    rows: list[Row]
    was_deleted: set[Any] = field(default_factory=set)

    def copy(self) -> Model:
        """Return the current records."""
        return Model([*self.rows], {*self.was_deleted})

    def place(self, key: Any) -> int | None:
        """Return where the row of *key* stands."""
        return next((place for place, each in enumerate(self.rows) if LAYOUT.key(each) == key), None)

    def has_duplicate(self, new: Row) -> bool:
        """Return whether another row has the mail of *new*."""
        return any("mail" in new and each.get("mail") == new["mail"] for each in self.rows if not same(each, new))

    def put(self, new: Row) -> None:
        """Replace in place or append."""
        place = self.place(LAYOUT.key(new))
        if place is None:
            self.rows.append(new)
        else:
            self.rows[place] = new
        self.was_deleted.discard(LAYOUT.key(new))

    def delete(self, key: Any) -> bool:
        """Remove and remember."""
        place = self.place(key)
        if place is not None:
            del self.rows[place]
            self.was_deleted.add(key)
        return place is not None


def same(one: Row, other: Row) -> bool:
    """Return whether both have the same key."""
    return bool(LAYOUT.key(one) == LAYOUT.key(other))


def agree(table: Table, model: Model) -> None:
    """Ask *table* everything that *model* knows."""
    rows = model.rows
    assert (rows, len(rows)) == ([*table], len(table))
    assert rows == table.page(0, 10**30)
    assert [rows[offset : offset + 2] for offset in range(9)] == [table.page(offset, 2) for offset in range(9)]
    for key in KEYS:
        place = model.place(key)
        assert (None if place is None else rows[place]) == table.get(key)
        assert (place is not None, key in model.was_deleted) == (key in table, table.was_deleted(key))
    for index in LAYOUT.indexes:
        for value in VALUES:
            having = [each for each in rows if value in index.values(each)]
            assert (having, len(having)) == (table.find(index.name, value), table.count(index.name, value))
            assert having[1:3] == table.find(index.name, value, 1, 2)
            assert (having[0] if having else None) == table.first(index.name, value)


BODIES = st.fixed_dictionaries(
    {}, optional={"mail": st.sampled_from(VALUES), "tags": st.lists(st.sampled_from(VALUES)), "n": st.booleans()}
)
ROWS = st.builds(row, st.sampled_from(KEYS), BODIES)
SEEDS = st.lists(ROWS, min_size=2, max_size=7).map(distinct)
