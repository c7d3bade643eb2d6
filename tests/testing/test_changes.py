"""``mock.expect_changes`` compares the changes of records with the expected changes."""

from __future__ import annotations

import pytest

from segment_mock import SettingError, added, anything, removed, unchanged, updated

ROOT = "/api/integration/ext/v1"


CHAIN = [{"externalSystemId" if number % 2 else "description": str((number + 1) // 2)} for number in range(1999)]
"""Each row fits two of 2,000 records, so that a further row moves all others by one record."""


@pytest.fixture
def mock_with_records(mock):
    """A mock with two groups of Salsa, and a segment of the Segmenter that has one person."""
    mock.salsa.add_segment("Old")
    mock.salsa.add_segment("Other")
    mock.segmenter.add_segment("VIP", id="vip", persons=[{"externalId": "1", "email": "a@b.example"}])
    return mock


def delete_group(mock, send, name):
    """Delete the group *name* through the API."""
    (key,) = (group["segmentId"] for group in mock.salsa.segments if group["name"] == name)
    send("DELETE", f"{ROOT}/segments", {"payload": {"segments": [{"segmentId": key}]}})


def failure_message(mock, expected, action):
    """Run *action* within ``expect_changes`` and return the message of the AssertionError."""
    with pytest.raises(AssertionError) as caught, mock.expect_changes(**expected):
        action()
    return str(caught.value)


@pytest.mark.parametrize(
    "segments",
    [
        added(2) + updated() + removed({"name": "Other"}),
        added({"name": "A"}, {"name": "B"}) + updated({"name": "Old", "description": "d"}) + removed(1),
        # The first row matches both records; the comparison must assign them so that both rows match.
        added({"type": "INTEGRATED"}) + added({"name": "A"}) + updated(1) + removed(1),
        anything,
        anything + added(9),
    ],
    ids=str,
)
def test_expected_changes_pass(mock_with_records, upsert, send, segments):
    """They are expected by number, or by records with only the relevant fields."""
    with mock_with_records.expect_changes(salsa={"segments": segments, "members": unchanged}):
        upsert(
            "A", "B", {"segmentId": mock_with_records.salsa.segments[0]["segmentId"], "name": "Old", "description": "d"}
        )
        delete_group(mock_with_records, send, "Other")


def test_changes_that_are_undone_within_the_block_do_not_count(mock_with_records, upsert, send):
    """Refused calls change nothing either."""
    with mock_with_records.expect_changes():
        upsert("A")
        delete_group(mock_with_records, send, "A")
        send("PUT", "/segments", {"id": "nobody"})
        before = mock_with_records.snapshot()
        upsert("B")
        mock_with_records.restore(before)


@pytest.mark.parametrize(
    "segments",
    [
        unchanged, added(1), added(3), added(0), updated(2), added({"name": "A"}, {"name": "C"}), added(2) + removed(1),
        added({"name": "A"}, {"name": "A"}), added({"name": "A", "type": "CUSTOM"}, {"name": "B"}),
    ],
    ids=str,
)  # fmt: skip
def test_unexpected_numbers_actions_or_records_fail(mock_with_records, upsert, segments):
    assert "salsa.segments: expected " in failure_message(
        mock_with_records, {"salsa": {"segments": segments}}, lambda: upsert("A", "B")
    )


def test_the_message_lists_each_changed_record_and_field(mock_with_records, upsert, send):
    """Each record has a sign and the call that changed it; missing records are listed, too."""
    key = mock_with_records.salsa.segments[0]["segmentId"]

    def action():
        upsert("A", {"segmentId": key, "name": "New", "description": "d"})
        delete_group(mock_with_records, send, "Other")
        mock_with_records.segmenter.add_segment("Mine", id="mine")

    lines = failure_message(mock_with_records, {"salsa": {"segments": added({"name": "B"})}}, action).splitlines()

    assert "the records did not change as expected:" == lines[0]
    assert "salsa.segments: expected 1 added, got 1 added, 1 updated, 1 removed" == lines[1]
    origin = "  <- call 1 salsa.upsert_segments at tests/testing/conftest.py:"
    assert lines[2].startswith("  + {'segmentId': ")
    assert ("'name': 'A'}" + origin) in lines[2]
    assert lines[3].startswith(f"  ~ {key!r}{origin}")
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
def test_the_message_shows_differences_if_the_numbers_are_equal(mock_with_records, upsert, segments, first, last):
    lines = failure_message(mock_with_records, {"salsa": {"segments": segments}}, lambda: upsert("A", "B")).splitlines()

    assert f"salsa.segments: expected {first}" == lines[1]
    assert last == lines[4:]


def test_the_message_shows_a_difference_at_the_end_of_a_long_record(mock_with_records, upsert):
    expected = {"description": "d" * 250, "externalSystemId": "1"}

    text = failure_message(
        mock_with_records,
        {"salsa": {"segments": added(expected)}},
        lambda: upsert({**expected, "name": "A", "externalSystemId": "2"}),
    )

    assert text.endswith("\n      externalSystemId: expected '1', got '2'")


def test_a_long_message_is_truncated(mock_with_records):
    """It shows twenty records of a table and counts the rest."""

    def action():
        for number in range(25):
            mock_with_records.segmenter.add_segment(f"{number} {'x' * 400}")

    text = failure_message(mock_with_records, {}, action)

    assert (20, "  and 5 more") == (text.count("\n  + "), text.splitlines()[-1])
    assert max(map(len, text.splitlines())) < 400


@pytest.mark.parametrize(
    ("segments", "phrases"),
    [
        (added(1950), ["expected 1950 added, got 2000 added"]),
        (added(*[{"type": "INTEGRATED"}] * 2000), []),
        (added(*[{"type": "INTEGRATED"}] * 1950), ["expected 1950 added, got 2000 added"]),
        (added(*[{"type": "INTEGRATED"}] * 2050), ["expected 2050 added, got 2000 added", "and 30 more missing"]),
        (added(*({"name": str(number)} for number in reversed(range(2000)))), []),
        (added(*CHAIN, {"name": "0"}), []),
    ],
    ids=["number", "all alike", "fewer alike", "more alike", "reversed", "chain"],
)
def test_thousands_of_records_are_compared(mock, segments, phrases):
    def action():
        for number in range(2000):
            mock.salsa.add_segment(str(number), description=f"{number // 2}", externalSystemId=f"{(number + 1) // 2}")

    if not phrases:
        with mock.expect_changes(salsa={"segments": segments}):
            action()
        return
    text = failure_message(mock, {"salsa": {"segments": segments}}, action)
    assert all(phrase in text for phrase in phrases)


def test_a_change_is_attributed_to_the_call_within_the_block(mock_with_records, upsert):
    """An earlier call changed the same record."""
    upsert("A")
    key = mock_with_records.salsa.segments[-1]["segmentId"]

    text = failure_message(mock_with_records, {}, lambda: upsert({"segmentId": key, "name": "A", "description": "d"}))

    assert "<- call 2 salsa.upsert_segments at" in text


def test_tables_that_were_replaced_are_compared(mock_with_records):
    document = mock_with_records.state()
    document["salsa"]["segments"][0]["name"] = "New"
    del document["salsa"]["segments"][1]

    with mock_with_records.expect_changes(salsa={"segments": updated({"name": "New"}) + removed({"name": "Other"})}):
        mock_with_records.load(document)


def test_an_exception_in_the_block_takes_precedence(mock_with_records):
    """The changes that are missing because of it are not reported."""
    with pytest.raises(TypeError, match="missing"), mock_with_records.expect_changes(salsa={"segments": added(5)}):
        delete_group()


def test_expected_changes_that_are_not_used_warn(mock_with_records):
    with pytest.warns(RuntimeWarning, match="was not used in a with statement, so nothing was checked"):
        mock_with_records.expect_changes(salsa={"segments": added(5)})


def test_only_expected_changes_can_be_joined():
    with pytest.raises(TypeError, match="unsupported operand"):
        added(1) + 1


def test_a_reset_within_the_block_is_an_error(mock_with_records):
    """Records can't be compared across a reset."""
    with pytest.raises(LookupError, match="before a reset"), mock_with_records.expect_changes():
        mock_with_records.reset()


@pytest.mark.parametrize(
    ("expected", "phrase"),
    [
        ({"sasla": {}}, "unknown vendor 'sasla' (did you mean 'salsa'?)"),
        ({"salsa": {"segmets": added()}}, "salsa: unknown table 'segmets' (did you mean 'segments'?)"),
        ({"salsa": {"segments": 2}}, "salsa.segments: 2 is not added()"),
    ],
)
def test_invalid_expectations_are_an_error_before_the_block(mock, expected, phrase):
    with pytest.raises(SettingError) as caught:
        mock.expect_changes(**expected)

    assert phrase in str(caught.value)


@pytest.mark.parametrize("row", [-1, True, "two", None, 1.0])
def test_an_argument_of_added_must_be_a_number_or_a_mapping(row):
    with pytest.raises(TypeError, match=r"added\(.*expected a number of records"):
        added(row)
