"""The comparison of responses that every replay uses."""

from __future__ import annotations

import pytest

from segment_mock.conform import differences

UUID, TIME = "11454266-a9c8-40af-8fab-4c0bdca44615", "2018-03-21T15:12:09.310Z"


def test_missing_and_wrong_values_are_differences() -> None:
    expected = {"a": 1, "b": [{"c": "x"}, 2], "d": "fresh", "e": True}
    actual = {"b": [{"c": "y"}], "d": 5, "e": 1, "f": "more"}

    assert [
        "a: expected 1, got nothing",
        "b[0].c: expected 'x', got 'y'",
        "b[1]: expected 2, got nothing",
        "d: expected text, got 5",
        "e: expected True, got 1",
    ] == list(differences(expected, actual, {"d"}))


@pytest.mark.parametrize(
    ("expected", "fits", "does_not"),
    [
        (UUID, "1B7458D0-E747-40FE-8E1E-5D7FAD4241CB", "1B7458D0"),
        (TIME, "2030-01-01T00:00:00Z", "yesterday"),
        ("any text", UUID, 5),
        (232, 0.5, "232"),
        (True, False, 1),
        (None, None, ""),
    ],
)
def test_fresh_values_compare_by_form(expected: object, fits: object, does_not: object) -> None:
    """A UUID matches a UUID, a time matches a time, and any other value matches its JSON type."""
    assert [] == list(differences([expected], [fits], {"[0]"}))
    assert 1 == len(list(differences([expected], [does_not], {"[0]"})))


def test_all_members_below_a_fresh_path_must_be_present() -> None:
    """The path of an object loosens only the values below it."""
    result = differences({"p": {"a": 1, "b": [TIME]}}, {"p": {"b": ["then"]}}, {"p"})

    assert ["p.a: expected a number, got nothing", "p.b[0]: expected a time, got 'then'"] == list(result)


def test_the_order_of_items_matters() -> None:
    assert ["[0]: expected 1, got 2", "[1]: expected 2, got 1"] == list(differences([1, 2], [2, 1]))
