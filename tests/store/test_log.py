"""One change log for all tables: what changed, and how it is undone."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from segment_mock.store import ChangeLog, DuplicateKey, Index, InitialRecords, Store, Table, TableSchema, differences

LAYOUT = TableSchema("t", lambda row: row["id"], (Index("n", lambda row: [row["n"]] if "n" in row else []),))
UNIQUE = TableSchema("t", lambda row: row["id"], (Index("n", lambda row: [row["n"]], unique=True),))


class Fork(NamedTuple):
    """A world with one table, over a seed of three rows."""

    log: ChangeLog
    seed: InitialRecords
    store: Store
    rows: Table


def fork() -> Fork:
    """Return a small world."""
    log, seed = ChangeLog(), InitialRecords(LAYOUT, [{"id": key, "n": "old"} for key in "abc"])
    store = Store("", {"t": seed}, log)
    return Fork(log, seed, store, store["t"])


def names(rows: Table) -> list[str]:
    """Return key and value of each row in order."""
    return [row["id"] + ":" + str(row.get("n")) for row in rows]


@pytest.mark.parametrize(
    ("schema", "rows", "message"),
    [
        (LAYOUT, [{"id": 1}, {"id": 2}, {"id": 1}], "t[2]: the id 1 is also that of t[0]"),
        (UNIQUE, [{"id": 1, "n": ""}, {"id": 2, "n": ""}], "t[1]: the n '' is also that of t[0]"),
    ],
)
def test_a_seed_refuses_doubles(schema: TableSchema, rows: list[dict[str, Any]], message: str) -> None:
    """Two records of one key, or of one unique value, are no initial data; the error names the value."""
    with pytest.raises(DuplicateKey, match=f"^{re.escape(message)}$"):
        InitialRecords(schema, rows)


def test_rollback() -> None:
    """Insert, update and deletion are undone: places, indexes and retired keys are as before."""
    world = fork()
    mark = world.log.mark
    world.rows.put({"id": "d", "n": "new"})
    world.rows.put({"id": "b", "n": "new"})
    world.rows.delete("a")
    world.rows.put({"id": "a", "n": "new"})
    world.rows.delete("c")
    world.log.rollback(mark)

    assert ["a:old", "b:old", "c:old"] == names(world.rows)
    assert (3, 0) == (world.rows.count("n", "old"), world.rows.count("n", "new"))
    assert [row["id"] for row in world.rows.find("n", "old")] == ["a", "b", "c"]
    assert [False] * 4 == [world.rows.was_deleted(key) for key in "abcd"]


def test_rollback_of_a_rollback() -> None:
    """A moment that was rolled back can be returned to, as often as one likes."""
    world = fork()
    start = world.log.mark
    world.rows.delete("b")
    world.rows.put({"id": "d", "n": "new"})
    end = world.log.mark
    for _ in range(3):
        world.log.rollback(start)
        assert ["a:old", "b:old", "c:old"] == names(world.rows)
        world.log.rollback(end)
        assert ["a:old", "c:old", "d:new"] == names(world.rows)


def test_rollback_covers_all_organizations() -> None:
    """The log is the world's: every organization and table returns to the same moment."""
    world = fork()
    other = Store("other", {"t": world.seed}, world.log)["t"]
    mark = world.log.mark
    world.rows.delete("a")
    other.delete("b")
    world.log.rollback(mark)

    assert names(world.rows) == names(other) == ["a:old", "b:old", "c:old"]


def test_changes_tell_whose_they_are() -> None:
    """A store and its tables bear their organization's name, and so does each change."""
    world = fork()
    other = Store("other", {"t": world.seed}, world.log)
    world.rows.delete("a")
    other["t"].delete("b")

    assert ("other", "other") == (other.organization, other["t"].organization)
    assert [(0, "", "a"), (1, "other", "b")] == [(*change[:2], change.key) for change in world.log.since(0)]


def test_undone() -> None:
    """One organization looks for a while as it was; afterwards nothing tells of it."""
    world = fork()
    other = Store("other", {"t": world.seed}, world.log)["t"]
    mark = world.log.mark
    world.rows.delete("a")
    other.delete("b")
    world.rows.put({"id": "d", "n": "new"})
    end, length = world.log.mark, len(world.log)
    with world.log.undone(mark, ""):
        assert ["a:old", "b:old", "c:old"] == names(world.rows)
        assert ["a:old", "c:old"] == names(other)

    assert ["b:old", "c:old", "d:new"] == names(world.rows)
    assert ["a:old", "c:old"] == names(other)
    assert world.rows.was_deleted("a")
    assert (end, length) == (world.log.mark, len(world.log))


def test_undone_while_a_reader_fails() -> None:
    world = fork()
    mark = world.log.mark
    world.rows.delete("a")
    with pytest.raises(ZeroDivisionError), world.log.undone(mark, ""):
        _ = 1 / 0

    assert ["b:old", "c:old"] == names(world.rows)


def test_differences() -> None:
    """Writes come to their net effect, a row a record, in order of first touch."""
    world = fork()
    mark = world.log.mark
    world.rows.put({"id": "d", "n": 1})
    world.rows.put({"id": "b", "n": 1})
    world.rows.delete("a")
    world.rows.put({"id": "b", "n": 2})
    for passing in (world.rows.put, lambda record: world.rows.delete(record["id"])):
        passing({"id": "gone"})
    world.rows.delete("c")
    world.rows.put({"id": "c", "n": "old"})

    assert [
        ("t", "d", None, {"id": "d", "n": 1}),
        ("t", "b", {"id": "b", "n": "old"}, {"id": "b", "n": 2}),
        ("t", "a", {"id": "a", "n": "old"}, None),
    ] == [*differences(world.log.since(mark))]


def test_no_differences() -> None:
    """Nothing written, or all of it undone, comes to nothing."""
    world = fork()
    mark = world.log.mark

    assert differences(world.log.since(mark)) == ()
    world.rows.delete("a")
    world.log.rollback(mark)
    assert differences(world.log.since(mark)) == ()


def test_differences_of_two_organizations() -> None:
    """The same key in two organizations is two records."""
    world = fork()
    other = Store("other", {"t": world.seed}, world.log)["t"]
    mark = world.log.mark
    world.rows.delete("a")
    other.put({"id": "a", "n": "new"})

    assert [None, {"id": "a", "n": "new"}] == [row.after for row in differences(world.log.since(mark))]
