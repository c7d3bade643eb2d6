"""Comparing JSON with an expected value."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from segment_mock.json_match import ABSENT, mismatches


class Even:
    """Equal to every even integer, like the objects of dirty-equals."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and other % 2 == 0

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "Even()"


DOCUMENT = {"id": "A", "n": 2, "on": True, "rows": [{"name": "x", "tags": []}, {"name": "y"}], "none": None}


@pytest.mark.parametrize(
    "expected",
    [
        {}, DOCUMENT, {"n": 2.0}, {"n": Even()}, {"rows": [ANY, {"name": "y"}]}, {"rows": ANY}, {"none": None},
        {"rows": ({"tags": []}, {})}, {"nothing": ABSENT}, ANY,
    ],
    ids=repr,
)  # fmt: skip
def test_a_match_has_no_mismatches(expected: Any) -> None:
    assert [] == [*mismatches(expected, DOCUMENT)]


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
        ([], [f"the whole: expected [], got {DOCUMENT!r}"]),
    ],
    ids=repr,
)  # fmt: skip
def test_a_mismatch_has_its_path(expected: Any, paths: list[str]) -> None:
    """It also has the expected and the actual value."""
    assert [line[:120] for line in paths] == [str(miss)[:120] for miss in mismatches(expected, DOCUMENT)]


def test_an_exact_match_requires_every_member() -> None:
    """This applies at any depth."""
    expected = {**DOCUMENT, "rows": [{"name": "x"}, {"name": "y", "tags": []}]}

    assert ["rows[0].tags: expected nothing, got []", "rows[1].tags: expected [], got nothing"] == [
        str(miss) for miss in mismatches(expected, DOCUMENT, exact=True)
    ]
    assert [] == [*mismatches(DOCUMENT, DOCUMENT, exact=True)]


def test_long_values_are_truncated_in_messages() -> None:
    (miss,) = mismatches("x", "y" * 10_000)

    assert len(str(miss)) < 200
