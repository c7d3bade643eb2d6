"""How far back the log reaches, and whole tables at once."""

from __future__ import annotations

import pytest

from segment_mock.store import InitialRecords, Store, differences
from tests.store.test_log import fork, names

FORGOTTEN = "that state was before a reset, or the change log does not reach back to it any more"


def test_trim_bounds_the_tail() -> None:
    world = fork()
    first = world.log.mark
    world.rows.delete("a")
    second = world.log.mark
    world.rows.delete("b")
    world.log.trim(second)

    assert len(world.log) == 1
    for action in (world.log.since, world.log.rollback):
        with pytest.raises(LookupError, match=FORGOTTEN):
            action(first)
    world.log.rollback(second)
    assert ["b:old", "c:old"] == names(world.rows)


def test_undone_too_long_ago() -> None:
    """A moment that is forgotten can't be shown, and nothing is touched."""
    world = fork()
    mark = world.log.mark
    world.rows.delete("a")
    world.log.trim(world.log.mark)
    with pytest.raises(LookupError, match=FORGOTTEN), world.log.undone(mark, ""):
        pass

    assert ["b:old", "c:old"] == names(world.rows)


def test_hold() -> None:
    """A mark that is held survives every trim, until it is released as often as it was held."""
    world = fork()
    mark = world.log.mark
    world.log.hold(mark)
    world.log.hold(mark)
    world.rows.delete("a")
    lengths = []
    for _ in range(2):
        world.log.trim(world.log.mark)
        lengths.append(len(world.log))
        world.log.release(mark)
    world.log.trim(world.log.mark)

    assert [1, 1, 0] == [*lengths, len(world.log)]


def test_the_oldest_hold_counts() -> None:
    """All writes since the oldest held mark are kept, and none before it."""
    world = fork()
    world.rows.delete("a")
    world.log.hold(world.log.mark)
    world.rows.delete("b")
    world.log.hold(world.log.mark)
    world.rows.delete("c")
    world.log.trim(world.log.mark)

    assert ["b", "c"] == [change.key for change in world.log.since(world.log.mark - 2)]
    assert len(world.log) == 2


def test_truncate() -> None:
    """Every write is forgotten and no earlier mark can be reached, not even the last one."""
    world = fork()
    marks = [world.log.mark]
    world.rows.delete("a")
    marks.append(world.log.mark)
    world.log.truncate()

    assert len(world.log) == 0
    for mark in marks:
        with pytest.raises(LookupError, match=FORGOTTEN):
            world.log.rollback(mark)
    assert world.log.since(world.log.mark) == []


def test_a_hold_of_before_a_truncation() -> None:
    world = fork()
    old = world.log.mark
    world.log.hold(old)
    world.log.truncate()
    new = world.log.mark
    world.log.hold(new)
    world.log.release(old)
    world.rows.delete("a")
    world.log.trim(world.log.mark)
    world.log.rollback(new)

    assert ["a:old", "b:old", "c:old"] == names(world.rows)


def test_replace() -> None:
    """A whole table is replaced by one change, whatever its size, and keys begin again."""
    world = fork()
    world.rows.delete("a")
    mark = world.log.mark
    world.store.replace([("t", InitialRecords(world.seed.schema, [{"id": "z"}, {"id": "b", "n": "new"}]))])

    assert [None] == [change.key for change in world.log.since(mark)]
    assert ["z:None", "b:new"] == names(world.rows)
    assert (0, 1) == (world.rows.count("n", "old"), world.rows.count("n", "new"))
    assert not world.rows.was_deleted("a")


def test_rollback_of_a_replacement() -> None:
    """What stood before stands again, with its places and retired keys; and forth again."""
    world = fork()
    world.rows.put({"id": "d"})
    world.rows.delete("a")
    before = world.log.mark
    world.store.replace([("t", InitialRecords(world.seed.schema, [{"id": "z"}]))])
    world.rows.put({"id": "y"})
    after = world.log.mark
    world.log.rollback(before)

    assert (["b:old", "c:old", "d:None"], True) == (names(world.rows), world.rows.was_deleted("a"))
    world.log.rollback(after)
    assert ["z:None", "y:None"] == names(world.rows)


def test_undone_over_a_replacement() -> None:
    """A look back reaches past it."""
    world = fork()
    mark = world.log.mark
    world.rows.delete("a")
    world.store.replace([("t", InitialRecords(world.seed.schema, []))])
    world.rows.put({"id": "y"})
    with world.log.undone(mark, ""):
        assert ["a:old", "b:old", "c:old"] == names(world.rows)

    assert ["y:None"] == names(world.rows)


def test_a_replacement_is_no_difference() -> None:
    """Differences tell of records that were written, not of a table that was replaced."""
    world = fork()
    mark = world.log.mark
    world.store.replace([("t", InitialRecords(world.seed.schema, [{"id": "z"}]))])
    world.rows.put({"id": "z", "n": "new"})

    assert [("t", "z", {"id": "z"}, {"id": "z", "n": "new"})] == [*differences(world.log.since(mark))]


def test_forks() -> None:
    """Stores over the same seeds share the initial data and nothing that is written."""
    world = fork()
    other = Store("other", {"t": world.seed}, world.log)["t"]
    world.rows.put({"id": "a", "n": "mine"})
    world.rows.put({"id": "d", "n": "mine"})
    other.delete("c")

    assert ["a:mine", "b:old", "c:old", "d:mine"] == names(world.rows)
    assert ["a:old", "b:old"] == names(other)
    assert (2, 0) == (world.rows.count("n", "mine"), other.count("n", "mine"))
    assert [{"id": key, "n": "old"} for key in "abc"] == world.seed.records
