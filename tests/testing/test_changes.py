"""``mock.expect_changes``: what becomes of the records, and nothing else."""

from __future__ import annotations

import pytest

from segment_mock import SettingError, added, anything, removed, unchanged, updated

ROOT = "/api/integration/ext/v1"


@pytest.fixture
def world(mock):
    """Two groups of Salsa's and a segment with one person."""
    mock.salsa.add_segment("Old")
    mock.salsa.add_segment("Other")
    mock.segmenter.add_segment("VIP", id="vip", persons=[{"externalId": "1", "email": "a@b.example"}])
    return mock


def remove(mock, send, name):
    """Delete the group called *name* through the API."""
    (key,) = (group["segmentId"] for group in mock.salsa.segments if group["name"] == name)
    send("DELETE", f"{ROOT}/segments", {"payload": {"segments": [{"segmentId": key}]}})


def failed(mock, expected, action):
    """Return the text of the AssertionError about *action*."""
    with pytest.raises(AssertionError) as caught, mock.expect_changes(**expected):
        action()
    return str(caught.value)


@pytest.mark.parametrize(
    "segments",
    [
        added(2) + updated() + removed({"name": "Other"}),
        added({"name": "A"}, {"name": "B"}) + updated({"name": "Old", "description": "d"}) + removed(1),
        # The first row would take either: which of them takes which is found out.
        added({"type": "INTEGRATED"}) + added({"name": "A"}) + updated(1) + removed(1),
        anything,
        anything + added(9),
    ],
    ids=str,
)
def test_what_is_listed_may_change(world, upsert, send, segments):
    """By number, or by rows of which only the members that matter are named."""
    with world.expect_changes(salsa={"segments": segments, "members": unchanged}):
        upsert("A", "B", {"segmentId": world.salsa.segments[0]["segmentId"], "name": "Old", "description": "d"})
        remove(world, send, "Other")


def test_only_the_outcome_counts(world, upsert, send):
    """What was changed and changed back did not change; a call that was refused changed nothing."""
    with world.expect_changes():
        upsert("A")
        remove(world, send, "A")
        send("PUT", "/segments", {"id": "nobody"})
        before = world.snapshot()
        upsert("B")
        world.restore(before)


