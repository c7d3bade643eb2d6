"""Marks of the change log before calls and moments, with which a stale read shows an earlier state."""

from __future__ import annotations

import pytest

from segment_mock.store import Store
from tests.store.test_log import SmallWorld, small_world


def commit_calls(world: SmallWorld, *moments: float) -> list[int]:
    """Commit a call with two writes at each of *moments*; return the mark before each call and the current mark."""
    marks = []
    for moment in moments:
        marks.append(world.log.mark)
        for n in (1, 2):
            world.rows.put({"id": "a", "n": (moment, n)})
        world.log.commit(marks[-1], "", moment)
    return [*marks, world.log.mark]


@pytest.mark.parametrize(("ago", "expected"), [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0), (99, 0)])
def test_calls_ago_returns_the_mark_before_that_many_calls(ago: int, expected: int) -> None:
    """If there were fewer calls, it is the mark before the first call."""
    world = small_world()
    marks = commit_calls(world, 10, 20, 30)

    assert marks[expected] == world.log.calls_ago(ago, "")


def test_calls_ago_keeps_writes_outside_of_calls() -> None:
    """Records that a test wrote without a call are part of every earlier state, with or without later calls."""
    world = small_world()
    world.rows.put({"id": "d"})
    before = world.log.mark

    assert before == world.log.calls_ago(1, "")
    assert [before, before] == [commit_calls(world, 10)[0], world.log.calls_ago(5, "")]


@pytest.mark.parametrize(("moment", "expected"), [(0, 0), (9.9, 0), (10, 1), (15, 1), (29, 2), (30, 3), (99, 3)])
def test_as_of_includes_calls_up_to_the_moment(moment: float, expected: int) -> None:
    world = small_world()
    marks = commit_calls(world, 10, 20, 30)

    assert marks[expected] == world.log.as_of(moment, "")


def test_only_calls_of_the_organization_count() -> None:
    world = small_world()
    marks = commit_calls(world, 10, 20)
    mark = world.log.mark
    Store("other", {"t": world.initial}, world.log)["t"].delete("a")
    world.log.commit(mark, "other", 15)

    assert (marks[1], mark) == (world.log.calls_ago(1, ""), world.log.calls_ago(9, "other"))
    assert (marks[1], mark) == (world.log.as_of(12, ""), world.log.as_of(12, "other"))


def test_trimmed_calls_are_not_counted() -> None:
    world = small_world()
    marks = commit_calls(world, 10, 20, 30)
    world.log.trim(marks[1])

    assert [marks[1]] * 2 == [world.log.calls_ago(3, ""), world.log.as_of(0, "")]
    world.log.trim(marks[1] + 1)
    assert [marks[2]] * 2 == [world.log.calls_ago(3, ""), world.log.as_of(0, "")]
    world.log.truncate()
    assert [world.log.mark] * 2 == [world.log.calls_ago(3, ""), world.log.as_of(0, "")]
