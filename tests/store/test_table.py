"""Tables over seed data: keys, places, indexes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from segment_mock.store import ChangeLog, Index, InitialRecords, Store, Table, TableSchema

HUGE = 10**30
LAYOUT = TableSchema(
    "people",
    lambda row: row.get("id"),
    (
        Index("mail", lambda row: [row["mail"]] if "mail" in row else [], unique=True),
        Index("tag", lambda row: row.get("tags", ())),
        Index("all", lambda row: [""]),
    ),
)


def table(*records: dict[str, Any]) -> Table:
    """Return a table over a seed of *records*."""
    return Store("", {"people": InitialRecords(LAYOUT, records)}, ChangeLog())["people"]


def ids(rows: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the keys of *rows* in order."""
    return [row["id"] for row in rows]


def test_get() -> None:
    """A record is found by its key, in the seed, written, or not at all."""
    rows = table({"id": 1, "n": "seed"}, {"id": 2})
    rows.put({"id": 3})
    rows.put({"id": 1, "n": "new"})

    assert [{"id": 1, "n": "new"}, {"id": 2}, {"id": 3}, None] == [rows.get(key) for key in (1, 2, 3, 4)]
    assert [True, False] == [key in rows for key in (3, 4)]
    assert len(rows) == 3


@pytest.mark.parametrize("key", [0, "", (), ("a", 1), False, None])
def test_keys_that_look_like_nothing(key: Any) -> None:
    """Any hashable value may be a key: tuples, and what counts as false."""
    seeded, written = table({"id": key}), table({"id": "x"})
    written.put({"id": key})

    for rows in (seeded, written):
        assert key in rows
        assert rows.delete(key)
        assert rows.was_deleted(key)
        rows.put({"id": key})
        assert {"id": key} == rows.get(key)


@pytest.mark.parametrize("seeded", [True, False])
def test_an_empty_record(seeded: bool) -> None:
    """A record without members is a record: paged, found by index, replaced and deleted."""
    rows = table({}) if seeded else table()
    rows.put({})

    assert (1, [{}], [{}], 1) == (len(rows), [*rows], rows.find("all", ""), rows.count("all", ""))
    assert rows.get(None) == {}
    assert rows.delete(None)
    assert (0, [], []) == (len(rows), [*rows], rows.find("all", ""))


def test_an_update_keeps_its_place() -> None:
    """A record that is replaced, once or often, stays where it stood, in the seed's part or after."""
    rows = table({"id": 1}, {"id": 2})
    rows.put({"id": 3})
    rows.put({"id": 4})
    for n in range(3):
        for key in (1, 3):
            assert {"id": key, "n": n} == rows.put({"id": key, "n": n})

    assert [{"id": 1, "n": 2}, {"id": 2}, {"id": 3, "n": 2}, {"id": 4}] == [*rows]
    assert len(rows) == 4


def test_a_record_put_again_goes_to_the_end() -> None:
    """After a deletion its key begins again."""
    rows = table({"id": 1}, {"id": 2})
    rows.put({"id": 3})
    for key in (1, 3, 2):
        assert rows.delete(key)
        rows.put({"id": key})

    assert [1, 3, 2] == ids(rows)
    assert [3] == ids(rows.page(1, 1))


def test_delete_what_is_not_there() -> None:
    rows = table({"id": 1})

    assert [False, True, False] == [rows.delete(2), rows.delete(1), rows.delete(1)]


def test_retired() -> None:
    """A key is retired from its deletion until it is put again; an unknown one never was."""
    rows = table({"id": 1}, {"id": 2})
    states = [rows.was_deleted(1)]
    rows.delete(1)
    states.append(rows.was_deleted(1))
    rows.put({"id": 1})
    states.append(rows.was_deleted(1))

    assert [False, True, False] == states
    assert not rows.was_deleted(9)


def test_pages() -> None:
    """Pages run over holes and over the seam between seed and later records; past the end they are empty."""
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


@pytest.mark.parametrize("is_known", [False, True])
def test_a_record_that_an_index_can_not_read_changes_nothing(is_known: bool) -> None:
    def stripped(record: Any) -> tuple[str]:
        return (record["name"].strip(),)

    schema = TableSchema(
        "people", lambda row: row["id"], (Index("kind", lambda row: (row["kind"],)), Index("name", stripped))
    )
    log = ChangeLog()
    rows = Store("", {"people": InitialRecords(schema)}, log)["people"]
    if is_known:
        rows.put({"id": "1", "kind": "a", "name": "A"})
    before, mark = [*rows], log.mark

    with pytest.raises(AttributeError):
        rows.put({"id": "1", "kind": "b", "name": 5})

    assert (before, mark, 0) == ([*rows], log.mark, rows.count("kind", "b"))
    rows.put({"id": "2", "kind": "b", "name": "B"})
    assert [*ids(before), "2"] == ids(rows)
