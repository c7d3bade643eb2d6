"""The change log of all tables: it lists changes, rolls them back, and returns the differences since a mark."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from segment_mock.store import ChangeLog, DuplicateKey, Index, InitialRecords, Store, Table, TableSchema, differences

SCHEMA = TableSchema("t", lambda row: row["id"], (Index("n", lambda row: [row["n"]] if "n" in row else []),))
UNIQUE_SCHEMA = TableSchema("t", lambda row: row["id"], (Index("n", lambda row: [row["n"]], unique=True),))


class SmallWorld(NamedTuple):
    """A change log, and the store of one organization with a table of three initial records."""

    log: ChangeLog
    initial: InitialRecords
    store: Store
    rows: Table


def small_world() -> SmallWorld:
    """Return a new `SmallWorld`."""
    log, initial = ChangeLog(), InitialRecords(SCHEMA, [{"id": key, "n": "old"} for key in "abc"])
    store = Store("", {"t": initial}, log)
    return SmallWorld(log, initial, store, store["t"])


def names(rows: Table) -> list[str]:
    """Return each record in insertion order, as its key and its member ``n``, such as ``a:old``."""
    return [row["id"] + ":" + str(row.get("n")) for row in rows]


@pytest.mark.parametrize(
    ("schema", "rows", "message"),
    [
        (SCHEMA, [{"id": 1}, {"id": 2}, {"id": 1}], "t[2]: the id 1 is already used by t[0]"),
        (UNIQUE_SCHEMA, [{"id": 1, "n": ""}, {"id": 2, "n": ""}], "t[1]: the n '' is already used by t[0]"),
    ],
)
def test_initial_records_with_a_duplicate_are_refused(
    schema: TableSchema, rows: list[dict[str, Any]], message: str
) -> None:
    """A duplicate has the key or a unique value of another record. The error names both records and the value."""
    with pytest.raises(DuplicateKey, match=f"^{re.escape(message)}$"):
        InitialRecords(schema, rows)


def test_rollback_undoes_inserts_updates_and_deletions() -> None:
    """Order, indexes and deleted keys are as before."""
    world = small_world()
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


def test_rollback_can_return_to_a_mark_that_was_rolled_back() -> None:
    """It can alternate between both states several times."""
    world = small_world()
    start = world.log.mark
    world.rows.delete("b")
    world.rows.put({"id": "d", "n": "new"})
    end = world.log.mark
    for _ in range(3):
        world.log.rollback(start)
        assert ["a:old", "b:old", "c:old"] == names(world.rows)
        world.log.rollback(end)
        assert ["a:old", "c:old", "d:new"] == names(world.rows)


def test_rollback_undoes_the_changes_of_all_organizations() -> None:
    world = small_world()
    other = Store("other", {"t": world.initial}, world.log)["t"]
    mark = world.log.mark
    world.rows.delete("a")
    other.delete("b")
    world.log.rollback(mark)

    assert names(world.rows) == names(other) == ["a:old", "b:old", "c:old"]


def test_changes_have_the_name_of_their_organization() -> None:
    """Stores and tables have this name too."""
    world = small_world()
    other = Store("other", {"t": world.initial}, world.log)
    world.rows.delete("a")
    other["t"].delete("b")

    assert ("other", "other") == (other.organization, other["t"].organization)
    assert [(0, "", "a"), (1, "other", "b")] == [(*change[:2], change.key) for change in world.log.since(0)]


def test_undone_shows_an_earlier_state_of_one_organization() -> None:
    """After the ``with`` block, tables and log are as before."""
    world = small_world()
    other = Store("other", {"t": world.initial}, world.log)["t"]
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


def test_undone_restores_the_state_after_an_exception() -> None:
    world = small_world()
    mark = world.log.mark
    world.rows.delete("a")
    with pytest.raises(ZeroDivisionError), world.log.undone(mark, ""):
        _ = 1 / 0

    assert ["b:old", "c:old"] == names(world.rows)


def test_differences_are_the_net_changes_in_order_of_first_change() -> None:
    """There is one difference for each record that changed."""
    world = small_world()
    mark = world.log.mark
    world.rows.put({"id": "d", "n": 1})
    world.rows.put({"id": "b", "n": 1})
    world.rows.delete("a")
    world.rows.put({"id": "b", "n": 2})
    for action in (world.rows.put, lambda record: world.rows.delete(record["id"])):
        action({"id": "gone"})
    world.rows.delete("c")
    world.rows.put({"id": "c", "n": "old"})

    assert [
        ("t", "d", None, {"id": "d", "n": 1}),
        ("t", "b", {"id": "b", "n": "old"}, {"id": "b", "n": 2}),
        ("t", "a", {"id": "a", "n": "old"}, None),
    ] == [*differences(world.log.since(mark))]


def test_there_are_no_differences_without_changes_or_after_a_rollback() -> None:
    world = small_world()
    mark = world.log.mark

    assert differences(world.log.since(mark)) == ()
    world.rows.delete("a")
    world.log.rollback(mark)
    assert differences(world.log.since(mark)) == ()


def test_records_of_two_organizations_with_the_same_key_differ() -> None:
    world = small_world()
    other = Store("other", {"t": world.initial}, world.log)["t"]
    mark = world.log.mark
    world.rows.delete("a")
    other.put({"id": "a", "n": "new"})

    assert [None, {"id": "a", "n": "new"}] == [row.after for row in differences(world.log.since(mark))]
