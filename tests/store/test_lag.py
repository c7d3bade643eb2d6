"""Which call wrote what, so that a read can lag behind by calls or by seconds."""

from __future__ import annotations

import pytest

from segment_mock.store import Store
from tests.store.test_log import Fork, fork


def calls(world: Fork, *moments: float) -> list[int]:
    """Make a call at each of *moments* that writes twice; return the marks before them and the present."""
    marks = []
    for moment in moments:
        marks.append(world.log.mark)
        for n in (1, 2):
            world.rows.put({"id": "a", "n": (moment, n)})
        world.log.commit(marks[-1], "", moment)
    return [*marks, world.log.mark]


@pytest.mark.parametrize(("ago", "expected"), [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0), (99, 0)])
def test_calls_ago(ago: int, expected: int) -> None:
    """The mark lies before the given number of calls, at most before the first call."""
    world = fork()
    marks = calls(world, 10, 20, 30)

    assert marks[expected] == world.log.calls_ago(ago, "")


def test_no_call_ago() -> None:
    """What a test prepared without a call stays in sight, whether or not calls followed."""
    world = fork()
    world.rows.put({"id": "d"})
    before = world.log.mark

    assert before == world.log.calls_ago(1, "")
    assert [before, before] == [calls(world, 10)[0], world.log.calls_ago(5, "")]


@pytest.mark.parametrize(("moment", "expected"), [(0, 0), (9.9, 0), (10, 1), (15, 1), (29, 2), (30, 3), (99, 3)])
def test_as_of(moment: float, expected: int) -> None:
    """Seen are the calls up to the moment, and that of the moment itself."""
    world = fork()
    marks = calls(world, 10, 20, 30)

    assert marks[expected] == world.log.as_of(moment, "")


def test_calls_of_others() -> None:
    """Only an organization's own calls count."""
    world = fork()
    marks = calls(world, 10, 20)
    mark = world.log.mark
    Store("other", {"t": world.seed}, world.log)["t"].delete("a")
    world.log.commit(mark, "other", 15)

    assert (marks[1], mark) == (world.log.calls_ago(1, ""), world.log.calls_ago(9, "other"))
    assert (marks[1], mark) == (world.log.as_of(12, ""), world.log.as_of(12, "other"))


def test_calls_that_are_forgotten() -> None:
    world = fork()
    marks = calls(world, 10, 20, 30)
    world.log.trim(marks[1])

    assert [marks[1]] * 2 == [world.log.calls_ago(3, ""), world.log.as_of(0, "")]
    world.log.trim(marks[1] + 1)
    assert [marks[2]] * 2 == [world.log.calls_ago(3, ""), world.log.as_of(0, "")]
    world.log.truncate()
    assert [world.log.mark] * 2 == [world.log.calls_ago(3, ""), world.log.as_of(0, "")]
