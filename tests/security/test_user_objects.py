"""Objects of user code that JSON can't carry: views, journal, state and capsules show them as text."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any
from unittest.mock import ANY

import pytest

from segment_mock import SegmentMock
from segment_mock.json_match import brief, writable

VIEWS = ("faults", "faults/1", "stubs", "scenarios", "vendors", "state", "journal", "journal/summary", "journal.har")


class BrokenRepr:
    """An object whose ``repr`` raises an error."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "matcher",
    [
        ANY,
        re.compile("x"),
        {1, 2},
        b"\xff",
        float("nan"),
        datetime.date(2020, 1, 1),
        {(1, 2): 3},
        [{"a": ANY}],
        10**5000,
        "\ud800",
        BrokenRepr(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_views_show_matchers_of_any_type(matcher: Any) -> None:
    """The matcher is in a setting and in a scenario. The capsule is valid JSON."""
    rule = {"kind": "hang", "match": {"json": {"a": matcher}}}
    mock = SegmentMock(faults=[rule], scenarios=[{"mine": {"faults": [rule]}}])
    with mock, mock.session() as client:
        responses = [client.get(f"/_mock/{view}") for view in VIEWS]

        assert [200] * len(VIEWS) == [response.status_code for response in responses]
        assert isinstance(json.loads(responses[0].content)["faults"][0]["match"]["json"], dict)
        assert json.dumps(mock.journal.capsule(), allow_nan=False)


def test_a_matcher_that_is_shown_as_text_still_matches() -> None:
    with SegmentMock() as mock, mock.session() as client:
        mock.faults.add({"kind": "error", "status": 503}, match={"json": {"name": ANY}})
        response = client.post("/segments", json={"name": "x"}, headers={"x-api-key": "k"})
        rule = client.get("/_mock/faults").json()["faults"][0]

    assert (503, {"json": {"name": "<ANY>"}}) == (response.status_code, rule["match"])


@pytest.mark.parametrize("body", [b"plain", b"\xff\xfe", "\ud800"])
def test_a_stub_can_have_a_body_of_bytes(body: Any) -> None:
    """The view shows the stub. A capsule contains it, unless the body is bytes that are not UTF-8."""
    with SegmentMock() as mock, mock.session() as client:
        mock.stub("GET", "/x", body=body)

        assert 200 == client.get("/_mock/stubs").status_code
        assert 200 == client.get("/x").status_code
        stubs = json.loads(json.dumps(mock.journal.capsule()))["stubs"]
        assert ([] if body == b"\xff\xfe" else 1) == (stubs and len(stubs))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, {"a": {2}}), [1, {"a": "{2}"}]),
        ({1: float("inf")}, {"1": "inf"}),
        (BrokenRepr(), "<BrokenRepr>"),
        (10**5000, "a number of more than 1000 digits"),
        ([True, None, 1.5, "x"], [True, None, 1.5, "x"]),
    ],
    ids=["nested", "infinite", "broken repr", "long", "plain"],
)
def test_writable_returns_json_for_any_value(value: Any, expected: Any) -> None:
    """JSON values are unchanged; other values become their repr. A recursive list is accepted."""
    recursive: list[Any] = []
    recursive.append(recursive)

    assert expected == writable(value)
    assert json.dumps(writable(recursive))
    assert len(brief("x" * 10_000)) < 250
