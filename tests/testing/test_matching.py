"""JSON compared with what a caller expects of it."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from segment_mock.json_match import ABSENT, mismatches


class Even:
    """Compares as dirty-equals' objects do: by ``==`` alone."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and other % 2 == 0

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "Even()"


SENT = {"id": "A", "n": 2, "on": True, "rows": [{"name": "x", "tags": []}, {"name": "y"}], "none": None}


@pytest.mark.parametrize(
    "expected",
    [
        {}, SENT, {"n": 2.0}, {"n": Even()}, {"rows": [ANY, {"name": "y"}]}, {"rows": ANY}, {"none": None},
        {"rows": ({"tags": []}, {})}, {"nothing": ABSENT}, ANY,
    ],
    ids=repr,
)  # fmt: skip
def test_what_fits(expected: Any) -> None:
    assert [] == [*mismatches(expected, SENT)]


@pytest.mark.parametrize(
    ("expected", "paths"),
    [
        ({"id": "a"}, ["id: expected 'a', got 'A'"]),
        ({"n": "2", "id": "B"}, ["n: expected '2', got 2", "id: expected 'B', got 'A'"]),
        ({"n": True}, ["n: expected True, got 2"]),
        ({"on": 1}, ["on: expected 1, got True"]),
        ({"n": type("Odd", (Even,), {"__eq__": lambda *_: False, "__repr__": lambda _: "Odd()"})()},
         ["n: expected Odd(), got 2"]),
        ({"rows": [{"name": "x"}]}, ["rows[1]: expected nothing, got {'name': 'y'}"]),
        ({"rows": [{}, {}, {}]}, ["rows[2]: expected {}, got nothing"]),
        ({"rows": [{"name": "z"}, {"name": "x"}]},
         ["rows[0].name: expected 'z', got 'x'", "rows[1].name: expected 'x', got 'y'"]),
        ({"missing": ANY}, ["missing: expected <ANY>, got nothing"]),
        ({"missing": None}, ["missing: expected None, got nothing"]),
        ({"none": ABSENT}, ["none: expected nothing, got None"]),
        ({"rows": {"name": "x"}}, ["rows: expected {'name': 'x'}, got [{'name': 'x', 'tags': []}, {'name': 'y'}]"]),
        ([], [f"the whole: expected [], got {SENT!r}"]),
    ],
    ids=repr,
)  # fmt: skip
def test_mismatch_has_its_path(expected: Any, paths: list[str]) -> None:
    """Each place has its path, what was expected there and what was got."""
    assert [line[:120] for line in paths] == [str(miss)[:120] for miss in mismatches(expected, SENT)]


def test_exactly() -> None:
    """With exact every member has to be expected, at any depth."""
    expected = {**SENT, "rows": [{"name": "x"}, {"name": "y", "tags": []}]}

    assert ["rows[0].tags: expected nothing, got []", "rows[1].tags: expected [], got nothing"] == [
        str(miss) for miss in mismatches(expected, SENT, exact=True)
    ]
    assert [] == [*mismatches(SENT, SENT, exact=True)]


def test_long_values_are_cut() -> None:
    """A line of an error stays readable whatever was sent."""
    (miss,) = mismatches("x", "y" * 10_000)

    assert len(str(miss)) < 200