@pytest.mark.parametrize(
    "segments",
    [
        unchanged, added(1), added(3), added(0), updated(2), added({"name": "A"}, {"name": "C"}), added(2) + removed(1),
        added({"name": "A"}, {"name": "A"}), added({"name": "A", "type": "CUSTOM"}, {"name": "B"}),
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_refused(world, upsert, segments):
    """One more, one less, another action, another row: each is reported."""
    assert "salsa.segments: expected " in failed(world, {"salsa": {"segments": segments}}, lambda: upsert("A", "B"))


def test_the_diff_is_readable(world, upsert, send):
    """A line a record with its sign and the calls it came by, a line a member, and the rows that are missing."""
    key = world.salsa.segments[0]["segmentId"]

    def action():
        upsert("A", {"segmentId": key, "name": "New", "description": "d"})
        remove(world, send, "Other")
        world.segmenter.add_segment("Mine", id="mine")

    lines = failed(world, {"salsa": {"segments": added({"name": "B"})}}, action).splitlines()

    assert "the records did not change as expected:" == lines[0]
    assert "salsa.segments: expected 1 added, got 1 added, 1 updated, 1 removed" == lines[1]
    by = "  <- call 1 salsa.upsert_segments at tests/testing/conftest.py:"
    assert lines[2].startswith("  + {'segmentId': ")
    assert ("'name': 'A'}" + by) in lines[2]
    assert lines[3].startswith(f"  ~ {key!r}{by}")
    assert ["      name: 'Old' -> 'New'", "      description: nothing -> 'd'"] == lines[4:6]
    assert lines[6].startswith("  - {'")
    assert ["  missing: added {'name': 'B'}", "      name: expected 'B', got 'A'"] == lines[7:9]
    assert "segmenter.segments: expected no change, got 1 added" == lines[9]
    assert lines[10].endswith("  <- by no call in the journal")


@pytest.mark.parametrize(
    ("segments", "first", "last"),
    [
        (
            added({"name": "A", "type": "CUSTOM"}) + added({"name": "B"}),
            "2 added, got 2 added; 1 record is not as expected",
            ["  missing: added {'name': 'A', 'type': 'CUSTOM'}", "      type: expected 'CUSTOM', got 'INTEGRATED'"],
        ),
        (
            added({"name": "A"}, {"name": "A"}),
            "2 added, got 2 added; 1 record is not as expected",
            ["  missing: added {'name': 'A'}", "      name: expected 'A', got 'B'"],
        ),
        (added(1) + added({"name": "B"}) + added(1), "3 added, got 2 added", []),
        (removed(1) + added(2), "2 added, 1 removed, got 2 added", []),
        (added(0), "no change, got 2 added", []),
    ],
    ids=str,
)
def test_the_text_shows_what_differs_where_the_numbers_are_equal(world, upsert, segments, first, last):
    lines = failed(world, {"salsa": {"segments": segments}}, lambda: upsert("A", "B")).splitlines()

    assert f"salsa.segments: expected {first}" == lines[1]
    assert last == lines[4:]


def test_a_difference_far_inside_a_long_record_is_shown(world, upsert):
    expected = {"description": "d" * 250, "externalSystemId": "1"}

    text = failed(
        world,
        {"salsa": {"segments": added(expected)}},
        lambda: upsert({**expected, "name": "A", "externalSystemId": "2"}),
    )

    assert text.endswith("\n      externalSystemId: expected '1', got '2'")


def test_a_long_diff_is_cut(world):
    """Twenty records of a table are shown, the rest counted."""

    def action():
        for number in range(25):
            world.segmenter.add_segment(f"{number} {'x' * 400}")

    text = failed(world, {}, action)

    assert (20, "  and 5 more") == (text.count("\n  + "), text.splitlines()[-1])
    assert max(map(len, text.splitlines())) < 400


def test_earlier_calls_are_not_blamed(world, upsert):
    """A record that an earlier call touched too is put down to the call within the block."""
    upsert("A")
    key = world.salsa.segments[-1]["segmentId"]

    text = failed(world, {}, lambda: upsert({"segmentId": key, "name": "A", "description": "d"}))

    assert "<- call 2 salsa.upsert_segments at" in text


def test_replaced_tables_are_compared(world):
    document = world.state()
    document["salsa"]["segments"][0]["name"] = "New"
    del document["salsa"]["segments"][1]

    with world.expect_changes(salsa={"segments": updated({"name": "New"}) + removed({"name": "Other"})}):
        world.load(document)


def test_an_error_of_the_block_goes_first(world):
    """Who fails within the block sees that failure, and not what it left undone."""
    with pytest.raises(TypeError, match="missing"), world.expect_changes(salsa={"segments": added(5)}):
        remove()


def test_reset_within_the_block_is_an_error(world):
    """What lies before a reset can't be compared."""
    with pytest.raises(LookupError, match="before a reset"), world.expect_changes():
        world.reset()


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ({"sasla": {}}, "unknown vendor 'sasla' (did you mean 'salsa'?)"),
        ({"salsa": {"segmets": added()}}, "salsa: unknown table 'segmets' (did you mean 'segments'?)"),
        ({"salsa": {"segments": 2}}, "salsa.segments: 2 is not added()"),
    ],
)
def test_what_can_not_be_expected_is_refused_at_once(mock, expected, says):
    """Before the block begins, with the nearest name."""
    with pytest.raises(SettingError) as caught:
        mock.expect_changes(**expected)

    assert says in str(caught.value)


@pytest.mark.parametrize("row", [-1, True, "two", None, 1.0])
def test_rows_are_numbers_or_mappings(row):
    """Anything else is refused, naming the word and the value."""
    with pytest.raises(TypeError, match=r"added\(.*expected a number of records"):
        added(row)
