"""One seed determines one world: ids, random draws, organizations."""

from __future__ import annotations

import uuid

import pytest

from segment_mock.core.world import World
from segment_mock.store import InitialRecords, TableSchema

LAYOUT = TableSchema("things", lambda record: record["id"])


def test_worlds_with_the_same_seed_are_equal() -> None:
    """They give the same ids and random numbers; another seed gives others."""
    first, same, other = World(7), World(7), World(8)
    ids = [[world.new_id("a") for _ in range(3)] for world in (first, same, other)]
    rng = [world.rng.random() for world in (first, same, other)]

    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert rng[0] == rng[1] != rng[2]


def test_the_ids_of_a_seed_are_fixed() -> None:
    """No version of Python or of this project may change them."""
    assert World(0).new_id("salsa.segments") == "b8f0939c-7666-43d0-9d96-d00cfa7f4c37"


def test_each_kind_has_its_own_stream() -> None:
    """Ids and random numbers of one kind do not change those of another kind."""
    quiet, busy = World(7), World(7)
    for _ in range(5):
        busy.new_id("reply")
        busy.rng.random()

    assert quiet.new_id("segment") == busy.new_id("segment")
    assert quiet.new_id("segment") != quiet.new_id("reply")


def test_a_named_random_stream_is_repeatable() -> None:
    """It is the same whenever it is opened, and separate from the stream of the world."""
    world, same = World(7), World(7)
    same.rng.random()
    rolls = [[world.random_stream(name).random() for _ in range(2)] for name in ("fault-1", "fault-2")]

    assert rolls[0][0] == rolls[0][1] == same.random_stream("fault-1").random()
    assert len({rolls[0][0], rolls[1][0], World(8).random_stream("fault-1").random(), world.rng.random()}) == 4


def test_ids_are_uuids() -> None:
    """They are UUIDs of version 4 in their usual form, and unique."""
    world = World(7)
    ids = [world.new_id("a") for _ in range(500)]

    assert {(4, uuid.RFC_4122)} == {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in ids}
    assert ids == [str(uuid.UUID(text)) for text in ids]
    assert len(set(ids)) == 500


def test_credentials_share_one_organization() -> None:
    """Unless the organizations are isolated, every credential selects the organization of the initial data."""
    world = World()

    assert world.organization("a") is world.organization("b") is world.organization()
    assert [""] == [organization.name for organization in world]


def test_each_credential_may_have_its_own_organization() -> None:
    """It gets a copy of the initial data, and is always the same organization."""
    world = World(isolated=True)
    world.set_initial_data({"things": InitialRecords(LAYOUT, [{"id": 1}])})
    first, yours = world.organization("mine"), world.organization("yours")
    first.store["things"].put({"id": 2})
    first.counters["calls"] += 1

    assert world.organization("mine") is first
    assert ([1, 2], 1) == ([row["id"] for row in first.store["things"]], first.counters["calls"])
    assert ([1], 0) == ([row["id"] for row in yours.store["things"]], yours.counters["calls"])
    assert [1] == [row["id"] for row in world.organization().store["things"]]


def test_worlds_share_nothing() -> None:
    """A write to one world is not visible in another world with the same seed."""
    seeds = {"things": InitialRecords(LAYOUT, [{"id": 1}])}
    first, second = World(), World()
    for world in (first, second):
        world.set_initial_data(seeds)
    first.organization().store["things"].delete(1)

    assert (0, 1) == (len(first.organization().store["things"]), len(second.organization().store["things"]))


@pytest.mark.parametrize("credential", ["s3cret", "\u00e9\u4e16", "\ud800"])
def test_the_name_of_an_organization_does_not_reveal_its_credential(credential: str) -> None:
    """It is a digest, the same in every world."""
    names = [World(seed, isolated=True).organization(credential).name for seed in (1, 2)]

    assert names[0] == names[1]
    assert len(names[0]) == 12
    assert credential not in names[0]
    assert names[0] != World(isolated=True).organization(credential + "x").name


def test_an_organization_may_be_created_during_an_iteration() -> None:
    world = World(isolated=True)
    world.organization("a")
    seen = [world.organization("b") is not None for _ in world]

    assert [True] == seen
    assert len([*world]) == 2


def test_a_reset_restarts_everything() -> None:
    """Organizations, ids and random numbers start again, and the clock shows real time."""
    world = World(7, isolated=True)
    world.set_initial_data({"things": InitialRecords(LAYOUT, [{"id": 1}])})
    before = (world.new_id("a"), world.new_id("b"), world.rng.random())
    world.clock.freeze(0)
    world.organization("x").store["things"].delete(1)
    world.reset()

    assert before == (world.new_id("a"), world.new_id("b"), world.rng.random())
    assert not world.clock.frozen
    assert [] == [*world]
    assert [{"id": 1}] == [*world.organization("x").store["things"]]


def test_an_existing_organization_gets_new_initial_data() -> None:
    world = World()
    world.organization()
    world.set_initial_data({"things": InitialRecords(LAYOUT, [{"id": 1}])})

    assert [{"id": 1}] == [*world.organization().store["things"]]


def test_a_reset_makes_every_mark_unusable() -> None:
    """Not even the last mark before the reset can be restored."""
    world = World()
    world.set_initial_data({"things": InitialRecords(LAYOUT)})
    world.organization().store["things"].put({"id": 1})
    mark = world.log.mark
    world.reset()

    with pytest.raises(LookupError, match="before a reset"):
        world.log.rollback(mark)


def test_ids_of_the_initial_data_are_not_used_again() -> None:
    """After a reset, the ids start after the ids of the initial data."""
    world = World()
    initial = [world.new_id("a") for _ in range(2)]
    world.set_initial_data({"things": InitialRecords(LAYOUT, [{"id": text} for text in initial])})
    first = world.new_id("a")
    world.reset()

    assert first not in initial
    assert first == world.new_id("a")
