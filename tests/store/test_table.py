"""Tables with initial records: keys, insertion order and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from segment_mock.store import ChangeLog, Index, InitialRecords, Store, Table, TableSchema

HUGE = 10**30
SCHEMA = TableSchema(
    "people",
    lambda row: row.get("id"),
    (
        Index("mail", lambda row: [row["mail"]] if "mail" in row else [], unique=True),
        Index("tag", lambda row: row.get("tags", ())),
        Index("all", lambda row: [""]),
    ),
)


def table(*records: dict[str, Any]) -> Table:
    """Return a table whose initial records are *records*."""
    return Store("", {"people": InitialRecords(SCHEMA, records)}, ChangeLog())["people"]


def ids(rows: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the keys of *rows* in order."""
    return [row["id"] for row in rows]


def test_get_finds_initial_inserted_and_updated_records_by_key() -> None:
    rows = table({"id": 1, "n": "seed"}, {"id": 2})
    rows.put({"id": 3})
    rows.put({"id": 1, "n": "new"})

    assert [{"id": 1, "n": "new"}, {"id": 2}, {"id": 3}, None] == [rows.get(key) for key in (1, 2, 3, 4)]
    assert [True, False] == [key in rows for key in (3, 4)]
    assert len(rows) == 3


@pytest.mark.parametrize("key", [0, "", (), ("a", 1), False, None])
def test_any_hashable_value_can_be_a_key(key: Any) -> None:
    """This includes tuples, None and other values that are false in a condition."""
    initial, inserted = table({"id": key}), table({"id": "x"})
    inserted.put({"id": key})

    for rows in (initial, inserted):
        assert key in rows
        assert rows.delete(key)
        assert rows.was_deleted(key)
        rows.put({"id": key})
        assert {"id": key} == rows.get(key)


@pytest.mark.parametrize("is_initial", [True, False])
def test_a_record_without_members_is_a_record(is_initial: bool) -> None:
    """It can be listed, found by an index, replaced and deleted."""
    rows = table({}) if is_initial else table()
    rows.put({})

    assert (1, [{}], [{}], 1) == (len(rows), [*rows], rows.find("all", ""), rows.count("all", ""))
    assert rows.get(None) == {}
    assert rows.delete(None)
    assert (0, [], []) == (len(rows), [*rows], rows.find("all", ""))


def test_an_updated_record_keeps_its_position() -> None:
    """This holds for initial records and inserted records, also after several updates."""
    rows = table({"id": 1}, {"id": 2})
    rows.put({"id": 3})
    rows.put({"id": 4})
    for n in range(3):
        for key in (1, 3):
            assert {"id": key, "n": n} == rows.put({"id": key, "n": n})

    assert [{"id": 1, "n": 2}, {"id": 2}, {"id": 3, "n": 2}, {"id": 4}] == [*rows]
    assert len(rows) == 4


def test_a_record_inserted_after_its_deletion_goes_to_the_end() -> None:
    rows = table({"id": 1}, {"id": 2})
    rows.put({"id": 3})
    for key in (1, 3, 2):
        assert rows.delete(key)
        rows.put({"id": key})

    assert [1, 3, 2] == ids(rows)
    assert [3] == ids(rows.page(1, 1))


def test_delete_returns_whether_there_was_a_record() -> None:
    rows = table({"id": 1})

    assert [False, True, False] == [rows.delete(2), rows.delete(1), rows.delete(1)]


def test_was_deleted_is_true_from_deletion_to_the_next_insert() -> None:
    """It is false for an unknown key."""
    rows = table({"id": 1}, {"id": 2})
    states = [rows.was_deleted(1)]
    rows.delete(1)
    states.append(rows.was_deleted(1))
    rows.put({"id": 1})
    states.append(rows.was_deleted(1))

    assert [False, True, False] == states
    assert not rows.was_deleted(9)


def test_pages_skip_deleted_records_and_are_empty_past_the_end() -> None:
    """A page can span initial and inserted records."""
    rows = table(*({"id": n} for n in range(10)))
    for key in (0, 3, 4, 9):
        rows.delete(key)
    rows.put({"id": 10})
    everything = [1, 2, 5, 6, 7, 8, 10]

    assert everything == ids(rows)
    for offset in range(9):
        assert everything[offset : offset + 3] == ids(rows.page(offset, 3))
    assert everything == ids(rows.page(0, HUGE))
    assert [] == rows.page(HUGE, HUGE)
    assert [] == rows.page(0, 0)


@pytest.mark.parametrize("is_update", [False, True])
def test_a_record_that_an_index_cannot_read_is_not_written(is_update: bool) -> None:
    def stripped_name(record: Any) -> tuple[str]:
        return (record["name"].strip(),)

    schema = TableSchema(
        "people", lambda row: row["id"], (Index("kind", lambda row: (row["kind"],)), Index("name", stripped_name))
    )
    log = ChangeLog()
    rows = Store("", {"people": InitialRecords(schema)}, log)["people"]
    if is_update:
        rows.put({"id": "1", "kind": "a", "name": "A"})
    before, mark = [*rows], log.mark

    with pytest.raises(AttributeError):
        rows.put({"id": "1", "kind": "b", "name": 5})

    assert (before, mark, 0) == ([*rows], log.mark, rows.count("kind", "b"))
    rows.put({"id": "2", "kind": "b", "name": "B"})
    assert [*ids(before), "2"] == ids(rows)
