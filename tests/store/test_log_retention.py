"""How long the change log keeps its entries (trim, hold, truncate), and the replacement of whole tables."""

from __future__ import annotations

import pytest

from segment_mock.store import InitialRecords, Store, differences
from tests.store.test_log import names, small_world

FORGOTTEN = "that state was before a reset, or the change log does not reach back to it any more"


def test_trim_removes_the_entries_before_a_mark() -> None:
    world = small_world()
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


def test_undone_with_a_trimmed_mark_raises_and_changes_nothing() -> None:
    world = small_world()
    mark = world.log.mark
    world.rows.delete("a")
    world.log.trim(world.log.mark)
    with pytest.raises(LookupError, match=FORGOTTEN), world.log.undone(mark, ""):
        pass

    assert ["b:old", "c:old"] == names(world.rows)


def test_a_mark_that_is_held_twice_is_kept_until_its_second_release() -> None:
    world = small_world()
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


def test_trim_keeps_the_entries_since_the_oldest_held_mark() -> None:
    world = small_world()
    world.rows.delete("a")
    world.log.hold(world.log.mark)
    world.rows.delete("b")
    world.log.hold(world.log.mark)
    world.rows.delete("c")
    world.log.trim(world.log.mark)

    assert ["b", "c"] == [change.key for change in world.log.since(world.log.mark - 2)]
    assert len(world.log) == 2


def test_truncate_removes_all_entries_and_makes_earlier_marks_unreachable() -> None:
    """This includes the current mark."""
    world = small_world()
    marks = [world.log.mark]
    world.rows.delete("a")
    marks.append(world.log.mark)
    world.log.truncate()

    assert len(world.log) == 0
    for mark in marks:
        with pytest.raises(LookupError, match=FORGOTTEN):
            world.log.rollback(mark)
    assert world.log.since(world.log.mark) == []


def test_release_of_a_mark_from_before_a_truncation_keeps_newer_holds() -> None:
    world = small_world()
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


def test_replace_is_one_change_and_forgets_deleted_keys() -> None:
    world = small_world()
    world.rows.delete("a")
    mark = world.log.mark
    world.store.replace([("t", InitialRecords(world.initial.schema, [{"id": "z"}, {"id": "b", "n": "new"}]))])

    assert [None] == [change.key for change in world.log.since(mark)]
    assert ["z:None", "b:new"] == names(world.rows)
    assert (0, 1) == (world.rows.count("n", "old"), world.rows.count("n", "new"))
    assert not world.rows.was_deleted("a")


def test_replacement_can_be_rolled_back_and_repeated() -> None:
    """The rollback restores the order of the records and the deleted keys."""
    world = small_world()
    world.rows.put({"id": "d"})
    world.rows.delete("a")
    before = world.log.mark
    world.store.replace([("t", InitialRecords(world.initial.schema, [{"id": "z"}]))])
    world.rows.put({"id": "y"})
    after = world.log.mark
    world.log.rollback(before)

    assert (["b:old", "c:old", "d:None"], True) == (names(world.rows), world.rows.was_deleted("a"))
    world.log.rollback(after)
    assert ["z:None", "y:None"] == names(world.rows)


def test_undone_shows_the_state_before_a_replacement() -> None:
    world = small_world()
    mark = world.log.mark
    world.rows.delete("a")
    world.store.replace([("t", InitialRecords(world.initial.schema, []))])
    world.rows.put({"id": "y"})
    with world.log.undone(mark, ""):
        assert ["a:old", "b:old", "c:old"] == names(world.rows)

    assert ["y:None"] == names(world.rows)


def test_differences_do_not_include_a_replacement() -> None:
    """They include the records that were written one by one."""
    world = small_world()
    mark = world.log.mark
    world.store.replace([("t", InitialRecords(world.initial.schema, [{"id": "z"}]))])
    world.rows.put({"id": "z", "n": "new"})

    assert [("t", "z", {"id": "z"}, {"id": "z", "n": "new"})] == [*differences(world.log.since(mark))]


def test_stores_share_only_their_initial_records() -> None:
    world = small_world()
    other = Store("other", {"t": world.initial}, world.log)["t"]
    world.rows.put({"id": "a", "n": "mine"})
    world.rows.put({"id": "d", "n": "mine"})
    other.delete("c")

    assert ["a:mine", "b:old", "c:old", "d:mine"] == names(world.rows)
    assert ["a:old", "b:old"] == names(other)
    assert (2, 0) == (world.rows.count("n", "mine"), other.count("n", "mine"))
    assert [{"id": key, "n": "old"} for key in "abc"] == world.initial.records
